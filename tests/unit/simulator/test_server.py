"""The simulator speaks HTTP, is controlled from outside, and stops whatever clients do."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from exporter.simulator import Fault, Settings, Simulator
from exporter.simulator.connection import MAX_BODY
from tests.unit.simulator.ask import AUTH, EPOCH, calls, connect, get, page
from tests.waiting import GUARD, wait_until

PATH = "/v3/accounts/demo/calls/active"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """A centre of 60 calls that stands still."""
    with Simulator(Settings(calls=60, speed=0, epoch=EPOCH)) as simulator:
        yield simulator


def exchange(simulator: Simulator, sent: bytes) -> bytes:
    """Send bytes, end the sending side, and read until the other side ends."""
    with connect(simulator) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# HTTP


def test_a_connection_serves_many_requests(simulator: Simulator) -> None:
    """Keep-alive: one connection, many answers, also to requests sent before the last was answered."""
    ask = f"GET {PATH}?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n\r\n".encode()
    assert exchange(simulator, ask * 5).count(b"HTTP/1.1 200 OK") == 5


def test_many_clients_are_served_at_once(simulator: Simulator) -> None:
    """32 clients, each with its own connections: every page is whole."""
    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(lambda _: len(page(simulator, limit=60)["active_calls"]), range(128)))
    assert answers == [60] * 128
    assert simulator.requests_served() == {"calls": 128}


def test_what_is_not_http_is_refused(simulator: Simulator) -> None:
    """400, and the connection is closed."""
    assert exchange(simulator, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "target", ["//[", "*", "/%ff", "/v3/accounts/%2F/calls/active", "http://[/", "/?%00=%zz"]
)
def test_odd_targets_are_not_found(simulator: Simulator, target: str) -> None:
    """Or not allowed; never an error of the server."""
    sent = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert exchange(simulator, sent).startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 401 "))


def test_other_methods_find_nothing(simulator: Simulator) -> None:
    """The API is read only: 404 with a body, and none for HEAD."""
    for method in ("POST", "DELETE", "HEAD"):
        answer = requests.request(method, simulator.url + PATH, auth=AUTH, timeout=GUARD)
        assert answer.status_code == 404
        assert (answer.content == b"") == (method == "HEAD")


# Control


def test_the_truth_is_told_over_http(simulator: Simulator) -> None:
    """The same as in Python; it isn't counted as a request and needs no credentials."""
    told = requests.get(simulator.url + "/_simulator/truth", timeout=GUARD).json()
    truth = simulator.truth()
    assert told == json.loads(json.dumps(truth.document()))
    assert told["total"] == 60
    assert sum(sum(statuses.values()) for statuses in told["calls"].values()) == 60
    assert simulator.requests_served() == {}


def test_faults_are_set_over_http(simulator: Simulator) -> None:
    """A list replaces those in force, and an empty one ends them; they can be looked at."""
    url = simulator.url + "/_simulator/faults"
    assert requests.post(url, json=["status:500@first*3"], timeout=GUARD).status_code == 200
    assert calls(simulator).status_code == 500
    assert requests.get(url, timeout=GUARD).json() == ["status:500@first*3"]
    assert requests.post(url, json=[], timeout=GUARD).json() == []
    assert calls(simulator).status_code == 200


@pytest.mark.parametrize("body", ["", "{}", "[1]", '["nonsense"]', "[" * 60_000, "\x00"])
def test_nonsense_for_faults_is_refused(simulator: Simulator, body: str) -> None:
    """400 with the reason; those in force stay."""
    simulator.set_faults([Fault("status", "500")])
    answer = requests.post(simulator.url + "/_simulator/faults", data=body, timeout=GUARD)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert simulator.faults() == [Fault("status", "500")]


def test_the_body_of_a_request_is_bounded(simulator: Simulator) -> None:
    """413, without reading all of it."""
    head = b"POST /_simulator/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with connect(simulator) as connection:
        connection.sendall(head + b" " * (MAX_BODY + 1))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_requests_are_counted_by_endpoint(simulator: Simulator) -> None:
    """Answered well or not; in Python as over HTTP."""
    for path in (PATH, PATH, "/v3/accounts/demo/calls/x/stream", "/v1/Accounts/demo/ActiveStreams", "/x"):
        get(simulator, path)
    counted = {"calls": 2, "stream": 1, "agent_streams": 1, "other": 1}
    assert simulator.requests_served() == counted
    assert requests.get(simulator.url + "/_simulator/requests", timeout=GUARD).json() == counted


def test_other_control_paths_are_not_found(simulator: Simulator) -> None:
    """404, and what there is."""
    assert "GET truth" in requests.get(simulator.url + "/_simulator/", timeout=GUARD).json()["error"]


# Time


def test_a_centre_stands_still_until_it_is_advanced(simulator: Simulator) -> None:
    """With speed 0 only `advance` lets time pass."""
    before = simulator.truth()
    assert simulator.truth() == before
    simulator.advance(90)
    assert simulator.truth().now == EPOCH + 90
    assert simulator.truth().started > 0


def test_time_passes_by_itself() -> None:
    """At the speed that is set."""
    with Simulator(Settings(calls=20, speed=1000, epoch=EPOCH)) as simulator:
        while simulator.truth().ended < 5:
            pass
        assert simulator.truth().now > EPOCH


def test_two_simulators_with_one_seed_are_the_same() -> None:
    """To the byte of a page."""
    pages = []
    for _ in range(2):
        with Simulator(Settings(calls=60, speed=0, epoch=EPOCH, seed=3)) as simulator:
            simulator.advance(600)
            pages.append(calls(simulator, limit=100).content)
    assert pages[0] == pages[1]


# Start and stop


@pytest.mark.parametrize("fault", ["hang", "drip", "slow:1h", "huge:100000"])
def test_it_stops_while_a_client_waits(fault: str) -> None:
    """The thread ends, the port is closed, and the client's connection too."""
    with Simulator(Settings(calls=60, speed=0, faults=(Fault.parse(fault + "*1"),))) as simulator:
        client = connect(simulator)
        client.sendall(
            f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n\r\n".encode()
        )
        wait_until(lambda: not simulator.faults(), "the request")
        idle = connect(simulator)
    assert "simulator" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(ConnectionRefusedError):
        connect(simulator)
    for connection in (client, idle):
        with connection:
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass


def test_the_truth_outlives_the_server() -> None:
    """After the end it can still be asked for, as it was last."""
    with Simulator(Settings(calls=60, speed=0)) as simulator:
        last = simulator.truth()
    assert simulator.truth() == last
    simulator.stop()


def test_an_occupied_address_is_an_error_at_once(simulator: Simulator) -> None:
    """OSError from `with`, and no thread is left."""
    port = urlsplit(simulator.url).port
    assert port
    with pytest.raises(OSError, match="in use"), Simulator(port=port):
        pass
    assert sum(thread.name == "simulator" for thread in threading.enumerate()) <= 1
