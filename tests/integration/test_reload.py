"""Reloading: what a good configuration replaces and keeps, and what a bad one changes, which is nothing."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests
import yaml

from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.config import AccountConfig, Config, ConfigError, InvalidValue, MetricsConfig, from_file
from exporter.exotel.deadline import Deadline
from exporter.http.endpoints import Endpoints
from exporter.http.server import Reloader
from exporter.simulator import Settings, Simulator
from tests.command import exporter
from tests.configurations import ACCOUNT, write
from tests.scraping import scrape
from tests.serving import EAGER, account, configuration, served, serving
from tests.waiting import GUARD, wait_until

CALLS = 12
OWN = "exotel_exporter_config_last_reload_successful"
INVALID = InvalidValue("exporter.yaml", 3, "accounts[0].api_key", "nothing", "a non-empty text")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A centre of CALLS calls that stands still."""
    with Simulator(Settings(calls=CALLS, speed=0)) as simulator:
        yield simulator


class File:
    """A configuration as a file would hold it: what a test puts in is read at the next reload."""

    def __init__(self, *accounts: AccountConfig) -> None:
        self.content: Config | ConfigError = configuration(*accounts)

    def read(self) -> Config:
        """Return what it holds now."""
        if isinstance(self.content, ConfigError):
            raise self.content
        return self.content


def named(name: str, simulator: Simulator) -> AccountConfig:
    """The configuration of an account of the simulator."""
    return account(name, simulator.url).config


def named_in(accounts: Accounts, name: str) -> Account:
    """The active account of this name."""
    found = accounts.named(name)
    assert found is not None
    return found


def requests_of(url: str, name: str) -> float:
    """How many requests an account has counted since it came into force."""
    return sum(scrape(url).by(name, "exotel_api_requests_total", "code").values())


def test_accounts_come_and_go_and_those_that_stay_keep_what_they_know(simulator: Simulator) -> None:
    """A new one is listed at once, a removed one vanishes, and one left as it was goes on counting."""
    stays, goes, comes = (named(name, simulator) for name in ("stays", "goes", "comes"))
    file = File(stays, goes)
    accounts = Accounts(file.read)
    with serving(accounts) as url:
        assert requests_of(url, "stays") == 2  # a page, and a look behind it
        same = accounts.named("stays")
        file.content = configuration(stays, comes)
        accounts.reload()
        found = scrape(url)
        assert {name for name, metric in found.samples if metric == "exotel_up"} == {"stays", "comes"}
        assert found.by("stays", "exotel_api_requests_total", "code") == {("200",): 3}
        assert found.by("comes", "exotel_api_requests_total", "code") == {("200",): 2}
        assert accounts.named("stays") is same


def test_a_changed_account_starts_anew_with_the_requests_it_has_left(simulator: Simulator) -> None:
    """Its limit is another at once; what the API was asked in this minute still counts."""
    before = named("acme", simulator)
    file = File(before)
    accounts = Accounts(file.read)
    with serving(accounts) as url:
        for _ in range(3):
            scrape(url)
        left = before.collection.requests_per_minute - 4  # each a page, and at first a look behind it
        assert scrape(url).one("acme", "exotel_api_budget_remaining_requests") == left - 1
        file.content = configuration(replace(before, call_limit=7))
        accounts.reload()
        found = scrape(url)
        assert found.one("acme", "exotel_call_limit") == 7
        assert found.one("acme", "exotel_api_budget_remaining_requests") == left - 3
        assert found.by("acme", "exotel_api_requests_total", "code") == {("200",): 2}


def test_an_account_that_moved_to_another_sid_has_its_own_budget(simulator: Simulator) -> None:
    """Under the same name stands another account: the API counts it by itself."""
    before = named("acme", simulator)
    file = File(before)
    accounts = Accounts(file.read)
    with serving(accounts) as url:
        scrape(url)
        file.content = configuration(replace(before, account_sid="other"))
        accounts.reload()
        left = before.collection.requests_per_minute
        assert scrape(url).one("acme", "exotel_api_budget_remaining_requests") == left - 1


