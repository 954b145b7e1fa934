"""How good estimates are: `make estimate`.

Lists of several sizes and orders, still and moving, of which some pages are read: how often the true number
lies in the interval of 95 %, how wide that is, and how far the estimate is off, beside what as many pages
from the front of the list would say. Figures are shares of all calls of the list, each of a direction and
status of which there are calls.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, product
from math import isnan, nan
from random import Random

from bench.moving import ORDERS, MovingList, pairs
from exporter.collect.estimate import Estimate, Estimator, estimate_calls
from exporter.config import CollectionConfig
from exporter.exotel.listing.lister import Lister
from exporter.exotel.listing.pages import Ask
from exporter.exotel.listing.sampling import sample_pages
from exporter.exotel.models import Call, Page

SIZES, PAGE_SIZES, REQUESTS = (450, 3000, 12_000), (20, 100), (5, 6, 8, 12, 20, 40, 60)
CHURNS, UNPROVEN_CHURNS = (0.0, 0.01), (0.01, 0.02, 0.05)
"""The shares of calls that are others after a second."""
LISTS = 4
"""How many of each kind."""
COVERED, COVERED_ANYHOW = 0.93, 0.90
"""How often an interval is to hold the truth, over all and in any order."""


@dataclass(slots=True)
class Tally:
    """What estimates were worth."""

    estimates: int = 0
    covered: int = 0
    width: float = 0.0
    error: float = 0.0
    front: float = 0.0

    def add(self, true: float, estimate: float, half: float, front: float, calls: int) -> None:
        """Compare an estimate with the truth, which is a whole number."""
        self.estimates += 1
        self.covered += abs(true - estimate) <= half + 0.5
        self.width += half / calls
        self.error += abs(true - estimate) / calls
        self.front += abs(true - front) / calls

    def __str__(self) -> str:
        means = (value / self.estimates for value in (self.covered, self.width, self.error, self.front))
        return "".join(
            (f"{self.estimates:>10,}", *("" if isnan(mean) else f"{mean:>12.1%}" for mean in means))
        )


Measured = tuple[Mapping[str, object], tuple[float, float, float, float, int]]
"""Of which kind a list is; the truth, what was told of it, the same from the front, and the list's calls."""


def sampled(random: Random) -> Iterator[Measured]:
    """Yield the estimates from samples."""
    for order, calls, page_size, requests, churn in product(ORDERS, SIZES, PAGE_SIZES, REQUESTS, CHURNS):
        if requests * page_size >= calls:
            continue
        kind = {
            "all": "samples",
            "order": order,
            "calls": calls,
            "rows a page": page_size,
            "requests": requests,
            "churn": f"{churn:.0%}/s",
        }
        for _ in range(LISTS):
            list_ = MovingList(calls, order, churn, random)
            front = Counter(pairs(list_.calls[: requests * page_size]))
            sample = sample_pages(list_.fetch, page_size, requests, random)
            assert sample is not None
            found = estimate_calls(sample.pages, sample.total, sample.ends)
            weight = calls / front.total()
            yield from compared(
                kind, found, list_.calls, {pair: count * weight for pair, count in front.items()}
            )


class HalfWay:
    """A list as it was when half of its pages had been read."""

    def __init__(self, list_: MovingList, pages: int) -> None:
        self.calls: Sequence[Call] = ()
        self._list, self._left = list_, pages

    def fetch(self, asks: Iterable[Ask]) -> Generator[Page, None, None]:
        """Yield its pages."""
        for page in self._list.fetch(asks):
            yield page
            self._left -= 1
            if not self._left:
                self.calls = self._list.calls


def unproven(random: Random) -> Iterator[Measured]:
    """Yield the estimates from listings that ended and weren't proven, compared with the list half-way."""
    estimator = Estimator(CollectionConfig(estimate=True))
    for order, calls, churn in product(ORDERS, SIZES[:2], UNPROVEN_CHURNS):
        for _ in range(LISTS):
            list_ = MovingList(calls, order, churn, random)
            half_way = HalfWay(list_, calls // 20 // 2)
            found = estimator.of_listing(Lister(20, lambda: 0.0).list(half_way.fetch))
            yield from compared({"read through": f"{churn:.0%}/s"}, found, half_way.calls, {})


def compared(
    kind: Mapping[str, object],
    found: Iterable[Estimate],
    calls: Iterable[Call],
    front: Mapping[tuple[str, str], float],
) -> Iterator[Measured]:
    """Yield each estimate of a direction and status of which there are calls."""
    truth = Counter(pairs(calls))
    for each in found:
        pair = each.direction, each.status
        if truth[pair]:
            figures = truth[pair], each.calls, each.error, front.get(pair, nan), truth.total()
            yield kind, figures


def main() -> int:
    """Print the tables; give 1 if the intervals hold the truth too rarely."""
    tallies: defaultdict[str, defaultdict[object, Tally]] = defaultdict(lambda: defaultdict(Tally))
    random = Random(1)  # noqa: S311  # seeded: the same lists each time
    for kind, figures in chain(sampled(random), unproven(random)):
        for name, value in kind.items():
            tallies[name][value].add(*figures)
    print(f"{'':24}{'estimates':>10}{'covered':>12}{'half width':>12}{'error':>12}{'of the front':>12}")
    for name, groups in tallies.items():
        print(
            "\n".join(
                f"{name if name != 'all' else '':14}{value!s:10}{tally}" for value, tally in groups.items()
            )
        )
    shares = {order: tally.covered / tally.estimates for order, tally in tallies["order"].items()}
    whole = tallies["all"]["samples"]
    return int(whole.covered < COVERED * whole.estimates or min(shares.values()) < COVERED_ANYHOW)


if __name__ == "__main__":
    raise SystemExit(main())
