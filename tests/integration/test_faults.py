"""What can go wrong with an account of three: the reason, the other two, the time it takes, the recovery."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest
import requests
import yaml

from exporter.collect.account import Account
from exporter.config import Secret
from exporter.exotel.errors import Reason
from exporter.simulator import Fault, Settings, Simulator
from exporter.simulator.malformed import BORDERLINE_ROWS, INVALID_ROWS, MALFORMED_ROWS
from tests.clock import moved_clock
from tests.command import exporter
from tests.configurations import write
from tests.scraping import Scrape, hurried, right, scrape
from tests.serving import EAGER, account, served, wait_until_idle
from tests.waiting import GUARD, wait_until

Where = Literal["first", "middle"]

CALLS = 250
"""Three pages of the faulty account: at 0, 96 and 192."""
SHORT = 1.5
"""Seconds, for faults that are over only with the deadline: one second."""
FAULTY, OTHERS = "faulty", ("first-other", "second-other")

UNKNOWN_ROWS = [
    {
        "call_sid": f"call-{n}",
        "direction": f"sideways-{n}",
        "status": f"thinking-{n}",
        "duration": n,
        "agent_details": {"user_id": f"agent-{n}", "status": f"dancing-{n}"},
        "recording_enabled": False,
    }
    for n in range(5000)
]


def absent(found: Scrape, name: str) -> bool:
    """Return whether an account has none of the metrics that only a complete listing gives."""
    return not {
        metric
        for account_name, metric in found.samples
        if account_name == name
        and metric.startswith(
            (
                *("exotel_active_call", "exotel_longest", "exotel_recording", "exotel_agent"),
                *("exotel_calls_without_agent", "exotel_snapshot_timestamp", "exotel_snapshot_window"),
            )
        )
    }


@dataclass
class Elsewhere:
    """Another host: it notes whatever comes."""

    url: str
    requests: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class House:
    """Three simulators, the middle one of which is to go wrong."""

    simulators: Mapping[str, Simulator]
    elsewhere: Elsewhere

    @property
    def faulty(self) -> Simulator:
        """Return the one that goes wrong."""
        return self.simulators[FAULTY]

    def set_fault(self, fault: str, where: Where) -> None:
        """Make it go wrong from now on; ELSEWHERE in a fault stands for the other host."""
        written = fault.replace("ELSEWHERE", self.elsewhere.url)
        parsed = Fault.parse(f"{written}@{where}*1" if fault in ("rows", "spoilt") else f"{written}@{where}")
        self.faulty.set_faults([parsed])

    @contextmanager
    def exporter(self, token: Secret | None = None) -> Iterator[tuple[str, Account]]:
        """Serve the three accounts; yield the URL, and the account that goes wrong."""
        accounts = {
            name: account(name, simulator.url, token=token if name == FAULTY else None)
            for name, simulator in self.simulators.items()
        }
        try:
            with served(list(accounts.values())) as url:
                yield url, accounts[FAULTY]
        finally:
            self.faulty.clear_faults()

    def others_right(self, found: Scrape) -> bool:
        """Return whether the two accounts beside the faulty one are as if nothing had happened."""
        return all(right(found, name, self.simulators[name]) and not found.failures(name) for name in OTHERS)


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free port; yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class Quiet(BaseHTTPRequestHandler):
    """Answers without a word on standard error."""

    def log_message(self, *args: object, **kwargs: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Yield three simulators that stand still, each with other calls, and another host."""
    other = Elsewhere("")

    class Recorder(Quiet):
        def do_GET(self) -> None:
            other.requests.append(self.path)
            self.send_error(404)

    with ExitStack() as stack:
        other.url = stack.enter_context(listening(Recorder))
        settings = {FAULTY: (CALLS, 1), OTHERS[0]: (130, 2), OTHERS[1]: (17, 3)}
        simulators = {
            name: stack.enter_context(Simulator(Settings(calls=calls, seed=seed, speed=0)))
            for name, (calls, seed) in settings.items()
        }
        yield House(dict(sorted(simulators.items())), other)


