"""One account's exception, wherever it comes from, is that account's failure and nobody else's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest
import requests

from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.config import StreamsConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.worker_pool import WorkerPool
from exporter.http.scrape import TIMEOUT_HEADER
from exporter.simulator import Settings, Simulator
from tests.logs import fields
from tests.scraping import Scrape, right, scrape
from tests.serving import EAGER, account, served
from tests.waiting import GUARD, scaled

OPENMETRICS = {"Accept": "application/openmetrics-text"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """A centre that stands still."""
    with Simulator(Settings(calls=12, speed=0)) as made:
        yield made


@contextmanager
def exporter(simulator: Simulator) -> Iterator[tuple[str, Account]]:
    """Serve two accounts; give the URL, and the one that is to go wrong."""
    bad = account("bad", simulator.url)
    with served([account("a", simulator.url), bad, account("z", simulator.url)]) as url:
        yield url, bad


def spoil(bad: Account, **values: object) -> Callable[[], None]:
    """Have every listing of an account find these values; give what ends that."""
    calls = bad._collectors.calls
    whole = calls.collect

    def collect(deadline: Deadline) -> Any:
        snapshot, failure = whole(deadline)
        return replace(snapshot, **cast(Any, values)), failure

    calls.collect = collect  # type: ignore[method-assign]  # stands in for a value that nothing foresaw
    return lambda: setattr(calls, "collect", whole)


def others_are_right(found: Scrape, simulator: Simulator) -> bool:
    """Return whether the accounts beside the bad one, and the exporter's own metrics, are all there."""
    has_itself = ("", "exotel_exporter_build_info") in found.samples
    return has_itself and all(right(found, name, simulator) for name in "az")


def messages(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    """Return the lines that are no debugging, each with its reason."""
    records = [record for record in caplog.records if record.levelno > logging.DEBUG]
    return [(record.getMessage(), fields(record).get("reason")) for record in records]


def test_what_cannot_be_written_is_a_failure_of_its_own_account(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    """Counted in the same scrape, once a collection; logged once with its place; then it is over."""
    caplog.set_level(logging.INFO, logger="exporter")
    with exporter(simulator) as (url, bad):
        heal = spoil(bad, reported=10**310)
        for collections in (1, 2, 3):
            found = scrape(url)
            assert others_are_right(found, simulator)
            assert found.one("bad", "exotel_up") == 0
            assert found.failures("bad") == {("internal",): collections}
        [record] = [each for each in caplog.records if each.levelno > logging.DEBUG]
        assert str(fields(record)["detail"]).startswith("OverflowError at metric.py:")
        assert bad.last is not None
        assert (bad.last.active_calls, bad.last.reported) == (None, None)  # as the page has it
        heal()
        for _ in range(2):
            assert right(scrape(url), "bad", simulator)
    assert messages(caplog) == [("collection failed", "internal"), ("collection recovered", None)]


@pytest.mark.parametrize("headers", [{}, OPENMETRICS])
@pytest.mark.parametrize("path", ["/metrics", "/probe?target=bad", "/probe?target=bad&debug=true"])
def test_each_way_to_ask_is_answered(simulator: Simulator, path: str, headers: dict[str, str]) -> None:
    """In both formats; a person who debugs sees the failure and where it arose."""
    with exporter(simulator) as (url, bad):
        spoil(bad, reported=10**310)
        answer = requests.get(url + path, headers=headers, timeout=GUARD)
    assert answer.status_code == 200
    assert 'exotel_up{account="bad"} 0.0' in answer.text
    assert ("OverflowError at metric.py:" in answer.text) == ("debug" in path)


def test_what_is_given_again_is_not_counted_again(simulator: Simulator) -> None:
    """It is the same collection, and the same failure."""
    bad = account("bad", simulator.url, collection=replace(EAGER, min_interval=600))
    with served([bad]) as url:
        spoil(bad, reported=10**310)
        found = [scrape(url) for _ in range(3)]
    assert [each.failures("bad") for each in found] == [{("internal",): 1}] * 3
    assert [each.one("bad", "exotel_up") for each in found] == [0] * 3


def test_a_thread_that_cannot_be_started_costs_its_account_one_collection(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's lack is named; the others are answered, and the next scrape is right."""
    submit = WorkerPool.submit

    def lacking(worker_pool: WorkerPool, *work: Any) -> Any:
        if worker_pool is bad._worker:
            raise RuntimeError("can't start new thread")
        return submit(worker_pool, *work)

    with exporter(simulator) as (url, bad):
        with monkeypatch.context() as patch:
            patch.setattr(WorkerPool, "submit", lacking)
            found = scrape(url)
        after = scrape(url)
    assert others_are_right(found, simulator)
    assert found.one("bad", "exotel_up") == 0
    assert found.failures("bad") == after.failures("bad") == {("resources",): 1}
    assert right(after, "bad", simulator)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OverflowError(), "internal"),
        (MemoryError(), "resources"),
        (RuntimeError("can't start new thread"), "resources"),
        (OSError(24, "Too many open files"), "resources"),
    ],
)
@pytest.mark.parametrize("where", ["account.collect", "scheduler.begin", "calls.collect"])
def test_an_exception_in_one_accounts_collection_is_its_failure(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, where: str, error: Exception, reason: str
) -> None:
    """In the gathering, around the collectors or in one of them: counted by what it was; then all is well."""

    def broken(*_: object, **__: object) -> None:
        raise error

    with exporter(simulator) as (url, bad):
        places: dict[str, tuple[object, str]] = {
            "account.collect": (bad, "collect"),
            "scheduler.begin": (bad._collectors.scheduler, "begin"),
            "calls.collect": (bad._collectors.calls, "collect"),
        }
        with monkeypatch.context() as patch:
            patch.setattr(*places[where], broken)
            found = scrape(url)
        after = scrape(url)
    assert others_are_right(found, simulator)
    assert found.one("bad", "exotel_up") == 0
    assert found.failures("bad") == after.failures("bad") == {(reason,): 1}
    assert right(after, "bad", simulator)


