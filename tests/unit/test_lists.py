"""The bench of lists: what it takes for true is true, and a small part of it runs here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.lists.hour import Scraped, hour
from bench.lists.population import EPOCH, Population, populate
from bench.lists.report import HONEST
from bench.lists.series import Cell, series
from bench.lists.server import LATENCY, Server
from bench.lists.truth import Truth
from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call
from exporter.simulator.orders import Row
from exporter.simulator.profile import Profile
from exporter.simulator.profiles import PROFILES
from exporter.simulator.table import Table

PLAIN = PROFILES["start"]
SECONDS = 60
POPULATIONS = st.builds(
    populate, st.integers(1, 40), st.sampled_from([0.0, 0.01, 0.05]), st.just(SECONDS), st.integers(0, 99)
)
MOMENTS = st.lists(st.integers(0, SECONDS), min_size=1)
DELAYED = st.sampled_from(
    [PLAIN, replace(PLAIN, late=3.0), replace(PLAIN, linger=20.0), replace(PLAIN, ghost=3.0)]
)
KEYS: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "start": lambda row: (row.started,),
    "newest": lambda row: (-row.started,),
    "start, touched": lambda row: (row.started, row.updated),
    "sid": lambda row: (row.hash,),
    "insertion": lambda row: (row.number,),
    "updated": lambda row: (row.updated,),
    "updated newest": lambda row: (-row.updated,),
    "status": lambda row: (row.status, row.started),
}


def rows_at(population: Population, profile: Profile, at: float) -> Iterator[Row]:
    """Yield the rows of a list at a moment, from all that became of each call."""
    lives: defaultdict[int, list[Row]] = defaultdict(list)
    for told, row in population.changes:
        if told <= at:
            lives[row.number].append(row)
    for rows in lives.values():
        last, ended = rows[-1], rows[-1].ended
        if profile.appears(last) > at:
            continue
        if ended is None or at < max(ended, profile.appears(last)) + profile.linger:
            yield last
        elif at < ended + profile.ghost:
            yield rows[-2]


@settings(max_examples=40)
@given(POPULATIONS, DELAYED, st.sampled_from([*KEYS]), st.lists(st.integers(0, SECONDS), min_size=1))
def test_a_table_has_the_rows_that_were_last_told_in_its_order(
    population: Population, profile: Profile, order: str, moments: list[int]
) -> None:
    """Whenever it is asked, whatever is late, lingers or stays as it was."""
    table = Table(replace(profile, order=order), lag=SECONDS)
    for change in population.changes:
        table.update(*change)
    for moment in sorted(moments):
        table.advance(EPOCH + moment)
        wanted = rows_at(population, profile, EPOCH + moment)
        assert table.rows == sorted(wanted, key=lambda row: (*KEYS[order](row), row.number))


@settings(max_examples=40)
@given(POPULATIONS, MOMENTS)
def test_a_table_that_isnt_behind_is_as_one_that_is(population: Population, moments: list[int]) -> None:
    """Told as time passes, or in advance."""
    now, ahead = Table(PLAIN), Table(PLAIN, lag=SECONDS)
    for change in population.changes:
        ahead.update(*change)
    changes = iter([*population.changes, (float("inf"), None)])
    at, row = next(changes)
    for moment in sorted(moments):
        while at <= EPOCH + moment and row is not None:
            now.update(at, row)
            at, row = next(changes)
        ahead.advance(EPOCH + moment)
        assert now.rows == ahead.rows
        assert now.statuses == ahead.statuses
        assert now.ever == ahead.ever


@pytest.mark.parametrize("order", ["heap", "heap in place", "swap", "map"])
def test_an_order_of_its_own_has_the_same_rows(order: str) -> None:
    """Those whose order comes from what happened before."""
    population = populate(40, 0.05, 300, seed=1)
    plain, own = Table(PLAIN), Table(replace(PLAIN, order=order))
    for change in population.changes:
        plain.update(*change)
        own.update(*change)
        assert {*plain.rows} == {*own.rows}
        assert len(plain.rows) == len(own.rows)


@settings(max_examples=40)
@given(POPULATIONS, DELAYED, MOMENTS)
def test_who_is_active_is_who_the_list_shows_as_active(
    population: Population, profile: Profile, moments: list[int]
) -> None:
    """From when each is shown, and until it is shown as ended or no longer."""
    truth = Truth(profile, population)
    for moment in sorted(moments):
        truth.advance(EPOCH + moment)
        shown = {row.sid for row in rows_at(population, profile, EPOCH + moment) if row.ended is None}
        assert truth.active.keys() == shown


def test_a_population_keeps_its_size_and_its_churn() -> None:
    """As many begin as end, a share of all in each second."""
    population = populate(1_000, 0.01, 300, seed=3)
    came = sum(row.born > EPOCH for row in population.births)
    assert came == pytest.approx(3_000, rel=0.1)
    assert len(population.ends) == pytest.approx(3_000, rel=0.1)


def test_a_full_account_has_always_as_many_calls() -> None:
    """One begins when another ends."""
    truth = Truth(PLAIN, populate(100, 0.05, 60, seed=3, is_full=True))
    for second in range(60):
        truth.advance(EPOCH + second)
        assert len(truth.active) == 100
    assert len(truth.ended) > 200


def test_a_population_without_churn_stands_still() -> None:
    """Nothing is told of it after its beginning."""
    population = populate(100, 0.0, 300, seed=3)
    assert len(population.births) == 100
    assert all(at <= EPOCH for at, _ in population.changes)
    assert not population.ends


def test_calls_ring_before_they_are_answered_and_end_once() -> None:
    """In the order of a call's life, each row newer than the one before."""
    lives: dict[int, list[Row]] = {}
    for at, row in populate(300, 0.05, 120, seed=4).changes:
        assert row.updated == at
        lives.setdefault(row.number, []).append(row)
    ranks = {"queued": 0, "ringing": 1, "in-progress": 2}
    for rows in lives.values():
        statuses = [ranks.get(row.status, 3) for row in rows]
        assert statuses == sorted(statuses)
        assert statuses.count(3) == sum(row.ended is not None for row in rows) <= 1
        assert (rows[-1].status == "completed") <= (rows[-1].answered is not None)


