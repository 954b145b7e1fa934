"""The bench's tables: what came of each behaviour, what was to be reached, and the hours."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from bench.lists.hour import Hour, Scraped
from bench.lists.series import Cell, Tally
from exporter.simulator.profiles import PROFILES

BY_START = ("start", "newest", "seconds", "zoned", "ties-move", "ties-newest", "ties-touched")
HONEST = (
    *(*BY_START, "arbitrary", "insertion", "direction", "shards", "no-start", "heap-in-place", "doubled"),
    *("ties-minutes",),
    *("end-404", "end-400", "end-500", "limit-10", "limit-50", "limit-ignored", "limit-rejected", "whole"),
    *("rounded", "from-one", "late", "ghosts", "linger", "unreadable"),
)
"""Rows keep their order or carry start times, and the total counts them."""


AGELESS = ("cache-now", "replicas-now")
"""Rows are of several moments, and nothing in them tells of which."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, and what it is to be at most, or at least, if that is said."""

    name: str
    found: float
    most: float | None
    least: float | None
    form: str

    @property
    def is_missed(self) -> bool:
        """Return whether it isn't what it is to be."""
        too_much = self.most is not None and self.found > self.most
        return too_much or (self.least is not None and self.found < self.least)

    def __str__(self) -> str:
        bounds = ((sign, bound) for sign, bound in (("≤", self.most), ("≥", self.least)) if bound is not None)
        aim = " ".join(f"{sign} {bound:{self.form}}" for sign, bound in bounds)
        return f"{self.name:72} {self.found:>8{self.form}} {aim:>9}{'  MISSED' if self.is_missed else ''}"


@dataclass(frozen=True, slots=True)
class _Aim:
    """What a figure of some of the series is to be."""

    name: str
    concerns: Callable[[Cell], bool]
    figure: Callable[[Tally], float]
    most: float | None = None
    least: float | None = None
    form: str = ".2%"

    def of(self, tallies: Mapping[Cell, Tally]) -> Iterator[Figure]:
        """Yield the figure, unless nothing concerns it."""
        if concerned := [tally for cell, tally in tallies.items() if self.concerns(cell)]:
            yield Figure(self.name, self.figure(reduce(add, concerned)), self.most, self.least, self.form)


def _complete(tally: Tally) -> float:
    return tally.complete / tally.listings


def _false(tally: Tally) -> float:
    return tally.false / max(1, tally.complete)


def _requests(tally: Tally) -> float:
    return tally.relative_requests / tally.listings


def _microseconds(tally: Tally) -> float:
    return tally.microseconds / tally.series


def _in_start_order(churn: float, *, by_20: bool = False) -> Callable[[Cell], bool]:
    """Return what tells the cells in start order; 12,000 calls by 20 are apart."""
    return lambda cell: (
        cell.name in {"start", "newest"}
        and cell.churn == churn
        and by_20 == (cell.size > 10_000 and cell.page == 20)
    )


_AIMS = (
    _Aim("all behaviours: false of those called complete", lambda _: True, _false, most=0.002),
    _Aim(
        "all but those that show nowhere how old they are: false",
        lambda cell: cell.name not in AGELESS,
        _false,
    ),
    _Aim(
        "rows keep their order or carry start times, honest totals: false",
        lambda cell: cell.name in HONEST,
        _false,
        most=0.0,
    ),
    _Aim(
        "rows in start order incl. ties, 5 % a second, pages of 100: complete",
        lambda cell: cell.name in BY_START and cell.churn == 0.05 and cell.page == 100,
        _complete,
        least=0.99,
    ),
    _Aim(
        "10,000 by 100, arbitrary, 100 starts and 100 ends a second: complete",
        lambda cell: cell.is_full,
        _complete,
        least=1.0,
    ),
    _Aim(
        "start order, 0.1 % a second, but 12,000 by 20: requests over pages",
        _in_start_order(0.001),
        _requests,
        most=1.04,
        form=".3f",
    ),
    _Aim(
        "start order, 1 % a second, but 12,000 by 20: requests over pages",
        _in_start_order(0.01),
        _requests,
        most=1.10,
        form=".3f",
    ),
    _Aim(
        "start order, 1 % a second, 12,000 by 20: requests over pages",
        _in_start_order(0.01, by_20=True),
        _requests,
        form=".3f",
    ),
    _Aim(
        "honest, 3,000 calls and more by 100, up to 1 % a second: CPU a call, µs",
        lambda cell: cell.name in HONEST and cell.page == 100 and cell.size >= 3_000 and cell.churn <= 0.01,
        _microseconds,
        most=1.5,
        form=".2f",
    ),
)


def behaviours(tallies: Mapping[Cell, Tally]) -> Iterator[str]:
    """Write a row for each behaviour, and one for all."""
    by_name: defaultdict[str, list[Tally]] = defaultdict(list)
    for cell, tally in tallies.items():
        by_name[cell.name].append(tally)
    yield (
        f"{'behaviour':19} {'listings':>8} {'complete':>8} {'false':>7} {'lost or invented':>16} "
        f"{'requests':>8} {'µs/call':>7}  what the server does; order told"
    )
    for name, each in by_name.items():
        tally = reduce(add, each)
        orders = ", ".join(f"{order} {count}" for order, count in tally.orders.most_common())
        yield f"{_row(name, tally)}  {PROFILES[name].description}; {orders}"
    yield _row("all", reduce(add, tallies.values()))


def _row(name: str, tally: Tally) -> str:
    mean = tally.false_calls / max(1, tally.false)
    wrong = f"{mean:.1f} ({tally.most_false_calls})" if tally.false else "-"
    return (
        f"{name:19} {tally.listings:>8} {_complete(tally):>8.1%} {_false(tally):>7.2%} {wrong:>16} "
        f"{_requests(tally):>8.2f} {_microseconds(tally):>7.2f}"
    )


def aims(tallies: Mapping[Cell, Tally]) -> Iterator[Figure]:
    """Yield each figure that is to be reached and that the series concern."""
    for aim in _AIMS:
        yield from aim.of(tallies)


def hours(found: Mapping[Scraped, Hour]) -> Iterator[str]:
    """Write a row for each hour."""
    yield (
        f"{'behaviour':19} {'calls':>6} {'page':>5} {'every':>6} {'up':>7} {'false':>7} "
        f"{'age, mean (worst)':>18}"
    )
    for scraped, each in found.items():
        age = f"{each.age / max(1, each.up):.1f} ({each.greatest_age:.0f}) s"
        yield (
            f"{scraped.name:19} {scraped.size:>6} {scraped.page:>5} {scraped.interval:>4.0f} s "
            f"{each.up / each.scrapes:>7.1%} {each.false / max(1, each.up):>7.1%} {age:>18}"
        )


def hour_aims(found: Mapping[Scraped, Hour]) -> Iterator[Figure]:
    """Yield each figure of an hour that is to be reached."""
    for scraped, each in found.items():
        if scraped.name in {"status", "status-newest", "updated-newest"} and (scraped.size, scraped.page) == (
            450,
            20,
        ):
            name = f"{scraped.name}, 450 calls by 20, an hour at 1 %, every {scraped.interval:.0f} s"
            yield Figure(f"{name}: up", each.up / each.scrapes, None, 0.95, ".2%")
            yield Figure(f"{name}: false", each.false / max(1, each.up), 0.01, None, ".2%")