#: The fault, the reason on the first page, the reason in the middle; `up` where the listing is whole.
FAULTS: tuple[tuple[str, str, str], ...] = (
    ("status:400", "bad_response", "bad_response"),
    ("status:404", "not_found", "not_found"),
    ("status:404,body=empty", "not_found", "not_found"),
    ("status:418,body=html", "bad_response", "bad_response"),
    ("status:204", "bad_response", "bad_response"),
    ("status:500", "server_error", "server_error"),
    ("status:502,body=html", "server_error", "server_error"),
    ("status:503", "server_error", "server_error"),
    ("inside:404", "not_found", "not_found"),
    ("inside:500", "server_error", "server_error"),
    ("reset", "connection", "connection"),
    ("close", "connection", "connection"),
    ("garbage", "connection", "connection"),
    ("truncate", "connection", "connection"),
    ("bad_json", "bad_response", "bad_response"),
    ("html", "bad_response", "bad_response"),
    ("other_json", "bad_response", "bad_response"),
    ("other_json:null", "bad_response", "bad_response"),
    ("other_json:[]", "bad_response", "bad_response"),
    ('other_json:"calls"', "bad_response", "bad_response"),
    ('other_json:{"response": null}', "bad_response", "bad_response"),
    ('other_json:{"response": {"active_calls": {}}}', "bad_response", "bad_response"),
    ("empty_page", "incomplete", "incomplete"),
    ("total:10000000", "budget", "incomplete"),
    ("total:1000000000", "up", "up"),
    ("total:1000000000000000000000000000000", "up", "up"),
    ("total:0", "up", "up"),
    ("total:-5", "up", "up"),
    ("total:null", "up", "up"),
    ('total:"many"', "up", "up"),
    ("total:Infinity", "up", "up"),
    ("total:NaN", "up", "up"),
    ("huge:300", "bad_response", "bad_response"),
    ("redirect:ELSEWHERE/", "redirect", "redirect"),
    ("redirect:/v3/accounts/demo/calls/active", "redirect", "redirect"),
    ("redirect:http://[", "redirect", "redirect"),
)
#: These last until the deadline, or until no retry fits before it.
SLOW_FAULTS: tuple[tuple[str, str, str], ...] = (
    ("status:429", "rate_limited", "rate_limited"),
    ("status:429,body=html", "rate_limited", "rate_limited"),
    ("status:429,retry-after=1", "rate_limited", "rate_limited"),
    ("inside:429", "rate_limited", "rate_limited"),
    ("hang", "timeout", "timeout"),
    ("drip", "timeout", "timeout"),
    ("slow:1h", "timeout", "timeout"),
)
REFUSALS = (
    ("status:401", "auth"),
    ("status:401,body=empty", "auth"),
    ("status:402", "forbidden"),
    ("status:403", "forbidden"),
    ("status:403,body=html", "forbidden"),
    ("inside:401", "auth"),
    ("inside:403", "forbidden"),
)
PLACES: tuple[Where, Where] = ("first", "middle")


def cases(faults: tuple[tuple[str, str, str], ...], *, slow: bool) -> Iterator[tuple[str, Where, str, bool]]:
    """Yield fault, place, reason and whether it lasts until the deadline."""
    for fault, *reasons in faults:
        for where, reason in zip(PLACES, reasons, strict=True):
            yield fault, where, reason, slow


def check_failure(found: Scrape, where: Where, reason: str, fault: str) -> None:
    """See that the account failed for this reason and no other, and says nothing that it can't know."""
    assert found.failures(FAULTY) == {(reason,): 1}
    assert found.one(FAULTY, "exotel_up") == 0
    assert absent(found, FAULTY)
    if where == "middle" or fault == "empty_page":
        assert found.one(FAULTY, "exotel_calls_reported") is not None
        assert found.one(FAULTY, "exotel_listed_calls") is not None
    elif not fault.startswith("total"):
        assert found.one(FAULTY, "exotel_calls_reported") is None


