"""The average load of the last hour: what listings count, for how long, and what doesn't."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.load import AverageLoad

HOUR = 3600


def load_of(listings: Iterable[tuple[float, int]]) -> AverageLoad:
    """Return what an account keeps of listings, at their times, of so many calls of one slot."""
    load = AverageLoad()
    for at, calls in listings:
        load.add(at, {1: calls} if calls else {})
    return load


def mean(load: AverageLoad) -> float | None:
    """Return the mean number of calls of one slot."""
    average = load.average
    return None if average is None else average.get(1, 0.0)


@pytest.mark.parametrize("interval", [1, 15, 60, 299])
def test_it_is_known_once_there_are_five_minutes_of_listings(interval: int) -> None:
    """However far apart they are."""
    times = range(0, 700, interval)
    known = [at for at in times if mean(load_of((each, 7) for each in range(0, at + 1, interval))) == 7]
    assert known == [at for at in times if at >= 300]


def test_calls_count_for_as_long_as_they_are_there() -> None:
    """Not as often as they are listed: here the busy quarter of an hour is listed four times as often."""
    busy, calm = range(0, 900, 15), range(900, 3601, 60)
    load = load_of([*((at, 40) for at in busy), *((at, 0) for at in calm)])
    assert mean(load) == pytest.approx(10, abs=0.2)


def test_what_is_more_than_an_hour_ago_does_not_count() -> None:
    """It goes little by little, as the hour passes."""
    load = load_of((at, 100) for at in range(0, HOUR + 1, 15))
    means: list[float] = []
    for at in range(HOUR + 15, 2 * HOUR + 61, 15):
        load.add(at, {})
        means.append(mean(load) or 0.0)
    assert means == sorted(means, reverse=True)
    assert means[len(means) // 2] == pytest.approx(50, abs=2)
    assert means[-1] == 0


def test_the_time_without_listings_is_not_counted() -> None:
    """Nobody knows what calls there were: neither none, nor those of before or after."""
    load = load_of([*((at, 10) for at in range(0, 601, 15)), *((at, 40) for at in range(1800, 2401, 15))])
    assert mean(load) == pytest.approx(25)


def test_a_pause_of_five_minutes_is_bridged_and_a_longer_one_is_not() -> None:
    """What was before and after it is joined by a line."""
    assert mean(load_of([(0, 10), (300, 20)])) == 15
    assert mean(load_of([(0, 10), (300.1, 20)])) is None


def test_after_an_hour_without_listings_nothing_is_known() -> None:
    """Until there are five minutes of them again."""
    load = load_of((at, 10) for at in range(0, HOUR, 15))
    load.add(3 * HOUR, {1: 5})
    assert load.average is None


def test_calls_are_told_apart_by_their_slots() -> None:
    """Those of a size that isn't there for a while are none meanwhile."""
    load = AverageLoad()
    load.add(0, {1: 4, 2: 8})
    load.add(300, {1: 4})
    load.add(600, {1: 4})
    assert load.average == {1: 4, 2: 2}


@given(st.lists(st.tuples(st.floats(60.1, 400), st.integers(0, 1000)), min_size=1, max_size=8))
def test_it_is_the_mean_over_the_time_that_listings_enclose(steps: list[tuple[float, int]]) -> None:
    """Within an hour exactly."""
    at, listings = 0.0, [(0.0, 0)]
    for seconds, calls in steps:
        at += seconds
        listings.append((at, calls))
    pairs = [pair for pair in pairwise(listings) if pair[1][0] - pair[0][0] <= 300]
    seconds = sum(after - before for (before, _), (after, _) in pairs)
    area = sum((one + two) / 2 * (after - before) for (before, one), (after, two) in pairs)
    found = mean(load_of(listings))
    if seconds >= 301:
        assert found == pytest.approx(area / seconds)
    elif seconds < 299:
        assert found is None


def test_it_is_renewed_once_a_minute() -> None:
    """An hour's changes slowly, and what follows from it takes a while to calculate."""
    load = load_of((at, 10) for at in range(0, 301, 15))
    averages = []
    for at in range(315, 436, 15):
        load.add(at, {1: 40})
        averages.append(load.average)
    assert [one is two for one, two in pairwise(averages)] == [
        True,
        True,
        False,
        True,
        True,
        True,
        False,
        True,
    ]


@given(st.lists(st.floats(0.01, 300), min_size=1, max_size=400))
def test_little_is_kept_however_often_there_are_listings(steps: list[float]) -> None:
    """Of an hour no more than a few hundred spans, each of some numbers."""
    load, at = AverageLoad(), 0.0
    for seconds in steps * 20:
        at += seconds
        load.add(at, {1: 1})
    assert len(load._spans) <= 2 * HOUR // 30 + 2