def test_a_reload_while_a_collection_runs_allows_no_request_more() -> None:
    """Whoever still collects for the old configuration and whoever does for the new one share one budget."""
    allowed, pages = 10, 7
    collection = replace(EAGER, page_size=20, requests_per_minute=allowed, concurrency=1, timeout=5)
    with Simulator(Settings(calls=20 * (pages - 1), speed=0, latency=0.1)) as slow:
        before = account("acme", slow.url, collection=collection).config
        file = File(before)
        accounts = Accounts(file.read)
        in_flight = named_in(accounts, "acme").collect(Deadline.after(20))  # before the budget is back
        wait_until(lambda: slow.requests_served().get("calls", 0) >= 2, "a page")
        file.content = configuration(replace(before, call_limit=7))
        accounts.reload()
        after = named_in(accounts, "acme").collect(Deadline.after(5))
        found = in_flight.result(GUARD), after.result(GUARD)
        assert slow.requests_served()["calls"] == allowed
        assert sum(each.active_calls is not None for each in found) <= 1


def test_two_accounts_that_are_one_to_the_api_share_its_budget(simulator: Simulator) -> None:
    """The API counts by account, whatever the configuration calls it."""
    first = named("first", simulator)
    file = File(first, replace(first, name="second", call_limit=7))
    with serving(Accounts(file.read)) as url:
        scrape(url)
        found = scrape(url)
        left = {name: found.one(name, "exotel_api_budget_remaining_requests") for name in ("first", "second")}
    assert min(left.values(), key=lambda value: value or 0) == EAGER.requests_per_minute - 6


def test_what_all_accounts_export_can_be_changed(simulator: Simulator) -> None:
    """Other buckets apply to every account at once."""
    file = File(named("acme", simulator))
    accounts = Accounts(file.read)
    with serving(accounts) as url:
        file.content = configuration(named("acme", simulator), metrics=MetricsConfig(longest_calls=3))
        accounts.reload()
        assert len(scrape(url).samples["acme", "exotel_call_duration_seconds"]) == 3


def test_a_bad_configuration_changes_nothing_and_is_told(simulator: Simulator) -> None:
    """All errors are answered, a metric says so, the accounts stay; the next good one is taken."""
    file = File(named("acme", simulator))
    accounts = Accounts(file.read)
    with serving(accounts, Endpoints(lifecycle=True)) as url:
        good = file.content
        file.content = ConfigError([INVALID, replace(INVALID, path="accounts[1].name")])
        answer = requests.post(f"{url}/-/reload", timeout=GUARD)
        assert (answer.status_code, answer.text) == (400, f"{file.content}\n")
        assert len(answer.text.splitlines()) == 2
        found = scrape(url)
        assert (found.one("", OWN), found.one("acme", "exotel_up")) == (0, 1)
        file.content = good
        assert requests.post(f"{url}/-/reload", timeout=GUARD).status_code == 200
        assert scrape(url).one("", OWN) == 1


def test_the_time_of_the_last_good_reload_is_told(simulator: Simulator) -> None:
    """A bad one doesn't move it."""
    file = File(named("acme", simulator))
    accounts = Accounts(file.read)
    read_at = accounts.status.reloaded_at
    file.content = ConfigError([INVALID])
    with pytest.raises(ConfigError):
        accounts.reload()
    assert accounts.status.reloaded_at == read_at
    file.content = configuration()
    accounts.reload()
    assert accounts.status.reloaded_at > read_at


@pytest.mark.parametrize(("method", "status"), [("POST", 403), ("GET", 405), ("PUT", 405)])
def test_reloading_over_http_must_be_allowed(simulator: Simulator, method: str, status: int) -> None:
    """Without --web.enable-lifecycle nobody reloads over HTTP, and nobody does by a link."""
    with served([account("acme", simulator.url)]) as url:
        answer = requests.request(method, f"{url}/-/reload", timeout=GUARD)
    assert answer.status_code == status


