"""Connections to the API as servers, and what lies before them, really treat them."""

from __future__ import annotations

import gc
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporter.collect.counters import Counters
from exporter.config import AccountConfig, Secret, TlsConfig
from exporter.exotel import transport
from exporter.exotel.client import Client
from exporter.exotel.connection import dial
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import ApiError, Reason
from tests.integration.test_authorities import serving as serving_tls
from tests.raw_server import EMPTY_PAGE, Connection, answer, raw_server
from tests.serving import EAGER
from tests.waiting import GUARD

PAGE = b'{"response": {"active_calls": [{"call_sid": "%s"}], "total_active": 1}}'


def well(connection: Connection, _head: str) -> None:
    """Answer as an account without calls."""
    connection.write(answer())


@contextmanager
def client_of(url: str, *, concurrency: int = 1, ca_file: Path | None = None) -> Iterator[Client]:
    """Yield the client of an account at this URL."""
    collection = replace(EAGER, concurrency=concurrency, tls_config=TlsConfig(ca_file=ca_file))
    account = AccountConfig(
        account_sid="demo", base_url=url, api_key=Secret("k"), api_token=Secret("t"), collection=collection
    )
    with closing(Client(account, Counters("acme"))) as client:
        yield client


def listed(client: Client, pages: int = 1, seconds: float = GUARD) -> list[str]:
    """Ask for pages; return the call of each, or nothing where there is none."""
    asks = [(20 * number, 20) for number in range(pages)]
    found = client.pages(asks, Deadline.after(seconds))
    return [page.calls[0].call_sid if page.calls else "" for page in found]


def failure(client: Client, seconds: float = GUARD) -> ApiError:
    """Ask for a page that can't be had."""
    with pytest.raises(ApiError) as caught:
        listed(client, seconds=seconds)
    return caught.value


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 199 Whatever\r\n\r\n",
    ],
    ids=["103", "100", "several"],
)
def test_an_interim_answer_is_not_the_answer(interim: bytes) -> None:
    """Each request gets its own, on a connection that is kept."""
    numbers = iter(range(100))

    def respond(connection: Connection, _head: str) -> None:
        connection.write(interim + answer(PAGE % str(next(numbers)).encode()))

    with raw_server(respond) as server, client_of(server.url) as client:
        assert [*listed(client, 3), *listed(client, 2)] == ["0", "1", "2", "3", "4"]


def test_a_protocol_that_nobody_asked_for_is_no_answer() -> None:
    """101 ends HTTP on a connection: nothing that follows there is believed."""

    def respond(connection: Connection, _head: str) -> None:
        connection.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + answer(PAGE % b"stray"))

    with raw_server(respond) as server, client_of(server.url) as client:
        assert failure(client).reason == Reason.BAD_RESPONSE
        assert failure(client).reason == Reason.BAD_RESPONSE


def test_what_follows_an_answer_is_not_the_next_one() -> None:
    """A second answer to one request, or a body longer than it said, is thrown away with its connection."""
    numbers = iter(range(100))

    def respond(connection: Connection, _head: str) -> None:
        number = str(next(numbers)).encode()
        connection.write(answer(PAGE % number) + answer(PAGE % b"stray"))

    with raw_server(respond) as server, client_of(server.url) as client:
        assert listed(client, 5) == ["0", "1", "2", "3", "4"]


def test_endless_interim_answers_end_with_the_deadline() -> None:
    """A flood of them is cut off like any other answer."""
    end = threading.Event()

    def respond(connection: Connection, _head: str) -> bool:
        try:
            while not end.is_set():
                connection.socket.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
        except OSError:
            return False
        return False

    with raw_server(respond) as server, client_of(server.url) as client:
        error = failure(client, seconds=0.3)
        end.set()
    assert error.reason == Reason.TIMEOUT
    assert error.detail.startswith(f"127.0.0.1:{server.port}: no complete answer within ")


def test_no_cookie_is_kept() -> None:
    """Neither a session nor a backend that a cookie names outlives its answer."""

    def respond(connection: Connection, _head: str) -> None:
        connection.write(answer(EMPTY_PAGE, b"Set-Cookie: SESSION=dead; Path=/", b"Set-Cookie: LB=node7"))

    with raw_server(respond) as server, client_of(server.url) as client:
        listed(client, 2)
        listed(client, 2)
        assert len(server.heads) == 4
        assert not any("cookie" in head.lower() for _, head in server.heads)


