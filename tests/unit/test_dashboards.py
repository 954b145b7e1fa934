"""The dashboards are what the code generates, lie well on the screen, and explain themselves."""

import itertools
import re
from collections import defaultdict
from typing import Any

from grafana.board import GRID
from grafana.generate import dashboards as generated
from grafana.style import LABEL_COLOURS
from tests.expressions import DASHBOARDS, dashboards, each_dashboard, each_panel, panels

#: Those of the units that Grafana's dashboard-linter knows which are used.
UNITS = {"none", "short", "string", "percentunit", "s", "dthms", "cps", "reqps", "bytes"}

#: What a kind of panel needs at 1366 by 768, in columns and rows of the grid.
LEGIBLE = {"stat": (4, 4), "timeseries": (8, 7), "table": (9, 7), "bargauge": (8, 7), "heatmap": (8, 7)}


def test_committed_dashboards_are_what_the_code_generates() -> None:
    """Nobody edits the JSON by hand, and nobody forgets to generate it."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in DASHBOARDS.iterdir()}
    assert committed == dict(generated()), "run python -m grafana.generate"


def test_dashboards_keep_their_addresses() -> None:
    """A uid is the address that people bookmark and alerts link to: each file has its own, and it stays."""
    assert {name: dashboard["uid"] for name, dashboard in dashboards()} == {
        "supervisor.json": "exotel-supervisor",
        "load.json": "exotel-load",
        "quality.json": "exotel-quality",
        "agents.json": "exotel-agents",
        "exporter.json": "exotel-exporter",
    }


@each_dashboard
def test_variables_are_named_and_set_as_the_linter_wants(dashboard: dict[str, Any]) -> None:
    """Data source, job, instance, account and sometimes line can be chosen, and follow the time range."""
    source, *others = dashboard["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert source["label"] == "Data source"
    assert [variable["name"] for variable in others] in (
        ["job", "instance", "account"],
        ["job", "instance", "account", "line"],
    )
    for variable in others:
        assert variable["type"] == "query"
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
    for panel in panels(dashboard):
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)


@each_dashboard
def test_panels_lie_on_the_grid_side_by_side(dashboard: dict[str, Any]) -> None:
    """No panel covers another or leaves the grid, and the grid has no holes."""
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    for place in places:
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= GRID
    for a, b in itertools.combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, (a, b)
    bottom = max(place["y"] + place["h"] for place in places)
    assert sum(place["w"] * place["h"] for place in places) == GRID * bottom


@each_panel
def test_panel_explains_itself(panel: dict[str, Any]) -> None:
    """Each panel has a title, a description of what to do, a unit, thresholds, and words for no data."""
    assert panel["title"]
    assert re.search(r"[.:?] .+\.$", panel["description"]), "what it shows, and then what to do"
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    defaults = panel["fieldConfig"]["defaults"]
    assert defaults["unit"] in UNITS
    assert defaults["noValue"]
    assert defaults["thresholds"]["steps"]


@each_panel
def test_panel_is_legible_on_a_small_screen(panel: dict[str, Any]) -> None:
    """At 1366 by 768 each kind of panel has the room it needs, for its title and its legend as well."""
    width, height = LEGIBLE[panel["type"]]
    assert panel["gridPos"]["w"] >= width
    assert panel["gridPos"]["h"] >= height
    assert len(panel["title"]) <= panel["gridPos"]["w"] * 6
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"] is True
        assert all(target["legendFormat"] for target in panel["targets"])


@each_panel
def test_table_shows_every_column_under_a_name_for_people(panel: dict[str, Any]) -> None:
    """A table is of the present; its columns are renamed and placed, its largest row is on top."""
    if panel["type"] != "table":
        return
    assert all(target["instant"] and target["format"] == "table" for target in panel["targets"])
    organized = panel["transformations"][-1]["options"]
    titles = organized["renameByName"]
    assert titles.keys() == organized["indexByName"].keys()
    assert sorted(organized["indexByName"].values()) == list(range(len(titles)))
    assert panel["options"]["sortBy"][0]["displayName"] in titles.values()
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["options"] in titles.values()


def test_a_colour_means_the_same_on_every_dashboard() -> None:
    """A series that has a colour has one colour, and all the values of known labels have."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for _, dashboard in dashboards():
        for panel in panels(dashboard):
            for override in panel["fieldConfig"]["overrides"]:
                for setting in override["properties"]:
                    if setting["id"] == "color":
                        found[override["matcher"]["options"]].add(setting["value"]["fixedColor"])
    assert all(len(used) == 1 for used in found.values()), found
    assert {name for label in ("direction", "status") for name in LABEL_COLOURS[label]} <= found.keys()


@each_panel
def test_colour_does_not_carry_meaning_alone(panel: dict[str, Any]) -> None:
    """What is compared with is dashed, and a state has a name."""
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] in {"/ limit$/", "/ as reported$/", "last week"}:
            assert "custom.lineStyle" in {setting["id"] for setting in override["properties"]}
    if panel["fieldConfig"]["defaults"].get("mappings"):
        [mapping] = panel["fieldConfig"]["defaults"]["mappings"]
        assert all(state["text"] for state in mapping["options"].values())
    if panel["type"] == "timeseries" and len(panel["fieldConfig"]["defaults"]["thresholds"]["steps"]) > 1:
        assert panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"] == "dashed"
