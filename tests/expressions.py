"""The dashboards, the rules, the runbooks, and every PromQL expression of them, to be checked or asked."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import yaml

from tests.tools import ROOT

DASHBOARDS = ROOT / "grafana" / "dashboards"
RULES = ROOT / "deploy" / "prometheus" / "rules"
RUNBOOKS = ROOT / "docs" / "runbooks.md"

#: What Grafana would put in place of its variables. Longer names first: one may begin another.
VARIABLES = {
    "$__rate_interval": "1m",
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
    """Asked of the present alone, not of each point of a graph."""


def expressions() -> Iterator[Expression]:
    """Those of the dashboards, of the rules and of the runbooks."""
    yield from dashboard_expressions()
    yield from rule_expressions()
    yield from runbook_expressions()


def dashboard_expressions() -> Iterator[Expression]:
    """Those of every panel, and the series that variables are made of."""
    for name, dashboard in dashboards():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                series, _, _ = variable["query"].removeprefix("label_values(").rpartition(",")
                yield Expression(f"{name}: variable {variable['name']}", series)
        for panel in panels(dashboard):
            yield from panel_expressions(name, panel)


def panel_expressions(name: str, panel: dict[str, Any]) -> Iterator[Expression]:
    """Those of a panel of the dashboard in the file of this name."""
    for target in panel["targets"]:
        place = f"{name}: {panel['title']} {target['refId']}"
        yield Expression(place, target["expr"], target.get("instant", False))


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard, without the titles of rows."""
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def rule_expressions() -> Iterator[Expression]:
    """Those of every recording rule and alert."""
    for rule in rules():
        yield Expression(rule.get("alert") or rule["record"], rule["expr"])


def runbook_expressions() -> Iterator[Expression]:
    """Those to be pasted into Prometheus while an alert is on: indented lines that are not for a shell."""
    _, *sections = RUNBOOKS.read_text(encoding="utf-8").split("\n## ")
    for section in sections:
        alert = section.partition("\n")[0]
        for line in re.findall(r"^ {4}(?!curl )(.+)$", section, re.MULTILINE):
            yield Expression(f"{RUNBOOKS.name}: {alert}", line)


def dashboards() -> Iterator[tuple[str, dict[str, Any]]]:
    """The committed dashboards by file name."""
    for path in sorted(DASHBOARDS.glob("*.json")):
        yield path.name, json.loads(path.read_text())


@cache
def rules() -> Sequence[dict[str, Any]]:
    """The committed rules."""
    groups = (
        group for path in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]
    )
    return [rule for group in groups for rule in group["rules"]]


def substituted(promql: str, account: str = ".+") -> str:
    """The expression as Grafana sends it, with everything or one account selected."""
    for variable, value in {**VARIABLES, "$account": account}.items():
        promql = promql.replace(variable, value)
    return promql


each_dashboard = pytest.mark.parametrize(
    "dashboard", [pytest.param(dashboard, id=name) for name, dashboard in dashboards()]
)
each_panel = pytest.mark.parametrize(
    "panel",
    [
        pytest.param(panel, id=f"{name}: {panel['title']}")
        for name, dashboard in dashboards()
        for panel in panels(dashboard)
    ],
)