def test_a_reload_in_the_middle_of_a_scrape_costs_it_nothing() -> None:
    """The account that the scrape waits for is gone when it answers: the scrape has it whole."""
    with Simulator(Settings(calls=CALLS, speed=0, latency=0.5)) as slow, ThreadPoolExecutor(1) as pool:
        file = File(named("acme", slow))
        accounts = Accounts(file.read)
        with serving(accounts) as url:
            scraped = pool.submit(scrape, url)
            wait_until(lambda: accounts.status.load.running, "a collection in flight")
            file.content = configuration(named("other", slow))
            accounts.reload()
            assert scraped.result().one("acme", "exotel_up") == 1
            assert {name for name, metric in scrape(url).samples if metric == "exotel_up"} == {"other"}


def test_no_scrape_is_lost_while_configurations_change(simulator: Simulator) -> None:
    """Four scrapers go on while forty reloads change, remove and add accounts: every scrape is whole."""
    calm, changing, passing = (named(name, simulator) for name in ("calm", "changing", "passing"))
    file = File(calm, changing)
    accounts = Accounts(file.read)
    over = threading.Event()

    def scrape_on(url: str) -> list[float | None]:
        ups = []
        while not over.is_set():
            found = scrape(url)
            ups += [found.one(name, "exotel_up") for name, metric in found.samples if metric == "exotel_up"]
            ups += [found.one("calm", "exotel_up"), found.one("changing", "exotel_up")]
        return ups

    with serving(accounts) as url, ThreadPoolExecutor(4) as pool:
        scrapers = [pool.submit(scrape_on, url) for _ in range(4)]
        for limit in range(40):
            here = [replace(changing, call_limit=limit + 1), calm, *([passing] if limit % 2 else [])]
            file.content = configuration(*here)
            accounts.reload()
        over.set()
        ups = [up for scraper in scrapers for up in scraper.result()]
    assert set(ups) == {1}


