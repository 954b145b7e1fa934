"""What the dashboards ask for keeps the rules of Grafana's dashboard-linter, and of honest sums."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from promql_parser import Call, Expr, MatchOp, MatrixSelector, VectorSelector

from exporter.metrics.definitions import CATALOGUE
from exporter.metrics.metric import Kind
from grafana.promql import CONCURRENT_CALLS, COUNTED, highest, once, select, total, week_before
from tests.expressions import (
    Expression,
    dashboard_expressions,
    each_dashboard,
    each_panel,
    panels,
    substituted,
)
from tests.tools import run

#: What stands in for Grafana's own variables, and occurs nowhere else.
RATE_INTERVAL = timedelta(minutes=11)

#: Which option metrics need, by what their names begin with.
OPTIONS = {
    "exotel_call_limit": "call_limit",
    "job_instance_account:exotel_active_calls_per_call_limit:": "call_limit",
    "exotel_line_calls": "lines",
    "exotel_agent_calls": "metrics.per_agent",
    "exotel_agent_longest_call_": "metrics.per_agent",
    "exotel_call_duration_": "metrics.longest_calls",
    "exotel_stream_": "collection.streams.enabled",
    "job_instance_account:exotel_stream_": "collection.streams.enabled",
    "exotel_agent_streams_": "collection.agent_streams",
    "job_instance_account:exotel_agent_streams_": "collection.agent_streams",
}
COVERAGE = "job_instance_account:exotel_stream_inspected_calls:ratio"
WITH_LINE = {"exotel_line_calls", "exotel_call_duration_seconds"}

QUERIES = [*dashboard_expressions()]
each_query = pytest.mark.parametrize(
    "query", [q for q in QUERIES if ": variable " not in q.place], ids=lambda query: query.place
)


def parsed(promql: str) -> Expr:
    """The expression, in which variables of the dashboard are still what labels are compared with."""
    promql = promql.replace("$__rate_interval", "11m").replace("$__range", "1h")
    return promql_parser.parse(promql)


def nodes(promql: str) -> Iterator[Expr]:
    """Everything that the expression is made of."""
    found: list[Expr] = []
    promql_parser.walk(parsed(promql), found.append)
    return iter(found)


def selectors(promql: str) -> list[VectorSelector]:
    """All selectors of the expression, those with a range among them."""
    return [node for node in nodes(promql) if isinstance(node, VectorSelector)]


def needs(promql: str) -> set[str]:
    """The options without which the expression has no data."""
    names = [selector.name or "" for selector in selectors(promql)]
    return {key for begin, key in OPTIONS.items() if any(name.startswith(begin) for name in names)}


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.place)
def test_query_is_valid(query: Expression) -> None:
    """Variables are asked for in PromQL as well."""
    assert selectors(query.promql)


@each_query
def test_every_selector_obeys_the_variables(query: Expression) -> None:
    """What isn't selected isn't shown: job and instance always, account and line where the metric has them.

    What every program exports, and the version of the exporter, are of no account.
    """
    for selector in selectors(query.promql):
        matchers = {m.name: m.value for m in selector.matchers.matchers if m.op == MatchOp.Re}
        name = selector.name or ""
        wanted = {"job": "$job", "instance": "$instance"}
        if "exotel_" in name and not name.startswith("exotel_exporter_"):
            wanted["account"] = "$account"
        if name in WITH_LINE:
            wanted["line"] = "$line"
        assert wanted.items() <= matchers.items(), name


@each_dashboard
def test_line_can_be_chosen_where_it_applies(dashboard: dict[str, Any]) -> None:
    """A variable without an effect misleads, and so does a panel that ignores it."""
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    used = {s.name for p in panels(dashboard) for t in p["targets"] for s in selectors(t["expr"])}
    assert ("line" in variables) == bool(used & WITH_LINE)


@each_query
def test_rates_are_over_grafanas_own_window(query: Expression) -> None:
    """A window of fixed length holds too few scrapes, or hides what happened between two points."""
    for node in nodes(query.promql):
        if isinstance(node, Call) and node.func.name in {"rate", "irate", "increase"}:
            [window] = node.args
            assert isinstance(window, MatrixSelector)
            assert window.range == RATE_INTERVAL


@each_query
def test_counters_are_rated_and_gauges_are_not(query: Expression) -> None:
    """A counter says nothing in itself; a gauge histogram can fall, which a rate takes for a restart."""
    asked = Counter(selector.name or "" for selector in selectors(query.promql))
    rated = Counter(
        node.args[0].vector_selector.name
        for node in nodes(query.promql)
        if isinstance(node, Call) and node.func.name in {"rate", "increase"}
    )
    for name, times in asked.items():
        family = re.sub(r"_(bucket|count|sum|gcount|gsum)$", "", name)
        kinds = {metric.kind for metric in CATALOGUE if metric.name in {name, family}}
        if name.endswith("_total") or kinds & {Kind.COUNTER, Kind.HISTOGRAM}:
            assert rated[name] == times, name
        elif kinds:
            assert rated[name] == 0, name


@each_panel
def test_panel_says_which_option_it_needs(panel: dict[str, Any]) -> None:
    """Without it the panel is empty: its words tell the key, and tell no key that it doesn't need."""
    keys = set.intersection(*(needs(target["expr"]) for target in panel["targets"]))
    assert set(re.findall(r"Set ([\w.]+)", panel["fieldConfig"]["defaults"]["noValue"])) == keys


