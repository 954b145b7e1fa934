"""How good estimates are: `make estimate`.

Lists of several sizes and orders, still and moving, of which some pages are read: how often the true number
lies in the interval of 95 %, how wide that is, and how far the estimate is off, beside what as many pages
from the front of the list would say. Figures are shares of all calls of the list, each of a direction and
status of which there are calls.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from bench.moving import ORDERS, MovingList, spread
from exporter.api.sampling import sample_pages
from exporter.observe.estimate import estimate_calls

SIZES, PAGE_SIZES, REQUESTS = (450, 3000, 12_000), (20, 100), (5, 6, 8, 12, 20, 40, 60)
CHURNS = (0.0, 0.01)
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
        return "".join((f"{self.estimates:>10,}", *(f"{mean:>12.1%}" for mean in means)))


def measure() -> Iterator[tuple[dict[str, object], tuple[float, float, float, float, int]]]:
    """Yield each estimate: of which kind its list is, the truth, what was told, and the calls of the list."""
    random = Random(1)  # noqa: S311  # seeded: the same lists each time
    for order, calls, page_size, requests, churn in product(ORDERS, SIZES, PAGE_SIZES, REQUESTS, CHURNS):
        if requests * page_size >= calls:
            continue
        kind: dict[str, object] = {
            "order": order, "calls": calls, "rows a page": page_size, "requests": requests, "churn": churn
        }  # fmt: skip
        for _ in range(LISTS):
            list_ = MovingList(calls, order, churn, random)
            front = Counter(spread(list_.calls[: requests * page_size]))
            sample = sample_pages(list_.fetch, page_size, requests, random)
            assert sample is not None
            truth = Counter(spread(list_.calls))
            weight = calls / front.total()
            for each in estimate_calls(sample.pages, sample.total, sample.ends):
                pair = each.direction, each.status
                if truth[pair]:
                    yield kind, (truth[pair], each.calls, each.error, front[pair] * weight, calls)


def main() -> int:
    """Print the tables; give 1 if the intervals hold the truth too rarely."""
    tallies: defaultdict[str, defaultdict[object, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for kind, figures in measure():
        tallies["all"]["all"].add(*figures)
        for name, value in kind.items():
            tallies[name][value].add(*figures)
    print(f"{'':24}{'estimates':>10}{'covered':>12}{'half width':>12}{'error':>12}{'of the front':>12}")
    for name, groups in tallies.items():
        print(
            "\n".join(
                f"{name if name != 'all' else '':12}{value!s:12}{tally}" for value, tally in groups.items()
            )
        )
    shares = {order: tally.covered / tally.estimates for order, tally in tallies["order"].items()}
    whole = tallies["all"]["all"]
    return int(whole.covered < COVERED * whole.estimates or min(shares.values()) < COVERED_ANYHOW)


if __name__ == "__main__":
    raise SystemExit(main())
