"""More requests than are answered at once, and clients that ask and don't read."""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests
import trustme
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deploy import healthcheck
from exporter.http.endpoints import Endpoints
from exporter.http.exchange import Answers, Exchange, InFlight, TooManyRequests
from exporter.simulator import Settings, Simulator
from exporter.web.config import ActiveWebConfig
from exporter.web.listen import Address
from exporter.web.server import Limits, Server
from tests.serving import account, running, served
from tests.waiting import GUARD, scaled, wait_until
from tests.web import hashed, write_certificate, write_web

LARGE = 20_000_000
"""Bytes of an answer that no buffer of the system holds."""
HEALTH = ("/-/healthy", "/-/ready")


# While accounts are collected


@pytest.fixture
def hanging() -> Iterator[Simulator]:
    """An API that takes requests and never answers."""
    with Simulator(Settings(calls=1)) as simulator:
        simulator.set_faults(["hang"])
        yield simulator


def waiting(pool: ThreadPoolExecutor, url: str, hanging: Simulator) -> Future[requests.Response]:
    """Ask for something that takes as long as the account may, and wait until the API is asked."""
    asked = hanging.requests_served().get("calls", 0)
    answer = pool.submit(requests.get, url, timeout=GUARD)
    wait_until(lambda: hanging.requests_served().get("calls", 0) > asked, "a request to the API")
    return answer


def test_scrapes_beyond_the_limit_are_told_503_and_health_is_well(hanging: Simulator) -> None:
    """As many as are allowed are answered, the next is refused at once, with the flag that decides."""
    made = account("acme", hanging.url, timeout=scaled(4))
    with ThreadPoolExecutor(1) as pool, served([made], Endpoints(max_requests=1)) as url:
        first = waiting(pool, f"{url}/metrics", hanging)
        refused = requests.get(f"{url}/metrics", timeout=GUARD)
        assert refused.status_code == 503
        assert refused.text == (
            "limit of concurrent requests reached (1, --web.max-requests): try again later\n"
        )
        others = [requests.get(url + path, timeout=GUARD).status_code for path in ("/", "/sd", *HEALTH)]
        assert others == [200] * 4
        assert not first.done()
        assert first.result().status_code == 200
        assert requests.get(f"{url}/metrics?collect[]=exporter", timeout=GUARD).status_code == 200


def test_probes_that_wait_for_one_account_take_no_place_from_another(hanging: Simulator) -> None:
    """One account's trouble is never another's: the limit is for each by itself."""
    with Simulator(Settings(calls=3)) as well, ThreadPoolExecutor(3) as pool:
        made = [account(f"hangs-{n}", hanging.url, timeout=scaled(4)) for n in range(3)]
        with served([*made, account("well", well.url)], Endpoints(max_requests=1)) as url:
            hang = [waiting(pool, f"{url}/probe?target={each.name}", hanging) for each in made]
            assert requests.get(f"{url}/probe?target=hangs-0", timeout=GUARD).status_code == 503
            answer = requests.get(f"{url}/probe?target=well", timeout=GUARD)
            assert 'exotel_up{account="well"} 1.0\n' in answer.text
            assert not any(each.done() for each in hang)
            assert [each.result().status_code for each in hang] == [200] * 3


def test_without_a_limit_all_are_answered(hanging: Simulator) -> None:
    """0 is none."""
    made = account("acme", hanging.url, timeout=3)
    with ThreadPoolExecutor(60) as pool, served([made], Endpoints(max_requests=0)) as url:
        answers = [pool.submit(requests.get, f"{url}/metrics", timeout=GUARD) for _ in range(60)]
        assert Counter(each.result().status_code for each in answers) == {200: 60}


# While answers are read


class Large:
    """An application whose answers are long, one place for all of them, and how many it has written."""

    def __init__(self) -> None:
        self.written = 0
        self._in_flight = InFlight(1)
        self.app = Starlette(
            routes=[Route("/", self._large)],
            exception_handlers={TooManyRequests: self._refuse},
        )

    async def _large(self, request: Request) -> Response:
        self._in_flight.enter("/", request.state.held)
        await self._in_flight.hold_text(request.state.held)
        self.written += 1
        return PlainTextResponse(await self._in_flight.write(bytes, LARGE))

    async def _refuse(self, _request: Request, _error: Exception) -> Response:
        return PlainTextResponse("", status_code=503)


