"""Names that others depend on: what dashboards and rules ask for is what the exporter exports."""

from __future__ import annotations

import re

import pytest

from exporter.expose.collector import BUILD_INFO, CATALOGUE
from exporter.expose.metric import Kind
from tests.expressions import Expression, expressions

SUFFIXES = {
    Kind.GAUGE: [""],
    Kind.COUNTER: [""],
    Kind.HISTOGRAM: ["_bucket", "_count", "_sum"],
    Kind.GAUGE_HISTOGRAM: ["_bucket", "_gcount", "_gsum"],
}
EXPORTED = {m.name + suffix: m for m in (*CATALOGUE, BUILD_INFO) for suffix in SUFFIXES[m.kind]}


@pytest.mark.parametrize("expression", [*expressions()], ids=lambda expression: expression.place)
def test_every_metric_and_label_asked_for_is_exported(expression: Expression) -> None:
    """A renamed metric breaks this before it breaks a dashboard or an alert."""
    for name, selector in re.findall(r"(?<![:\w])(exotel_\w+)(?![:\w])(?:\{([^}]*)\})?", expression.promql):
        assert name in EXPORTED, f"{name} is not exported"
        labels = {match[0] for match in re.findall(r"(\w+)\s*(=~|!~|!=|=)", selector)}
        assert labels <= {*EXPORTED[name].labels, "account", "job", "instance", "le"}
