"""Connections that can be cut: socket timeouts bound a single read, not an answer that drips byte by byte."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import local
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

    def hold_to(self, deadline: Deadline) -> None:
        """Let no connection that this thread makes come about after a deadline."""
        self._thread.deadline = deadline

    def made(self, connection: HTTPConnection) -> None:
        """Take note of a connection; TimeoutError if looking up its host has outlasted the deadline."""
        self._open.add(connection)
        if not self._thread.deadline.left():
            connection.close()
            raise TimeoutError

    def cut(self) -> None:
        """Break all connections off: whoever waits for one gets an error at once."""
        for connection in list(self._open):
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)


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
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            connections.made(self)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            connections.made(self)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