@pytest.mark.parametrize(
    ("fault", "where", "reason", "slow"),
    [*cases(FAULTS, slow=False), *cases(SLOW_FAULTS, slow=True)],
)
def test_a_fault_has_its_reason_and_costs_only_its_account(
    house: House, fault: str, where: Where, reason: str, slow: bool
) -> None:
    """One reason is counted, the others are right, nothing goes on behind the answer, the next is whole."""
    with house.exporter() as (url, faulty):
        house.set_fault(fault, where)
        failed = scrape(url, hurried(SHORT) if slow else None)
        wait_until_idle(faulty)
        house.faulty.clear_faults()
        after = scrape(url)
        recovered = right(after, FAULTY, house.faulty) and after.failures(FAULTY) == failed.failures(FAULTY)
    others = house.others_right(failed)
    assert others
    if reason == "up":
        assert failed.failures(FAULTY) == {}
        assert sum(failed.by(FAULTY, "exotel_active_calls", "direction", "status").values()) == CALLS
    else:
        check_failure(failed, where, reason, fault)
    assert recovered
    assert house.elsewhere.requests == []


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(("fault", "reason"), REFUSALS)
def test_a_refusal_is_given_again_until_the_credentials_change(
    house: House, tmp_path: Path, fault: str, reason: str, where: Where
) -> None:
    """Within a minute nothing is asked with what was refused; other credentials are tried at once."""
    file = tmp_path / "token"
    file.write_text("demo")
    with house.exporter(Secret(file=file)) as (url, faulty):
        house.set_fault(fault, where)
        refused = scrape(url)
        wait_until_idle(faulty)
        house.faulty.clear_faults()
        asked = house.faulty.requests_served()
        again = scrape(url)
        assert house.faulty.requests_served() == asked
        file.write_text("wrong")
        other = scrape(url)
        file.write_text("demo")
        recovered = right(scrape(url), FAULTY, house.faulty)
    others = house.others_right(refused) and house.others_right(again)
    check_failure(refused, where, reason, fault)
    assert again.failures(FAULTY) == refused.failures(FAULTY)
    assert again.one(FAULTY, "exotel_up") == 0
    assert sum(other.failures(FAULTY).values()) == 2
    assert others
    assert recovered


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [("status:403", 60), ("status:429,retry-after=50", 50), ("status:429,retry-after=3600", 3600)],
)
def test_after_its_pause_a_refused_account_is_asked_again(house: House, fault: str, seconds: float) -> None:
    """A refusal holds for a minute, a pause for as long as the API asked for; then all is well again."""
    with moved_clock() as clock, house.exporter() as (url, _):
        house.set_fault(fault, "first")
        scrape(url)
        house.faulty.clear_faults()
        asked = house.faulty.requests_served()
        clock.forward(seconds / 2)  # a pause that ended before the deadline would be waited for
        assert scrape(url, hurried(SHORT)).one(FAULTY, "exotel_up") == 0
        assert house.faulty.requests_served() == asked
        clock.forward(seconds / 2 + 1)
        assert right(scrape(url), FAULTY, house.faulty)


def test_a_pause_that_fits_into_the_next_scrape_is_waited_for(house: House) -> None:
    """Retry-After may still hold when a scrape begins: it waits, then lists every page."""
    with house.exporter() as (url, _):
        house.set_fault("status:429,retry-after=2", "first")
        assert scrape(url, hurried(SHORT)).failures(FAULTY) == {("rate_limited",): 1}
        house.faulty.clear_faults()
        after = scrape(url)
    assert after.failures(FAULTY) == {("rate_limited",): 1}
    assert right(after, FAULTY, house.faulty)


def test_no_exchange_stays_open_behind_an_answer() -> None:
    """A server that never answers isn't kept waiting by the exporter: every connection is cut."""
    with (
        Simulator(Settings(calls=CALLS, speed=0)) as hanging,
        served([account(FAULTY, hanging.url)]) as url,
    ):
        for fault in ("hang@first", "drip@middle"):
            hanging.set_faults([fault])
            found = scrape(url, hurried(SHORT))
            assert found.one(FAULTY, "exotel_up") == 0  # its counter may follow on a busy machine
            wait_until(lambda: not hanging._server._connections, "every connection to be closed")