def test_accounts_that_left_are_closed(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those alone, and not before nobody can be waiting for them any more."""
    monkeypatch.setattr("exporter.collect.accounts._AFTERWARDS", -19.5)  # behind a timeout of 20 s
    closed: list[str] = []
    monkeypatch.setattr(Account, "close", lambda left: closed.append(left.name))
    stays, leaves = named("stays", simulator), named("leaves", simulator)
    file = File(stays, leaves)
    reloader = Reloader(Accounts(file.read))
    file.content = configuration(stays)
    reloader.ask().result(GUARD)
    assert closed == []
    wait_until(lambda: closed, "an account is closed")
    assert closed == ["leaves"]


def test_every_account_that_left_is_closed_once(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However closely reloads follow one another, while those that left before are being closed."""
    monkeypatch.setattr("exporter.collect.accounts._AFTERWARDS", -20)  # as soon as they have left
    closed: list[Account] = []

    def close(account: Account) -> None:
        closed.append(account)
        if len(closed) % 2:
            raise OSError  # which is no reason to keep the next one

    monkeypatch.setattr(Account, "close", close)
    file = File(named("acme", simulator))
    accounts = Accounts(file.read)
    reloader = Reloader(accounts)
    left = []
    for limit in range(1, 101):
        left += list(accounts)
        file.content = configuration(replace(named("acme", simulator), call_limit=limit))
        reloader.ask().result(GUARD)
    wait_until(lambda: len(closed) >= len(left), "all of them are closed")
    assert closed == left


# Many reloads, and what goes wrong with one


class Gate:
    """A configuration whose reading can be held up: a slow file system."""

    def __init__(self, *accounts: AccountConfig) -> None:
        self.file = File(*accounts)
        self.reads = 0
        self.open = threading.Event()
        self.open.set()

    def read(self) -> Config:
        """Return what the file held when the reading began."""
        self.reads += 1
        content = File.read(self.file)
        assert self.open.wait(GUARD)
        return content

    def hold_up(self, reloader: Reloader) -> Future[None]:
        """Have a reload begin that doesn't end."""
        reads = self.reads
        self.open.clear()
        running = reloader.ask()
        wait_until(lambda: self.reads > reads, "a reload begins")
        return running


def test_reloads_that_are_asked_for_while_one_runs_are_one(simulator: Simulator) -> None:
    """A thousand of them: one more is made, which all of them share."""
    gate = Gate(named("acme", simulator))
    reloader = Reloader(Accounts(gate.read))
    running = gate.hold_up(reloader)
    before = threading.active_count()
    waiting = [reloader.ask() for _ in range(1000)]
    assert threading.active_count() == before
    assert not any(reload.done() for reload in (running, *waiting))
    gate.open.set()
    for reload in (running, *waiting):
        reload.result(GUARD)
    assert gate.reads == 3  # at the start, the one that ran, and the one for all who asked meanwhile


def test_whoever_asks_while_one_runs_gets_what_comes_of_a_later_one(simulator: Simulator) -> None:
    """The one that runs may have read the file before it was changed: its success would be none."""
    gate = Gate(named("acme", simulator))
    accounts = Accounts(gate.read)
    reloader = Reloader(accounts)
    asked, came = reloader.ask, threading.Event()

    def ask() -> Future[None]:
        future = asked()
        came.set()
        return future

    reloader.ask = ask  # type: ignore[method-assign]  # to know when the request has come
    with (
        serving(accounts, Endpoints(lifecycle=True), reloader=reloader) as url,
        ThreadPoolExecutor(1) as pool,
    ):
        running = gate.hold_up(reloader)
        gate.file.content = ConfigError([INVALID])
        came.clear()
        answer = pool.submit(requests.post, f"{url}/-/reload", timeout=GUARD)
        assert came.wait(GUARD)
        gate.open.set()
        assert running.result(GUARD) is None
        assert (answer.result().status_code, answer.result().text) == (400, f"{INVALID}\n")


def test_reloads_that_hang_keep_no_scrape_waiting(simulator: Simulator) -> None:
    """A hundred requests for one, more than there are threads for scrapes: all is answered meanwhile."""
    gate = Gate(named("acme", simulator))
    accounts = Accounts(gate.read)
    reloader = Reloader(accounts)
    with (
        serving(accounts, Endpoints(lifecycle=True), reloader=reloader) as url,
        ThreadPoolExecutor(100) as pool,
    ):
        gate.hold_up(reloader)
        asked = [pool.submit(requests.post, f"{url}/-/reload", timeout=GUARD) for _ in range(100)]
        assert scrape(url).one("acme", "exotel_up") == 1
        assert requests.get(f"{url}/-/healthy", timeout=GUARD).ok
        assert requests.get(f"{url}/", timeout=GUARD).ok
        assert not any(answer.done() for answer in asked)
        gate.open.set()
        assert {answer.result().status_code for answer in asked} == {200}


def test_a_client_that_goes_away_takes_a_reload_from_nobody(simulator: Simulator) -> None:
    """Another one waits for the same reload, and gets its answer."""
    gate = Gate(named("acme", simulator))
    accounts = Accounts(gate.read)
    reloader = Reloader(accounts)
    with (
        serving(accounts, Endpoints(lifecycle=True), reloader=reloader) as url,
        ThreadPoolExecutor(1) as pool,
    ):
        gate.hold_up(reloader)
        with pytest.raises(requests.ReadTimeout):
            requests.post(f"{url}/-/reload", timeout=0.2)
        answer = pool.submit(requests.post, f"{url}/-/reload", timeout=GUARD)
        gate.open.set()
        assert answer.result().status_code == 200
        assert requests.post(f"{url}/-/reload", timeout=GUARD).status_code == 200


def test_a_reload_needs_no_new_thread(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a limit of threads it works all the same, and so do the next ones."""
    file = File(named("one", simulator))
    accounts = Accounts(file.read)
    reloader = Reloader(accounts)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", _no_thread)
        for name in ("two", "three"):
            file.content = configuration(named(name, simulator))
            reloader.ask().result(GUARD)
            assert [account.name for account in accounts] == [name]
    with serving(accounts) as url:
        assert scrape(url).one("three", "exotel_up") == 1


def _no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_a_reload_that_fails_in_an_unexpected_way_is_told_and_the_next_one_works(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Memory that can't be had, say: an error for whoever asked, a line in the log, and the accounts stay."""
    failures: list[BaseException] = [MemoryError(), OSError(24, "Too many open files")]

    def read() -> Config:
        if failing and failures:
            raise failures.pop()
        return configuration(named("acme", simulator))

    failing = False
    accounts = Accounts(read)
    failing = True
    with serving(accounts, Endpoints(lifecycle=True)) as url:
        for code, is_reloaded in ((503, 0), (503, 0), (200, 1)):
            assert requests.post(f"{url}/-/reload", timeout=GUARD).status_code == code
            found = scrape(url)
            assert (found.one("", OWN), found.one("acme", "exotel_up")) == (is_reloaded, 1)
    assert [record.message for record in caplog.records].count("reload failed") == 2


# The program itself


def test_a_hangup_reloads_the_file(tmp_path: Path, simulator: Simulator) -> None:
    """SIGHUP takes a good file over and refuses a bad one, each told in the log; the program goes on."""
    base = {
        **ACCOUNT,
        "base_url": simulator.url,
        "account_sid": "demo",
        "api_key": "demo",
        "min_interval": "0s",
    }
    with exporter(tmp_path, configured(tmp_path, {**base, "name": "one"})) as server:
        url = server.url("")
        assert scrape(url).one("one", "exotel_calls_reported") is None  # the token is wrong
        configured(tmp_path, {**base, "name": "two", "api_token": "demo"})
        hang_up(server.program.process.send_signal, lambda: "configuration loaded" in server.program.said())
        assert scrape(url).one("two", "exotel_calls_reported") == CALLS
        configured(tmp_path, {**base, "call_limit": "many"})
        hang_up(server.program.process.send_signal, lambda: "configuration refused" in server.program.said())
        assert scrape(url).one("two", "exotel_calls_reported") == CALLS
        assert scrape(url).one("", OWN) == 0
        log = server.stop(signal.SIGTERM)
    assert log.code == 0
    assert re.search(r'level=error msg="configuration refused" detail=".*call_limit: found .*"', log.out)


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "large"])
def test_what_is_no_configuration_is_refused_in_one_line(
    tmp_path: Path, simulator: Simulator, kind: str
) -> None:
    """Whatever lies there when the program is told to read it; the file that is there later is read."""
    base = {
        **ACCOUNT,
        "base_url": simulator.url,
        "account_sid": "demo",
        "api_key": "demo",
        "api_token": "demo",
    }
    flag = configured(tmp_path, {**base, "name": "one"})
    file = Path(flag.partition("=")[2])
    with exporter(tmp_path, flag) as server:
        url = server.url("")
        file.rename(tmp_path / "away")
        put(kind, file)
        hang_up(server.program.process.send_signal, lambda: "configuration refused" in server.program.said())
        assert scrape(url).one("one", "exotel_up") == 1
        file.rename(tmp_path / "odd")
        configured(tmp_path, {**base, "name": "two"})
        hang_up(server.program.process.send_signal, lambda: "configuration loaded" in server.program.said())
        assert scrape(url).one("two", "exotel_up") == 1
        log = server.stop(signal.SIGTERM)
    assert log.code == 0
    assert log.out.count("configuration refused") == 1


