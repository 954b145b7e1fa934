"""An account that has to wait for its turn: freshness gives way, answers never do."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from weakref import ref

import pytest
import requests
from starlette.datastructures import Headers
from starlette.responses import Response

from exporter.collect.account import MOST_AGE, Account
from exporter.collect.gate import AT_ONCE, Gate, Turn
from exporter.collect.shared import Shared
from exporter.collect.snapshot import Snapshot
from exporter.config import Secret
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import Reason
from exporter.http import app, scrape
from exporter.http.exchange import InFlight
from exporter.http.written import Asked, Written
from exporter.metrics.exposition import Selection, expose
from exporter.simulator import Settings, Simulator
from tests.clock import moved_clock
from tests.serving import account, served
from tests.waiting import GUARD

SECONDS = 10.0
"""A scrape's time."""
LATE = 60.0
"""Seconds: far more than any lag at which collections begin."""


@dataclass
class Crowd:
    """Collections of others that are under way, and a gate that looks at the processor when it is told."""

    gate: Gate = field(default_factory=Gate)

    def come(self) -> None:
        """Take all the places."""
        deadline = Deadline.after(GUARD)
        for _ in range(AT_ONCE):
            self.gate.enter(Turn(lambda: None, lambda: None, deadline, 0.0, 0.0, has_stand_in=True))

    def go(self) -> None:
        """Leave, and let those begin who wait."""
        for _ in range(AT_ONCE):
            self.gate.leave()
        self.gate.tick(LATE)


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    """Nobody, until they are told to come."""
    monkeypatch.setattr(Gate, "_watch", lambda _: None)
    return Crowd()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Three calls."""
    with Simulator(Settings(calls=3, speed=0)) as simulator:
        yield simulator


@pytest.fixture
def acme(crowd: Crowd, simulator: Simulator) -> Iterator[Account]:
    """An account that comes to the crowd's gate."""
    pattern = account("acme", simulator.url)
    made = Account(pattern.config, pattern.metrics, Shared(crowd.gate))
    yield made
    pattern.close()
    made.close()


def collected(made: Account) -> Snapshot:
    """Collect once, with all the time that it takes."""
    return made.collect(Deadline.after(GUARD)).result(GUARD)


def put_off(made: Account, crowd: Crowd, seconds: float = GUARD) -> Snapshot:
    """Want a collection whose time ends before its turn comes."""
    deadline = Deadline.after(seconds)
    waiting = made.collect(deadline)
    assert not waiting.done()
    deadline.end()
    crowd.gate.tick(LATE)
    assert waiting.done()
    return waiting.result()


def test_an_account_whose_turn_does_not_come_gets_its_last_snapshot(
    acme: Account, crowd: Crowd, simulator: Simulator
) -> None:
    """With the timestamp that it had, and without a request; no run of a collector has failed."""
    first = collected(acme)
    crowd.come()
    asked = acme.live_values().counts
    again = put_off(acme, crowd)
    assert again is first
    assert acme.live_values().counts == asked
    assert crowd.gate.load.put_off == 1


def test_a_snapshot_that_is_too_old_stands_in_for_nothing(acme: Account, crowd: Crowd) -> None:
    """The account is down then, for a reason that is counted, and has no call metrics."""
    with moved_clock() as clock:
        collected(acme)
        crowd.come()
        clock.forward(MOST_AGE - SECONDS)
        assert put_off(acme, crowd, SECONDS).active_calls is not None
        clock.forward(SECONDS)
        down = put_off(acme, crowd, SECONDS)
    assert down.active_calls is None
    assert down.failure is not None
    assert down.failure.reason is Reason.RESOURCES
    assert acme.live_values().counts.failures[Endpoint.CALLS, Reason.RESOURCES] == 1


def test_an_account_that_was_never_collected_is_down_when_it_is_put_off(acme: Account, crowd: Crowd) -> None:
    """Unknown is absent; the next time it goes first."""
    crowd.come()
    text = expose({acme: put_off(acme, crowd)}, "text/plain")[0].decode()
    assert 'exotel_up{account="acme"} 0.0\n' in text
    assert "exotel_snapshot_timestamp_seconds" not in text
    assert "exotel_active_calls{" not in text


def test_all_is_as_before_as_soon_as_the_crowd_has_gone(acme: Account, crowd: Crowd) -> None:
    """Whoever waits then gets a new snapshot, and whoever comes doesn't wait."""
    first = collected(acme)
    crowd.come()
    assert put_off(acme, crowd) is first
    waiting: Future[Snapshot] = acme.collect(Deadline.after(GUARD))
    joined = acme.collect(Deadline.after(GUARD))
    crowd.go()
    second = waiting.result(GUARD)
    assert joined.result(GUARD) is second
    assert second.ended_at > first.ended_at
    assert collected(acme).ended_at > second.ended_at
    assert crowd.gate.load.running == 0


