"""What the bundled rules read of a Prometheus."""

from __future__ import annotations

from bench.centres.cost import RULES, costs, samples
from bench.centres.rules import load

ACCOUNTS = 2


def test_an_evaluation_of_all_rules_reads_at_most_10000_samples_an_account() -> None:
    """At a scrape each 15 s: with 500 accounts, 5 million each time."""
    found = costs(load(RULES), ACCOUNTS)
    dearest = sorted(found, key=lambda each: -each.cost.samples)[:5]
    assert samples(found) <= 10_000 * ACCOUNTS, [(each.rule, each.cost.samples) for each in dearest]
