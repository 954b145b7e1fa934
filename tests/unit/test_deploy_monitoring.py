"""What the chart gives to the Prometheus operator and to Grafana: this project's rules and dashboards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart import EVERYTHING, objects, one
from tests.tools import ROOT, run

RULES = ROOT / "deploy" / "prometheus" / "rules"
DASHBOARDS = ROOT / "grafana" / "dashboards"
MIB = 2**20

MONITORED = {"serviceMonitor": {"enabled": True}}
MANY = {"serviceMonitor": {"enabled": True}, "scrapeConfig": {"enabled": True}}
ADDRESS = "exotel-exporter.monitoring.svc:9927"

#: The fields of the operator's API that the chart uses, as Prometheus calls them.
FIELDS = {
    "basicAuth": "basic_auth",
    "honorLabels": "honor_labels",
    "httpSDConfigs": "http_sd_configs",
    "interval": "scrape_interval",
    "metricsPath": "metrics_path",
    "path": "metrics_path",
    "relabelings": "relabel_configs",
    "replacement": "replacement",
    "scheme": "scheme",
    "scrapeInterval": "scrape_interval",
    "scrapeTimeout": "scrape_timeout",
    "serverName": "server_name",
    "sourceLabels": "source_labels",
    "targetLabel": "target_label",
    "tlsConfig": "tls_config",
    "url": "url",
}


def _for_prometheus(spec: Any) -> Any:
    """The part of a scrape configuration that the operator would make of this; fails on unknown fields."""
    if isinstance(spec, list):
        return [_for_prometheus(item) for item in spec]
    if not isinstance(spec, dict):
        return spec
    made = {FIELDS[name]: _for_prometheus(value) for name, value in spec.items() if name != "basicAuth"}
    if "scheme" in made:
        made["scheme"] = made["scheme"].lower()
    if "basicAuth" in spec:  # the operator reads them from the Secrets
        made["basic_auth"] = {name: key["key"] for name, key in spec["basicAuth"].items()}
    return made


def _check(scrapes: dict[str, Any], folder: Path) -> None:
    configuration = {"scrape_configs": [{"job_name": "exotel", **scrapes}]}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    run("promtool", "check", "config", str(folder / "prometheus.yml"))


def _endpoint(values: dict[str, Any]) -> dict[str, Any]:
    [endpoint] = one("ServiceMonitor", values)["spec"]["endpoints"]
    made: dict[str, Any] = endpoint
    return made


@pytest.mark.parametrize("values", [MONITORED, EVERYTHING], ids=["defaults", "everything"])
def test_service_monitor_is_a_scrape_configuration(values: dict[str, Any], tmp_path: Path) -> None:
    """Prometheus takes what its fields mean; the port is one that the Service has."""
    monitor = one("ServiceMonitor", values)["spec"]
    assert monitor.keys() == {"selector", "endpoints"}
    service = one("Service", values)
    assert monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    endpoint = _endpoint(values)
    assert endpoint.pop("port") in {port["name"] for port in service["spec"]["ports"]}
    _check(_for_prometheus(endpoint), tmp_path)


@pytest.mark.parametrize("values", [MANY, EVERYTHING], ids=["defaults", "everything"])
def test_scrape_config_is_a_scrape_configuration(values: dict[str, Any], tmp_path: Path) -> None:
    """Prometheus takes what its fields mean; accounts get the labels that they have on /metrics."""
    spec = one("ScrapeConfig", values)["spec"]
    _check(_for_prometheus(spec), tmp_path)
    assert (spec["metricsPath"], spec["honorLabels"]) == ("/probe", True)
    assert spec["httpSDConfigs"][0]["url"].endswith(f"://{ADDRESS}/sd")
    made = {
        rule["targetLabel"]: rule.get("replacement", rule.get("sourceLabels")) for rule in spec["relabelings"]
    }
    assert made == {
        "__param_target": ["__address__"],
        "account": ["__address__"],
        "__tmp_hash": ["__address__"],
        "__address__": ADDRESS,
        "instance": ADDRESS,
        "job": "exotel",
    }
    assert [*made].index("__address__") > [*made].index("__tmp_hash")


def test_exporters_own_metrics_have_the_names_that_their_accounts_have() -> None:
    """The job is the one that rules look for, and the instance is the same for /metrics and /probe."""
    alone = [(rule["targetLabel"], rule.get("replacement")) for rule in _endpoint(MONITORED)["relabelings"]]
    beside = [(rule["targetLabel"], rule.get("replacement")) for rule in _endpoint(MANY)["relabelings"]]
    assert alone == [("job", "exotel"), ("instance", None)]
    assert beside == [("job", "exotel"), ("instance", ADDRESS)]


def test_prometheus_brings_what_the_exporter_wants() -> None:
    """TLS and basic auth are the same for scrapes and for the list of accounts."""
    spec = one("ScrapeConfig", EVERYTHING)["spec"]
    [service] = spec["httpSDConfigs"]
    for place in (spec, service, _endpoint(EVERYTHING)):
        assert place["tlsConfig"] == EVERYTHING["serviceMonitor"]["tlsConfig"]
        assert place["basicAuth"] == EVERYTHING["serviceMonitor"]["basicAuth"]
    assert _endpoint(EVERYTHING)["scheme"] == "https"
    assert (spec["scheme"], service["url"].partition(":")[0]) == ("HTTPS", "https")


def _groups(values: dict[str, Any]) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = one("PrometheusRule", values)["spec"]["groups"]
    return groups


def _changed(values: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The rules that these values change: as they were, and as they are."""
    pairs = zip(_groups({"prometheusRule": {"enabled": True}}), _groups(values), strict=True)
    rules = [pair for old, new in pairs for pair in zip(old["rules"], new["rules"], strict=True)]
    return [(old, new) for old, new in rules if old != new]


