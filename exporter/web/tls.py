"""The section `tls_server_config`: what it accepts, and the TLS context that it asks for."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationError, ValidationInfo

from exporter.web.config_file import Place, Rejected, rejection, rejections, show
from exporter.web.files import Unreadable, read_text
from exporter.web.sections import Accepts, InFile, Section, accepted, boolean, one_of, text

_LONGEST = 4_000_000  # characters: the authorities of a whole system are a tenth of it
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_CIPHERS = {
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_256_CBC_SHA": "AES256-SHA",
}
_SUITES = {
    **{
        f"TLS_ECDHE_{key}_WITH_{go}": f"ECDHE-{key}-{openssl}"
        for key in ("ECDSA", "RSA")
        for go, openssl in _CIPHERS.items()
    },
    # Those of TLS 1.3 can't be chosen, neither in Go nor here: they are accepted and always there.
    **{f"TLS_{name}": "" for name in list(_CIPHERS)[:3]},
}
_VERIFY = {
    "NoClientCert": ssl.CERT_NONE,
    "RequestClientCert": ssl.CERT_NONE,  # one that isn't verified is of no use to anyone
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_NOT_ITS_KEY = "it doesn't belong to the certificate"
_WHY = {
    "KEY_VALUES_MISMATCH": _NOT_ITS_KEY,
    "KEY_TYPE_MISMATCH": _NOT_ITS_KEY,
    "NO_CERTIFICATE_ASSIGNED": _NOT_ITS_KEY,
    "NO_CERTIFICATE_OR_CRL_FOUND": "no certificate in it",
    None: "OpenSSL can't read it",
}


def _pem(accepts: str, *, hidden: bool = False) -> Accepts:
    """Accept a text in PEM, or a file of it."""

    def check(value: Any, info: ValidationInfo) -> str:
        given = value.path if isinstance(value, InFile) else value
        if not isinstance(given, str) or not given:
            raise Rejected
        if not isinstance(value, InFile) or not info.context:
            return given
        try:
            content = read_text(info.context.resolve(given), _LONGEST)
        except Unreadable as error:
            raise Rejected(why=error.why) from None
        if not content.strip():  # an empty file of authorities must not stand for those of the system
            raise Rejected(why="nothing in it")
        return content

    file = f"the path of a file, relative to this one, with {accepts}"
    return Accepts(accepts, PlainValidator(check), file=file, hidden=hidden)


def _verified(value: Any) -> Any:
    if value in ("RequireAnyClientCert", "RequireClientCert"):
        raise Rejected(why="Python's TLS requires no certificate that it doesn't verify")
    return value


def _one_or_all(curves: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(curves)) not in {0, 1, len(_CURVES)}:
        raise Rejected(why="Python's TLS can be held to one curve, not to several")
    return curves


Certificates = Annotated[str, _pem("certificates in PEM")]
Key = Annotated[
    str, _pem("a private key in PEM that belongs to the certificate and isn't encrypted", hidden=True)
]


@dataclass(frozen=True, kw_only=True)
class TlsServerConfig(Section):
    """What is served over TLS, and to whom; versions, suites and curves by their Go names."""

    cert: Certificates = field(repr=False)
    key: Key = field(repr=False)
    client_ca: Certificates = field(default="", repr=False)
    client_auth_type: Annotated[str, one_of(_VERIFY, BeforeValidator(_verified))] = "NoClientCert"
    client_allowed_sans: Annotated[
        tuple[
            Annotated[str, text("a name of 1 to 255 printable characters without a space", r"\S{1,255}")], ...
        ],
        Accepts("a list of names, such as prometheus.example.com or 10.0.0.1", Field(min_length=1)),
    ] = ()
    min_version: Annotated[str, one_of(_VERSIONS)] = "TLS12"
    max_version: Annotated[str, one_of(_VERSIONS)] = "TLS13"
    cipher_suites: Annotated[
        tuple[Annotated[str, one_of(_SUITES)], ...], Accepts("a list of cipher suites by their Go names")
    ] = ()
    prefer_server_cipher_suites: Annotated[bool, boolean()] = True
    curve_preferences: Annotated[
        tuple[Annotated[str, one_of(_CURVES)], ...],
        Accepts(f"a list of one of {', '.join(_CURVES)}, or of all four", AfterValidator(_one_or_all)),
    ] = ()

    def __post_init__(self) -> None:
        """Raise what doesn't go together, or can't be served."""
        problems: list[tuple[Place, Rejected]] = [((key,), why) for key, why in self._conflicts()]
        try:
            self.context  # noqa: B018  # made now, since its errors belong here
        except ValidationError as error:
            problems += rejections(error)
        if problems:
            raise rejection(problems)

    def _conflicts(self) -> Iterator[tuple[str, Rejected]]:
        given = "client_ca" if self.client_ca and self.client_auth_type == "NoClientCert" else ""
        if self.client_allowed_sans and _VERIFY[self.client_auth_type] == ssl.CERT_NONE:
            given = "client_allowed_sans"
        if given:
            verifying = "VerifyClientCertIfGiven or RequireAndVerifyClientCert"
            found = show(self.client_auth_type)
            yield "client_auth_type", Rejected(found, why=f"{given} is given", accepted=verifying)
        if self.min_version > self.max_version:
            yield "max_version", Rejected(why="min_version is above it", accepted="TLS13")
        if self._has_only_tls_1_3 and self.max_version < "TLS13":
            needed = "at least one suite of TLS 1.2"
            yield "cipher_suites", Rejected(why="max_version is TLS12", accepted=needed)

    @property
    def requires_certificate(self) -> bool:
        """Return whether a client must have a certificate, and one that is verified."""
        return _VERIFY[self.client_auth_type] == ssl.CERT_REQUIRED

    @property
    def trusts_everybody(self) -> bool:
        """Return whether a certificate of any public authority lets a client in: that is hardly meant."""
        return self.requires_certificate and not (self.client_ca or self.client_allowed_sans)

    @property
    def _has_only_tls_1_3(self) -> bool:
        return bool(self.cipher_suites) and not any(map(_SUITES.get, self.cipher_suites))

    @cached_property
    def context(self) -> ssl.SSLContext:
        """Return the TLS context. Raise what OpenSSL objects to, at its place."""
        context = _Context(ssl.PROTOCOL_TLS_SERVER)
        context.sslobject_class = _Handshake
        context.minimum_version = _VERSIONS["TLS13" if self._has_only_tls_1_3 else self.min_version]
        context.maximum_version = _VERSIONS[self.max_version]
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        if suites := [*filter(None, map(_SUITES.get, self.cipher_suites))]:
            with _placed("cipher_suites"):
                context.set_ciphers(":".join(("@SECLEVEL=2", *suites)))
        if not self.prefer_server_cipher_suites:
            context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
        if len(set(self.curve_preferences)) == 1:
            with _placed("curve_preferences"):
                context.set_ecdh_curve(_CURVES[self.curve_preferences[0]])
        if self.client_ca:
            with _placed("client_ca"), _file(self.client_ca) as path:
                context.load_verify_locations(path)
            # As in Go, each of these certificates is an authority, be it signed by another one.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        elif _VERIFY[self.client_auth_type] != ssl.CERT_NONE:
            _trust_the_system(context)
        context.verify_mode = _VERIFY[self.client_auth_type]
        with _placed("cert"), _file(self.cert) as path:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(path)
        with _placed("key"), _file(self.cert) as path, _file(self.key) as key_path:
            context.load_cert_chain(path, key_path, password="")  # never asks for one
        return context

    def allows(self, certificate: Mapping[str, Any]) -> bool:
        """Return whether the names of a client's certificate, as of `getpeercert`, allow it to connect."""
        names = {
            _canonical(name) if kind == "IP Address" else name
            for kind, name in certificate.get("subjectAltName", ())
        }
        return not self.client_allowed_sans or not names.isdisjoint(self.client_allowed_sans)


