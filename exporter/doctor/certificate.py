"""What a server's certificate says, trusted or not, without anything that could do harm on a terminal."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_MOST_NAMES = 4
_NAME = re.compile(r"[\w.*:-]{1,80}", re.ASCII)
_ISSUER = re.compile(r"[\w .,&'()/*:-]{1,60}", re.ASCII)
_AT_ANY_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says, as far as it can be shown; `ends` in seconds since 1970."""

    names: tuple[str, ...]
    issuer: str
    ends: float

    @property
    def shown_names(self) -> str:
        """Return the first few of the hosts that it is for."""
        more = len(self.names) - _MOST_NAMES
        shown = ", ".join(self.names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
        return shown or "no host name"

    @property
    def shown_end(self) -> str:
        """Return the day on which it ends."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.ends))


def read(certificate: Any) -> Certificate:
    """Return what a certificate says, of the form in which Python tells one that was verified."""
    names = [name for _, name in certificate.get("subjectAltName", ()) if _NAME.fullmatch(name)]
    issuer = dict(pair for pairs in certificate.get("issuer", ()) for pair in pairs)
    told = (issuer.get("organizationName"), issuer.get("commonName"))
    shown = next((each for each in told if each and _ISSUER.fullmatch(each)), "an authority without a name")
    return Certificate(tuple(names), shown, float(ssl.cert_time_to_seconds(certificate["notAfter"])))


def read_refused(connect: Callable[[], socket.socket], host: str) -> Certificate | None:
    """Return what a certificate says that isn't trusted: it is met again, trusted for itself alone.

    Python tells nothing of one that wasn't verified. Nothing is sent over either connection.
    """
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    itself = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    itself.check_hostname = False
    itself.verify_flags |= ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _AT_ANY_TIME)
    try:
        with connect() as plain, unverified.wrap_socket(plain, server_hostname=host) as secured:
            itself.load_verify_locations(cadata=secured.getpeercert(binary_form=True) or b"")
        with connect() as plain, itself.wrap_socket(plain, server_hostname=host) as secured:
            return read(secured.getpeercert())
    except (OSError, ValueError):
        return None