def test_a_cookie_that_nobody_can_read_does_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Python's own reader of cookies fails over some, with a traceback past every log."""

    def respond(connection: Connection, _head: str) -> None:
        connection.write(answer(EMPTY_PAGE, b"Set-Cookie: k=v; Max-Age=" + b"9" * 400))

    with raw_server(respond) as server, client_of(server.url) as client:
        assert listed(client) == [""]
    assert capfd.readouterr().err == ""


def test_a_server_that_answers_once_on_a_connection_costs_one_collection() -> None:
    """And is silent then: no connection is used twice for a while."""
    seen: set[int] = set()

    def respond(connection: Connection, _head: str) -> None:
        if connection.number not in seen:
            seen.add(connection.number)
            connection.write(answer())

    with raw_server(respond) as server, client_of(server.url) as client:
        assert [failure_of_three(client), failure_of_three(client)] == [Reason.TIMEOUT, None]


def test_a_slow_answer_on_a_connection_that_is_kept_well_changes_nothing() -> None:
    """Connections are used on: to make them anew for each page would slow a large list down for long."""
    is_slow = threading.Event()

    def respond(connection: Connection, _head: str) -> None:
        if not is_slow.is_set():
            connection.write(answer())

    with raw_server(respond) as server, client_of(server.url) as client:
        listed(client, 3)
        is_slow.set()
        assert failure_of_three(client) is Reason.TIMEOUT
        is_slow.clear()
        listed(client, 5)
        assert len({number for number, _ in server.heads}) == 2


def failure_of_three(client: Client) -> Reason | None:
    """Ask for three pages; return why they can't be had."""
    try:
        listed(client, 3, seconds=0.5)
    except ApiError as error:
        return error.reason
    return None


def test_a_connection_that_was_forgotten_meanwhile_costs_no_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What lies between drops what is idle without a word: the request is made again, within the time."""
    monkeypatch.setattr(transport, "_RESTED", 0.05)
    forgotten = threading.Event()

    def respond(connection: Connection, _head: str) -> None:
        if connection.number or not forgotten.is_set():
            connection.write(answer())

    with raw_server(respond) as server, client_of(server.url) as client:
        listed(client)
        forgotten.set()
        threading.Event().wait(0.1)
        assert listed(client, seconds=4) == [""]
        threading.Event().wait(0.1)
        assert listed(client, seconds=4) == [""]  # and none that has rested is tried for a while
        assert [number for number, _ in server.heads] == [0, 0, 1, 2]


def test_a_connection_that_has_rested_is_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """From one scrape to the next, where nothing drops it; its answer may take its time once it has begun."""
    monkeypatch.setattr(transport, "_RESTED", 0.05)

    def respond(connection: Connection, _head: str) -> None:
        head, _, body = answer().partition(b"\r\n\r\n")
        connection.write(head + b"\r\n\r\n")
        threading.Event().wait(0.6)
        connection.write(body)

    with raw_server(respond) as server, client_of(server.url) as client:
        for _ in range(3):
            assert listed(client, seconds=2) == [""]
            threading.Event().wait(0.1)
        assert {number for number, _ in server.heads} == {0}


def test_a_connection_that_is_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load balancers close it after a minute."""
    monkeypatch.setattr(transport, "_LONGEST_IDLE", 0.05)
    with raw_server(well) as server, client_of(server.url) as client:
        listed(client)
        threading.Event().wait(0.1)
        listed(client)
        assert [number for number, _ in server.heads] == [0, 1]


def test_limits_of_idle_connections_are_below_those_of_the_hastiest() -> None:
    """Some drop them silently after two seconds, load balancers close them after sixty."""
    assert transport._RESTED < 2
    assert transport._LONGEST_IDLE < 60


def test_a_connection_is_kept_from_request_to_request() -> None:
    """As long as it isn't idle: a collection needs no more connections than requests at a time."""
    with (
        raw_server(well) as server,
        client_of(server.url) as client,
    ):
        listed(client, 10)
        assert {number for number, _ in server.heads} == {0}


