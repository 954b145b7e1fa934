"""What the rules read of Prometheus, and what an evaluation of all takes: `python -m bench.centres.cost`."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.centres import rules, synthetic
from bench.centres.database import Cost
from bench.centres.rules import Rule
from tests.tools import ROOT

RULES = ROOT / "deploy" / "prometheus" / "rules"


@dataclass(frozen=True, slots=True)
class RuleCost:
    """What an evaluation of a rule takes."""

    rule: str
    cost: Cost


def costs(bundled: Sequence[Rule], accounts: int) -> Sequence[RuleCost]:
    """Return what one evaluation of each rule takes where so many accounts are scraped every 15 s."""
    read = synthetic.windows(selection for rule in bundled for selection in rule.selections)
    now = synthetic.NOW
    with (
        TemporaryDirectory(prefix="cost-") as folder,
        synthetic.accounts(accounts, bundled, read, Path(folder)) as database,
    ):
        return [RuleCost(rule.name, database.measured(rule.expr, now, now)[1]) for rule in bundled]


def samples(found: Iterable[RuleCost]) -> int:
    """Return what all of them read in one evaluation."""
    return sum(each.cost.samples for each in found)


def main() -> None:
    """Print what each rule reads, for some numbers of accounts."""
    parser = argparse.ArgumentParser(prog="python -m bench.centres.cost", description=__doc__)
    parser.add_argument(
        "accounts", type=int, nargs="*", default=[50, 500], help="how many; 50 and 500 by default"
    )
    parser.add_argument(
        "--rules", type=Path, default=RULES, metavar="FOLDER", help="in place of the bundled ones"
    )
    wanted = parser.parse_args()
    bundled = rules.load(wanted.rules)
    for number in wanted.accounts:
        print(*_table(costs(bundled, number), number), sep="\n", flush=True)


def _table(found: Sequence[RuleCost], accounts: int) -> Iterator[str]:
    yield f"{accounts} accounts: {'rule':64} {'samples':>11} {'an account':>11} {'ms':>8}"
    for each in sorted(found, key=lambda each: -each.cost.samples):
        yield _row(each.rule, each.cost, accounts)
    total = sum(each.cost.seconds for each in found)
    yield _row("all rules, once", Cost(samples(found), total), accounts)


def _row(name: str, cost: Cost, accounts: int) -> str:
    return f"  {name:76} {cost.samples:11,} {cost.samples / accounts:11,.0f} {cost.seconds * 1000:8.1f}"


if __name__ == "__main__":
    main()