class Client:
    """A client that asks, and reads when it is told to."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, buffer: int | None = None) -> None:
        plain = socket.socket()
        plain.settimeout(GUARD)
        if buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        plain.connect((host, port))
        self.socket = tls.wrap_socket(plain) if tls else plain

    def ask(self, times: int = 1) -> None:
        """Send requests, one behind the other."""
        self.socket.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * times)

    def status(self) -> bytes:
        """Ask, and read the beginning of the answer."""
        self.ask()
        return self.socket.recv(65536)[9:12]

    def read(self) -> None:
        """Read an answer of which nothing was read yet."""
        left = LARGE
        while left > 0:
            piece = self.socket.recv(1 << 20)
            assert piece, "the answer ends too early"
            left -= len(piece)


@pytest.fixture(params=["plain", "tls"])
def tls(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[ActiveWebConfig | None, ssl.SSLContext | None]:
    """What a server and its client need for TLS, or that they speak none."""
    if request.param == "plain":
        return None, None
    write_certificate(tmp_path, trustme.CA(), "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return ActiveWebConfig(write_web(tmp_path, {})), context


class Visits:
    """Clients of one server."""

    def __init__(
        self, server: Server, address: Address, tls: ssl.SSLContext | None, stack: ExitStack
    ) -> None:
        self._server = server
        self._where = address.host, address.port, tls
        self._stack = stack

    def client(self, buffer: int | None = None) -> Client:
        """Connect one more; the systems at both ends buffer so many bytes."""
        client = Client(*self._where, buffer)
        self._stack.callback(client.socket.close)
        if buffer:
            for one in wait_until(lambda: self._server.server_state.connections, "the connection"):
                end = one.transport.get_extra_info("socket")
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        return client

    def is_free(self) -> bool:
        """Return whether somebody who comes now is answered; he leaves at once."""
        client = Client(*self._where)
        try:
            return client.status() == b"200"
        finally:
            client.socket.close()


@contextmanager
def visited(large: Large, tls: TLS, answer: float = 120) -> Iterator[Visits]:
    """Serve the long answers, for which a client has so many seconds."""
    web, context = tls
    server = Server(Exchange(large.app, Answers()), web, Limits(answer=answer))
    with running(server) as address, ExitStack() as stack:
        yield Visits(server, address, context, stack)


TLS = tuple[ActiveWebConfig | None, ssl.SSLContext | None]


def test_an_answer_keeps_its_place_until_it_is_read(tls: TLS) -> None:
    """Not only until it is written: unread, it is in memory; whoever comes meanwhile costs none."""
    large = Large()
    with visited(large, tls) as visits:
        slow = visits.client()
        slow.ask()
        wait_until(lambda: large.written, "an answer")
        assert [visits.client().status() for _ in range(5)] == [b"503"] * 5
        assert large.written == 1
        slow.read()
        wait_until(visits.is_free, "a free place")


def test_a_client_that_leaves_keeps_no_place(tls: TLS) -> None:
    """It will never read."""
    large = Large()
    with visited(large, tls) as visits:
        gone = visits.client()
        gone.ask()
        wait_until(lambda: large.written, "an answer")
        gone.socket.close()
        wait_until(visits.is_free, "a free place")


def test_a_client_that_never_reads_keeps_its_place_no_longer_than_an_answer_may_take(tls: TLS) -> None:
    """It is still there, but its connection is ended."""
    large = Large()
    with visited(large, tls, answer=0.5) as visits:
        visits.client().ask()
        wait_until(lambda: large.written, "an answer")
        wait_until(visits.is_free, "a free place", within=scaled(30))  # it would have 120 s else


def test_a_client_that_reads_slowly_has_one_time_for_the_whole_answer(tls: TLS) -> None:
    """Not for each piece of it, or the last place would be taken for hours."""
    large = Large()
    with visited(large, tls, answer=1) as visits:
        slow = visits.client(buffer=8192)
        slow.ask()
        wait_until(lambda: large.written, "an answer")

        def read_on() -> bool:
            with suppress(ConnectionError, ssl.SSLError):
                slow.socket.recv(16384)
            return visits.is_free()

        wait_until(read_on, "a free place", within=scaled(60))


def test_nothing_is_written_for_a_request_behind_an_unread_answer(tls: TLS) -> None:
    """Many requests on one connection: each has to wait until the answer before it is taken."""
    large = Large()
    with visited(large, tls) as visits:
        client = visits.client()
        client.ask(times=3)
        wait_until(lambda: large.written, "an answer")
        assert visits.client().status() == b"503"
        assert large.written == 1
        client.read()
        wait_until(lambda: large.written == 2, "the next answer")


# Health


def test_a_flood_that_the_rate_limit_refuses_is_no_failed_health_check(tmp_path: Path) -> None:
    """429 comes from a program that is alive; with users, which are asked later, as well."""
    web = write_web(
        tmp_path, rate_limit={"interval": "1h", "burst": 1}, basic_auth_users={"alice": hashed("a")}
    )
    server = Server(PlainTextResponse("Healthy\n"), ActiveWebConfig(web))
    with running(server) as address:
        health = f"http://{address}/-/healthy"
        assert [requests.get(health, timeout=GUARD).status_code for _ in range(2)] == [401, 429]
        assert healthcheck.answers(health)
