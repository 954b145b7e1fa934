"""What TLS settings are called: by Go, as the web configuration writes them, and by OpenSSL."""

from __future__ import annotations

import ssl
from enum import StrEnum
from typing import Any

from exporter.config.parsers import one_of, several, text
from exporter.config.parsing import Parser, Source, Unacceptable

_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    # Those of TLS 1.3 can't be chosen, neither in Go nor here: they are accepted and always there.
    "TLS_AES_128_GCM_SHA256": "",
    "TLS_AES_256_GCM_SHA384": "",
    "TLS_CHACHA20_POLY1305_SHA256": "",
}


class ClientAuth(StrEnum):
    """What is asked of a client: a certificate or none, verified or not."""

    NO = "NoClientCert"
    REQUEST = "RequestClientCert"
    VERIFY_IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRE_AND_VERIFY = "RequireAndVerifyClientCert"

    @property
    def mode(self) -> ssl.VerifyMode:
        """Give what OpenSSL does for it; a certificate that is only requested is of no use to anyone here."""
        return _MODES.get(self, ssl.CERT_NONE)


_MODES = {
    ClientAuth.VERIFY_IF_GIVEN: ssl.CERT_OPTIONAL,
    ClientAuth.REQUIRE_AND_VERIFY: ssl.CERT_REQUIRED,
}
_SANS = "a list of names, such as prometheus.example.com or 10.0.0.1"
_UNVERIFIED = ("RequireAnyClientCert", "RequireClientCert")


def client_auth() -> Parser:
    """Parse the type of client authentication."""
    known = one_of({name.value: name for name in ClientAuth})

    def parse(value: Any, source: Source) -> Any:
        if value in _UNVERIFIED:
            raise Unacceptable(why="Python's TLS requires no certificate that it doesn't verify")
        return known.parse(value, source)

    return Parser(known.accepts, parse)


def version() -> Parser:
    """Parse a version of TLS."""
    return one_of(_VERSIONS)


def cipher_suites() -> Parser:
    """Parse a list of cipher suites into OpenSSL's names of those for TLS 1.2, in the same order.

    An empty one is as good as none, as in the toolkit.
    """
    names = several(one_of(_SUITES), "a list of cipher suites by their Go names")

    def parse(value: Any, source: Source) -> tuple[str, ...] | None:
        return None if value == [] else tuple(filter(None, names.parse(value, source)))

    return Parser(names.accepts, parse)


def curves() -> Parser:
    """Parse a list of elliptic curves into OpenSSL's name of the only one; None if any will do.

    An empty one is as good as none, as in the toolkit.
    """
    names = several(one_of(_CURVES), f"a list of one of {', '.join(_CURVES)}, or of all four")

    def parse(value: Any, source: Source) -> str | None:
        chosen = set(names.parse(value, source)) if value != [] else set(_CURVES)
        if len(chosen) not in {1, len(_CURVES)}:
            raise Unacceptable(why="Python's TLS can be held to one curve, not to several")
        return chosen.pop() if len(chosen) == 1 else None

    return Parser(names.accepts, parse)


def alternative_names() -> Parser:
    """Parse a list of subject alternative names: host names, IP addresses, e-mail addresses or URIs."""
    return several(text("a name of 1 to 255 printable characters without a space", r"\S{1,255}"), _SANS)