def test_an_exception_while_a_scrape_gives_up_waiting_is_that_accounts_failure(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exporter's own metrics are answered all the same."""
    bad = account("bad", simulator.url)
    with served([bad]) as url:
        monkeypatch.setattr(bad, "collect", lambda _: Future())
        monkeypatch.setattr(bad, "unfinished", lambda _: 1 / 0)
        found = scrape(url, {TIMEOUT_HEADER: "0.1"})
    assert ("", "exotel_exporter_build_info") in found.samples
    assert found.failures("bad") == {("internal",): 1}


def test_accounts_that_hang_are_given_up_together(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many: one after the other they would take more time than the scraper has."""
    given_up: list[float] = []
    hanging = [account(f"bad-{number}", simulator.url) for number in range(8)]
    with served(hanging) as url:
        for bad in hanging:
            failed = bad.unfinished(0.0)
            monkeypatch.setattr(bad, "collect", lambda _: Future())
            monkeypatch.setattr(bad, "unfinished", lambda _, failed=failed: _noted(given_up, failed))
        scrape(url, {TIMEOUT_HEADER: "0.1"})
    assert len(given_up) == len(hanging)
    assert given_up[-1] - given_up[0] < scaled(1.0)


def _noted(given_up: list[float], snapshot: Snapshot) -> Snapshot:
    given_up.append(time.monotonic())
    return snapshot


def test_a_collection_that_nothing_foresaw_ends_for_all_who_wait(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even its failure could be put down; the next one is as any other."""

    def broken(*_: object) -> Snapshot:
        raise MemoryError

    bad = account("bad", simulator.url)
    with served([bad]) as url:
        with monkeypatch.context() as patch:
            patch.setattr(bad, "_work", broken)
            with pytest.raises(MemoryError):
                bad.collect(Deadline.after(GUARD)).result(GUARD)
        with monkeypatch.context() as patch:
            patch.setattr(bad._gate, "enter", broken)
            with pytest.raises(MemoryError):
                bad.collect(Deadline.after(GUARD)).result(GUARD)
        assert right(scrape(url), "bad", simulator)
    assert bad._gate.load.running == 0


def test_what_is_held_of_details_and_cannot_be_counted_does_not_cost_the_listing(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The details are the collector's that failed; the calls are told."""

    def broken(*_: object) -> None:
        raise OverflowError

    detailed = replace(EAGER, streams=StreamsConfig(enabled=True, max_per_scrape=20))
    bad = account("bad", simulator.url, collection=detailed)
    with served([bad]) as url:
        monkeypatch.setattr(bad._collectors.streams, "_tally", broken)
        found = scrape(url)
        monkeypatch.undo()
        after = scrape(url)
    assert right(found, "bad", simulator)
    assert found.by("bad", "exotel_collector_failures_total", "collector", "reason") == {
        ("streams", "internal"): 1
    }
    assert after.by("bad", "exotel_stream_calls", "result") == {("inspected",): 12}
