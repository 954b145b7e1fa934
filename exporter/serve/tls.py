"""TLS whose certificate, authorities and settings are those in force when a client connects."""

from __future__ import annotations

import ipaddress
import ssl
from contextlib import suppress
from typing import Any, cast

from exporter.config import CannotServe, TlsServerConfig, server_context

_NO_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n"
    b"This port speaks HTTPS.\n"
)


class LiveContext(ssl.SSLContext):
    """Stands for the context in force, which asyncio asks for with each connection."""

    _settings: TlsServerConfig
    _context: ssl.SSLContext

    @classmethod
    def of(cls, settings: TlsServerConfig) -> LiveContext:
        """Make the context of these settings."""
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made._settings, made._context = settings, _context(settings)
        return made

    def follow(self, settings: TlsServerConfig) -> None:
        """Have the next connections begin by these settings; not for the event loop, as it writes files."""
        if settings != self._settings:
            with suppress(CannotServe):  # when no descriptor is left, say: whoever looks again tries again
                self._context, self._settings = _context(settings), settings

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *arguments: Any, **named: Any
    ) -> ssl.SSLObject:
        """Begin a connection in the context of this moment."""
        connection = self._context.wrap_bio(incoming, outgoing, *arguments, **named)
        cast("_Handshake", connection).outgoing = outgoing
        return connection


def _context(settings: TlsServerConfig) -> ssl.SSLContext:
    context = server_context(settings)
    allowed = frozenset(settings.client_allowed_sans)
    context.sslobject_class = type("Handshake", (_Handshake,), {"allowed": allowed})
    return context


class _Handshake(ssl.SSLObject):
    """Refuses clients without one of the names that are allowed, and says why it refuses any client."""

    allowed: frozenset[str] = frozenset()
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
            if failure.reason == "HTTP_REQUEST":
                self.outgoing.write(_NO_TLS)
            if not self.outgoing.pending:
                raise
            # To wait for more makes asyncio send what there is, an alert mostly, before the connection ends.
            self._failure = failure
            raise ssl.SSLWantReadError from failure
        if self.allowed and self.allowed.isdisjoint(_alternative_names(self)):
            raise ssl.SSLCertVerificationError("the client's certificate has none of client_allowed_sans")


def _alternative_names(connection: ssl.SSLObject) -> set[str]:
    """Give the names of the client's certificate, none if it gave none."""
    certificate = connection.getpeercert() or {}
    names: Any = certificate.get("subjectAltName", ())
    return {_canonical(name) if kind == "IP Address" else name for kind, name in names}


def _canonical(address: str) -> str:
    """Write an IP address as Go does, which is shorter than OpenSSL's way."""
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return address
