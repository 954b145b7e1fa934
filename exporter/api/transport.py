"""Connections that can be cut: socket timeouts bound a single read, not an answer that drips byte by byte."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Lock, local
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from exporter.api.deadline import Deadline


class Connections:
    """Every connection of one session."""

    def __init__(self) -> None:
        self._open: WeakSet[HTTPConnection] = WeakSet()
        self._thread = local()
        self._lock = Lock()

    def hold_to(self, deadline: Deadline) -> None:
        """Let no connection that this thread makes come about after a deadline."""
        self._thread.deadline = deadline

    def open(self, connection: HTTPConnection) -> None:
        """Take note of a connection that is about to be made."""
        with self._lock:
            self._open.add(connection)

    def hold(self, connection: HTTPConnection) -> None:
        """Let a connection take no longer than is left; past the deadline close it and raise TimeoutError."""
        left: float = self._thread.deadline.left()
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
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(connections, pool_size))
    return connections


class _Adapter(HTTPAdapter):
    def __init__(self, connections: Connections, pool_size: int) -> None:
        self._pools = _pools(connections)
        super().__init__(pool_maxsize=pool_size)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(*arguments, **options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(connections: Connections) -> dict[str, type[HTTPConnectionPool]]:
    class Held(HTTPConnection):
        def connect(self) -> None:
            connections.open(self)
            super().connect()
            connections.hold(self)  # to look up its host may have taken longer than there was time

        def _tunnel(self) -> None:
            super()._tunnel()
            connections.hold(self)  # TLS begins behind a proxy that took its time

    class HeldSecure(Held, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Held

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = HeldSecure

    return {"http": PlainPool, "https": SecurePool}
