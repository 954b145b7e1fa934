"""One deadline, one collection in flight, one budget: whatever the other side does, or doesn't."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.config import CollectionConfig, Secret
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Reason
from exporter.http.scrape import TIMEOUT_HEADER
from exporter.simulator import Settings, Simulator
from tests.clock import moved_clock
from tests.serving import EAGER, account, busy_threads, served
from tests.waiting import GUARD, scaled, wait_until

SECONDS = 1.0
"""How long a collection may take here."""
LONGER = 2.5
"""How long where an overrun would be as long again, and must not pass for a busy machine's."""
GRACE = 1.0
"""Seconds that a busy machine may take to wind up behind a deadline."""
DRIP = 0.05
"""Seconds between two drops: far below any timeout of a single read."""

NUMBERS = count(1)

Behaviour = Callable[[socket.socket], None]


@dataclass
class Peer:
    """A server of raw sockets, and what became of its clients."""

    port: int
    accepted: list[socket.socket] = field(default_factory=list)
    gone: list[socket.socket] = field(default_factory=list)
    """Those that were seen to have closed their side."""

    def check_all_gone(self) -> None:
        """Fail unless there were clients, and all of them close their side, now or soon."""
        assert self.accepted
        wait_until(lambda: len(self.gone) == len(self.accepted), "closed sockets", within=scaled(GRACE))


@contextmanager
def peer(behave: Behaviour) -> Iterator[Peer]:
    """Behave so towards each client until it goes away, on a free port of loopback."""
    threads = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Peer(listening.getsockname()[1])

        def attend(client: socket.socket) -> None:
            with client, suppress(OSError):
                behave(client)
                while client.recv(65536):
                    pass
            made.gone.append(client)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    made.accepted.append(client)
                    threads.append(threading.Thread(target=attend, args=(client,)))
                    threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield made
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for client in made.accepted:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def read_request(client: socket.socket) -> None:
    """Read up to the empty line."""
    read = b""
    while not read.endswith(b"\r\n\r\n"):
        read += client.recv(65536) or b"\r\n\r\n"


def drip(client: socket.socket, drops: bytes) -> None:
    """Send these bytes one by one, again and again, until the client is gone."""
    while True:
        for number in range(len(drops)):
            client.sendall(drops[number : number + 1])
            time.sleep(DRIP)


def silent(_client: socket.socket) -> None:
    """Say nothing."""


def drip_body(client: socket.socket) -> None:
    """Answer with a body that comes one byte at a time."""
    read_request(client)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    drip(client, b" ")


def drip_chunks(client: socket.socket) -> None:
    """Answer with a body of chunks without end."""
    read_request(client)
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    drip(client, b"1\r\n \r\n")


def drip_failure(client: socket.socket) -> None:
    """Answer 503 with a body that comes one byte at a time."""
    read_request(client)
    client.sendall(b"HTTP/1.1 503 Oh\r\nContent-Length: 100000\r\n\r\n")
    drip(client, b" ")


def drip_redirect(client: socket.socket) -> None:
    """Redirect, with a body that comes one byte at a time."""
    read_request(client)
    client.sendall(b"HTTP/1.1 302 Oh\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 100000\r\n\r\n")
    drip(client, b" ")


def drip_headers(client: socket.socket) -> None:
    """Answer with a header line that does not end."""
    read_request(client)
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    drip(client, b"x")


def always_continue(client: socket.socket) -> None:
    """Promise an answer again and again."""
    read_request(client)
    drip(client, b"HTTP/1.1 100 Continue\r\n\r\n")


def drip_handshake(client: socket.socket) -> None:
    """Begin a TLS record of 16 kB, and send it byte by byte."""
    client.sendall(b"\x16\x03\x03\x40\x00")
    drip(client, b"\x02")


def late_tunnel(client: socket.socket) -> None:
    """Be a proxy that opens its tunnel just before the deadline; nobody is at its other end."""
    read_request(client)
    time.sleep(0.9 * LONGER)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")


