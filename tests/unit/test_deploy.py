"""What is deployed is accepted by the programs that read it, and its parts fit together."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.expressions import RULES, rules
from tests.tools import ROOT, run

DEPLOY = ROOT / "deploy"
RUNBOOKS = "https://github.com/exotel-exporter/exotel-exporter/blob/main/docs/runbooks.md"

ALERTS = {rule["alert"] for rule in rules() if "alert" in rule}

each_alert = pytest.mark.parametrize(
    "alert",
    [
        pytest.param(rule, id=f"{rule['alert']}-{rule['labels']['severity']}")
        for rule in rules()
        if "alert" in rule
    ],
)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


COMPOSE = _yaml(DEPLOY / "compose.yaml")
each_service = pytest.mark.parametrize("name", sorted(COMPOSE["services"]))


def test_prometheus_accepts_its_configuration() -> None:
    """promtool finds nothing wrong with the configuration or the rules that it loads."""
    assert "1 rule files found" in run(
        "promtool",
        "check",
        "config",
        "--lint=all",
        "--lint-fatal",
        "prometheus.yml",
        cwd=DEPLOY / "prometheus",
    )


def test_rules_pass_every_lint() -> None:
    """promtool has no complaint about any rule, not even a small one."""
    run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES.glob("*.yml")))


def test_alerts_fire_and_resolve_as_their_cases_say() -> None:
    """promtool evaluates the rules on the series of each case."""
    run("promtool", "test", "rules", *map(str, (RULES / "tests").glob("*.yml")))


def test_every_alert_has_a_case_that_fires_one_that_does_not_and_one_that_resolves() -> None:
    """An alert that was never seen to fire, or to end, is a hope."""
    fires: set[str] = set()
    silent_before: set[str] = set()
    silent_after: set[str] = set()
    for file in (RULES / "tests").glob("*.yml"):
        for case in _yaml(file)["tests"]:
            fired: set[str] = set()
            for check in case.get("alert_rule_test", []):
                name = check["alertname"]
                if check.get("exp_alerts"):
                    fired.add(name)
                else:
                    (silent_after if name in fired else silent_before).add(name)
            fires |= fired
    assert (fires, silent_before, silent_after) == (ALERTS, ALERTS, ALERTS)


@each_alert
def test_alert_tells_the_one_on_call_what_to_do(alert: dict[str, Any]) -> None:
    """Each alert waits before it wakes anybody, says how bad it is and links what to do."""
    assert alert["for"]
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"{RUNBOOKS}#{alert['alert'].lower()}"


def test_every_alert_has_a_complete_section_in_the_runbooks() -> None:
    """The runbooks cover each alert, and nothing else, with the same four questions answered."""
    _, *sections = (ROOT / "docs" / "runbooks.md").read_text(encoding="utf-8").split("\n## ")
    assert {section.partition("\n")[0] for section in sections} == ALERTS
    for section in sections:
        asked = re.findall(r"^\*\*(.+?)\.\*\*", section, re.MULTILINE)
        assert asked == ["What it means", "What the customer feels", "How to confirm", "What to do"]


def test_recording_rules_are_named_by_level_metric_and_operations() -> None:
    """The name of a recorded series says which labels it keeps and what was done to it."""
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    assert recorded
    for name in recorded:
        assert re.fullmatch(r"[a-z_]+:exotel_[a-z_]+:[a-z0-9_]+", name)


def test_alertmanager_accepts_its_configuration() -> None:
    """amtool finds nothing wrong with routes, inhibitions and receivers."""
    run("amtool", "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml"))


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "pager"), ("warning", "chat")])
def test_severity_decides_who_is_told(severity: str, receiver: str) -> None:
    """Only what is critical wakes somebody."""
    config = f"--config.file={DEPLOY / 'alertmanager' / 'alertmanager.yml'}"
    run(
        "amtool", "config", "routes", "test", config, f"--verify.receivers={receiver}", f"severity={severity}"
    )


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


def test_image_is_pinned_small_and_without_privileges() -> None:
    """Both stages start from one exact slim image; a numbered user runs it, and Docker sees its health."""
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    images = {line.split()[1] for line in lines if line.startswith("FROM ")}
    assert len(images) == 1
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", images.pop())
    assert any(re.fullmatch(r"USER [1-9]\d*:[1-9]\d*", line) for line in lines)
    assert "EXPOSE 9927" in lines
    assert 'ENTRYPOINT ["exotel-exporter"]' in lines
    assert any(line.startswith("HEALTHCHECK ") for line in lines)
    assert "http://127.0.0.1:9927/-/healthy" in "\n".join(lines)


def test_image_is_built_from_files_that_reach_the_builder() -> None:
    """What the Dockerfile copies exists, and .dockerignore lets it through, and nothing else."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    sources = {source.removeprefix("./") for line in copied for source in line.split()}
    let_through = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert sources == let_through
    assert all((ROOT / source).exists() for source in sources)
