"""The dashboards are what the code generates, and keep the rules of Grafana's dashboard-linter."""

import itertools
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.board import GRID
from grafana.generate import dashboards as generated
from tests.expressions import DASHBOARDS, Expression, dashboard_expressions, dashboards, substituted
from tests.tools import run

METRIC = re.compile(r"\b(?:[a-z_]+:)?exotel_[a-z_:]+")
SELECTOR = re.compile(rf"({METRIC.pattern})\{{([^}}]*)\}}")

each_dashboard = pytest.mark.parametrize(
    "dashboard", [pytest.param(dashboard, id=name) for name, dashboard in dashboards()]
)
each_panel = pytest.mark.parametrize(
    "panel",
    [
        pytest.param(panel, id=f"{name}: {panel['title']}")
        for name, dashboard in dashboards()
        for panel in dashboard["panels"]
    ],
)
each_query = pytest.mark.parametrize(
    "query",
    [query for query in dashboard_expressions() if "variable" not in query.place],
    ids=lambda q: q.place,
)


def test_committed_dashboards_are_what_the_code_generates() -> None:
    """Nobody edits the JSON by hand, and nobody forgets to generate it."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in DASHBOARDS.iterdir()}
    assert committed == dict(generated()), "run python -m grafana.generate"


def test_dashboards_keep_their_addresses() -> None:
    """A uid is the address that people bookmark and alerts link to: each file has its own, and it stays."""
    assert {name: dashboard["uid"] for name, dashboard in dashboards()} == {"load.json": "exotel-load"}


@each_dashboard
def test_variables_are_named_and_set_as_the_linter_wants(dashboard: dict[str, Any]) -> None:
    """Data source, job, instance and account can be chosen, and follow the time range."""
    source, *others = dashboard["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert source["label"] == "Data source"
    assert [variable["name"] for variable in others] == ["job", "instance", "account"]
    for variable in others:
        assert variable["label"] == variable["name"].capitalize()
        assert variable["datasource"]["uid"] == "${datasource}"
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (True, True, ".+")
        assert variable["refresh"] == 2


@each_dashboard
def test_dashboard_is_linked_tagged_and_read_only(dashboard: dict[str, Any]) -> None:
    """What is generated isn't edited in Grafana; the others are one click away, with time and variables."""
    assert dashboard["editable"] is False
    assert "exotel" in dashboard["tags"]
    [link] = dashboard["links"]
    assert (link["type"], link["tags"], link["keepTime"], link["includeVars"]) == (
        "dashboards",
        ["exotel"],
        True,
        True,
    )


@each_dashboard
def test_ids_are_unique(dashboard: dict[str, Any]) -> None:
    """Grafana mixes up panels that share an id, and queries of a panel that share a refId."""
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in dashboard["panels"]:
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)


@each_dashboard
def test_panels_lie_on_the_grid_side_by_side(dashboard: dict[str, Any]) -> None:
    """No panel covers another or leaves the grid."""
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in places:
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= GRID
    for a, b in itertools.combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, (a, b)


@each_panel
def test_panel_explains_itself(panel: dict[str, Any]) -> None:
    """Each panel has a title, a description in whole sentences, a unit, thresholds, and words for no data."""
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in {"none", "short", "percentunit", "s"}
    assert defaults["noValue"]
    assert defaults["thresholds"]["steps"]


@each_panel
def test_panel_is_legible_on_a_small_screen(panel: dict[str, Any]) -> None:
    """At 1366 × 768 a tile needs 4 columns and 4 rows, a graph 8 columns and 7 rows, and its legend shown."""
    width, height = {"stat": (4, 4), "timeseries": (8, 7)}[panel["type"]]
    assert panel["gridPos"]["w"] >= width
    assert panel["gridPos"]["h"] >= height
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"] is True
        assert all(target["legendFormat"] for target in panel["targets"])


@each_query
def test_every_selector_obeys_the_variables(query: Expression) -> None:
    """What isn't selected isn't shown: each metric is narrowed by job, instance and account."""
    selectors = SELECTOR.findall(query.promql)
    assert [metric for metric, _ in selectors] == METRIC.findall(query.promql)
    for _, matchers in selectors:
        for name in ("job", "instance", "account"):
            assert f'{name}=~"${name}"' in matchers


@each_query
def test_counters_are_read_over_grafanas_own_window(query: Expression) -> None:
    """A counter is only meaningful inside rate or increase, over a window that holds enough scrapes."""
    counters = re.findall(r"(\w*)\((\w+_total)\{[^}]*\}(\[[^\]]*\])?", query.promql)
    assert len(counters) == len(re.findall(r"\w+_total\b", query.promql))
    for function, _, window in counters:
        assert function in {"rate", "increase"}
        assert window == "[$__rate_interval]"


def test_every_query_is_valid_promql(tmp_path: Path) -> None:
    """Prometheus understands each query as Grafana sends it."""
    queries = [substituted(query.promql) for query in dashboard_expressions()]
    rules = [{"record": f"query:{n}", "expr": query} for n, query in enumerate(queries)]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    assert f"{len(queries)} rules found" in run("promtool", "check", "rules", str(file))