class _Handshake(ssl.SSLObject):
    """Tells a client why its handshake failed, by an alert: asyncio would drop what is left to be sent."""

    outgoing: ssl.MemoryBIO
    _failure: ssl.SSLError | None = None

    def do_handshake(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as failure:
            if not self.outgoing.pending:  # an answer to no TLS at all, say: there is nothing to tell
                raise
            self._failure = failure
            raise ssl.SSLWantReadError from failure  # asyncio sends the alert, and comes back


class _Context(ssl.SSLContext):
    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *arguments: Any, **named: Any
    ) -> ssl.SSLObject:
        connection = super().wrap_bio(incoming, outgoing, *arguments, **named)
        cast("_Handshake", connection).outgoing = outgoing
        return connection


def _canonical(address: str) -> str:
    """Return an IP address as Go writes it, which is shorter than OpenSSL's way."""
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return address


@contextmanager
def _placed(setting: str) -> Iterator[None]:
    """Turn what OpenSSL objects to into what is wrong with a setting."""
    try:
        yield
    except ssl.SSLError as error:
        why = _WHY.get(error.reason) or str(error.reason).replace("_", " ").lower()
    except (OSError, ValueError) as error:  # no descriptor is left, say; a curve isn't known
        why = (getattr(error, "strerror", None) or str(error)).lower()
    else:
        return
    raise rejection([((setting,), Rejected(why=why, accepted=accepted(TlsServerConfig)[setting].text))])


@contextmanager
def _file(text: str) -> Iterator[str]:
    """Yield the path of a file with this text, in memory where the system can: OpenSSL reads only files."""
    has_memory = hasattr(os, "memfd_create")
    with os.fdopen(os.memfd_create("pem"), "wb") if has_memory else NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        yield file.name if isinstance(file.name, str) else f"/proc/self/fd/{file.name}"


def _trust_the_system(context: ssl.SSLContext) -> None:
    """Verify with the authorities of the system, whatever the environment says of them."""
    places = ssl.get_default_verify_paths()
    context.load_verify_locations(capath=places.openssl_capath)
    with suppress(OSError):  # many systems have the folder alone; what can't be read vouches for nobody
        context.load_verify_locations(cafile=places.openssl_cafile)
