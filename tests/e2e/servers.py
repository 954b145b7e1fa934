"""A real Prometheus and a real Alertmanager that run what is deployed, only faster and on loopback."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests
import yaml

from tests.e2e.processes import Program, program
from tests.ports import free_address
from tests.tools import ROOT, require
from tests.waiting import GUARD, scaled, wait_until

PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTMANAGER = ROOT / "deploy" / "alertmanager"


#: A window, its steps, an offset or a wait. Not of refusals: refused credentials are tried again once in a
#: true minute.
MINUTES = re.compile(r"((?<!reason=~\"auth\|forbidden\"})\[|offset |:|^)(\d+)m\b")


@cache
def minute() -> int:
    """Return the seconds that stand for a minute: 2, or more where a test has less than half a processor."""
    return max(2, round(scaled(1)))


@contextmanager
def prometheus(
    folder: Path, exporters: Sequence[str], alertmanager: str, own: Mapping[str, float] = MappingProxyType({})
) -> Iterator[str]:
    """The URL of a Prometheus as deployed, that scrapes these exporters all the time.

    An account that is new to it has no usual values: `own` are thresholds for all accounts.
    """
    rules = [{"record": f"own:{name}", "expr": f"vector({value})"} for name, value in own.items()]
    _write(folder / "own" / "own.yml", {"groups": [{"name": "own", "rules": rules}]})
    config = _impatient_config("prometheus.yml", alertmanager)
    [job] = config["scrape_configs"]
    job["static_configs"] = [{"targets": list(exporters)}]
    with prometheus_with(folder, config) as url:
        yield url


@contextmanager
def prometheus_shard(
    folder: Path, exporters: Sequence[str], alertmanager: str, shard: int, shards: int
) -> Iterator[str]:
    """The URL of a Prometheus that discovers accounts as deployed, and probes its share of them."""
    config = _impatient_config("many-accounts.yml", alertmanager)
    text = yaml.safe_dump(config)
    for number, exporter in enumerate(exporters):
        text = text.replace(f"exporter-{number}:9927", exporter)
    config = yaml.safe_load(text.replace("refresh_interval: 1m", "refresh_interval: 1s"))
    for rule in config["scrape_configs"][1]["relabel_configs"]:
        if rule.get("target_label") == "__tmp_shard":
            rule["modulus"] = shards
        if rule.get("source_labels") == ["__tmp_shard"]:
            rule["regex"] = str(shard)
    with prometheus_with(folder, config) as url:
        yield url


@contextmanager
def prometheus_with(folder: Path, config: Any, *features: str) -> Iterator[str]:
    """The URL of a Prometheus with this configuration, in whose folder the deployed rules lie.

    Features are those that it has only when asked.

    Fails in the end if the text of an alert could not be written.
    """
    for rules in (PROMETHEUS / "rules").glob("*.yml"):
        _write(folder / "rules" / rules.name, _impatient(_read(rules)))
    address = free_address()
    command = [
        require("prometheus"),
        f"--config.file={_write(folder / 'prometheus.yml', config)}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
        f"--enable-feature={','.join(('exemplar-storage', *features))}",
    ]
    with program(command, folder / "prometheus.log") as server:
        yield ready(server, f"http://{address}")
        said = server.said().splitlines()
        assert [line for line in said if "Expanding alert template failed" in line] == []


@contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[str]:
    """The address of an Alertmanager with the deployed configuration, whose receivers are all `webhook`."""
    address = free_address()
    command = [
        require("prometheus-alertmanager"),
        f"--config.file={_alertmanager_config(folder, webhook)}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with program(command, folder / "alertmanager.log") as server:
        ready(server, f"http://{address}")
        yield address


def query(prometheus_url: str, promql: str) -> list[dict[str, Any]]:
    """What Prometheus answers now: one entry a series."""
    return _data(f"{prometheus_url}/api/v1/query", {"query": promql})["result"]  # type: ignore[no-any-return]


def let_rules_run(prometheus_url: str, times: int) -> None:
    """Wait until every group of rules has been evaluated so many times more, but for that of hours."""

    def evaluations() -> int:
        text = requests.get(f"{prometheus_url}/metrics", timeout=GUARD).text
        total, missed = (
            [
                float(value)
                for group, value in re.findall(rf"^prometheus_rule_group_{name}{{(.*)}} (\S+)$", text, re.M)
                if ";exotel-usual" not in group
            ]
            for name in ("iterations_total", "iterations_missed_total")
        )
        return int(min(all_ - left_out for all_, left_out in zip(total, missed, strict=True)))

    wanted = evaluations() + times
    wait_until(lambda: evaluations() >= wanted, f"{times} evaluations of each group")


def last_errors(prometheus_url: str) -> dict[str, str]:
    """Why the last scrape of each job failed; nothing if it didn't."""
    found = requests.get(f"{prometheus_url}/api/v1/targets", timeout=GUARD).json()["data"]["activeTargets"]
    return {target["labels"]["job"]: target["lastError"] for target in found}


def exemplars(prometheus_url: str, promql: str) -> list[dict[str, Any]]:
    """The exemplars that Prometheus has stored for the expression's series: one entry a series."""
    ever = {"start": "0", "end": "9999999999"}
    return _data(f"{prometheus_url}/api/v1/query_exemplars", {"query": promql, **ever})  # type: ignore[no-any-return]


def _data(url: str, form: dict[str, str]) -> Any:
    answer = requests.post(url, data=form, timeout=GUARD).json()
    assert answer["status"] == "success", answer
    return answer["data"]


def _impatient_config(name: str, alertmanager: str) -> Any:
    """Return a deployed configuration that scrapes all the time, and alerts this Alertmanager."""
    config = _read(PROMETHEUS / name)
    config["global"]["evaluation_interval"] = f"{minute() * 500}ms"
    config["alerting"]["alertmanagers"][0]["static_configs"] = [{"targets": [alertmanager]}]
    for job in config["scrape_configs"]:
        job.update(dict.fromkeys(("scrape_interval", "scrape_timeout"), f"{minute()}s"))
    return config


def _impatient(rules: Any) -> Any:
    """Make seconds of minutes, also in what the texts of alerts look up."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            for part, keys in ((rule, ("expr", "for")), (rule.get("annotations", {}), ("description",))):
                part |= {key: re.sub(MINUTES, _seconds, part[key]) for key in keys if key in part}
    return rules


def _seconds(found: re.Match[str]) -> str:
    before, minutes = found.groups()
    return f"{before}{int(minutes) * minute()}s"


def _alertmanager_config(folder: Path, webhook: str) -> Path:
    config = _read(ALERTMANAGER / "alertmanager.yml")
    config["route"] |= {"group_wait": "500ms", "group_interval": "1s"}
    for receiver in config["receivers"]:
        for target in receiver["webhook_configs"]:
            target["url"] = webhook
    return _write(folder / "alertmanager.yml", config)


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def ready(server: Program, url: str) -> str:
    """Return the URL of a server once it says that it is ready; fails when it ends before that."""

    def answers() -> bool:
        server.said()
        try:
            return requests.get(f"{url}/-/ready", timeout=GUARD).ok
        except requests.ConnectionError:
            return False

    wait_until(answers, f"{url} is ready")
    return url
