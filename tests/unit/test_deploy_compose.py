"""The services of compose are accepted, kept small, and find one another."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools import ROOT, run

DEPLOY = ROOT / "deploy"


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


COMPOSE = _yaml(DEPLOY / "compose.yaml")
each_service = pytest.mark.parametrize("name", sorted(COMPOSE["services"]))


def test_compose_accepts_the_file() -> None:
    """It follows the schema of the Compose specification."""
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml"))


@each_service
def test_mounted_files_exist(name: str) -> None:
    """Docker makes an empty folder of a path that doesn't exist, and the service starts without its file."""
    for volume in COMPOSE["services"][name].get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
        else:
            assert source in COMPOSE["volumes"]


@each_service
def test_service_is_pinned_watched_and_kept_to_this_machine(name: str) -> None:
    """Each image is exact and checked for health, writes only where it must, and listens on loopback."""
    service = COMPOSE["services"][name]
    assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert "build" in service or service["healthcheck"]["test"][0] == "CMD"
    assert service["read_only"] is True
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_services_find_one_another() -> None:
    """Prometheus, Alertmanager and Grafana look for one another at the names and ports of compose."""
    ports = {name: service["ports"][0].rpartition(":")[2] for name, service in COMPOSE["services"].items()}
    prometheus = _yaml(DEPLOY / "prometheus" / "prometheus.yml")
    [scraped] = prometheus["scrape_configs"]
    [alertmanager] = prometheus["alerting"]["alertmanagers"]
    [source] = _yaml(ROOT / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert scraped["static_configs"] == [{"targets": [f"exporter:{ports['exporter']}"]}]
    assert alertmanager["static_configs"] == [{"targets": [f"alertmanager:{ports['alertmanager']}"]}]
    assert source["url"] == f"http://prometheus:{ports['prometheus']}"


def test_grafana_is_given_the_dashboards_where_it_looks_for_them() -> None:
    """The folder that is mounted is the one that is provisioned, and the home dashboard lies in it."""
    grafana = COMPOSE["services"]["grafana"]
    mounted = {
        target: source for source, target, _ in (v.split(":") for v in grafana["volumes"] if ":ro" in v)
    }
    [provider] = _yaml(ROOT / "grafana/provisioning/dashboards/exotel.yaml")["providers"]
    folder = provider["options"]["path"]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (DEPLOY / mounted[folder] / home.relative_to(folder)).is_file()
