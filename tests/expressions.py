"""The dashboards, rules and runbooks, and the PromQL expressions in them, to be checked or queried."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import promql_parser
import yaml
from promql_parser import Call, Expr, VectorSelector

from tests.tools import ROOT

DASHBOARDS = ROOT / "grafana" / "dashboards"
RULES = ROOT / "deploy" / "prometheus" / "rules"
RUNBOOKS = ROOT / "docs" / "runbooks.md"

#: What Grafana would put in place of its variables. Longer names first: one may begin another.
VARIABLES = {
    "$__rate_interval": "1m",
    "$__interval": "15s",
    "$__range": "1h",
    "$datasource": "prometheus",
    "$instance": ".+",
    "$account": ".+",
    "$line": ".+",
    "$job": ".+",
}


@dataclass(frozen=True)
class Expression:
    """One PromQL expression and where it stands."""

    place: str
    promql: str
    instant: bool = True
    """Whether it is evaluated once, now, rather than for each point of a graph."""

    @cached_property
    def nodes(self) -> Sequence[Expr]:
        """The syntax tree. Labels are compared with the dashboard's variables; `$__rate_interval` is 11m."""
        found: list[Expr] = []
        promql = self.promql.replace("$__rate_interval", "11m").replace("$__range", "1h")
        promql = promql.replace("$__interval", "7m")
        promql_parser.walk(promql_parser.parse(promql), found.append)
        return found

    @property
    def selectors(self) -> Sequence[VectorSelector]:
        """All selectors, those with a range included."""
        return [node for node in self.nodes if isinstance(node, VectorSelector)]

    @property
    def metrics(self) -> set[str]:
        """The names that it selects."""
        return {selector.name or "" for selector in self.selectors}

    def calls(self, *functions: str) -> Sequence[Call]:
        """Return all calls of these functions."""
        return [node for node in self.nodes if isinstance(node, Call) and node.func.name in functions]


@dataclass(frozen=True)
class Panel:
    """A panel as it stands in the JSON, and its queries."""

    place: str
    json: dict[str, Any]
    queries: Sequence[Expression]

    @property
    def defaults(self) -> dict[str, Any]:
        """What holds for all its fields."""
        return self.json["fieldConfig"]["defaults"]  # type: ignore[no-any-return]

    @property
    def overrides(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """What holds for some of its fields alone: which, and the values of their properties."""
        for each in self.json["fieldConfig"]["overrides"]:
            yield each["matcher"]["options"], {one["id"]: one["value"] for one in each["properties"]}

    @property
    def metrics(self) -> set[str]:
        """The names that its queries select."""
        return {name for query in self.queries for name in query.metrics}


@cache
def dashboards() -> dict[str, dict[str, Any]]:
    """Return the committed dashboards by file name."""
    return {path.name: json.loads(path.read_text()) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(dashboard: dict[str, Any]) -> Iterator[Panel]:
    """Yield the panels of a dashboard, without the titles of rows."""
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            place = f"{dashboard['title']}: {panel['title']}"
            queries = [
                Expression(f"{place} {target['refId']}", target["expr"], target.get("instant", False))
                for target in panel["targets"]
            ]
            yield Panel(place, panel, queries)


def all_panels() -> list[Panel]:
    """Return the panels of all dashboards."""
    return [panel for dashboard in dashboards().values() for panel in panels(dashboard)]


def panel_expressions() -> list[Expression]:
    """Return the queries of all panels."""
    return [query for panel in all_panels() for query in panel.queries]


def variable_expressions() -> Iterator[Expression]:
    """Yield the series that the dashboards' variables take their values from."""
    for name, dashboard in dashboards().items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                series, _, _ = variable["query"].removeprefix("label_values(").rpartition(",")
                yield Expression(f"{name}: variable {variable['name']}", series)


def annotation_expressions() -> Iterator[Expression]:
    """Yield what marks a time on the dashboards."""
    for name, dashboard in dashboards().items():
        for annotation in dashboard["annotations"]["list"]:
            yield Expression(f"{name}: annotation {annotation['name']}", annotation["expr"], instant=False)


def expressions() -> Iterator[Expression]:
    """Yield those of the dashboards, of the rules and of the runbooks."""
    yield from panel_expressions()
    yield from variable_expressions()
    yield from annotation_expressions()
    yield from rule_expressions()
    yield from runbook_expressions()


def rule_expressions() -> Iterator[Expression]:
    """Yield those of every recording rule and alert."""
    for rule in rules():
        yield Expression(rule.get("alert") or rule["record"], rule["expr"])


def runbook_expressions() -> Iterator[Expression]:
    """Yield those to be pasted into Prometheus during an alert: indented lines that are not for a shell."""
    _, *sections = RUNBOOKS.read_text(encoding="utf-8").split("\n## ")
    for section in sections:
        alert = section.partition("\n")[0]
        for line in re.findall(r"^ {4}(?!curl )(.+)$", section, re.MULTILINE):
            yield Expression(f"{RUNBOOKS.name}: {alert}", line)


@cache
def rules() -> Sequence[dict[str, Any]]:
    """Return the committed rules."""
    files = [yaml.load(path.read_text(), yaml.CSafeLoader) for path in sorted(RULES.glob("*.yml"))]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def substituted(promql: str, account: str = ".+") -> str:
    """Return the expression as Grafana sends it, with everything or one account selected."""
    for variable, value in {**VARIABLES, "$account": account}.items():
        promql = promql.replace(variable, value)
    return promql