def test_rules_are_those_of_prometheus(tmp_path: Path) -> None:
    """ApiEnum for word, templates in annotations too; promtool finds nothing wrong with them."""
    groups = _groups({"prometheusRule": {"enabled": True}})
    files = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in sorted(RULES.glob("*.yml"))]
    assert groups == [group for file in files for group in file["groups"]]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(file))


def test_release_can_have_thresholds_of_its_own() -> None:
    """One is given as a value; no other changes."""
    record = "account:exotel_longest_call_duration_seconds:warning"
    values = {"prometheusRule": {"enabled": True, "thresholds": {record: "7200 * account:exotel_up:group"}}}
    [(old, new)] = _changed(values)
    assert old["record"] == record
    assert new == {**old, "expr": "7200 * account:exotel_up:group"}


def test_alerts_are_told_how_often_is_scraped_and_where_grafana_is() -> None:
    """Both follow from values that stand elsewhere."""
    values = {
        "serviceMonitor": {"interval": "30s"},
        "prometheusRule": {"enabled": True, "grafanaUrl": "https://grafana.example.org"},
    }
    address, interval = (new for _, new in _changed(values))
    assert address["labels"] == {"url": "https://grafana.example.org"}
    assert interval["record"] == "account:exotel_sustainable_interval_seconds:threshold"
    assert interval["expr"] == "30 * account:exotel_up:group"


def test_dashboards_are_those_of_grafana() -> None:
    """Each is a ConfigMap that the sidecar finds, smaller than Kubernetes allows."""
    labelled = {
        name: text
        for made in objects({"dashboards": {"enabled": True}})
        if made["metadata"]["labels"].get("grafana_dashboard") == "1"
        for name, text in made["data"].items()
    }
    committed = {
        f"exotel-{file.name}": file.read_text(encoding="utf-8") for file in DASHBOARDS.glob("*.json")
    }
    assert labelled == committed
    assert all(json.loads(text)["uid"] for text in labelled.values())
    assert max(len(text.encode()) for text in labelled.values()) < MIB / 2
