"""Connections that can be aborted, by one thread while others make and close them."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
import requests
import trustme

from exporter.config import CollectionConfig
from exporter.exotel.connection import Connection
from exporter.exotel.deadline import Deadline
from exporter.exotel.transport import Adapter, Transport

SECONDS = 1.0


def connection_of(transport: Transport, sock: socket.socket) -> Connection:
    """Return a connection that is being made over this socket."""
    connection = Connection("exotel.invalid", on_connect=transport.note, on_silence=transport.doubt_rested)
    connection.sock = sock
    transport.note(connection)
    return connection


@pytest.fixture
def restless() -> Iterator[None]:
    """Make threads take turns as often as can be: what a busy machine does now and then."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_aborting_wakes_whoever_reads() -> None:
    """Both directions are shut: the reader finds the end, and the other side too."""
    transport = Transport(CollectionConfig())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        _connection = connection_of(transport, ours)
        transport.abort()
        theirs.settimeout(10)
        assert theirs.recv(1) == b""
        assert ours.recv(1) == b""


def test_a_connection_that_comes_about_after_the_deadline_is_closed() -> None:
    """Looking up the host may have outlasted it: nothing is sent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = connection_of(Transport(CollectionConfig()), ours)
        connection.deadline = Deadline.after(0)
        with pytest.raises(TimeoutError):
            connection.hold()
        theirs.settimeout(10)
        assert theirs.recv(1) == b""


def test_connections_come_and_go_while_they_are_aborted(restless: None) -> None:
    """Neither one that is made nor one that is closed in that moment is an error."""
    transport, end = Transport(CollectionConfig()), time.monotonic() + SECONDS

    def come_and_go() -> None:
        while time.monotonic() < end:
            ours, theirs = socket.socketpair()
            with theirs:
                connection_of(transport, ours).close()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    errors = []
    while time.monotonic() < end:
        try:
            transport.abort()
        except (AttributeError, RuntimeError) as error:
            errors.append(error)
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_tls_connection_is_aborted_below_its_encryption() -> None:
    """The TLS socket's own shutdown would drop the encryption, and let a sender go on in the clear."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    transport = Transport(CollectionConfig())
    ours, theirs = socket.socketpair()
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(server.wrap_socket, theirs, server_side=True)
        with client.wrap_socket(ours, server_hostname="localhost") as secure, accepted.result() as peer:
            _connection = connection_of(transport, secure)
            transport.abort()
            assert secure.version() is not None
            with pytest.raises((BrokenPipeError, ssl.SSLError)):
                secure.sendall(b"secret")
            with suppress(ssl.SSLError, OSError):
                assert peer.recv(10) == b""


def test_a_proxy_that_was_found_is_not_gone() -> None:
    """Authorities that change in another thread don't come between a look for its connections and a take."""
    adapter: Any = Adapter(Transport(CollectionConfig()), 4)
    request = requests.Request("GET", "http://exotel.test").prepare()

    def send() -> None:
        adapter.get_connection_with_tls_context(request, verify=True, proxies={"http": "http://proxy.test"})

    class Interrupted(dict[str, object]):
        def __contains__(self, key: object) -> bool:
            is_there = super().__contains__(key)
            if is_there:
                other = threading.Thread(target=adapter.trust, args=[ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)])
                other.start()
                other.join(0.2)  # it waits, if all is well
            return is_there

    adapter.proxy_manager = Interrupted()
    send()
    adapter.proxy_manager_for("http://proxy.test")
