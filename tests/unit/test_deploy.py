"""What stands in deploy/ beside the chart and the image: accepted by those who read it, and of one piece."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.config import from_file
from exporter.demo import demo
from exporter.metrics.definitions import CATALOGUE
from exporter.metrics.exposition import expose
from exporter.metrics.metric import Kind
from tests.answering import answering
from tests.command import run as run_exporter
from tests.configurations import document, write
from tests.offenders import for_each
from tests.snapshots import LIFE, STREAMS, TIMED, everything, shown
from tests.tools import PROGRAMS, ROOT, run
from tests.waiting import scaled

DEPLOY = ROOT / "deploy"
PROMETHEUS = DEPLOY / "prometheus"


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


# Compose

COMPOSE = _yaml(DEPLOY / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_compose_accepts_the_file() -> None:
    """It follows the schema of the Compose specification."""
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml"))


@for_each(SERVICES.items())
def test_mounted_files_exist(service: dict[str, Any]) -> None:
    """Docker makes an empty folder of a path that doesn't exist, and the service starts without its file."""
    sources = {volume.partition(":")[0] for volume in service.get("volumes", [])}
    files = {source for source in sources if source.startswith(".")}
    assert {file for file in files if not (DEPLOY / file).exists()} == set()
    assert sources - files <= COMPOSE["volumes"].keys()