@pytest.mark.parametrize("where", PLACES)
def test_hostile_rows_cost_only_themselves(house: House, where: Where) -> None:
    """Nulls, wrong types, quotes, newlines, emoji: each row that names a call counts, others are told."""
    named = {row["call_sid"] for row in MALFORMED_ROWS if isinstance(row, dict) and row.get("call_sid")}
    with house.exporter() as (url, _):
        house.set_fault("rows", where)
        found = scrape(url)
        house.faulty.clear_faults()
        recovered = right(scrape(url), FAULTY, house.faulty)
    others = house.others_right(found)
    assert found.failures(FAULTY) == {}
    calls = found.by(FAULTY, "exotel_active_calls", "direction", "status")
    assert sum(calls.values()) == CALLS + len(named)
    unreadable = found.by(FAULTY, "exotel_unknown_values_total", "field")["call",]
    assert unreadable == len(MALFORMED_ROWS) - len(named) - 1  # one call comes twice
    assert {value for pair in calls for value in pair} <= {
        *("inbound", "outbound-api", "outbound-dial", "outbound", "other", "unknown"),
        *("queued", "ringing", "in-progress"),
    }
    assert others
    assert recovered


@pytest.mark.parametrize("where", PLACES)
def test_rows_that_are_barely_json_cost_only_themselves(house: House, where: Where) -> None:
    """Control characters, half pairs, no UTF-8, deep nesting: calls all the same; broken rows are counted."""
    with house.exporter() as (url, _):
        house.set_fault("spoilt", where)
        found = scrape(url)
        house.faulty.clear_faults()
        recovered = right(scrape(url), FAULTY, house.faulty)
    assert found.failures(FAULTY) == {}
    calls = found.by(FAULTY, "exotel_active_calls", "direction", "status")
    assert sum(calls.values()) == CALLS + len(BORDERLINE_ROWS)
    assert found.by(FAULTY, "exotel_unknown_values_total", "field")["call",] == len(INVALID_ROWS)
    assert house.others_right(found)
    assert recovered


@pytest.mark.parametrize("total", ["1" * 310, f'"{"1" * 310}"', "1e400", '"Infinity"', "NaN", "true", "-1"])
def test_a_total_that_no_sample_can_hold_costs_only_itself(house: House, total: str) -> None:
    """Every account is served, the calls of this one too; its total is unknown, and counted."""
    with house.exporter() as (url, _):
        house.faulty.set_faults([f"total:{total}"])
        found = scrape(url)
    assert found.failures(FAULTY) == {}
    assert found.one(FAULTY, "exotel_up") == 1
    assert found.one(FAULTY, "exotel_calls_reported") is None
    assert found.by(FAULTY, "exotel_unknown_values_total", "field")["total_active",] > 0
    assert sum(found.by(FAULTY, "exotel_active_calls", "direction", "status").values()) == CALLS
    assert house.others_right(found)


def test_unknown_values_by_the_thousand_make_no_series(house: House) -> None:
    """Five thousand directions, statuses and agents' statuses: one series each, and all are counted."""
    page = {"response": {"active_calls": UNKNOWN_ROWS, "total_active": len(UNKNOWN_ROWS)}}
    with house.exporter() as (url, _):
        house.faulty.set_faults([Fault("other_json", json.dumps(page))])
        found = scrape(url)
        house.faulty.clear_faults()
        recovered = right(scrape(url), FAULTY, house.faulty)
    assert found.by(FAULTY, "exotel_active_calls", "direction", "status") == {("other", "other"): 5000}
    assert found.by(FAULTY, "exotel_agents", "status") == {("other",): 5000}
    unknown = found.by(FAULTY, "exotel_unknown_values_total", "field")
    assert unknown["direction",] == unknown["status",] == unknown["agent_status",] == 5000
    assert house.others_right(found)
    assert recovered