@each_dashboard
def test_coverage_stands_beside_what_depends_on_it(dashboard: dict[str, Any]) -> None:
    """A figure of the details of calls is worth what share of them is held: it is read in the same band."""
    asked = [
        (panel, {s.name or "" for target in panel["targets"] for s in selectors(target["expr"])})
        for panel in panels(dashboard)
    ]
    places = [panel["gridPos"] for panel, names in asked if COVERAGE in names]
    beside = {top for place in places for top in (place["y"], place["y"] + place["h"])}
    for panel, names in asked:
        if any(name.startswith("exotel_stream_") for name in names):
            assert panel["gridPos"]["y"] in beside, panel["title"]


# Two accounts: `a`, which a twin watches as well, and `b`, whose collection fails in the second minute and
# whose exporter is gone from the fourth.
SERIES = {
    'exotel_up{job="x", instance="1", account="a"}': "1+0x100",
    'exotel_up{job="x", instance="2", account="a"}': "1+0x100",
    'exotel_up{job="x", instance="3", account="b"}': "1 1 0 1 stale",
    'calls{job="x", instance="1", account="a", direction="in"}': "5+0x100",
    'calls{job="x", instance="1", account="a", direction="out"}': "2+0x100",
    'calls{job="x", instance="2", account="a", direction="in"}': "5+0x100",
    'calls{job="x", instance="2", account="a", direction="out"}': "2+0x100",
    'calls{job="x", instance="3", account="b", direction="in"}': "3 3 stale 4 stale",
    f'{CONCURRENT_CALLS}{{job="x", instance="1", account="a"}}': "7+0x100",
    f'{CONCURRENT_CALLS}{{job="x", instance="3", account="b"}}': "3 3 9 4 stale",
}
CALLS, COUNTED_CALLS = select("calls"), select(CONCURRENT_CALLS)


@pytest.mark.parametrize(
    ("promql", "minute", "expected"),
    [
        pytest.param(total(CALLS), 1, {"": 10}, id="an account with two exporters counts once"),
        pytest.param(
            total(CALLS, "direction"), 1, {'direction="in"': 8, 'direction="out"': 2}, id="by label"
        ),
        pytest.param(total(CALLS), 2, {}, id="no total while a collection fails"),
        pytest.param(total(CALLS, "direction"), 2, {}, id="nor one by label"),
        pytest.param(highest(CALLS), 2, {}, id="nor a highest value"),
        pytest.param(once(CALLS), 2, {'account="a"': 7}, id="the other account is still there by itself"),
        pytest.param(
            total(COUNTED_CALLS, of=COUNTED), 2, {"": 16}, id="a total of what is reported meanwhile"
        ),
        pytest.param(highest(COUNTED_CALLS, of=COUNTED), 2, {"": 9}, id="and a highest value"),
        pytest.param(total(COUNTED_CALLS, of=COUNTED), 4, {}, id="but none when nothing is reported either"),
        pytest.param(total(CALLS), 3, {"": 11}, id="a total again when all are listed"),
        pytest.param(total(CALLS), 4, {}, id="no total while an exporter is gone"),
        pytest.param(total(CALLS), 70, {"": 7}, id="after an hour an account is forgotten"),
        pytest.param(week_before(total(CALLS)), 7 * 24 * 60 + 1, {"": 10}, id="last week"),
        pytest.param(week_before(total(CALLS)), 7 * 24 * 60 + 2, {}, id="a gap last week is a gap"),
    ],
)
def test_totals_are_of_every_account_or_not_there(
    tmp_path: Path, promql: str, minute: int, expected: dict[str, float]
) -> None:
    """A sum that lacks an account looks like fewer calls, and a twin like more."""
    samples = [{"labels": f"{{{labels}}}", "value": value} for labels, value in expected.items()]
    check = {"expr": substituted(promql), "eval_time": f"{minute}m", "exp_samples": samples}
    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    case = {"interval": "1m", "input_series": series, "promql_expr_test": [check]}
    file = tmp_path / "totals.yml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [case]}))
    run("promtool", "test", "rules", str(file))
