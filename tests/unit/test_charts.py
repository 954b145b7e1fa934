"""The charts of an account's last hour, read as the paths that a browser draws."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collect.history import MINUTES, Minute
from exporter.http.charts import HEIGHT, Chart, calls_chart, times_chart

_STEP = re.compile(r"V(\d+)h(\d+)")
_COLUMNS = re.compile(rf"M(\d+) {HEIGHT}((?:V\d+h\d+)+)V{HEIGHT}z")


def hour(*calls: int | None, **fields: bool) -> list[Minute | None]:
    """Return the minutes of an hour that ends with these, in each of which one listing was complete."""
    told = [
        None if most is None else Minute(number, 1, 0, most, most, most / 100, **fields)
        for number, most in enumerate(calls)
    ]
    return [None] * (MINUTES - len(told)) + told


def heights(path: str) -> list[int | None]:
    """Return how high the column of each minute is; None where there is none. Fails if it is another path."""
    assert not _COLUMNS.sub("", path)
    found: list[int | None] = [None] * MINUTES
    for at, steps in _COLUMNS.findall(path):
        place = int(at)
        for top, length in _STEP.findall(steps):
            for minute in range(place, place + int(length)):
                found[minute] = HEIGHT - int(top)
            place += int(length)
    return found


MINUTE = st.none() | st.builds(
    lambda calls, seconds, failures, is_simulated: Minute(
        0, 1, failures, calls, calls, seconds if calls is not None else None, is_simulated=is_simulated
    ),
    st.none() | st.integers(0, 10**30),
    st.floats(0, 1e300),
    st.integers(0, 5),
    st.booleans(),
)
HOUR = st.lists(MINUTE, max_size=12).map(lambda last: [None] * (MINUTES - len(last)) + last)


@given(HOUR, st.none() | st.integers(1, 10**30))
def test_each_minute_in_which_something_is_known_has_a_column(
    minutes: list[Minute | None], limit: int | None
) -> None:
    """Whatever its figure: within the area, higher the more there is; the others have none."""
    for chart in (calls_chart(minutes, limit), times_chart(minutes)):
        drawn, simulated = heights(chart.columns), heights(chart.simulated)
        for minute, real, unreal in zip(minutes, drawn, simulated, strict=True):
            is_known = minute is not None and minute.most_calls is not None
            assert (real is not None or unreal is not None) == is_known
            assert real is None or unreal is None
            if minute and is_known:
                assert (unreal is not None) == minute.is_simulated
                assert 1 <= (real or unreal or 0) <= HEIGHT
        assert chart.limit is None or 0 <= chart.limit < HEIGHT
    chart = calls_chart(minutes)
    known = [
        (minute.most_calls, real or unreal or 0)
        for minute, real, unreal in zip(
            minutes, heights(chart.columns), heights(chart.simulated), strict=True
        )
        if minute and minute.most_calls is not None
    ]
    assert [height for _, height in sorted(known)] == sorted(height for _, height in known)


def test_an_hour_without_a_listing_draws_and_says_nothing() -> None:
    """No 0, no line along the bottom."""
    assert calls_chart(hour()) == times_chart(hour()) == calls_chart(()) == Chart("", "", "")


def test_a_single_listing_is_a_column() -> None:
    """It is as high as can be, and its figure is told once."""
    chart = calls_chart(hour(7))
    assert heights(chart.columns) == [None] * (MINUTES - 1) + [HEIGHT]
    assert chart.words == "7 calls"


def test_no_calls_are_not_a_gap() -> None:
    """A column of nothing can be seen."""
    chart = calls_chart(hour(0, None, 0))
    assert heights(chart.columns)[-3:] == [1, None, 1]
    assert chart.words == "0 calls"


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ((1,), "1 call"),
        ((80, 142, 120), "80 to 142 calls"),
        ((0, 1), "0 to 1 call"),
        ((5000,), "5,000 calls"),
    ],
)
def test_the_calls_are_told_from_the_fewest_to_the_most(calls: tuple[int, ...], words: str) -> None:
    """In the words of people."""
    assert calls_chart(hour(*calls)).words == words


def test_the_present_calls_are_among_those_that_are_told() -> None:
    """Though the most of each minute is drawn."""
    minutes = [*hour(80), Minute(60, 4, 0, 61, 142, 0.1)][1:]
    assert calls_chart(minutes).words == "61 to 142 calls"


def test_how_long_listings_took_is_told_in_seconds() -> None:
    """What is written the same is written once."""
    assert times_chart(hour(5, 42)).words == "0.05 to 0.42\N{NO-BREAK SPACE}s"
    assert times_chart(hour(42, 42)).words == "0.42\N{NO-BREAK SPACE}s"


@pytest.mark.parametrize(
    ("limit", "drawn"), [(None, None), (100, 0), (200, 0), (50, HEIGHT // 2), (201, None)]
)
def test_the_limit_is_drawn_where_calls_come_near_it(limit: int | None, drawn: int | None) -> None:
    """One far above would press all columns flat; one that calls exceed is below their top."""
    chart = calls_chart(hour(100), limit)
    assert chart.limit == drawn
    assert heights(chart.columns)[-1] == (HEIGHT // 2 if limit == 200 else HEIGHT)


def test_minutes_with_failures_are_marked_below_and_told() -> None:
    """Those side by side by one line, also where nothing was listed."""
    minutes = hour(5, 5, 5, 5)
    minutes[10] = Minute(0, 4, 4)
    minutes[11] = Minute(0, 4, 1, 5, 5, 0.1)
    minutes[-1] = Minute(0, 1, 1)
    chart = calls_chart(minutes)
    assert chart.failures == f"M10 {HEIGHT + 5}h2M59 {HEIGHT + 5}h1"
    assert chart.failed == "6 of 12 collections failed"
    assert not calls_chart(hour(5)).failures + calls_chart(hour(5)).failed