def test_whoever_joins_with_less_time_gets_the_last_snapshot_too(acme: Account, crowd: Crowd) -> None:
    """While the turn hasn't come; afterwards there will be something new."""
    first = collected(acme)
    crowd.come()
    waiting = acme.collect(Deadline.after(GUARD))
    assert acme.unfinished(0.1) is first
    crowd.go()
    waiting.result(GUARD)


def test_a_scrape_is_put_off_once(acme: Account, crowd: Crowd) -> None:
    """Though the last snapshot is one of a collection that ran into its timeout."""
    failure = acme.collect(Deadline.after(0.0)).result(GUARD).failure
    assert failure is not None
    assert failure.reason is Reason.TIMEOUT
    crowd.come()

    async def scraped() -> Snapshot:
        scraping = asyncio.create_task(scrape.collect([acme], f"{GUARD}"))
        while not crowd.gate.load.waiting:
            await asyncio.sleep(0)
        acme._deadline.end()
        crowd.gate.tick(LATE)
        return (await scraping)[acme]

    assert asyncio.run(scraped()) is acme.last
    assert crowd.gate.load.put_off == 1


def test_a_second_try_waits_as_long_as_its_share_of_what_is_left(acme: Account, crowd: Crowd) -> None:
    """A scraper that has used most of its time is put off no sooner, while the processor is in time."""
    crowd.come()
    with moved_clock() as clock:
        deadline = Deadline.after(SECONDS)
        clock.forward(SECONDS / 2)
        waiting = acme.collect(deadline)
        crowd.gate.tick(0.0)
        assert waiting.result(GUARD).active_calls is not None
    assert crowd.gate.load.put_off == 0


def test_an_account_that_was_refused_takes_no_turn(
    crowd: Crowd, simulator: Simulator, tmp_path: Path
) -> None:
    """It only looks whether its credentials are others by now."""
    token = tmp_path / "token"
    token.write_text("wrong", encoding="utf-8")
    pattern = account("acme", simulator.url, token=Secret(file=token))
    with closing(Account(pattern.config, pattern.metrics, Shared(crowd.gate))) as refused:
        first = collected(refused)
        crowd.come()
        assert collected(refused) is first
        assert crowd.gate.load.begun == 1 + AT_ONCE
        token.write_text("demo", encoding="utf-8")
        assert collected(refused).active_calls is not None
    pattern.close()


def test_an_account_that_is_cancelled_waits_no_longer(acme: Account, crowd: Crowd) -> None:
    """Its scrape is to be answered before the program ends."""
    crowd.come()
    waiting = acme.collect(Deadline.after(GUARD))
    acme.cancel()
    crowd.gate.tick(LATE)
    assert waiting.result(GUARD).active_calls is None


# Answers that are kept


def test_a_probe_that_finds_nothing_new_gets_the_same_answer_unwritten(
    acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And another one what it asks for: another format, other metrics, or what has changed."""
    written: list[object] = []
    write = scrape.exposition

    def noted(*arguments: object) -> object:
        written.append(arguments)
        return write(*arguments)  # type: ignore[arg-type]  # whatever they are

    monkeypatch.setattr(app, "exposition", noted)
    snapshot = collected(acme)
    monkeypatch.setattr(acme, "collect", lambda _: _done(snapshot))
    with served([acme]) as url:

        def probe(query: str = "", **headers: str) -> bytes:
            return requests.get(f"{url}/probe?target=acme{query}", headers=headers, timeout=GUARD).content

        first = probe()
        assert (probe(), len(written)) == (first, 1)
        assert first == expose({acme: snapshot}, "*/*")[0]
        assert probe("&name[]=exotel_up") != first
        assert probe(Accept="application/openmetrics-text") != first
        assert len(written) == 3
        acme._collectors.counters.retry(Endpoint.CALLS, Reason.CONNECTION)
        probe()
        assert len(written) == 4


def _done(snapshot: Snapshot) -> Future[Snapshot]:
    future: Future[Snapshot] = Future()
    future.set_result(snapshot)
    return future


def test_an_account_that_is_no_more_is_let_go_with_its_answer(acme: Account) -> None:
    """A reload replaces hundreds."""
    snapshot, written = collected(acme), Written()
    gone = Account(acme.config, acme.metrics)
    asked = Asked.of(Selection(), Headers())
    written.keep(gone, snapshot, asked, gone.live_values(), Response("answer"))
    assert written.again(gone, snapshot, asked, is_busy=False)
    gone.close()
    left = ref(gone)
    del gone
    gc.collect()
    assert left() is None


def test_a_kept_answer_takes_the_place_of_a_text(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that don't read can hold no more of them."""
    snapshot, held = collected(acme), list[object]()
    hold_text = InFlight.hold_text

    async def noted(places: InFlight, stack: AsyncExitStack) -> None:
        held.append(stack)
        await hold_text(places, stack)

    monkeypatch.setattr(InFlight, "hold_text", noted)
    monkeypatch.setattr(acme, "collect", lambda _: _done(snapshot))
    with served([acme]) as url:
        for _ in range(3):
            requests.get(f"{url}/probe?target=acme", timeout=GUARD)
    assert len(held) == 3
