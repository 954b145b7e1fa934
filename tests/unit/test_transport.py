"""Connections that can be cut, by one thread while others make and close them."""

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
from urllib3.connection import HTTPConnection

from exporter.exotel import transport
from exporter.exotel.deadline import Deadline
from exporter.exotel.transport import Connections

SECONDS = 1.0


@pytest.fixture
def restless() -> Iterator[None]:
    """Have threads take turns as often as can be: what a busy machine does now and then."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def test_a_cut_wakes_whoever_reads() -> None:
    """Both directions are shut: the reader finds the end, and the other side too."""
    connections = Connections()
    connections.hold_to(Deadline.after(10))
    connection = HTTPConnection("exotel.invalid")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection.sock = ours
        connections.open(connection)
        connections.cut()
        theirs.settimeout(10)
        assert theirs.recv(1) == b""
        assert ours.recv(1) == b""


def test_a_connection_that_comes_about_after_the_deadline_is_closed() -> None:
    """Looking up the host may have outlasted it: nothing is sent."""
    connections = Connections()
    connections.hold_to(Deadline.after(0))
    connection = HTTPConnection("exotel.invalid")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection.sock = ours
        with pytest.raises(TimeoutError):
            connections.hold(connection)
        theirs.settimeout(10)
        assert theirs.recv(1) == b""


def test_connections_come_and_go_while_they_are_cut(restless: None) -> None:
    """Neither one that is made nor one that is closed in that moment is an error."""
    connections, end = Connections(), time.monotonic() + SECONDS

    def come_and_go() -> None:
        connections.hold_to(Deadline.after(60))
        while time.monotonic() < end:
            connection = HTTPConnection("exotel.invalid")
            connection.sock, other = socket.socketpair()
            with other:
                connections.open(connection)
                connection.close()

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    errors = []
    while time.monotonic() < end:
        try:
            connections.cut()
        except (AttributeError, RuntimeError) as error:
            errors.append(error)
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_tls_connection_is_cut_below_its_encryption() -> None:
    """The TLS socket's own shutdown would drop the encryption, and let a sender go on in the clear."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    connections = Connections()
    connection = HTTPConnection("localhost")
    ours, theirs = socket.socketpair()
    with ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(server.wrap_socket, theirs, server_side=True)
        with client.wrap_socket(ours, server_hostname="localhost") as secure, accepted.result() as peer:
            connection.sock = secure
            connections.open(connection)
            connections.cut()
            assert secure.version() is not None
            with pytest.raises((BrokenPipeError, ssl.SSLError)):
                secure.sendall(b"secret")
            with suppress(ssl.SSLError, OSError):
                assert peer.recv(10) == b""


def test_a_proxy_that_was_found_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authorities that change in another thread don't come between a look for its connections and a take."""
    monkeypatch.setattr(transport, "trusting", lambda _: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    session = requests.Session()
    transport.cuttable(session, 4)
    adapter: Any = session.get_adapter("http://exotel.test")
    request = session.prepare_request(requests.Request("GET", "http://exotel.test"))

    def send() -> None:
        adapter.get_connection_with_tls_context(request, verify=True, proxies={"http": "http://proxy.test"})

    class Interrupted(dict[str, object]):
        def __contains__(self, key: object) -> bool:
            is_there = super().__contains__(key)
            if is_there:
                other = threading.Thread(
                    target=adapter.build_connection_pool_key_attributes, args=[request, True]
                )
                other.start()
                other.join(0.2)  # it waits, if all is well
            return is_there

    adapter.proxy_manager = Interrupted()
    send()
    adapter.proxy_manager_for("http://proxy.test")
