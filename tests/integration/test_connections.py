"""Clients that never come to an end: of a handshake, of a request, of reading an answer."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests
import trustme
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from exporter.web.config import ActiveWebConfig
from exporter.web.listen import Address
from exporter.web.server import Limits, Server
from tests.serving import running
from tests.waiting import GUARD, wait_until
from tests.web import write_authority, write_certificate, write_web

LIMITS = Limits(handshake=0.2, request=0.2, answer=0.3)
LARGE = 50_000_000
"""Bytes of an answer that no buffer holds."""

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer by the path: at once, later than any request may take, or at length."""
    path = Request(scope).url.path
    if path == "/slow":
        await asyncio.sleep(LIMITS.request * 3)
    await PlainTextResponse("x" * LARGE if path == "/large" else "answered")(scope, receive, send)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail if the log has a traceback in the end, or an error of any library."""
    yield
    assert [record.message for record in caplog.records if record.exc_info] == []
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.fixture(scope="module")
def server() -> Server:
    """A server with short limits."""
    return Server(app, limits=LIMITS)


@pytest.fixture(scope="module")
def address(server: Server) -> Iterator[Address]:
    """Where it listens."""
    with running(server) as address:
        yield address


@contextmanager
def connected(address: Address) -> Iterator[socket.socket]:
    """Connect, with time enough for anything but waiting for ever."""
    with socket.create_connection((address.host, address.port), GUARD) as connection:
        yield connection


def to_the_end(connection: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def statuses(answers: bytes) -> list[bytes]:
    """The status lines of all answers."""
    return re.findall(rb"HTTP/1\.1 \d{3} [A-Za-z ]+", answers)


def dripped(connection: socket.socket, start: bytes, byte: bytes) -> bytes:
    """Send a start, and a byte again and again until the server has had enough; give what it answered."""
    connection.sendall(start)
    connection.settimeout(LIMITS.request / 4)
    answer, end = b"", time.monotonic() + GUARD
    while time.monotonic() < end:
        try:
            connection.sendall(byte)
            piece = connection.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return answer
        if not piece:
            return answer
        answer += piece
    pytest.fail("the server waits for ever")


@pytest.mark.parametrize(
    ("start", "byte"),
    [
        (b"GET /", b"a"),
        (b"G", b"E"),
        (GET, b"a"),
        (GET + b"A: ", b"b"),
    ],
    ids=["request line", "method", "header", "value"],
)
def test_a_head_that_never_ends_is_answered_408(address: Address, start: bytes, byte: bytes) -> None:
    """However often another byte comes."""
    with connected(address) as connection:
        assert statuses(dripped(connection, start, byte)) == [b"HTTP/1.1 408 Request Timeout"]


def test_a_head_that_stops_is_answered_408(address: Address) -> None:
    """One line tells why, and the connection ends."""
    with connected(address) as connection:
        connection.sendall(GET)
        head, _, body = to_the_end(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Connection: close" in head
    assert body == b"The request took too long to arrive.\n"


@pytest.mark.parametrize("start", [b"GET /", GET + b"A: "], ids=["request line", "header"])
def test_a_head_without_measure_is_answered_400(address: Address, start: bytes) -> None:
    """More than 16 kB are not gathered, however fast they come."""
    with connected(address) as connection:
        connection.sendall(start + b"a" * 65536)
        assert statuses(to_the_end(connection)) == [b"HTTP/1.1 400 Bad Request"]


@pytest.mark.parametrize("garbage", [b"\0\n\n", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"GET\r\n\r\n"])
def test_garbage_is_answered_400(address: Address, garbage: bytes) -> None:
    """TLS where none is spoken, and what else is no HTTP."""
    with connected(address) as connection:
        connection.sendall(garbage)
        assert statuses(to_the_end(connection)) == [b"HTTP/1.1 400 Bad Request"]


def test_a_silent_connection_ends_in_silence(address: Address) -> None:
    """An answer to nothing would be taken for the answer to the next request."""
    with connected(address) as connection:
        assert to_the_end(connection) == b""


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", [b"/", b"/slow"])
def test_a_body_that_never_ends_ends_the_connection(address: Address, framing: bytes, path: bytes) -> None:
    """Nobody waits for it: there is the answer, or 408 if that takes longer; then the end."""
    head = GET.replace(b"/ ", path + b" ").replace(b"GET", b"POST")
    with connected(address) as connection:
        connection.sendall(head + framing + b"\r\n\r\n1\r\n")
        [status] = statuses(to_the_end(connection))
    assert status == (b"HTTP/1.1 200 OK" if path == b"/" else b"HTTP/1.1 408 Request Timeout")


def test_a_body_that_drips_ends_the_connection(address: Address) -> None:
    """Also when the answer has been given long since."""
    with connected(address) as connection:
        answer = dripped(connection, GET + b"Content-Length: 1000000\r\n\r\n", b"a")
    assert statuses(answer) == [b"HTTP/1.1 200 OK"]


@pytest.mark.parametrize("path", [b"/", b"/slow"])
def test_a_body_that_turns_to_garbage_ends_the_connection(address: Address, path: bytes) -> None:
    """Before the answer and behind it: neither is an error of the server."""
    head = GET.replace(b"/ ", path + b" ")
    with connected(address) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        if path == b"/":
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
        connection.sendall(b"no length\r\n")
        assert statuses(to_the_end(connection)) == ([] if path == b"/" else [b"HTTP/1.1 400 Bad Request"])


def test_head_is_refused_as_well(address: Address) -> None:
    """A HEAD whose body doesn't come has its 408, or at least an end."""
    with connected(address) as connection:
        connection.sendall(GET.replace(b"GET /", b"HEAD /slow") + b"Content-Length: 5\r\n\r\n")
        assert statuses(to_the_end(connection)) == [b"HTTP/1.1 408 Request Timeout"]


