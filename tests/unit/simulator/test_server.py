"""The simulator speaks HTTP, has a control API, and stops whatever clients do."""

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
    """Yield a contact centre of 60 calls whose clock is stopped."""
    with Simulator(Settings(calls=60, speed=0, epoch=EPOCH)) as simulator:
        yield simulator


def exchange(simulator: Simulator, sent: bytes) -> bytes:
    """Send bytes, shut down the sending side, and return what arrives until the end."""
    with connect(simulator) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


# HTTP


def test_a_connection_serves_many_requests(simulator: Simulator) -> None:
    """With keep-alive, even if requests are pipelined."""
    ask = f"GET {PATH}?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Basic ZGVtbzpkZW1v\r\n\r\n".encode()
    assert exchange(simulator, ask * 5).count(b"HTTP/1.1 200 OK") == 5


def test_many_clients_are_served_at_once(simulator: Simulator) -> None:
    """32 clients, each with its own connection, get complete pages."""
    with ThreadPoolExecutor(32) as clients:
        answers = list(clients.map(lambda _: len(page(simulator, limit=60)["active_calls"]), range(128)))
    assert answers == [60] * 128
    assert simulator.requests_served() == {"calls": 128}


def test_invalid_http_is_refused(simulator: Simulator) -> None:
    """With 400, and the connection is closed."""
    assert exchange(simulator, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "target", ["//[", "*", "/%ff", "/v3/accounts/%2F/calls/active", "http://[/", "/?%00=%zz"]
)
def test_odd_targets_are_not_found(simulator: Simulator, target: str) -> None:
    """Or unauthorized, but never a server error."""
    sent = f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert exchange(simulator, sent).startswith((b"HTTP/1.1 404 ", b"HTTP/1.1 401 "))


def test_other_methods_are_not_found(simulator: Simulator) -> None:
    """The API is read-only: 404 with a body, except for HEAD."""
    for method in ("POST", "DELETE", "HEAD"):
        answer = requests.request(method, simulator.url + PATH, auth=AUTH, timeout=GUARD)
        assert answer.status_code == 404
        assert (answer.content == b"") == (method == "HEAD")


# The control API


def test_the_truth_is_served_over_http(simulator: Simulator) -> None:
    """It is the same as in Python, isn't counted as a request and needs no credentials."""
    served = requests.get(simulator.url + "/_simulator/truth", timeout=GUARD).json()
    truth = simulator.truth()
    assert served == json.loads(json.dumps(truth.document()))
    assert served["total"] == 60
    assert sum(sum(statuses.values()) for statuses in served["calls"].values()) == 60
    assert simulator.requests_served() == {}


def test_faults_are_set_over_http(simulator: Simulator) -> None:
    """A list replaces the active faults, an empty one removes them, and GET returns them."""
    url = simulator.url + "/_simulator/faults"
    assert requests.post(url, json=["status:500@first*3"], timeout=GUARD).status_code == 200
    assert calls(simulator).status_code == 500
    assert requests.get(url, timeout=GUARD).json() == ["status:500@first*3"]
    assert requests.post(url, json=[], timeout=GUARD).json() == []
    assert calls(simulator).status_code == 200


@pytest.mark.parametrize("body", ["", "{}", "[1]", '["nonsense"]', "[" * 60_000, "\x00"])
def test_invalid_faults_are_refused(simulator: Simulator, body: str) -> None:
    """With 400 and the reason; the active faults stay."""
    simulator.set_faults([Fault("status", "500")])
    answer = requests.post(simulator.url + "/_simulator/faults", data=body, timeout=GUARD)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert simulator.faults() == [Fault("status", "500")]


def test_the_size_of_a_request_is_limited(simulator: Simulator) -> None:
    """With 413, without reading all of it."""
    head = b"POST /_simulator/faults HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    with connect(simulator) as connection:
        connection.sendall(head + b" " * (MAX_BODY + 1))
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_requests_are_counted_by_endpoint(simulator: Simulator) -> None:
    """Whatever the response; the same in Python and over HTTP."""
    for path in (PATH, PATH, "/v3/accounts/demo/calls/x/stream", "/v1/Accounts/demo/ActiveStreams", "/x"):
        get(simulator, path)
    counted = {"calls": 2, "stream": 1, "agent_streams": 1, "other": 1}
    assert simulator.requests_served() == counted
    assert requests.get(simulator.url + "/_simulator/requests", timeout=GUARD).json() == counted


def test_other_control_paths_are_not_found(simulator: Simulator) -> None:
    """With 404 and the list of paths."""
    assert "GET truth" in requests.get(simulator.url + "/_simulator/", timeout=GUARD).json()["error"]


# Time


def test_a_stopped_clock_moves_only_when_advanced(simulator: Simulator) -> None:
    """With speed 0 only `advance` lets time pass."""
    before = simulator.truth()
    assert simulator.truth() == before
    simulator.advance(90)
    assert simulator.truth().now == EPOCH + 90
    assert simulator.truth().started > 0


def test_the_clock_runs_by_itself() -> None:
    """At the configured speed."""
    with Simulator(Settings(calls=20, speed=1000, epoch=EPOCH)) as simulator:
        while simulator.truth().ended < 5:
            pass
        assert simulator.truth().now > EPOCH


def test_simulators_with_equal_seeds_are_equal() -> None:
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
    """It stays as it was at the end."""
    with Simulator(Settings(calls=60, speed=0)) as simulator:
        last = simulator.truth()
    assert simulator.truth() == last
    simulator.stop()


def test_an_address_in_use_is_an_error_at_once(simulator: Simulator) -> None:
    """`with` raises OSError, and no thread is left."""
    port = urlsplit(simulator.url).port
    assert port
    with pytest.raises(OSError, match="in use"), Simulator(port=port):
        pass
    assert sum(thread.name == "simulator" for thread in threading.enumerate()) <= 1
