"""Connections that can be cut: socket timeouts bound a single read, not an answer that drips byte by byte."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from functools import partial
from threading import Lock, local
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from exporter.api.authorities import trusting
from exporter.api.deadline import Deadline

_thread = local()  # of all sessions: a thread is at one request at a time


class Connections:
    """Every connection of one session."""

    def __init__(self) -> None:
        self._open: WeakSet[HTTPConnection] = WeakSet()
        self._lock = Lock()

    def hold_to(self, deadline: Deadline) -> None:
        """Let no connection that this thread makes come about after a deadline."""
        _thread.deadline = deadline

    def open(self, connection: HTTPConnection) -> None:
        """Take note of a connection that is about to be made."""
        with self._lock:
            self._open.add(connection)

    def hold(self, connection: HTTPConnection) -> None:
        """Let a connection take no longer than is left; past the deadline close it and raise TimeoutError."""
        left: float = _thread.deadline.left()
        if not left:
            connection.close()
            raise TimeoutError
        connection.sock.settimeout(left)

    def cut(self) -> None:
        """Break all connections off: whoever waits for one gets an error at once."""
        with self._lock:
            opened = list(self._open)
        for sock in [connection.sock for connection in opened]:  # read once: another thread may close it
            raw = getattr(sock, "socket", sock)  # behind an HTTPS proxy, TLS lies in TLS
            if isinstance(raw, socket.socket):
                # The plain socket's own method: that of a TLS one first drops its encryption, and a thread
                # that is sending would go on in the clear.
                with suppress(OSError):
                    socket.socket.shutdown(raw, socket.SHUT_RDWR)


def cuttable(session: requests.Session, pool_size: int) -> Connections:
    """Have a session make connections that can be cut, and keep up to `pool_size` of them open."""
    connections = Connections()
    adapter = _Adapter(connections, pool_size)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return connections


class _Adapter(HTTPAdapter):
    def __init__(self, connections: Connections, pool_size: int) -> None:
        self._pools: dict[str, Any] = {
            "http": partial(_PlainPool, connections=connections),
            "https": partial(_SecurePool, connections=connections),
        }
        self._context: ssl.SSLContext | None = None
        # Of two hosts, the second for AgentStream, with one context.
        super().__init__(pool_connections=2, pool_maxsize=pool_size)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> PoolManager:
        options["proxy_ssl_context"] = self._context
        manager: PoolManager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Have all connections verified by the shared context; where that is another one, connect anew."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        context = trusting(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)
        if context is not self._context:
            self._context = context
            self.proxy_manager.clear()
        return host, {"cert_reqs": "CERT_REQUIRED", "ssl_context": context}

    def cert_verify(self, *_: Any) -> None:
        """Leave that to the context: requests would have the authorities read for each connection."""


class _Held(HTTPConnection):
    def __init__(self, *arguments: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections = connections

    def connect(self) -> None:
        self._connections.open(self)
        super().connect()
        self._connections.hold(self)  # to look up its host may have taken longer than there was time

    def _tunnel(self) -> None:
        super()._tunnel()
        self._connections.hold(self)  # TLS begins behind a proxy that took its time


class _HeldSecure(_Held, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Held


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _HeldSecure