def test_a_client_that_is_closed_leaves_no_connection_open() -> None:
    """Whenever Python may look for what nobody holds: a reload replaces hundreds of accounts."""
    gone = threading.Event()

    def attend(connection: Connection, head: str) -> None:
        well(connection, head)
        if connection.request() is None:
            gone.set()

    with raw_server(attend) as server, client_of(server.url) as client:
        listed(client)
        gc.disable()
        try:
            client.close()
            assert gone.wait(GUARD)
        finally:
            gc.enable()


def test_a_connection_that_is_old_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """However busy it is: its host may have another address by now."""
    with (
        raw_server(well) as server,
        client_of(server.url) as client,
    ):
        listed(client)
        monkeypatch.setattr(transport, "_LONGEST_LIFE", 0.0)
        listed(client)
        assert [number for number, _ in server.heads] == [0, 1]


@pytest.mark.parametrize("end", [socket.SHUT_WR, socket.SHUT_RDWR], ids=["end", "both ways"])
def test_a_kept_connection_that_is_closed_behind_an_answer_costs_nothing(end: int) -> None:
    """The server may close it in the very moment of the next request: that is asked again on a fresh one."""

    def respond(connection: Connection, _head: str) -> bool | None:
        if connection.number % 2 == 0 and [number for number, _ in server.heads].count(connection.number) > 1:
            connection.socket.shutdown(end)  # the second request on it gets no answer
            return False
        connection.write(answer())
        return None

    with raw_server(respond) as server, client_of(server.url) as client:
        for _ in range(5):
            assert listed(client, 2) == ["", ""]


def test_a_detail_whose_kept_connection_broke_is_asked_for_again_once() -> None:
    """As safely as a page; a fresh connection that breaks too is its failure."""
    stream = b'{"response": {"stream": {"call_sid": "%s"}}}'

    def respond(connection: Connection, head: str) -> bool:
        call_sid = head.split("/")[5].encode()
        if call_sid != b"bad" and [number for number, _ in server.heads].count(connection.number) == 1:
            connection.write(answer(stream % call_sid))
            return True
        return False

    with raw_server(respond) as server, client_of(server.url) as client:
        found = dict(client.streams(["a", "b", "bad", "c"], Deadline.after(GUARD)))
    errors = {call_sid: found[call_sid] for call_sid in found if isinstance(found[call_sid], ApiError)}
    assert list(errors) == ["bad"]
    assert [head.split("/")[5] for _, head in server.heads].count("bad") == 2


def test_a_server_error_is_followed_by_another_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has moved isn't asked at its old address for as long as that answers 503."""
    old = raw_server(lambda connection, _: connection.write(answer(b"no", status=b"503 Service Unavailable")))
    new = raw_server(lambda connection, _: connection.write(answer(PAGE % b"moved")))
    with old as before, new as after, client_of("http://exotel.test") as client:
        ports = iter([before.port, *[after.port] * 10])
        resolve(monkeypatch, lambda: [("127.0.0.1", next(ports))])
        assert listed(client) == ["moved"]
        assert len(before.heads) == 1