@contextmanager
def collected_from(url: str, collection: CollectionConfig = EAGER) -> Iterator[Account]:
    """Yield an account whose threads have names that no other's have."""
    made = account(f"acme-{next(NUMBERS)}", url, collection=collection)
    try:
        yield made
    finally:
        made.close()


def assert_over(made: Account, seconds: float = SECONDS) -> Snapshot:
    """Collect: it must end with its deadline, by a timeout, and no thread may be at work behind it."""
    observed = made.collect(Deadline.after(seconds)).result(timeout=GUARD)
    wait_until(lambda: not busy_threads(made), "idle threads", within=scaled(GRACE))
    assert observed.failure is not None
    assert observed.failure.reason == Reason.TIMEOUT
    assert made.live_values().counts.failures == {("calls", "timeout"): 1}
    return observed


@pytest.mark.parametrize(
    ("scheme", "behave"),
    [
        ("http", silent),
        ("http", drip_body),
        ("http", drip_chunks),
        ("http", drip_failure),
        ("http", drip_redirect),
        ("http", drip_headers),
        ("http", always_continue),
        ("https", silent),
        ("https", drip_handshake),
    ],
)
def test_nothing_a_server_does_outlasts_the_deadline(scheme: str, behave: Behaviour) -> None:
    """Accepts and is silent, drips its handshake, headers or body: over in time, and the socket is closed."""
    with peer(behave) as at, collected_from(f"{scheme}://127.0.0.1:{at.port}") as made:
        assert_over(made)
        at.check_all_gone()


@pytest.mark.parametrize("behave", [silent, drip_headers, late_tunnel])
def test_nothing_a_proxy_does_outlasts_the_deadline(behave: Behaviour) -> None:
    """Before the tunnel stands and after: the deadline is one for all that it takes to connect."""
    with peer(behave) as at:
        proxied = replace(EAGER, proxy_url=Secret(f"http://127.0.0.1:{at.port}"))
        with collected_from("https://exotel.invalid", proxied) as made:
            assert_over(made, LONGER)
            at.check_all_gone()


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [("status:429", 0.4), ("status:429,retry-after=30", 10), ("status:429,retry-after=1", 0.9)],
)
@pytest.mark.parametrize("where", ["first", "middle"])
def test_a_wait_beyond_the_deadline_is_not_begun(fault: str, seconds: float, where: str) -> None:
    """The retry's own or the one that the API asks for: `rate_limited` at once, with no second try."""
    with Simulator(Settings(calls=150, speed=0)) as simulator:
        simulator.set_faults([f"{fault}@{where}"])
        with collected_from(simulator.url) as made:
            observed = made.collect(Deadline.after(seconds)).result(timeout=GUARD)
            busy = busy_threads(made)
        assert simulator.requests_served()["calls"] == (1 if where == "first" else 2)
    assert busy == []
    assert observed.failure is not None
    assert observed.failure.reason == Reason.RATE_LIMITED
    assert not any(made.live_values().counts.retries.values())


def test_a_request_that_no_time_was_left_for_is_not_counted() -> None:
    """A page in the middle fails while another waits to be asked for again: that one is never made."""
    with Simulator(Settings(calls=150, speed=0, max_limit=20)) as simulator:
        simulator.set_faults(["reset@middle*1", "status:404@middle*1", "status:429@middle"])
        with collected_from(simulator.url) as made:
            made.collect(Deadline.after(20)).result(timeout=GUARD)
            wait_until(lambda: not busy_threads(made), "idle threads", within=scaled(GRACE))
            made.collect(Deadline.after(0)).result(timeout=GUARD)
            counts = made.live_values().counts
        assert sum(counts.requests.values()) == simulator.requests_served()["calls"]


