"""Lists as servers have them, listed in virtual time: what is claimed, and what is true: `make lists`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product

from bench.lists import report
from bench.lists.hour import Scraped, hour
from bench.lists.series import Cell, series
from exporter.simulator.profiles import PROFILES

_SIZES, _PAGES, _CHURNS = (12_000, 3_000, 450, 60, 15), (20, 100), (0.05, 0.01, 0.001, 0.0)
_QUICK_SIZES = (450, 60, 15)
_HOURS = (
    *product(
        ("start", "arbitrary", "ties-move", "status", "status-newest", "updated-newest"),
        (450,),
        (20, 100),
        (15.0, 60.0),
    ),
    *product(("start", "arbitrary"), (2_500, 3_000), (20,), (15.0, 60.0)),
)


def main() -> None:
    """List what was asked for, and print the tables; exit 1 if an aim is missed."""
    wanted = _arguments()
    names = wanted.behaviours or tuple(PROFILES)
    with ProcessPoolExecutor(wanted.processes) as pool:
        cells = list(_cells(names, wanted))
        tallies = dict(zip(cells, pool.map(series, cells), strict=True))
        figures = list(report.aims(tallies))
        print(*report.behaviours(tallies), "", *figures, "", sep="\n", flush=True)
        if not wanted.quick:
            scraped = [Scraped(*each) for each in _HOURS if each[0] in names]
            found = dict(zip(scraped, pool.map(hour, scraped), strict=True))
            of_hours = list(report.hour_aims(found))
            print(*report.hours(found), "", *of_hours, sep="\n")
            figures += of_hours
    sys.exit(any(figure.is_missed for figure in figures))


def _cells(names: Sequence[str], wanted: argparse.Namespace) -> Iterator[Cell]:
    """Yield what is listed; cells of one population follow one another."""
    sizes = wanted.size or (_QUICK_SIZES if wanted.quick else _SIZES)
    for size, churn in product(sizes, wanted.churn or _CHURNS):
        for name, page in product(names, wanted.page or _PAGES):
            yield Cell(name, size, churn, page)
    if "arbitrary" in names and not (wanted.quick or wanted.size):
        yield from (Cell("arbitrary", 10_000, 0.01, 100, seed, is_full=True) for seed in range(1, 11))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    add = parser.add_argument
    add("behaviours", nargs="*", metavar="BEHAVIOUR", help="a profile of exotel-simulator; all unless named")
    add("--size", type=int, action="append", help="calls; may be repeated, as the next two")
    add("--churn", type=float, action="append", help="share of the calls that begin, and end, in a second")
    add("--page", type=int, action="append")
    add("--quick", action="store_true", help="up to 450 calls, and no hours")
    add("--processes", type=int, default=os.cpu_count())
    wanted = parser.parse_args()
    if unknown := set(wanted.behaviours) - set(PROFILES):
        parser.error(f"no behaviour is called {', '.join(sorted(unknown))}")
    return wanted


if __name__ == "__main__":
    main()
