"""The last hour of an account, as collections tell it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.history import MINUTES, Callers, History, Minute, Served
from exporter.collect.lifecycle import Lifecycle
from exporter.config import CountsFrom
from exporter.exotel.models import Call
from tests.rows import call

NOBODY = Served()


@dataclass(frozen=True)
class Told:
    """A collection: when it ended, and the calls of its listing; None of one that failed."""

    at: float
    calls: int | None


def history_of(told: Iterable[Told]) -> History:
    """Tell a history of these."""
    history = History()
    for each in told:
        if each.calls is None:
            history.failed(each.at)
        else:
            history.listed(each.at, each.calls, 0.25, NOBODY)
    return history


COLLECTIONS = st.lists(
    st.builds(Told, st.floats(-1e4, 1e5), st.none() | st.integers(0, 10**6)), max_size=200
).map(lambda told: sorted(told, key=lambda each: each.at))


@given(COLLECTIONS, st.floats(0, 1e5))
def test_each_minute_of_the_hour_tells_what_ended_in_it(told: list[Told], now: float) -> None:
    """In their order, the present one last; where nothing ended there is a gap, and no 0."""
    told = [each for each in told if each.at <= now]
    minutes = history_of(told).minutes(now)
    assert len(minutes) == MINUTES
    for number, minute in enumerate(minutes, math.floor(now / 60) - MINUTES + 1):
        its = [each.calls for each in told if each.at // 60 == number]
        listed = [calls for calls in its if calls is not None]
        if not its:
            assert minute is None
            continue
        assert minute is not None
        assert (minute.number, minute.collections, minute.failures) == (number, len(its), its.count(None))
        assert (minute.calls, minute.most_calls) == ((listed[-1], max(listed)) if listed else (None, None))
        assert minute.seconds == (0.25 if listed else None)


@given(COLLECTIONS.flatmap(st.permutations))
def test_what_is_kept_is_bounded_in_whatever_order_it_comes(told: list[Told]) -> None:
    """A collection that an account of before ends late counts in the minute that is known last."""
    history = history_of(told)
    kept: list[Minute] = list(history._minutes)
    assert len(kept) <= MINUTES
    numbers = [minute.number for minute in kept]
    assert numbers == sorted(set(numbers))


def test_the_slowest_listing_of_a_minute_is_told() -> None:
    """The one that was in trouble."""
    history = History()
    for at, seconds in ((1, 0.5), (2, 2.5), (3, 1.5)):
        history.listed(at, 10, seconds, NOBODY)
    minute = history.minutes(59)[-1]
    assert minute is not None
    assert minute.seconds == 2.5


def test_a_listing_that_cannot_be_exported_is_one_collection_that_failed() -> None:
    """It was counted as a collection when it was listed."""
    history = history_of([Told(1, 10)])
    history.failed(2, was_withdrawn=True)
    minute = history.minutes(59)[-1]
    assert minute is not None
    assert (minute.collections, minute.failures) == (1, 1)


# Service level


def served(apart: float, listings: int, *each: Served) -> History:
    """Tell of listings so far apart, between which these were served, by turns."""
    history = History()
    for number in range(listings):
        history.listed(number * apart, 10, 0.25, each[number % len(each)])
    return history


def test_the_service_level_is_the_share_answered_in_time_of_all_who_waited() -> None:
    """Those who gave up count too; those that the first listing knows of don't."""
    history = served(15, 240, Served(in_time=7, answered=8, abandoned=2), NOBODY)
    assert history.callers(3599) == Callers(in_time=833, all=1190)


def test_the_service_level_forgets_what_is_older_than_an_hour() -> None:
    """What was bad then isn't the level of now."""
    history = served(30, 20, Served(in_time=0, answered=10))
    for number in range(20, 240):
        history.listed(number * 30, 10, 0.25, Served(in_time=10, answered=10))
    recent = history.callers(20 * 30 + 3599)
    assert recent is not None
    assert 0 < recent.in_time == recent.all
    assert history.callers(20 * 30 + 2 * 3600 + 239 * 30) is None


def test_callers_are_those_of_the_moment_however_often_they_are_asked_for() -> None:
    """After each listing, and as the hour moves on."""
    history = served(15, 240, Served(1, 1, 0))
    assert history.callers(3599) == history.callers(3599) == Callers(239, 239)
    history.listed(3599, 1, 0.25, Served(0, 1, 0))
    assert history.callers(3599) == Callers(239, 240)
    assert history.callers(3599 + 60) == Callers(236, 237)


@pytest.mark.parametrize(
    ("apart", "listings", "each"),
    [(60, 60, Served(1, 2, 1)), (15, 20, Served(1, 2, 1)), (15, 1, Served(1, 2, 1))],
    ids=["listings too far apart", "less than five minutes", "one listing"],
)
def test_callers_that_are_not_known_are_none(apart: float, listings: int, each: Served) -> None:
    """They aren't 0."""
    assert served(apart, listings, each).callers(apart * listings) is None


def test_an_hour_in_which_nobody_called_is_known() -> None:
    """It has no service level, which isn't 0, nor 1."""
    assert served(15, 240, NOBODY).callers(3599) == Callers(0, 0)


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), max_size=100
    )
)
def test_a_service_level_is_a_share(told: list[tuple[float, int, int, int]]) -> None:
    """Whatever the intervals: those too long count in neither part of it."""
    history, at = History(), 0.0
    for apart, in_time, later, abandoned in told:
        at += apart
        history.listed(at, 1, 0.1, Served(in_time, in_time + later, abandoned))
    callers = history.callers(at)
    assert callers is None or 0 <= callers.in_time <= callers.all


def listing(*rows: Call) -> dict[str, Call]:
    """Return calls by call_sid."""
    return {row.call_sid: row for row in rows}


def test_who_was_served_is_read_from_what_listings_tell_of_inbound_calls() -> None:
    """Answered within 20 s, answered later, gave up; outbound calls are nobody's wait."""
    waiting = [call(sid, "inbound", "ringing", 0.0) for sid in ("soon", "late", "gone")]
    out = call("out", "outbound-api", "ringing", 0.0)
    answered = [call(sid, "inbound", "in-progress", 1.0) for sid in ("soon", "late", "out")]
    life = Lifecycle.before((), CountsFrom.UNKNOWN).after({}, 0.0)
    before = Served.of(life.counts)
    life = life.after(listing(*waiting, out), 10.0)
    life = life.after(listing(answered[0], *waiting[1:], out), 20.0)
    life = life.after(listing(answered[0], waiting[1], call("out", "outbound-api", "in-progress", 1.0)), 30.0)
    life = life.after(listing(*answered[:2]), 50.0)
    assert before == NOBODY
    assert Served.of(life.counts).since(before) == Served(in_time=1, answered=2, abandoned=1)
