"""Lists as servers have them, listed in virtual time; prints what is claimed and what is true: `make lists`."""

from __future__ import annotations

import argparse
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import product
from operator import add

from bench.lists.hour import Hour, hour
from bench.lists.population import Population, populate
from bench.lists.series import INTERVAL, Tally, series
from exporter.simulator.profiles import PROFILES

SIZES, PAGES, CHURNS = (15, 60, 450, 3_000, 12_000), (20, 100), (0.0, 0.001, 0.01, 0.05)
_LISTINGS, _LISTINGS_OF_MANY = 10, 5
_HOURS = [
    *product(("start", "arbitrary", "status", "updated-newest"), (450,), (0.01,), (20,), (15.0, 60.0)),
    *product(("start", "arbitrary"), (2_500, 3_000), (0.01,), (20,), (15.0, 60.0)),
    *product(("status", "updated-newest", "ties-move"), (450,), (0.01,), (100,), (15.0, 60.0)),
]
_HONEST = [
    *("start", "newest", "arbitrary", "insertion", "seconds", "zoned", "direction", "shards", "ties-move"),
    *("ties-newest", "ties-touched", "no-start", "end-404", "end-400", "end-500", "limit-10", "limit-50"),
    *("limit-ignored", "limit-rejected", "whole", "rounded", "from-one", "late", "ghosts", "linger"),
]
_BY_START = ("start", "newest", "seconds", "zoned", "ties-move", "ties-newest", "ties-touched")


@dataclass(frozen=True, slots=True)
class Cell:
    """One series of listings."""

    name: str
    size: int
    churn: float
    page: int
    seed: int = 0


@lru_cache(maxsize=1)
def _population(size: int, churn: float, seed: int) -> Population:
    return populate(size, churn, _listings(size) * INTERVAL + 30, seed)


def _listings(size: int) -> int:
    return _LISTINGS_OF_MANY if size > 5_000 else _LISTINGS


def run(cell: Cell) -> Tally:
    """Run the series of a cell."""
    population = _population(cell.size, cell.churn, cell.seed)
    seed = f"{cell.name} {cell.size} {cell.churn} {cell.page} {cell.seed}"
    return series(PROFILES[cell.name], population, cell.page, seed, _listings(cell.size))


def main() -> None:
    """Run what was asked for, and print it."""
    arguments = _arguments()
    names = arguments.behaviour or list(PROFILES)
    sizes, churns = arguments.size or SIZES, arguments.churn or CHURNS
    cells = [
        Cell(name, size, churn, page)
        for size in sorted(sizes, reverse=True)
        for churn in sorted(churns, reverse=True)
        for name in names
        for page in arguments.page or PAGES
    ]
    if not arguments.no_series and not arguments.behaviour and not arguments.quick:
        cells += [Cell("arbitrary", 10_000, 0.01, 100, seed) for seed in range(1, 11)]
    with ProcessPoolExecutor(arguments.processes) as pool:
        if not arguments.no_series:
            tallies = dict(zip(cells, pool.map(run, cells), strict=True))
            print(*_table(tallies), sep="\n")
            print(*_groups(tallies), sep="\n")
        if not arguments.no_hours:
            hours = [each for each in _HOURS if each[0] in names]
            print(*_hours(hours, list(pool.map(_hour, hours))), sep="\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("behaviour", nargs="*", choices=[[], *PROFILES], metavar="BEHAVIOUR", help="all unless named")
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--churn", type=float, action="append", help="share of the calls a second")
    parser.add_argument("--page", type=int, action="append")
    parser.add_argument("--quick", action="store_true", help="sizes up to 450, without the hours")
    parser.add_argument("--no-series", action="store_true")
    parser.add_argument("--no-hours", action="store_true")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.size, arguments.no_hours = arguments.size or (15, 60, 450), True
    return arguments


def _hour(each: tuple[str, int, float, int, float]) -> Hour:
    return hour(*each)


def _table(tallies: dict[Cell, Tally]) -> Iterator[str]:
    by_name: defaultdict[str, list[Tally]] = defaultdict(list)
    for cell, tally in tallies.items():
        by_name[cell.name].append(tally)
    yield (
        f"{'behaviour':20} {'listings':>8} {'complete':>8} {'false':>6} {'wrong calls':>14} {'requests':>8} "
        f"{'µs/call':>7}  order"
    )
    for name, each in by_name.items():
        yield f"{_row(name, reduce(add, each))}  {PROFILES[name].told}"
    yield _row("all", reduce(add, tallies.values()))


def _row(name: str, tally: Tally) -> str:
    complete, false = tally.complete / tally.listings, tally.false / max(1, tally.complete)
    wrong = f"{tally.wrong / max(1, tally.false):.1f} ({tally.most_wrong})" if tally.false else "-"
    orders = " ".join(f"{order}:{count}" for order, count in tally.orders.most_common())
    return (
        f"{name:20} {tally.listings:>8} {complete:>8.1%} {false:>6.1%} {wrong:>14} "
        f"{tally.requests_over_pages / tally.listings:>8.2f} {tally.seconds / max(1, tally.calls) * 1e6:>7.2f}  "
        f"[{orders}]"
    )


def _groups(tallies: dict[Cell, Tally]) -> Iterator[str]:
    groups = {
        "all behaviours: false ≤ 0.2 %": list(tallies.values()),
        "honest, in order or by start: false 0": [t for c, t in tallies.items() if c.name in _HONEST],
        "by start, 5 %/s by 100: complete ≥ 99 %": [
            t for c, t in tallies.items() if c.name in _BY_START and (c.churn, c.page) == (0.05, 100)
        ],
        "10,000 by 100, arbitrary, 1 %/s: all complete": [t for c, t in tallies.items() if c.size == 10_000],
        "start, 0.1 %/s: requests ≤ 1.04": [
            t for c, t in tallies.items() if (c.name, c.churn) == ("start", 0.001) and c.size >= 450
        ],
        "start, 1 %/s: requests ≤ 1.10": [
            t for c, t in tallies.items() if (c.name, c.churn) == ("start", 0.01) and c.size >= 450
        ],
        "CPU, honest by 100 ≤ 1.5 µs": [
            t for c, t in tallies.items() if c.name in _HONEST and c.page == 100 and c.size >= 450
        ],
    }
    for name, each in groups.items():
        if each:
            yield _row(name + "\n  ", reduce(add, each))


def _hours(asked: list[tuple[str, int, float, int, float]], hours: list[Hour]) -> Iterator[str]:
    yield f"{'behaviour':20} {'calls':>6} {'page':>5} {'every':>6} {'up':>6} {'false':>6} {'age mean (worst)':>18}"
    for (name, size, _, page, interval), found in zip(asked, hours, strict=True):
        age = f"{found.ages / max(1, found.up):.1f} ({found.oldest:.0f}) s"
        yield (
            f"{name:20} {size:>6} {page:>5} {interval:>4.0f} s {found.up / found.scrapes:>6.1%} "
            f"{found.false / max(1, found.up):>6.1%} {age:>18}"
        )


if __name__ == "__main__":
    sys.exit(main())
