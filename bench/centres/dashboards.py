"""What the dashboards' queries read of 20 accounts in 24 h: `python -m bench.centres.dashboards`."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.centres import rules, synthetic
from bench.centres.cost import RULES
from bench.centres.database import Database, Series
from bench.centres.rules import seconds, selections
from tests.expressions import Expression, Panel, all_panels, substituted

ACCOUNTS, MOST = 20, 2_000_000
"""No query reads more samples than that of so many accounts."""
_MEASURED = 2
"""Accounts that stand for all: each costs the same."""
_DAY = 86400.0
_SCRAPE = 15.0
_POINTS = 1440
"""As wide as a panel may be, in points; the step is then a minute."""


@dataclass(frozen=True, slots=True)
class QueryCost:
    """What a query of a dashboard reads."""

    place: str
    samples: int
    """In 24 h of 20 accounts."""
    has_data: bool
    """Whether it returns any number."""

    @property
    def is_too_dear(self) -> bool:
        """Whether it reads more than is to be."""
        return self.samples > MOST


@dataclass(frozen=True, slots=True)
class _Query:
    place: str
    promql: str
    step: float
    is_instant: bool

    def cost(self, database: Database) -> QueryCost:
        start = synthetic.NOW if self.is_instant else synthetic.NOW - _DAY
        found, cost = database.measured(self.promql, start, synthetic.NOW, self.step)
        return QueryCost(self.place, cost.samples * ACCOUNTS // _MEASURED, any(map(_is_known, found)))


def costs() -> Sequence[QueryCost]:
    """Return what each query of all panels reads, every account and option shown; takes a minute or so."""
    queries = [_query(panel, query) for panel in all_panels() for query in panel.queries]
    bundled = rules.load(RULES)
    read = [
        *(selection for rule in bundled for selection in rule.selections),
        *(selection for query in queries if query.is_instant for selection in selections(query.promql)),
    ]
    over_a_day = [
        selection for query in queries if not query.is_instant for selection in selections(query.promql)
    ]
    windows = synthetic.joined(synthetic.windows(read), synthetic.windows(over_a_day, over=_DAY))
    with (
        TemporaryDirectory(prefix="dashboards-") as folder,
        synthetic.accounts(_MEASURED, bundled, windows, Path(folder)) as database,
    ):
        return [query.cost(database) for query in queries]


def main() -> None:
    """Print what each query reads, the dearest first; exit 1 if one reads too much."""
    found = costs()
    print(*_table(found), sep="\n")
    sys.exit(any(each.is_too_dear for each in found))


def _query(panel: Panel, query: Expression) -> _Query:
    """Return a query as Grafana sends it for the last 24 hours."""
    step = max(_DAY / panel.json.get("maxDataPoints", _POINTS), seconds(panel.json.get("interval", "15s")))
    promql = query.promql
    for variable, value in (
        ("$__rate_interval", max(step + _SCRAPE, 4 * _SCRAPE)),
        ("$__interval", step),
        ("$__range", _DAY),
    ):
        promql = promql.replace(variable, f"{value:.0f}s")
    return _Query(query.place, substituted(promql), step, query.instant)


def _table(found: Sequence[QueryCost]) -> Iterator[str]:
    yield f"{'query':88} {'samples in 24 h':>16}"
    for each in sorted(found, key=lambda each: -each.samples):
        marks = f"{'  TOO MANY' if each.is_too_dear else ''}{'' if each.has_data else '  no data'}"
        yield f"{each.place:88} {each.samples:16,}{marks}"


def _is_known(series: Series) -> bool:
    return any(math.isfinite(float(value)) for _, value in series.values)


if __name__ == "__main__":
    main()