def rows(*sids: str, status: CallStatus = CallStatus.IN_PROGRESS) -> list[Call]:
    """Return rows of these calls."""
    return [Call(sid, status=status) for sid in sids]


def test_a_listing_is_judged_by_who_was_active_all_the_while_and_who_at_no_moment() -> None:
    """Who came or went meanwhile may be listed or not, and who ended before if the row says so."""

    def row(sid: str, born: float, ended: float | None = None) -> Row:
        return Row(sid, 0, 0, born, born, born, "ringing", inbound=True, answered=None, ended=ended)

    births = [row("lasting", 0), row("came", 12), row("went", 0, 12), row("gone", 0, 5)]
    truth = Truth(PLAIN, Population([], births, [births[3], births[2]]))
    truth.advance(14)
    assert truth.false_calls(rows("lasting"), since=10) == 0
    assert truth.false_calls(rows("lasting", "came", "went"), since=10) == 0
    assert truth.false_calls(rows("lasting", "gone"), since=10) == 1
    assert truth.false_calls(rows("lasting", "gone"), since=4) == 0
    assert truth.false_calls(rows("lasting") + rows("gone", status=CallStatus.COMPLETED), since=10) == 0
    assert truth.false_calls([], since=10) == 1
    assert truth.false_calls([], since=13) == 2


def test_pages_come_in_the_order_asked_eight_at_a_time() -> None:
    """Each takes its latency; who reads them waits for no more than that."""
    server = Server(PLAIN, populate(800, 0.0, 60, seed=5), "seed")
    pages = list(server.fetch([(offset, 10) for offset in range(0, 800, 10)]))
    starts = [call.start_time or "" for page in pages for call in page.calls]
    assert len(starts) == 800
    assert starts == sorted(starts)
    assert server.now - EPOCH == pytest.approx(10 * LATENCY, rel=0.3)


def test_no_page_is_asked_for_before_there_is_room_for_it() -> None:
    """As the client does: eight under way, four that wait."""
    server, asked = Server(PLAIN, populate(100, 0.0, 60, seed=5), "seed"), list[int]()

    def asks() -> Iterator[tuple[int, int]]:
        for offset in range(30):
            asked.append(offset)
            yield offset, 1

    pages = server.fetch(asks())
    next(pages)
    assert len(asked) == 12


MOVING = ("updated", "updated-newest", "status", "status-newest", "duration", "agent")


@pytest.mark.parametrize("name", [*HONEST, *MOVING])
def test_no_claim_is_false_of_a_list_that_keeps_its_order_or_is_read_twice(name: str) -> None:
    """With a total that counts its rows, at any size and page."""
    for size, page in ((60, 20), (250, 20), (250, 100)):
        tally = series(Cell(name, size, 0.05, page))
        assert tally.listings == 10
        assert tally.false == 0


@pytest.mark.parametrize("name", ["start", "newest", "arbitrary", "direction", "end-404", "late"])
def test_a_list_that_keeps_its_order_is_called_complete(name: str) -> None:
    """At a churn that leaves pages something in common."""
    tally = series(Cell(name, 450, 0.01, 100))
    assert tally.complete == tally.listings


def test_an_hour_within_its_budget_is_up_all_the_time() -> None:
    """450 calls by 100 take 5 requests, 20 a minute; the figures are new at each scrape."""
    found = hour(Scraped("start", 450, 100, 15.0), seconds=300)
    assert (found.scrapes, found.up, found.false) == (20, 20, 0)
    assert found.greatest_age < 1


def test_an_hour_beyond_its_budget_shows_older_figures_or_none() -> None:
    """3,000 calls by 20 take more than 150 of 200 requests a minute: not each scrape has new ones."""
    found = hour(Scraped("start", 3_000, 20, 15.0), seconds=180)
    assert found.scrapes == 12
    assert found.greatest_age > 14 or found.up < 12