def put(kind: str, file: Path) -> None:
    """Make what is no configuration."""
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/zero")
        case "large":
            file.touch()
            os.truncate(file, 100 * 2**20)


def test_a_rotated_token_needs_no_reload(tmp_path: Path, simulator: Simulator) -> None:
    """The file of a secret is read for each collection: the next scrape has the new one."""
    token = tmp_path / "token"
    token.write_text("old", encoding="utf-8")
    base = {"account_sid": "demo", "base_url": simulator.url, "api_key": "demo", "api_token_file": "token"}
    config = from_file(write(tmp_path, yaml.safe_dump({"accounts": [base]})), {})
    with serving(Accounts(lambda: config)) as url:
        assert scrape(url).one("demo", "exotel_up") == 0
        token.write_text("demo", encoding="utf-8")
        assert scrape(url).one("demo", "exotel_up") == 1


def configured(folder: Path, account: dict[str, object]) -> str:
    """The flag that names a configuration of this account, now in the file."""
    return f"--config.file={write(folder, yaml.safe_dump({'accounts': [account]}))}"


def hang_up(send: Callable[[signal.Signals], None], told: Callable[[], bool]) -> None:
    """Send SIGHUP and wait until the log tells what came of it."""
    send(signal.SIGHUP)
    wait_until(told, "a line about the configuration")
