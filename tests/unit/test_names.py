"""Names that others depend on: what is asked for is what the exporter exports, or what a rule records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from promql_parser import AggregateExpr, BinaryExpr, Expr

from exporter.metrics.definitions import CATALOGUE, OWN
from exporter.metrics.metric import Kind
from tests import markdown
from tests.expressions import Expression, expressions, rules
from tests.offenders import for_each

SUFFIXES = {
    Kind.GAUGE: [""],
    Kind.COUNTER: [""],
    Kind.HISTOGRAM: ["_bucket", "_count", "_sum"],
    Kind.GAUGE_HISTOGRAM: ["_bucket", "_gcount", "_gsum"],
}
OF_A_TARGET = {"job", "instance"}

#: The labels of each series: those of the exporter, of Prometheus, and what the names of recorded ones tell.
LABELS = {
    **{name: {*OF_A_TARGET, "account"} for name in ("up", "scrape_duration_seconds")},  # many-accounts.yml
    "ALERTS": {"alertname", "alertstate", "account"},
    **{family.name: OF_A_TARGET for family in REGISTRY.collect() if family.name.startswith("process_")},
    **{metric.name: {*OF_A_TARGET, *metric.labels} for metric in OWN},
    **{
        metric.name + suffix: {
            *OF_A_TARGET,
            "account",
            *metric.labels,
            *(["le"] if suffix == "_bucket" else []),
        }
        for metric in CATALOGUE
        for suffix in SUFFIXES[metric.kind]
    },
    **{
        rule["record"]: {*rule["record"].partition(":")[0].split("_")} for rule in rules() if "record" in rule
    },
    # of a figure: some are by direction, and each says which side of it is trouble
    **{
        rule["record"]: {"account", "direction", "figure", "worse"}
        for rule in rules()
        if rule.get("record", "").startswith("account_figure:")
    },
    # a user's own, which thresholds.yml reads
    **{
        name: {"account", *rule["record"].partition(":")[0].split("_")}
        for rule in rules()
        if not rule.get("record", "record_wrong:").startswith("record_wrong:")  # which leaves them out
        for name in re.findall(r"\bown:exotel_\w+:\w+", rule["expr"])
    },
    # any of a user's own, chosen by a pattern: what isn't accepted of them is told
    "": {"__name__", "record", "account", "url", "le"},
}

#: What stands in texts: these, and a histogram by its own name.
NAMES = {*LABELS, *(metric.name for metric in CATALOGUE)}
WRITTEN = re.compile(r"(?<![\w:/.-])((?:\w+:)?exotel_\w+(?::\w+)?)(\*?)")


@for_each((expression.place, expression) for expression in expressions())
def test_every_metric_and_label_asked_for_exists(expression: Expression) -> None:
    """A renamed metric breaks this before it breaks a dashboard, an alert or a night on call."""
    assert expression.metrics <= LABELS.keys()
    for selector in expression.selectors:
        assert {matcher.name for matcher in selector.matchers.matchers} <= LABELS[selector.name or ""]
    known = {label for name in expression.metrics for label in LABELS[name]}
    assert {label for node in expression.nodes for label in _labels(node)} <= known


def _labels(node: Expr) -> Iterator[str]:
    """What an operation joins, groups or leaves out by."""
    if isinstance(node, AggregateExpr) and node.modifier:
        yield from node.modifier.labels
    if isinstance(node, BinaryExpr) and node.modifier and node.modifier.matching:
        yield from node.modifier.matching.labels


@for_each(markdown.PAGES.items())
def test_every_metric_written_of_exists(page: Path) -> None:
    """Texts name metrics that are exported or recorded; what ends in * is the beginning of some."""
    for name, star in WRITTEN.findall(markdown.text(page)):
        assert any(known.startswith(name) for known in NAMES) if star else name in NAMES, name