@pytest.mark.parametrize(
    ("fault", "after"),
    [("hang", 0.1), ("drip", 0.1), ("status:503,retry-after=9", 0.6), ("status:429,retry-after=9", 1.8)],
)
def test_a_hurried_collection_ends_at_once(fault: str, after: float) -> None:
    """When the program is told to stop: whether a read is waited for or a pause that the API asked for."""
    with Simulator(Settings(calls=5, speed=0)) as simulator, collected_from(simulator.url) as made:
        simulator.set_faults([fault])
        collection = made.collect(Deadline.after(20))
        wait_until(simulator.requests_served, "the request")
        time.sleep(after)  # beyond the retry's own wait
        assert not collection.done()
        made.cancel()
        assert collection.result(timeout=scaled(4)).failure is not None
        wait_until(lambda: not busy_threads(made), "idle threads", within=scaled(GRACE))


def test_connections_are_cut_while_others_come_about() -> None:
    """Pages that fail one after the other break off those under way: that is never an internal error."""
    settings = Settings(calls=200, speed=0, max_limit=5, over_limit="cut")
    many = replace(EAGER, concurrency=32, page_size=5)
    with Simulator(settings) as simulator:
        simulator.set_faults(["close@middle*3", "status:404@middle"])
        with collected_from(simulator.url, many) as made:
            for _ in range(20):
                observed = made.collect(Deadline.after(20)).result(timeout=GUARD)
                assert observed.failure is not None
                assert observed.failure.reason in {Reason.NOT_FOUND, Reason.CONNECTION}


Samples = dict[str, float]


def scrape(url: str, timeout: float | None = None) -> Samples:
    """Scrape; return the values by name, label sets summed."""
    headers = {TIMEOUT_HEADER: str(timeout)} if timeout else None
    answer = requests.get(f"{url}/metrics", headers=headers, timeout=GUARD)
    assert answer.status_code == 200
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_a_scraper_in_a_hurry_is_answered_at_its_own_deadline() -> None:
    """It finds a collection in flight that has more time: it gets a failure, the other one the calls."""
    with Simulator(Settings(calls=5, speed=0)) as simulator, ThreadPoolExecutor(1) as pool:
        simulator.set_faults([f"slow:{scaled(3):.1f}s"])
        with served([account("acme", simulator.url, timeout=GUARD)]) as url:
            patient = pool.submit(scrape, url)
            wait_until(simulator.requests_served, "the patient scraper's request")
            cancelled = scrape(url, timeout=1)
            assert not patient.done()
            assert cancelled["exotel_up"] == 0
            assert "exotel_active_calls" not in cancelled
            assert patient.result()["exotel_active_calls"] == 5
        assert simulator.requests_served()["calls"] == 1


def test_twenty_scrapers_cost_what_one_costs() -> None:
    """Three pages are asked for once, and everyone gets the same calls."""
    settings = Settings(calls=250, speed=0, latency=0.2)
    with Simulator(settings) as simulator, ThreadPoolExecutor(20) as pool:
        made = account("acme", simulator.url, collection=CollectionConfig())  # min_interval for latecomers
        with served([made]) as url:
            scrapes: list[Future[Samples]] = [pool.submit(scrape, url) for _ in range(20)]
            wait(scrapes)
        found = [done.result() for done in scrapes]
        assert simulator.requests_served() == {"calls": 3}
    assert [each["exotel_active_calls"] for each in found] == [250] * 20
    assert len({each["exotel_snapshot_timestamp_seconds"] for each in found}) == 1


@contextmanager
def collecting(simulator: Simulator, collection: CollectionConfig) -> Iterator[Callable[[], Snapshot]]:
    """Yield what collects once from a simulator, with this configuration."""
    with collected_from(simulator.url, collection) as made:
        yield partial(collected, made)


def collected(made: Account) -> Snapshot:
    """Collect once."""
    return made.collect(Deadline.after(20)).result(timeout=GUARD)


