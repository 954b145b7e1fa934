"""The web configuration: TLS, headers, users and rate limit, in the format of Prometheus's exporter-toolkit.

Keys, defaults and meanings are those of its docs/web-configuration.md, as of v0.17.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from exporter.config import keypair, parsers, pem, tls_names
from exporter.config.headers import Headers, response_headers
from exporter.config.parsing import Conflict
from exporter.config.secret import Secret
from exporter.config.tls_names import ClientAuth
from exporter.config.users import User, basic_auth_users

_VERIFYING = f"{ClientAuth.VERIFY_IF_GIVEN} or {ClientAuth.REQUIRE_AND_VERIFY}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsServerConfig:
    """What is served over TLS, and to whom; certificates in PEM, suites and curve by OpenSSL's names."""

    cert: Annotated[str, pem.certificates(), pem.certificates_file()] = field(repr=False)
    key: Annotated[Secret, pem.private_key(), pem.private_key_file()]
    client_ca: Annotated[str | None, pem.certificates(), pem.certificates_file()] = field(
        default=None, repr=False
    )
    client_auth_type: Annotated[ClientAuth, tls_names.client_auth()] = ClientAuth.NO
    client_allowed_sans: Annotated[tuple[str, ...], tls_names.alternative_names()] = ()
    min_version: Annotated[ssl.TLSVersion, tls_names.version()] = ssl.TLSVersion.TLSv1_2
    max_version: Annotated[ssl.TLSVersion, tls_names.version()] = ssl.TLSVersion.TLSv1_3
    cipher_suites: Annotated[tuple[str, ...] | None, tls_names.cipher_suites()] = None
    """Those of TLS 1.2; none of them where only such of TLS 1.3 are named."""
    prefer_server_cipher_suites: Annotated[bool, parsers.boolean()] = True
    curve_preferences: Annotated[str | None, tls_names.curves()] = None

    @staticmethod
    def conflicts(values: Mapping[str, Any]) -> Iterator[Conflict]:
        """Give what doesn't go together."""
        match values:
            case {"cert": cert, "key": key} if unfit := _unfit(cert, key):
                accepts = pem.A_KEY if unfit.setting == "key" else pem.CERTIFICATES
                yield Conflict(unfit.setting, unfit.why, accepts)
        match values:
            case {"client_auth_type": ClientAuth.NO, "client_ca": str()}:
                yield Conflict("client_auth_type", "certificates of authorities are given", _VERIFYING)
        match values:
            case {"client_auth_type": auth, "client_allowed_sans": (_, *_)} if auth.mode == ssl.CERT_NONE:
                yield Conflict("client_auth_type", "client_allowed_sans is given", _VERIFYING)
        match values:
            case {"min_version": least, "max_version": most} if least > most:
                yield Conflict("max_version", "min_version is above it", "TLS13")
        match values:
            case {"cipher_suites": (), "max_version": ssl.TLSVersion.TLSv1_2}:
                yield Conflict("cipher_suites", "max_version is TLS12", "at least one suite of TLS 1.2")


def _unfit(cert: str, key: Secret) -> keypair.Unfit | None:
    try:
        keypair.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert, key)
    except keypair.Unfit as unfit:
        return unfit
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpServerConfig:
    """How HTTP is served: always as HTTP/1.1, whatever `http2` says."""

    http2: Annotated[bool, parsers.boolean()] = True
    headers: Annotated[Headers, response_headers()] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitConfig:
    """A token bucket for all requests: `burst` of them at once, and one more each `interval` seconds."""

    interval: Annotated[float, parsers.interval(0.001, 3600)] = 0.0
    burst: Annotated[int, parsers.whole_number(0, 1_000_000)] = 0

    @staticmethod
    def conflicts(values: Mapping[str, Any]) -> Iterator[Conflict]:
        """Give what doesn't go together."""
        match values:
            case {"interval": interval, "burst": 0} if interval:
                yield Conflict(
                    "burst", "with an interval, nothing would be answered", "a whole number from 1 to 1000000"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """How the endpoints are served: without TLS where `tls_server_config` is None."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig = field(default_factory=HttpServerConfig)
    basic_auth_users: Annotated[tuple[User, ...], basic_auth_users()] = ()
    rate_limit: RateLimitConfig = field(default_factory=RateLimitConfig)