MB, MIB = 10**6, 2**20


@cache
def bomb() -> bytes:
    """Return three hundred megabytes of white space, compressed into a third of one."""
    return gzip.compress(bytes([32]) * (300 * MB), compresslevel=6, mtime=0)


class Bomb(Quiet):
    """A small answer that is large when it is read."""

    def do_GET(self) -> None:
        """Send it to whoever asks."""
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(bomb())))
        self.end_headers()
        self.wfile.write(bomb())


class Far(Quiet):
    """A redirect with a body of three hundred megabytes."""

    def do_GET(self) -> None:
        """Send it as long as the client listens."""
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(300 * MB))
        self.end_headers()
        try:
            for _ in range(300):
                self.wfile.write(bytes(MB))
        except OSError:
            self.close_connection = True  # it has heard enough


def memory(process: int) -> tuple[int, int]:
    """Return the memory that a process has, and the most it had, in bytes."""
    lines = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines() if ":" in line
    )
    now, peak = (int(lines[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
    return now, peak


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(
    ("kind", "reason"),
    [("8 at once", "bad_response"), ("compressed", "bad_response"), ("redirect", "redirect")],
)
def test_bodies_of_300_megabytes_leave_memory_flat(tmp_path: Path, kind: str, reason: str) -> None:
    """Eight at once, compressed, or beside a redirect: each is read no further than a page, then let go."""
    with ExitStack() as stack:
        simulator = stack.enter_context(Simulator(Settings(calls=400, speed=0, max_limit=20)))
        simulator.set_faults(["huge:300@middle"])
        bad = {"compressed": Bomb, "redirect": Far}
        target = stack.enter_context(listening(bad[kind])) if kind in bad else simulator.url
        eager = {"min_interval": "0s", "requests_per_minute": 100_000, "page_size": 20, "timeout": "20s"}
        demo = {"account_sid": "demo", "base_url": target, "api_key": "demo", "api_token": "demo"}
        file = write(tmp_path, yaml.safe_dump({"accounts": [{"name": "acme", **demo, **eager}]}))
        flag = f"--config.file={file}"  # and the memory settings of the image and the unit
        running = stack.enter_context(
            exporter(tmp_path, flag, MALLOC_ARENA_MAX="2", MALLOC_MMAP_THRESHOLD_=str(MIB))
        )
        process = running.program.process.pid
        assert requests.get(running.url("/"), timeout=GUARD).status_code == 200
        before, _ = memory(process)
        for scrapes in range(1, 6):
            assert scrape(running.url("")).failures("acme") == {(reason,): scrapes}
        wait_until(lambda: memory(process)[0] - before < 32 * MIB, "bodies let go")
        _, peak = memory(process)
    assert peak - before < 192 * MIB  # eight bodies under way and eight done take 128, if none was let go


def test_another_host_never_sees_a_request(house: House) -> None:
    """Neither during a redirect nor after it, for any status that redirects."""

    class Redirecting(Quiet):
        def do_GET(self) -> None:
            self.send_response(int(self.path.split("/")[1]))
            self.send_header("Location", house.elsewhere.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Redirecting) as url:
        accounts = [account(str(code), f"{url}/{code}") for code in (300, 301, 302, 303, 307, 308)]
        with served(accounts) as exporter_url:
            found = scrape(exporter_url)
    assert {made.name: found.failures(made.name) for made in accounts} == {
        made.name: {(Reason.REDIRECT,): 1} for made in accounts
    }
    assert house.elsewhere.requests == []


def test_a_location_that_is_no_text_is_a_redirect_like_any_other() -> None:
    """What it says is never read: bytes that are no UTF-8 are no internal error."""

    class Redirecting(Quiet):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "http://caf\xe9/")
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Redirecting) as url, served([account("acme", url, collection=EAGER)]) as exporter_url:
        assert scrape(exporter_url).failures("acme") == {(Reason.REDIRECT,): 1}
