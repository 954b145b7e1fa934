"""The chart: linted, closed to what it doesn't know and to secrets, and everything in it has an effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart import CHART, DEFAULTS, EVERYTHING, render
from tests.packages import PROJECT, VERSION
from tests.tools import ROOT, require_module, run

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
ACCOUNT = DEFAULTS["config"]["accounts"][0]
PASSWORD = {"name": "exotel-web", "key": "password"}


@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_helm_has_no_complaint(values: dict[str, Any]) -> None:
    """`helm lint --strict` warns of nothing; that a picture is recommended is no warning."""
    report = require_module("helm_python").lint(CHART, values, strict=True)
    assert (report["total_charts_linted"], report["errors"]) == (1, [])
    assert [message["error"] for message in report["messages"]] == ["icon is recommended"]


def test_chart_is_of_the_programs_version() -> None:
    """The image that it starts by default is that of this source."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == VERSION
    assert (chart["name"], chart["description"]) == (PROJECT["name"], PROJECT["description"])


def test_packed_chart_holds_the_rules_and_dashboards(tmp_path: Path) -> None:
    """They are links to where they belong; an archive has the files themselves."""
    helm = require_module("helm_python")
    with helm.Chart.load(CHART) as chart, helm.Chart.load(chart.save(tmp_path)) as packed:
        assert packed.render(EVERYTHING) == chart.render(EVERYTHING)
        assert packed.files == chart.files
        held = {file["name"] for file in packed.files if file["name"].startswith("files/")}
    rules, dashboards = ROOT / "deploy/prometheus/rules", ROOT / "grafana/dashboards"
    assert held == {f"files/rules/{file.name}" for file in rules.glob("*.yml")} | {
        f"files/dashboards/{file.name}" for file in dashboards.glob("*.json")
    }


def test_schema_is_a_schema_and_takes_the_defaults() -> None:
    """values.yaml is what values.schema.json allows, by another reader than Helm's."""
    schema = str(CHART / "values.schema.json")
    run("check-jsonschema", "--check-metaschema", schema)
    run("check-jsonschema", "--schemafile", schema, str(CHART / "values.yaml"))


def test_schema_is_closed() -> None:
    """A misspelt value is an error, wherever it stands; the exporter's own configuration it checks itself."""

    def objects(schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if "properties" in schema:
            yield place, schema
        for key, value in schema.items():
            if isinstance(value, dict):
                yield from objects(value, f"{place}/{key}")

    open_ones = {
        place for place, schema in objects(SCHEMA, "") if schema.get("additionalProperties") is not False
    }
    config = "/properties/config/properties"
    assert open_ones == {f"{config}/accounts/items", f"{config}/collection"}


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"replica": 2}, "'replica' not allowed"),
        ({"image": {"name": "exporter"}}, "/image"),
        ({"image": {"digest": "sha256:short"}}, "/image/digest"),
        ({"replicas": "2"}, "/replicas"),
        ({"config": {"accounts": []}}, "/config/accounts"),
        ({"config": {"accounts": [{**ACCOUNT, "api_key": "key"}]}}, "/config/accounts/0/api_key"),
        ({"config": {"accounts": [{**ACCOUNT, "api_token": "${TOKEN}"}]}}, "/config/accounts/0/api_token"),
        ({"config": {"accounts": [{**ACCOUNT, "api_key_file": "key"}]}}, "/config/accounts/0/api_key_file"),
        ({"config": {"accounts": [{**ACCOUNT, "proxy_url": "http://me:x@proxy"}]}}, "/0/proxy_url"),
        ({"config": {"collection": {"proxy_url": "http://me:x@proxy"}}}, "/config/collection/proxy_url"),
        ({"config": {"collections": {}}}, "'collections' not allowed"),
        ({"secrets": ["Exotel Acme"]}, "/secrets/0"),
        ({"secrets": ["exotel-acme", "exotel-acme"]}, "/secrets"),
        ({"log": {"format": "text"}}, "/log/format"),
        ({"serviceMonitor": {"interval": "1m"}}, "/serviceMonitor/interval"),
        ({"serviceMonitor": {"basicAuth": {"password": "hush"}}}, "/serviceMonitor/basicAuth/password"),
        ({"prometheusRule": {"grafanaUrl": "https://grafana.example.com/"}}, "/prometheusRule/grafanaUrl"),
        ({"networkPolicy": {"egressPorts": []}}, "/networkPolicy/egressPorts"),
        ({"networkPolicy": {"from": [{}]}}, "/networkPolicy/from/0"),
    ],
)
def test_bad_values_are_refused_by_name(values: dict[str, Any], place: str) -> None:
    """Helm says which value it is; no secret can stand in values, where they would be stored in the clear."""
    with pytest.raises(require_module("helm_python").HelmValuesError) as refused:
        render(values)
    assert place in str(refused.value)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({**EVERYTHING, "replicas": 2}, "scrapeConfig.enabled: found replicas above 1"),
        ({"scrapeConfig": {"enabled": True}}, "scrapeConfig.enabled: found serviceMonitor.enabled false"),
        (
            {"prometheusRule": {"enabled": True, "thresholds": {"account:exotel_typo:threshold": "1"}}},
            "prometheusRule.thresholds: found account:exotel_typo:threshold",
        ),
    ],
)
def test_values_that_do_not_fit_together_are_refused(values: dict[str, Any], reason: str) -> None:
    """What no schema can tell is told when the chart is rendered."""
    with pytest.raises(require_module("helm_python").HelmRenderError) as refused:
        render(values)
    assert reason in str(refused.value)