def test_the_second_request_of_a_connection_has_no_more_time_than_the_first(address: Address) -> None:
    """A connection that is kept doesn't wait for the rest of it for ever."""
    with connected(address) as connection:
        connection.sendall(GET + b"\r\n" + GET)
        assert statuses(to_the_end(connection)) == [b"HTTP/1.1 200 OK", b"HTTP/1.1 408 Request Timeout"]


def test_a_connection_that_is_kept_may_rest(address: Address) -> None:
    """Between two scrapes there is more time than for a request."""
    with connected(address) as connection:
        for _ in range(2):
            connection.sendall(GET + b"\r\n")
            answer = b""
            while not answer.endswith(b"answered"):
                piece = connection.recv(65536)
                assert piece, "the connection has ended"
                answer += piece
            time.sleep(LIMITS.request * 2)


def test_no_answer_waits_for_its_beginning_to_be_confirmed(server: Server, address: Address) -> None:
    """Otherwise each answer on a kept connection would take 40 ms more."""
    with connected(address) as connection:
        connection.sendall(GET + b"\r\n")
        assert connection.recv(1)
        sockets = [one.transport.get_extra_info("socket") for one in server.server_state.connections]
        assert sockets
        assert all(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for found in sockets)


def test_an_answer_may_take_longer_than_a_request(address: Address) -> None:
    """The limit is for the client: a slow collection isn't cut by it."""
    assert requests.get(f"http://{address}/slow", timeout=GUARD).text == "answered"


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_an_answer_that_is_not_read_is_given_up(server: Server, address: Address, close: bytes) -> None:
    """The connection ends, though the client is still there."""
    with connected(address) as connection:
        connection.sendall(GET.replace(b"/ ", b"/large ") + close + b"\r\n")
        wait_until(lambda: server.server_state.connections, "the connection")
        wait_until(lambda: not server.server_state.connections, "its end")


def test_a_large_answer_that_is_read_arrives() -> None:
    """Whoever reads it gets all of it."""
    with running(Server(app)) as address:
        assert len(requests.get(f"http://{address}/large", timeout=GUARD).content) == LARGE


def test_those_who_wait_cost_the_others_nothing(address: Address) -> None:
    """Two hundred connections that have begun and go no further: the next request is answered."""
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connected(address)).sendall(GET)
        assert requests.get(f"http://{address}/", timeout=GUARD).text == "answered"


# TLS


@pytest.fixture
def tls_server(tmp_path: Path) -> Server:
    """A server with TLS and short limits."""
    write_certificate(tmp_path, trustme.CA(), "127.0.0.1")
    return Server(app, ActiveWebConfig(write_web(tmp_path, {})), LIMITS)


@pytest.mark.parametrize("start", [b"", b"\x16", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"])
def test_a_handshake_that_never_ends_ends_the_connection(tls_server: Server, start: bytes) -> None:
    """A client that says nothing, and one that stops in the middle."""
    with running(tls_server) as address, connected(address) as connection:
        connection.sendall(start)
        assert to_the_end(connection) == b""


def test_garbage_in_the_place_of_a_handshake_ends_the_connection(tls_server: Server) -> None:
    """At once, with an alert at most."""
    with running(tls_server) as address, connected(address) as connection:
        connection.sendall(b"\0" * 100)
        assert len(to_the_end(connection)) < 20


def test_a_request_over_tls_has_the_same_limits(tls_server: Server) -> None:
    """408 arrives encrypted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        running(tls_server) as address,
        connected(address) as plain,
        context.wrap_socket(plain) as connection,
    ):
        connection.sendall(GET)
        assert statuses(to_the_end(connection)) == [b"HTTP/1.1 408 Request Timeout"]


def test_a_client_that_is_not_allowed_reaches_no_application(tmp_path: Path) -> None:
    """Not even by a request that comes with the last message of its handshake."""
    authority = write_authority(tmp_path)
    write_certificate(tmp_path, authority, "127.0.0.1")
    write_certificate(tmp_path, authority, "stranger.example.com", file="client")
    reached = []

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        reached.append(scope["path"])
        await app(scope, receive, send)

    mutual = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}
    web = ActiveWebConfig(write_web(tmp_path, {**mutual, "client_allowed_sans": ["prometheus.example.com"]}))
    context = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    context.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(received, sent, server_hostname="127.0.0.1")
    with running(Server(noting, web)) as address, connected(address) as connection:
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
        connection.sendall(sent.read())
        while client.version() is None or client.cipher() is None:
            received.write(connection.recv(65536))
            with suppress(ssl.SSLWantReadError):
                client.do_handshake()
        client.write(GET + b"\r\n")
        connection.sendall(sent.read())
        with suppress(ConnectionError):
            to_the_end(connection)
    assert reached == []