@for_each(SERVICES.items())
def test_services_are_pinned_watched_and_kept_to_this_machine(service: dict[str, Any]) -> None:
    """Each image is exact and checked for health, writes only where it must, and listens on loopback."""
    assert "build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"])
    assert "build" in service or service["healthcheck"]["test"][0] == "CMD"
    assert service["read_only"] is True
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_services_find_one_another() -> None:
    """Prometheus, Alertmanager and Grafana look for one another at the names and ports of compose."""
    ports = {
        name: service["ports"][0].rpartition(":")[2]
        for name, service in SERVICES.items()
        if "ports" in service
    }
    prometheus = _yaml(PROMETHEUS / "prometheus.yml")
    [scraped] = prometheus["scrape_configs"]
    [alertmanager] = prometheus["alerting"]["alertmanagers"]
    [source] = _yaml(ROOT / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert scraped["static_configs"] == [{"targets": [f"exporter:{ports['exporter']}"]}]
    assert alertmanager["static_configs"] == [{"targets": [f"alertmanager:{ports['alertmanager']}"]}]
    assert source["url"] == f"http://prometheus:{ports['prometheus']}"


def test_the_simulated_centre_is_exported_as_the_demo_exports_it() -> None:
    """From the exporter's own loopback, where the simulator listens."""
    simulator = SERVICES["simulator"]
    given = from_file(DEPLOY / "demo.yaml", {})
    [account] = given.accounts
    assert simulator["network_mode"] == "service:exporter"
    assert account.base_url.partition("://")[2] == simulator["command"][0].partition("=")[2]
    with demo() as its:
        expected = replace(its.config.accounts[0], base_url=account.base_url)
        assert (account, given.metrics) == (expected, its.config.metrics)


def test_grafana_is_given_the_dashboards_where_it_looks_for_them() -> None:
    """The folder that is mounted is the one that is provisioned, and the home dashboard lies in it."""
    volumes = [volume.split(":") for volume in SERVICES["grafana"]["volumes"] if ":ro" in volume]
    mounted = {target: source for source, target, _ in volumes}
    [provider] = _yaml(ROOT / "grafana/provisioning/dashboards/exotel.yaml")["providers"]
    folder = provider["options"]["path"]
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (DEPLOY / mounted[folder] / home.relative_to(folder)).is_file()


def test_containers_may_do_little() -> None:
    """No capabilities, and no more rights than at the start; whoever looks at Grafana changes nothing."""
    for name, service in COMPOSE["services"].items():
        assert (service["cap_drop"], service["security_opt"]) == (["ALL"], ["no-new-privileges:true"]), name
    assert COMPOSE["services"]["grafana"]["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"


def test_compose_builds_an_image_of_its_own_that_tells_its_commit() -> None:
    """Under a tag that no page has anybody build, and with the argument of the Dockerfile."""
    exporter = SERVICES["exporter"]
    assert exporter["build"]["args"] == {"COMMIT": "${COMMIT:-unknown}"}
    assert "ARG COMMIT=unknown" in (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    built = re.findall(r"docker build .* -t (\S+)", (ROOT / "docs/install.md").read_text(encoding="utf-8"))
    assert built
    assert exporter["image"] not in {tag if ":" in tag else f"{tag}:latest" for tag in built}


def test_what_somebody_puts_into_a_checkout_leaves_it_untouched(tmp_path: Path) -> None:
    """A configuration and its secrets, which git must neither see nor commit."""
    run("git", "init", "--quiet", cwd=tmp_path)
    (tmp_path / ".gitignore").write_text((ROOT / ".gitignore").read_text(encoding="utf-8"), encoding="utf-8")
    run("git", "add", ".gitignore", cwd=tmp_path)
    for name in (
        *("config.yaml", "config/config.yaml", "secrets/exotel_api_key", "values.yaml", "capture.zip"),
        *("deploy/compose.own.yaml", "deploy/prometheus/own/own.yml"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    seen = run("git", "status", "--porcelain", "--untracked-files=all", cwd=tmp_path)
    assert seen == "A  .gitignore\n"


# Alertmanager

ALERTMANAGER = DEPLOY / "alertmanager" / "alertmanager.yml"
CONFIG: dict[str, Any] = _yaml(ALERTMANAGER)


@pytest.mark.usefixtures("generation")
def test_alertmanager_accepts_its_configuration() -> None:
    """Amtool finds nothing wrong with routes, inhibitions and receivers."""
    run("amtool", "check-config", str(ALERTMANAGER))


@pytest.mark.usefixtures("generation")
def test_severity_decides_who_is_told() -> None:
    """Only what is critical wakes somebody; nothing is lost."""
    command = ("amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}")
    for labels, receiver in {
        "alertname=ExotelCallsAtLimit severity=critical account=acme": "pager",
        "alertname=ExotelExporterDown severity=critical job=exotel instance=exporter:9927": "pager",
        "alertname=ExotelCallsNearLimit severity=warning account=acme": "chat",
        "alertname=ExotelClockSkew severity=warning job=exotel instance=exporter:9927": "chat",
        "alertname=NotOurs": "chat",
    }.items():
        run(*command, f"--verify.receivers={receiver}", *labels.split())


def test_a_second_alert_of_an_account_does_not_wait_for_the_next_message_of_the_first() -> None:
    """Each alert of an account is a message of its own, wherever it is sent."""
    assert CONFIG["route"]["group_by"] == ["account", "alertname"]
    assert not any("group_by" in route for route in CONFIG["route"]["routes"])


def test_receivers_hold_no_secrets() -> None:
    """What is committed is an example: addresses that belong to nobody, and no keys."""
    for receiver in CONFIG["receivers"]:
        assert receiver.keys() == {"name", "webhook_configs"}
        for target in receiver["webhook_configs"]:
            assert re.fullmatch(r"http://\w+\.example\.com/\w+", target["url"])


# Prometheus, where there are many accounts

ACCOUNTS = {"acme", "Acme & Söhne, Chennai", "50% off", "https://acme.example.com/x?y=z"}
MANY = [(name, _yaml(PROMETHEUS / name)["scrape_configs"]) for name in ("many-accounts.yml", "twins.yml")]


@pytest.mark.usefixtures("generation")
def test_prometheus_accepts_the_configurations() -> None:
    """Promtool finds nothing wrong, and each job scrapes as often as the rules are told."""
    [small] = _yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    for name, jobs in MANY:
        run("promtool", "check", "config", "--lint=all", "--lint-fatal", name, cwd=PROMETHEUS)
        for job in jobs:
            assert (job["scrape_interval"], job["scrape_timeout"]) == ("15s", small["scrape_timeout"])


@for_each(MANY)
def test_exporters_are_scraped_where_they_are_asked_for_their_accounts(jobs: list[dict[str, Any]]) -> None:
    """Their own targets have the names that their accounts get: rules and dashboards put the two together."""
    [own, accounts] = jobs
    [static] = own["static_configs"]
    assert own["job_name"] == "exotel"
    assert {"target_label": "job", "replacement": "exotel"} in accounts["relabel_configs"]
    services = [service["url"] for service in accounts["http_sd_configs"]]
    assert [f"http://{address}/sd" for address in static["targets"]] == services


def test_twins_are_each_asked_for_the_accounts_that_they_name(tmp_path: Path) -> None:
    """An exporter that is down leaves none of its accounts unwatched; names may hold what they like."""

    def answer(accounts: set[str]) -> tuple[int, bytes]:
        return 200, json.dumps([{"targets": [account]} for account in sorted(accounts)]).encode()

    more = ACCOUNTS | {"alone"}
    with answering(lambda _: answer(ACCOUNTS)) as first, answering(lambda _: answer(more)) as second:
        text = (PROMETHEUS / "twins.yml").read_text(encoding="utf-8").replace("rules/*.yml", "none/*.yml")
        for twin, address in zip(re.findall("http://(.+)/sd", text), (first, second), strict=True):
            text = text.replace(twin, address)
        (tmp_path / "twins.yml").write_text(text, encoding="utf-8")
        # It waits out its timeout, whatever it has found.
        command = ("promtool", "check", "service-discovery", f"--timeout={scaled(1):.0f}s")
        said = run(*command, str(tmp_path / "twins.yml"), "exotel-accounts")
    found = [target["labels"] for target in json.loads(said)]
    asked = {(labels["account"], labels["__param_target"], labels["instance"]) for labels in found}
    assert asked == {(name, name, first) for name in ACCOUNTS} | {(name, name, second) for name in more}
    for labels in found:
        assert labels["__address__"] == labels["instance"]
        assert (labels["job"], labels["__metrics_path__"]) == ("exotel", "/probe")


# systemd

UNIT = DEPLOY / "systemd" / "exotel-exporter.service"
SOCKET = UNIT.with_suffix(".socket")
TEXT = UNIT.read_text(encoding="utf-8")
EXPOSURE = 11
"""1.1 of 10, in tenths as --threshold wants it: it needs the network, some of the host's files and /proc."""


def _settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", TEXT, re.MULTILINE)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """It knows every setting, starts programs that exist, and finds the service of the socket."""
    for unit in (UNIT, SOCKET):
        text = unit.read_text(encoding="utf-8").replace("/opt/exotel-exporter/bin", str(PROGRAMS))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    units = [str(tmp_path / unit.name) for unit in (UNIT, SOCKET)]
    assert run("systemd-analyze", "verify", "--man=no", *units) == ""


def test_the_service_may_say_how_it_is() -> None:
    """By systemd's socket, whose family isn't shut off; systemd waits for it to do so."""
    assert _settings("Type") == ["notify"]
    [families] = _settings("RestrictAddressFamilies")
    assert "AF_UNIX" in families.split()


#: What the score doesn't count, or not alone: whoever takes one out is told.
HARDENING = {
    *(
        "CapabilityBoundingSet",
        "DynamicUser=yes",
        "LimitCORE=0",
        "LockPersonality=yes",
        "NoNewPrivileges=yes",
    ),
    *("MemoryDenyWriteExecute=yes", "PrivateDevices=yes", "PrivateTmp=yes", "ProtectHome=yes"),
    *("ProtectProc=invisible", "ProtectSystem=strict", "RestrictNamespaces=yes", "UMask=0077"),
    *("Restart=on-failure", "RestartForceExitStatus=SIGHUP", "WatchdogSec=30s", "MemoryMax=1G"),
}


def test_the_unit_exposes_little() -> None:
    """Whoever loosens it is told."""
    assert {line.removesuffix("=") for line in TEXT.splitlines()} >= HARDENING
    run("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}", str(UNIT))


def test_the_units_commands_are_the_programs_own(tmp_path: Path) -> None:
    """It starts nothing but the exporter, with flags that it has, and checks the configuration."""
    config = str(write(tmp_path, document()))
    [signal, check] = _settings("ExecReload")
    assert signal == "/bin/kill -HUP $MAINPID"
    assert [check] == _settings("ExecStartPre")
    for command in _settings("ExecStart(?:Pre)?"):
        program, *flags = shlex.split(command.replace("/etc/exotel-exporter/config.yaml", config))
        assert program == "/opt/exotel-exporter/bin/exotel-exporter"
        flags = [flag for flag in flags if flag not in {"$ARGS", "--config.check"}]
        assert run_exporter(*flags, "--config.check").out == "ok\n"


def test_secrets_are_named_where_systemd_puts_them() -> None:
    """The paths that are shown are those of a folder's credentials: its id, a _, the file's name."""
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    [credentials] = _settings("LoadCredential")
    name, _, folder = credentials.partition(":")
    assert f"LoadCredential={credentials} " in page
    for text in (TEXT, page):
        shown = re.findall(rf"api_(?:key|token)_file: \${{CREDENTIALS_DIRECTORY}}/{name}_(\S+)", text)
        assert shown == ["acme_api_key", "acme_api_token"]
    assert all(f"install -m 600 /dev/stdin {folder}/{file}\n" in page for file in shown)


# OpenTelemetry Collector

COLLECTOR_FILE = DEPLOY / "opentelemetry" / "collector.yaml"
COLLECTOR: dict[str, Any] = _yaml(COLLECTOR_FILE)
SCRAPED: dict[str, Any] = COLLECTOR["receivers"]["prometheus"]["config"]


def test_every_component_of_the_collector_is_defined_and_used() -> None:
    """A pipeline of metrics takes from each receiver, and gives to each exporter."""
    pipelines = COLLECTOR["service"]["pipelines"]
    assert COLLECTOR.keys() == {"receivers", "exporters", "service"}
    assert pipelines.keys() == {"metrics"}
    for kind in ("receivers", "exporters"):
        assert sorted(pipelines["metrics"][kind]) == sorted(COLLECTOR[kind])


@pytest.mark.usefixtures("generation")
def test_the_collector_scrapes_as_prometheus_does(tmp_path: Path) -> None:
    """The same job, but for what is left out; promtool has no complaint."""
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(SCRAPED), encoding="utf-8")
    run("promtool", "check", "config", "--lint=all", "--lint-fatal", str(tmp_path / "prometheus.yml"))
    [job] = SCRAPED["scrape_configs"]
    assert [{key: value for key, value in job.items() if key != "metric_relabel_configs"}] == (
        _yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    )


def test_the_collector_leaves_out_gauge_histograms_alone() -> None:
    """OpenTelemetry has them dropped; whatever else is exported goes on."""
    [rule] = SCRAPED["scrape_configs"][0]["metric_relabel_configs"]
    assert (rule["source_labels"], rule["action"]) == (["__name__"], "drop")
    text, _ = expose(shown({"acme": everything(TIMED, STREAMS, LIFE)}), "application/openmetrics-text")
    families = text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]
    names = {(family.name, sample.name) for family in families for sample in family.samples}
    dropped = {(family, name) for family, name in names if re.fullmatch(rule["regex"], name)}
    gauge_histograms = {metric.name for metric in CATALOGUE if metric.kind is Kind.GAUGE_HISTOGRAM}
    assert dropped == {(family, name) for family, name in names if family in gauge_histograms}
    assert {family for family, _ in dropped} == gauge_histograms


def test_what_the_collector_takes_from_the_environment_is_told() -> None:
    """Each placeholder has the form that the Collector replaces, and the page names its variable."""
    text = re.sub("#.*", "", COLLECTOR_FILE.read_text(encoding="utf-8"))
    names = re.findall(r"\$\{env:([A-Z_]+)\}", text)
    assert text.count("$") == len(names) == 2
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []
