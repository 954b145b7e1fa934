"""The dashboards: generated, legible, self-explanatory; queries as Grafana's dashboard-linter wants them."""

import json
import re
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from promql_parser import Matcher, MatchOp, MatrixSelector

from exporter.metrics.definitions import CATALOGUE
from exporter.metrics.metric import Kind
from grafana.board import GRID
from grafana.generate import dashboards as generated
from grafana.panels import CONSOLE
from grafana.promql import (
    CONCURRENT_CALLS,
    LISTED_ACCOUNTS,
    highest,
    once,
    out_of,
    risen,
    select,
    total,
    week_before,
)
from grafana.style import LABEL_COLOURS
from tests.expressions import (
    DASHBOARDS,
    Expression,
    Panel,
    all_panels,
    annotation_expressions,
    dashboards,
    panel_expressions,
    panels,
    substituted,
    variable_expressions,
)
from tests.offenders import for_each
from tests.tools import ROOT, run

#: Those of the units that Grafana's dashboard-linter knows which are used.
UNITS = {"none", "short", "string", "percentunit", "s", "dthms", "cps", "reqps", "bytes"}

#: What a kind of panel needs at 1366 by 768, in columns and rows of the grid.
LEGIBLE = {"stat": (4, 4), "timeseries": (8, 7), "table": (9, 7), "bargauge": (8, 7), "heatmap": (8, 7)}

#: What stand in for Grafana's own variables, and occur nowhere else.
RATE_INTERVAL = timedelta(minutes=11)
POINT_INTERVAL = timedelta(minutes=7)

#: Which option metrics need, by what their names begin with.
OPTIONS = {
    "exotel_call_limit": "call_limit",
    "job_instance_account:exotel_active_calls_per_call_limit:": "call_limit",
    "exotel_blocking_": "call_limit",
    "exotel_lines_needed": "call_limit",
    "exotel_active_calls_estimate": "collection.estimate",
    "exotel_line_calls": "lines",
    "exotel_agent_calls": "metrics.per_agent",
    "exotel_agent_longest_call_": "metrics.per_agent",
    "exotel_call_duration_": "metrics.longest_calls",
    "exotel_stream_": "collection.streams.enabled",
    "job_instance_account:exotel_stream_": "collection.streams.enabled",
    "exotel_agent_streams_": "collection.agent_streams",
    "job_instance_account:exotel_agent_streams_": "collection.agent_streams",
}
COVERAGE = "exotel_stream_calls"
WITH_LINE = re.compile(r"exotel_line_calls|exotel_call_duration_seconds|job_instance_account_line:.+")

IMPORTABLE = DASHBOARDS.parent / "importable"
DATA_SOURCES = DASHBOARDS.parent / "provisioning" / "datasources" / "prometheus.yaml"

_LOST = ("failed", "busy", "no-answer", "canceled")
#: By metric, the values of a label that are bad in themselves.
BAD_VALUES = {
    ("exotel_active_calls", "status"): _LOST,
    ("exotel_observed_calls_ended_total", "status"): ("queued", "ringing", *_LOST),
    ("exotel_stream_legs", "status"): _LOST,
    ("exotel_stream_calls_by_legs", "legs"): ("0", "1"),
    ("exotel_stream_bridges", "status"): ("none",),
}

PANELS = [(panel.place, panel) for panel in all_panels()]
QUERIES = [(query.place, query) for query in panel_expressions()]


def _is_stacked(panel: Panel) -> bool:
    return bool(panel.defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal")


def _rejects(matcher: Matcher, value: str) -> bool:
    """Whether a matcher keeps series with this value out."""
    matches = re.fullmatch(matcher.value, value)  # of an ordinary word as well
    return bool(matches) == (matcher.op in (MatchOp.NotRe, MatchOp.NotEqual))


def _importable(provisioned: dict[str, Any]) -> str:
    [name] = [name for name, each in dashboards().items() if each == provisioned]
    return (IMPORTABLE / name).read_text(encoding="utf-8")


def test_committed_dashboards_are_what_the_code_generates() -> None:
    """Nobody edits the JSON by hand, and nobody forgets to generate it."""
    folders = (DASHBOARDS, IMPORTABLE)
    paths = [path for folder in folders for path in folder.iterdir() if path.name != "README.md"]
    committed = {f"{path.parent.name}/{path.name}": path.read_text(encoding="utf-8") for path in paths}
    assert committed == dict(generated()), "run python -m grafana.generate"


@for_each(dashboards().items())
def test_a_dashboard_to_import_is_the_provisioned_one_but_for_its_data_source(
    provisioned: dict[str, Any],
) -> None:
    """Its only input takes the place of the variable, wherever that stood."""
    text = _importable(provisioned)
    [asked] = json.loads(text)["__inputs"]
    assert (asked["type"], asked["pluginId"]) == ("datasource", "prometheus")
    assert "${datasource}" not in text
    imported = json.loads(text.replace(f"${{{asked['name']}}}", "${datasource}"))
    del imported["__inputs"], imported["__requires"]
    source, *_ = provisioned["templating"]["list"]
    imported["templating"]["list"].insert(0, source)
    assert imported == provisioned


@for_each(dashboards().items())
def test_a_dashboard_to_import_says_what_it_needs(provisioned: dict[str, Any]) -> None:
    """The Grafana that we deploy, Prometheus, and every kind of panel that it has."""
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    _, _, grafana = compose["services"]["grafana"]["image"].partition(":")
    requires = json.loads(_importable(provisioned))["__requires"]
    panels = {panel["type"] for panel in provisioned["panels"]} - {"row"}
    assert {each["id"] for each in requires} == {"grafana", "prometheus", *panels}
    assert [each["version"] for each in requires if each["id"] == "grafana"] == [grafana]


def test_grafana_com_is_told_of_every_dashboard() -> None:
    """By its name, and by the description that it has in Grafana."""
    text = (IMPORTABLE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(.+)\]\(\1\) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    described = {(name, each["title"]): each["description"] for name, each in dashboards().items()}
    assert {(name, title) for name, title, _ in rows} == described.keys()
    for name, title, description in rows:
        assert described[name, title].startswith(f"{description}."), name


def test_dashboards_keep_their_addresses() -> None:
    """A uid is the address that people bookmark and alerts link to."""
    assert {name: dashboard["uid"] for name, dashboard in dashboards().items()} == {
        "supervisor.json": "exotel-supervisor",
        "load.json": "exotel-load",
        "quality.json": "exotel-quality",
        "agents.json": "exotel-agents",
        "exporter.json": "exotel-exporter",
    }


@for_each(dashboards().items())
def test_variables_are_named_and_set_as_the_linter_wants(dashboard: dict[str, Any]) -> None:
    """Data source, job, instance, account and sometimes line can be chosen, and follow the time range."""
    source, *others = (each for each in dashboard["templating"]["list"] if each["type"] != "constant")
    assert [source[key] for key in ("name", "type", "query")] == ["datasource", "datasource", "prometheus"]
    assert source["label"] == "Data source"
    names = [variable["name"] for variable in others]
    assert names in (["job", "instance", "account"], ["job", "instance", "account", "line"])
    wanted = {"type": "query", "multi": True, "includeAll": True, "allValue": ".+", "refresh": 2}
    for variable in others:
        assert wanted.items() <= variable.items()
        assert variable["label"] == variable["name"].capitalize()
        assert variable["datasource"]["uid"] == "${datasource}"


@for_each(dashboards().items())
def test_a_call_is_looked_up_where_one_constant_says(dashboard: dict[str, Any]) -> None:
    """Nobody can make a link to a dashboard that makes its SIDs lead elsewhere."""
    constants = [each for each in dashboard["templating"]["list"] if each["type"] == "constant"]
    overrides = [each for panel in panels(dashboard) for each in panel.overrides]
    sids = [properties for name, properties in overrides if name == "Call SID"]
    assert len(constants) == len(sids)
    for constant, sid in zip(constants, sids, strict=True):
        assert (constant["name"], constant["query"], constant["skipUrlSync"]) == ("console", CONSOLE, True)
        assert [link["url"] for link in sid["links"]] == ["${console}${__value.raw:percentencode}"]
        assert sid["custom.width"] >= 280


def test_an_exemplar_leads_where_a_sid_does() -> None:
    """Grafana reads where exemplars lead from the data source, and puts `$` for `$$`."""
    [source] = yaml.safe_load(DATA_SOURCES.read_text(encoding="utf-8"))["datasources"]
    [link] = source["jsonData"]["exemplarTraceIdDestinations"]
    assert (link["name"], link["url"]) == ("call_sid", f"{CONSOLE}$${{__value.raw}}")


@for_each(dashboards().items())
def test_what_happened_can_be_laid_over_every_panel(dashboard: dict[str, Any]) -> None:
    """Alerts, accounts that totals lack, versions and reloads, each with a switch of its own."""
    annotations = {each["name"]: each for each in dashboard["annotations"]["list"]}
    assert list(annotations) == ["Alerts", "Not listed", "Versions", "Reloads"]
    for annotation in annotations.values():
        assert (annotation["enable"], annotation["hide"]) == (True, False)
        assert annotation["datasource"]["uid"] == "${datasource}"
    assert annotations["Reloads"]["useValueForTime"] is True
    assert annotations["Reloads"]["expr"].endswith(" * 1000"), "milliseconds"


@for_each((query.place, query) for query in annotation_expressions())
def test_annotations_obey_job_and_instance(query: Expression) -> None:
    """An alert on an exporter has no account, and is shown whichever is chosen."""
    for selector in query.selectors:
        matchers = {each.name: each.value for each in selector.matchers.matchers if each.op == MatchOp.Re}
        of_alerts = {"alertname": "Exotel.+", "account": "$account|"}
        of_exporters = {"job": "$job", "instance": "$instance"}
        wanted = {"ALERTS": of_alerts, "exotel_up": {**of_exporters, "account": "$account"}}
        assert matchers == wanted.get(selector.name or "", of_exporters)


@for_each(dashboards().items())
def test_dashboards_are_linked_tagged_and_read_only(dashboard: dict[str, Any]) -> None:
    """What is generated isn't edited in Grafana; the others are one click away, with time and variables."""
    assert dashboard["editable"] is False
    assert "exotel" in dashboard["tags"]
    [link] = dashboard["links"]
    wanted = {"type": "dashboards", "tags": ["exotel"], "keepTime": True, "includeVars": True}
    assert wanted.items() <= link.items()


@for_each(dashboards().items())
def test_ids_are_unique(dashboard: dict[str, Any]) -> None:
    """Grafana mixes up panels that share an id, and queries of a panel that share a refId."""
    assert max(Counter(panel["id"] for panel in dashboard["panels"]).values()) == 1
    for panel in dashboard["panels"]:
        refs = [target["refId"] for target in panel.get("targets", [])]
        assert (len(set(refs)), bool(refs)) == (len(refs), panel["type"] != "row")


@for_each(dashboards().items())
def test_panels_lie_on_the_grid_side_by_side(dashboard: dict[str, Any]) -> None:
    """No panel covers another or leaves the grid, and the grid has no holes."""
    taken: Counter[tuple[int, int]] = Counter()
    for place in (panel["gridPos"] for panel in dashboard["panels"]):
        columns = range(place["x"], place["x"] + place["w"])
        taken.update(product(columns, range(place["y"], place["y"] + place["h"])))
    assert taken == Counter(product(range(GRID), range(max(row for _, row in taken) + 1)))


@for_each(PANELS)
def test_every_panel_explains_itself(panel: Panel) -> None:
    """Each has a title, a description of what to do, a unit, thresholds, and words for no data."""
    assert panel.json["title"]
    assert re.search(r"[.:?] .+\.$", panel.json["description"]), "what it shows, and then what to do"
    assert panel.json["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel.defaults["unit"] in UNITS
    assert panel.defaults["noValue"]
    assert panel.defaults["thresholds"]["steps"]


@for_each(PANELS)
def test_every_panel_is_legible_on_a_small_screen(panel: Panel) -> None:
    """At 1366 by 768 each kind of panel has the room it needs, for its title and its legend as well."""
    place, (width, height) = panel.json["gridPos"], LEGIBLE[panel.json["type"]]
    assert (place["w"] >= width, place["h"] >= height) == (True, True)
    assert len(panel.json["title"]) <= place["w"] * 6
    if panel.json["type"] == "timeseries":
        assert panel.json["options"]["legend"]["showLegend"] is True
        assert all(target["legendFormat"] for target in panel.json["targets"])


@for_each((place, panel) for place, panel in PANELS if panel.json["type"] == "table")
def test_tables_show_every_column_under_a_name_for_people(table: Panel) -> None:
    """A table is of the present; its columns are renamed and placed, its largest row is on top."""
    assert all(target["instant"] and target["format"] == "table" for target in table.json["targets"])
    organized = table.json["transformations"][-1]["options"]
    titles = organized["renameByName"]
    assert titles.keys() == organized["indexByName"].keys()
    assert sorted(organized["indexByName"].values()) == list(range(len(titles)))
    assert table.json["options"]["sortBy"][0]["displayName"] in titles.values()
    assert {name for name, _ in table.overrides} <= {*titles.values()}


def test_a_colour_means_the_same_on_every_dashboard() -> None:
    """A series that has a colour has one colour, and all the values of known labels have."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for _, panel in PANELS:
        for series, properties in panel.overrides:
            if "color" in properties:
                found[series].add(properties["color"]["fixedColor"])
    assert {series: colours for series, colours in found.items() if len(colours) > 1} == {}
    assert {name for label in ("direction", "status") for name in LABEL_COLOURS[label]} <= found.keys()


@for_each(PANELS)
def test_colour_does_not_carry_meaning_alone(panel: Panel) -> None:
    """What is compared with is dashed, and a state has a name."""
    for series, properties in panel.overrides:
        compared = series == "last week" or re.search(" (as reported|at least|at most)\\$/$", series)
        assert not compared or "custom.lineStyle" in properties
    for mapping in panel.defaults.get("mappings", []):
        if mapping["type"] == "value":  # of others the text itself is coloured
            assert all(state["text"] for state in mapping["options"].values())
    if panel.json["type"] == "timeseries" and len(panel.defaults["thresholds"]["steps"]) > 1:
        assert panel.defaults["custom"]["thresholdsStyle"]["mode"] == "dashed"


@for_each((place, panel) for place, panel in PANELS if _is_stacked(panel))
def test_a_stack_hides_nothing_and_shows_no_line_of_what_is_not_there(panel: Panel) -> None:
    """A series that is 0 has no line on top of the others, and what is bad in itself is not in the stack."""
    assert panel.defaults["custom"]["lineWidth"] == 0
    legends = {target["legendFormat"] for target in panel.json["targets"]}
    for selector in (selector for query in panel.queries for selector in query.selectors):
        matchers = selector.matchers.matchers
        for (metric, label), values in BAD_VALUES.items():
            is_asked_for = selector.name == metric and f"{{{{{label}}}}}" in legends
            for value in values if is_asked_for else ():
                assert any(_rejects(each, value) for each in matchers if each.name == label), value


@for_each(dashboards().items())
def test_at_most_three_graphs_stand_side_by_side(dashboard: dict[str, Any]) -> None:
    """More are too small to be read."""
    tops = Counter(panel["gridPos"]["y"] for panel in dashboard["panels"] if panel["type"] == "timeseries")
    assert max(tops.values()) <= 3


@for_each((query.place, query) for query in [*panel_expressions(), *variable_expressions()])
def test_every_query_and_variable_is_promql_that_selects_something(query: Expression) -> None:
    """Variables are asked for in PromQL as well."""
    assert query.selectors


@for_each(QUERIES)
def test_every_selector_obeys_the_variables(query: Expression) -> None:
    """What isn't selected isn't shown: job and instance always, account and line where the metric has them.

    What every program exports, and the version of the exporter, are of no account.
    """
    for selector in query.selectors:
        matchers = {each.name: each.value for each in selector.matchers.matchers if each.op == MatchOp.Re}
        name = selector.name or ""
        wanted = {"job": "$job", "instance": "$instance"}
        if "exotel_" in name and not name.startswith("exotel_exporter_"):
            wanted["account"] = "$account"
        if WITH_LINE.fullmatch(name):
            wanted["line"] = "$line"
        assert wanted.items() <= matchers.items(), name


@for_each(dashboards().items())
def test_a_line_can_be_chosen_where_it_applies(dashboard: dict[str, Any]) -> None:
    """A variable without an effect misleads; which panels it has one on, their titles say."""
    used = {name for panel in panels(dashboard) for name in panel.metrics}
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert ("line" in variables) == any(map(WITH_LINE.fullmatch, used))
    for panel in panels(dashboard):
        chosen = any("$line" in query.promql for query in panel.queries)
        assert ("${line:text}" in panel.json["title"]) == chosen, panel.json["title"]


@for_each(QUERIES)
def test_rates_are_over_grafanas_own_window(query: Expression) -> None:
    """A window of fixed length holds too few scrapes, or hides what happened between two points."""
    for call in query.calls("rate", "irate", "increase"):
        [window] = call.args
        assert isinstance(window, MatrixSelector)
        assert window.range == RATE_INTERVAL


@for_each((place, query) for place, query in QUERIES if not query.instant)
def test_no_point_of_a_graph_reads_every_scrape_of_a_long_time(query: Expression) -> None:
    """A day of twenty accounts would be many millions of samples; a subquery looks at a few moments of it."""
    for selector in query.nodes:
        if isinstance(selector, MatrixSelector):
            assert selector.range == RATE_INTERVAL


@for_each(QUERIES)
def test_counters_are_rated_and_gauges_are_not(query: Expression) -> None:
    """A counter says nothing in itself; a gauge histogram can fall, which a rate takes for a restart.

    A counter of many series may be compared with the point before: that reads two samples, not all.
    """
    rated = Counter(call.args[0].vector_selector.name for call in query.calls("rate", "increase"))
    for selector in query.selectors:
        if selector.offset == POINT_INTERVAL:
            rated[selector.name] += 2
    for name, times in Counter(selector.name or "" for selector in query.selectors).items():
        family = re.sub(r"_(bucket|count|sum|gcount|gsum)$", "", name)
        kinds = {metric.kind for metric in CATALOGUE if metric.name in {name, family}}
        if name.endswith("_total") or kinds & {Kind.COUNTER, Kind.HISTOGRAM}:
            assert rated[name] == times, name
        elif kinds:
            assert rated[name] == 0, name


@for_each(PANELS)
def test_an_empty_panel_says_which_option_it_needs(panel: Panel) -> None:
    """Its words tell the key, and tell no key that it doesn't need."""
    needed = [
        {key for begin, key in OPTIONS.items() if any(name.startswith(begin) for name in query.metrics)}
        for query in panel.queries
    ]
    assert {*re.findall(r"Set ([\w.]+)", panel.defaults["noValue"])} == set.intersection(*needed)


@for_each(dashboards().items())
def test_coverage_stands_once_above_what_depends_on_it(dashboard: dict[str, Any]) -> None:
    """A figure of the details of calls is worth what share of them is watched: that is read first."""
    tops = [panel.json["gridPos"]["y"] for panel in panels(dashboard) if COVERAGE in panel.metrics]
    details = [
        panel.json["gridPos"]["y"]
        for panel in panels(dashboard)
        if any(name.startswith("exotel_stream_") for name in panel.metrics)
    ]
    assert len(tops) == bool(details)
    assert all(top <= place for top in tops for place in details)


@for_each(dashboards().items())
def test_a_total_stands_beside_the_number_of_accounts_it_is_of(dashboard: dict[str, Any]) -> None:
    """A sum that lacks an account looks like fewer calls."""
    assert Counter(panel.json["title"] for panel in panels(dashboard))["Accounts listed"] == 1


def _counted(some: int, every: int) -> dict[str, float]:
    return {f'some="{some}", every="{every}", counted="{some} of {every}"': 1}


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
    'errors{job="x", instance="1", account="a"}': "2 2 2 2 2 6 1",
    f'{CONCURRENT_CALLS}{{job="x", instance="1", account="a"}}': "7+0x100",
    f'{CONCURRENT_CALLS}{{job="x", instance="3", account="b"}}': "3 3 9 4 stale",
}
CALLS, CONCURRENT = select("calls"), select(CONCURRENT_CALLS)

TOTALS: dict[str, tuple[str, int, dict[str, float]]] = {
    "an account with two exporters counts once": (total(CALLS), 1, {"": 10}),
    "by label": (total(CALLS, "direction"), 1, {'direction="in"': 8, 'direction="out"': 2}),
    "a total of those listed while a collection fails": (total(CALLS), 2, {"": 7}),
    "so is one by label": (total(CALLS, "direction"), 2, {'direction="in"': 5, 'direction="out"': 2}),
    "and the highest value": (highest(CALLS), 2, {"": 5}),
    "beside it how many are listed": (LISTED_ACCOUNTS, 2, _counted(1, 2)),
    "all of them": (LISTED_ACCOUNTS, 1, _counted(2, 2)),
    "a total of what is reported meanwhile": (total(CONCURRENT), 2, {"": 16}),
    "a total again of all when all are listed": (total(CALLS), 3, {"": 11}),
    "an account that was taken out is not missed": (total(CALLS), 4, {"": 7}),
    "nor counted": (LISTED_ACCOUNTS, 4, _counted(1, 1)),
    "none is listed": (out_of("sum(vector(0))", "count(calls)"), 1, _counted(0, 5)),
    "last week": (week_before(total(CALLS)), 7 * 24 * 60 + 1, {"": 10}),
    "the rise of a counter since the point before": (once(risen(select("errors"))), 5, {'account="a"': 4}),
    "no rise where it began anew": (once(risen(select("errors"))), 6, {}),
}


@pytest.mark.usefixtures("generation")
def test_totals_are_of_every_account_that_is_known(tmp_path: Path) -> None:
    """A twin counts once, one account that fails hides no other, and one that is taken out isn't missed."""

    def check(promql: str, minute: int, expected: dict[str, float]) -> dict[str, Any]:
        samples = [{"labels": f"{{{labels}}}", "value": value} for labels, value in expected.items()]
        return {"expr": substituted(promql), "eval_time": f"{minute}m", "exp_samples": samples}

    series = [{"series": name, "values": values} for name, values in SERIES.items()]
    cases = [
        {"name": name, "interval": "1m", "input_series": series, "promql_expr_test": [check(*case)]}
        for name, case in TOTALS.items()
    ]
    file = tmp_path / "totals.yml"
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": cases}))
    run("promtool", "test", "rules", str(file))
