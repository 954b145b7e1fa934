"""The mixin for jsonnet: nothing but the rules and dashboards that are committed, and all of them."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.expressions import RULES, dashboards
from tests.tools import ROOT, require_module

MIXIN = ROOT / "deploy" / "mixin" / "mixin.libsonnet"


def evaluated(jsonnet: str) -> Any:
    """Return what an expression is, in which `mixin` is the mixin."""
    snippet = f"local mixin = import '{MIXIN}'; {jsonnet}"
    return json.loads(require_module("_gojsonnet").evaluate_snippet("test", snippet))


@cache
def _parts() -> dict[str, Any]:
    # They are hidden, so that a mixin is {} wherever somebody only imports it.
    names = ("prometheusAlerts", "prometheusRules", "grafanaDashboards")
    return evaluated("{" + ", ".join(f"{name}: mixin.{name}" for name in names) + "}")  # type: ignore[no-any-return]


def _groups(file: Path) -> list[dict[str, Any]]:
    return yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]  # type: ignore[no-any-return]


def test_the_mixin_has_the_groups_of_every_file_of_rules() -> None:
    """Each whole, as Prometheus reads it from the file; those with alerts are apart, as mixins have it."""
    groups = {group["name"]: group for file in RULES.glob("*.yml") for group in _groups(file)}
    alerts = {name for name, group in groups.items() if any("alert" in rule for rule in group["rules"])}
    parts = _parts()
    for part, names in (("prometheusAlerts", alerts), ("prometheusRules", groups.keys() - alerts)):
        assert {group["name"]: group for group in parts[part]["groups"]} == {
            name: groups[name] for name in names
        }
        assert len(parts[part]["groups"]) == len(names)


def test_the_mixin_has_every_dashboard() -> None:
    """Under a name that no other mixin's dashboard has: that of the file where the chart puts it."""
    assert _parts()["grafanaDashboards"] == {f"exotel-{name}": each for name, each in dashboards().items()}


def test_the_mixin_adds_to_others() -> None:
    """Mixins are put together with `+`: neither takes the other's groups or dashboards away."""
    other = "{prometheusRules+:: {groups+: [1]}, grafanaDashboards+:: {other: 2}}"
    parts = "{rules: both.prometheusRules.groups, dashboards: both.grafanaDashboards}"
    both = evaluated(f"local both = {other} + mixin; {parts}")
    assert both["rules"] == [1, *_parts()["prometheusRules"]["groups"]]
    assert both["dashboards"] == {"other": 2, **_parts()["grafanaDashboards"]}