def resolve(monkeypatch: pytest.MonkeyPatch, addresses: Any) -> None:
    """Make every name stand for these addresses."""

    def getaddrinfo(*_arguments: Any, **_options: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", each) for each in addresses()]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@contextmanager
def silent_address() -> Iterator[tuple[str, int]]:
    """Yield an address that neither accepts nor refuses: a listener with a full backlog drops what comes."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(20):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0.2)
            try:
                waiting.connect(listening.getsockname())
            except TimeoutError:
                break
        else:
            pytest.skip("this system's backlog never fills")
        yield listening.getsockname()


def test_a_silent_address_does_not_keep_the_other_ones_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a host's addresses the first that answers is taken; those that are left are closed."""
    with silent_address() as silent, raw_server(well) as server:
        resolve(monkeypatch, lambda: [silent, silent, ("127.0.0.1", server.port)])
        with client_of("http://exotel.test") as client:
            assert listed(client) == [""]


def test_addresses_that_are_all_silent_take_no_longer_than_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The line names the host, and how long was waited."""
    with silent_address() as silent:
        resolve(monkeypatch, lambda: [silent, silent])
        with client_of("http://exotel.test") as client:
            error = failure(client, seconds=0.6)
    assert error.reason == Reason.TIMEOUT
    assert re.fullmatch(r"exotel\.test: no (complete answer|connection) within [0-9.]+ s", error.detail)


def test_an_address_that_refuses_gives_way_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once; where all refuse, that is what is told."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        refusing = closed.getsockname()
    with raw_server(well) as server:
        resolve(monkeypatch, lambda: [refusing, ("127.0.0.1", server.port)])
        dial("exotel.test", 80, (), Deadline.after(GUARD)).close()
        resolve(monkeypatch, lambda: [refusing, refusing])
        with pytest.raises(ConnectionRefusedError):
            dial("exotel.test", 80, (), Deadline.after(GUARD))


def test_families_of_addresses_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one of them leads nowhere, the other comes second and not last."""
    begun: list[int] = []
    six, four = socket.AF_INET6, socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 0, "", ("", 0)) for family in (six, six, six, four, four)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    def no_socket(family: int, *_: Any) -> Any:
        begun.append(family)
        raise OSError(97, "Address family not supported by protocol")

    monkeypatch.setattr(socket, "socket", no_socket)
    with pytest.raises(OSError, match="Address family"):
        dial("exotel.test", 443, (), Deadline.after(GUARD))
    assert begun == [six, four, six, four, six]


def test_secrets_of_connections_are_written_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSLKEYLOGFILE of the environment has no effect: who reads it could read every answer."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with serving_tls(authority) as server, client_of(server.url, ca_file=tmp_path / "ca.pem") as client:
        assert listed(client) == [""]
    assert not (tmp_path / "keys").exists()


def proxied(url: str, proxy: str) -> ApiError:
    """Ask an API behind a proxy that doesn't let it through."""
    collection = replace(EAGER, proxy_url=Secret(proxy), concurrency=1)
    account = AccountConfig(
        account_sid="demo", base_url=url, api_key=Secret("k"), api_token=Secret("t"), collection=collection
    )
    with closing(Client(account, Counters("acme"))) as client:
        return failure(client)


@pytest.mark.parametrize(
    ("status", "meaning"), [(407, "check the credentials in proxy_url"), (502, "as it can't reach the API")]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_named_for_what_it_refuses(scheme: str, status: int, meaning: str) -> None:
    """Whether it was asked for a tunnel or for the answer; its credentials stay out of the line."""
    page = answer(b"<html>no</html>", status=b"%d Whatever" % status)
    with raw_server(lambda connection, _: connection.write(page)) as server:
        error = proxied(f"{scheme}://exotel.test", server.url.replace("//", "//user:hunter2@"))
    assert error.reason == Reason.CONNECTION
    assert len(server.heads) == 3  # as often as any failure to connect, with pauses between
    assert error.detail.startswith(f"proxy 127.0.0.1:{server.port}: ")
    assert f"HTTP {status}" in error.detail
    assert meaning in error.detail
    assert "hunter2" not in error.detail


def test_what_the_api_says_behind_a_proxy_is_the_apis() -> None:
    """It writes JSON, even of a bad gateway of its own."""
    page = answer(b'{"http_code": 502, "response": {"status": "failure"}}', status=b"502 Bad Gateway")
    with raw_server(lambda connection, _: connection.write(page)) as server:
        error = proxied("http://exotel.test", server.url)
    assert error.reason == Reason.SERVER_ERROR
    assert "proxy" not in error.detail


def test_an_error_of_a_look_up_names_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it knows which name to look up by hand."""

    def fails(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with client_of("https://ccm-api.exotel.test") as client:
        error = failure(client)
    assert error.reason == Reason.CONNECTION
    assert error.detail == "ccm-api.exotel.test can't be resolved: temporary failure in name resolution"


def test_a_refused_connection_names_host_and_port() -> None:
    """So that a wrong port is seen at once."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with client_of(f"http://127.0.0.1:{port}") as client:
        assert failure(client).detail == f"127.0.0.1:{port}: connection refused"
