"""TLS whose certificate, authorities and settings are those in force when a client connects."""

from __future__ import annotations

import ipaddress
import ssl
from typing import Any

from exporter.config import TlsServerConfig, server_context
from exporter.expose.web import Web


class LiveContext(ssl.SSLContext):
    """Stands for the context in force, which asyncio asks for with each connection."""

    _web: Web
    _settings: TlsServerConfig
    _context: ssl.SSLContext

    @classmethod
    def of(cls, web: Web, settings: TlsServerConfig) -> LiveContext:
        """Make the context that follows `web`, whose settings are now these."""
        made = cls(ssl.PROTOCOL_TLS_SERVER)
        made._web = web
        made._settings = settings
        made._context = _context(settings)
        return made

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """Begin a connection in the context of this moment."""
        settings = self._web.now().tls_server_config
        if settings is not None and settings != self._settings:
            self._context, self._settings = _context(settings), settings
        return self._context.wrap_bio(*arguments, **named)


def _context(settings: TlsServerConfig) -> ssl.SSLContext:
    context = server_context(settings)
    if settings.client_allowed_sans:
        context.sslobject_class = _only_for(frozenset(settings.client_allowed_sans))
    return context


def _only_for(allowed: frozenset[str]) -> type[ssl.SSLObject]:
    """Make the connection that ends its handshake in an error unless the client has one of these names."""

    class Named(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            if allowed.isdisjoint(_alternative_names(self)):
                raise ssl.SSLCertVerificationError("the client's certificate has none of client_allowed_sans")

    return Named


def _alternative_names(connection: ssl.SSLObject) -> set[str]:
    """Give the names of the client's certificate, none if it gave none."""
    certificate = connection.getpeercert() or {}
    names: Any = certificate.get("subjectAltName", ())
    return {_canonical(name) if kind == "IP Address" else name for kind, name in names}


def _canonical(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return address
