"""An account's last hour, drawn for the landing page: a column a minute, and the figures in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from exporter.collect.history import MINUTES, Minute

WIDTH, HEIGHT = MINUTES, 32
"""Of the area for columns, one a minute; marks of failures stand below it."""
_LEAST = 1  # the height of a column of nothing: a minute in which nothing is known has none
_FAR = 2  # times the highest column: a limit above that would press all columns flat


@dataclass(frozen=True, slots=True)
class Chart:
    """Paths in the units of WIDTH and HEIGHT, empty where there is nothing to draw; and what they say."""

    columns: str
    simulated: str
    """Those of minutes that were simulated."""
    words: str
    limit: int | None = None
    """How far below the top the limit is; None where it isn't drawn."""
    failures: str = ""
    """A line below each minute with a failure."""
    failed: str = ""
    """How many collections failed, in words; empty where none did."""


def calls_chart(minutes: Sequence[Minute | None], limit: int | None = None) -> Chart:
    """Return the most calls of each minute, below the limit if it is near, and above the failures."""
    ran = [minute for minute in minutes if minute]
    last = [minute.calls for minute in ran if minute.calls is not None]
    most = [minute.most_calls if minute else None for minute in minutes]
    highest = max((each for each in most if each is not None), default=0)
    top = max(highest, limit) if limit and limit <= _FAR * highest else highest
    unit = " call" if highest == 1 else " calls"
    failures, collections = sum(each.failures for each in ran), sum(each.collections for each in ran)
    return Chart(
        *_drawn(minutes, most, top),
        words=_span(f"{min(last):,}", f"{highest:,}") + unit if last else "",
        limit=HEIGHT - _height(limit, top) if limit and limit <= top else None,
        failures="".join(_lines([bool(minute and minute.failures) for minute in minutes])),
        failed=f"{failures:,} of {collections:,} collections failed" if failures else "",
    )


def times_chart(minutes: Sequence[Minute | None]) -> Chart:
    """Return how long the slowest complete listing of each minute took."""
    seconds = [minute.seconds if minute else None for minute in minutes]
    known = [each for each in seconds if each is not None]
    words = _span(f"{min(known):.2f}", f"{max(known):.2f}") + "\N{NO-BREAK SPACE}s" if known else ""
    return Chart(*_drawn(minutes, seconds, max(known, default=0.0)), words=words)


def _span(least: str, most: str) -> str:
    """Return the words for a range, of which both ends may be written the same."""
    return most if least == most else f"{least} to {most}"


def _drawn(minutes: Sequence[Minute | None], values: Sequence[float | None], top: float) -> tuple[str, str]:
    """Return the columns of the minutes that were, and of those that were simulated."""
    told: list[int | None] = [None] * len(minutes)
    simulated = told.copy()
    for place, (minute, value) in enumerate(zip(minutes, values, strict=True)):
        if minute and value is not None:
            (simulated if minute.is_simulated else told)[place] = _height(value, top)
    return "".join(_columns(told)), "".join(_columns(simulated))


def _height(value: float, top: float) -> int:
    return max(_LEAST, round(HEIGHT * (value / top))) if top else _LEAST


def _columns(heights: Sequence[int | None]) -> Iterator[str]:
    """Yield the outline of columns side by side, those of the same height as one; gaps end it."""
    at = 0
    for is_gap, columns in groupby(heights, lambda height: height is None):
        together = [(height, len(list(same))) for height, same in groupby(columns)]
        if not is_gap:
            steps = "".join(f"V{HEIGHT - (height or 0)}h{length}" for height, length in together)
            yield f"M{at} {HEIGHT}{steps}V{HEIGHT}z"
        at += sum(length for _, length in together)


def _lines(marks: Sequence[bool]) -> Iterator[str]:
    """Yield a line for each run of minutes that are marked."""
    at = 0
    for is_marked, same in groupby(marks):
        length = len(list(same))
        if is_marked:
            yield f"M{at} {HEIGHT + 5}h{length}"
        at += length