def test_within_min_interval_the_last_listing_is_given_again() -> None:
    """With its time stamp, without a request; after it, a new one is made."""
    with Simulator(Settings(calls=30, speed=0)) as simulator, moved_clock() as clock:
        with collecting(simulator, CollectionConfig(min_interval=30)) as collect:
            first = collect()
            simulator.advance(300)
            clock.forward(25)
            again = collect()
            assert simulator.requests_served() == {"calls": 2}  # the page, and a look behind it
            clock.forward(5)
            new = collect()
        assert simulator.requests_served()["calls"] > 2
    assert first.active_calls is not None
    assert new.active_calls is not None
    assert again.active_calls is first.active_calls
    assert new.ended_at - first.ended_at >= 30
    assert new.active_calls.calls != first.active_calls.calls


def test_a_failure_is_given_again_too_and_counted_once() -> None:
    """Scraping often asks the API no more often when it is down."""
    with Simulator(Settings(calls=30, speed=0)) as simulator, moved_clock() as clock:
        simulator.set_faults(["status:404"])
        with collected_from(simulator.url, CollectionConfig(min_interval=30)) as made:
            collect = partial(collected, made)
            first = collect()
            clock.forward(25)
            assert collect() is first
            assert simulator.requests_served() == {"calls": 1}
            assert made.live_values().counts.failures == {("calls", "not_found"): 1}
            simulator.clear_faults()
            clock.forward(5)
            assert collect().active_calls is not None


@pytest.mark.parametrize(("calls", "per_minute"), [(200, 20), (400, 30), (130, 20), (380, 20)])
def test_whoever_scrapes_at_any_interval_never_exceeds_the_budget_nor_fails(
    calls: int, per_minute: int
) -> None:
    """Every five seconds for five minutes: each scrape has a listing, old or new, and none ever fails."""
    settings = Settings(calls=calls, speed=0, max_limit=20, requests_per_minute=0)
    with Simulator(settings) as simulator, moved_clock() as clock:
        with collecting(simulator, replace(EAGER, requests_per_minute=per_minute)) as collect:
            stamps, failures = set(), []
            for number in range(60):
                observed = collect()
                if observed.active_calls is None:
                    failures.append((number * 5, observed.failure and observed.failure.detail))
                else:
                    stamps.add(observed.ended_at)
                clock.forward(5)
        assert simulator.requests_served()["calls"] <= 5 * per_minute
    assert failures == []
    assert len(stamps) >= 4  # one a minute, at the very least


@pytest.mark.parametrize(("calls", "per_minute"), [(200, 20), (400, 30), (130, 20), (1, 7), (380, 20)])
def test_the_interval_that_is_called_sustainable_is(calls: int, per_minute: int) -> None:
    """Scraped at just that interval for some minutes, every listing is new and none fails."""
    with (
        Simulator(Settings(calls=calls, speed=0, max_limit=20)) as simulator,
        moved_clock() as clock,
        collecting(simulator, replace(EAGER, requests_per_minute=per_minute)) as collect,
    ):
        interval = collect().sustainable_interval
        assert interval is not None
        stamps = []
        for _ in range(int(240 / interval)):
            clock.forward(interval + 0.5)  # half a second for what the listing itself takes
            observed = collect()
            assert observed.active_calls is not None, observed.failure
            stamps.append(observed.ended_at)
    assert len(set(stamps)) == len(stamps) >= 3


def test_a_list_beyond_the_budget_is_not_begun() -> None:
    """After one request it is known to need more than there are: `budget`, what to raise, and the total."""
    with (
        Simulator(Settings(calls=1000, speed=0)) as simulator,
        collected_from(simulator.url, CollectionConfig(requests_per_minute=5)) as made,
    ):
        observed = collected(made)
        assert simulator.requests_served() == {"calls": 1}
    assert observed.failure is not None
    assert observed.failure.reason == Reason.BUDGET
    assert observed.failure.detail.startswith("1000 calls take 11 requests to list, and the budget allows 5")
    assert observed.reported == 1000
    assert made.live_values().counts.failures == {("calls", "budget"): 1}