#: Another value for each that values.yaml has.
OTHERS: dict[str, Any] = {
    "image.repository": "example.com/other",
    "image.tag": "9.9.9",
    "image.digest": f"sha256:{'1' * 64}",
    "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "other"}],
    "replicas": 0,
    "config": {"accounts": [{**ACCOUNT, "call_limit": 10_000_000}]},
    "secrets": ["exotel-other"],
    "log.level": "debug",
    "log.format": "json",
    "webConfig.secret": "other",
    "webConfig.tls": False,
    "resources": {"requests": {"memory": "1Gi"}},
    "serviceMonitor.enabled": False,
    "serviceMonitor.labels": {"release": "prometheus"},
    "serviceMonitor.interval": "30s",
    "serviceMonitor.scrapeTimeout": "5s",
    "serviceMonitor.tlsConfig": {"insecureSkipVerify": True},
    "serviceMonitor.basicAuth": {"password": {"name": "other", "key": "password"}},
    "scrapeConfig.enabled": False,
    "prometheusRule.enabled": False,
    "prometheusRule.labels": {"release": "prometheus"},
    "prometheusRule.grafanaUrl": "https://grafana.example.org",
    "prometheusRule.thresholds": {"all:exotel_clock_ahead_seconds:threshold": "vector(9)"},
    "dashboards.enabled": False,
    "dashboards.labels": {"dashboards": "yes"},
    "dashboards.annotations": {"grafana_folder": "Voice"},
    "podDisruptionBudget.enabled": False,
    "networkPolicy.enabled": False,
    "networkPolicy.from": [{"podSelector": {}}],
    "networkPolicy.egressPorts": [3128],
    "podAnnotations": {"example.com/other": "yes"},
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [{"key": "example.com/other", "operator": "Exists"}],
    "affinity": {"podAffinity": {}},
}


def _paths(values: dict[str, Any]) -> Iterator[str]:
    whole = ("config", "resources")
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in whole:
            yield from (f"{name}.{path}" for path in value)
        else:
            yield name


def test_every_value_is_known_here() -> None:
    """So that the next test forgets none."""
    assert [*_paths(DEFAULTS)] == [*OTHERS]


@pytest.mark.parametrize("path", OTHERS)
def test_every_value_has_an_effect(path: str) -> None:
    """None is accepted and then forgotten."""
    section, _, key = path.partition(".")
    own = EVERYTHING.get(section, {})
    changed = {**EVERYTHING, section: {**own, key: OTHERS[path]} if key else OTHERS[path]}
    if path == "serviceMonitor.enabled":
        changed["scrapeConfig"] = {"enabled": False}
    assert render(changed) != render(EVERYTHING)
