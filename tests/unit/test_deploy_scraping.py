"""The scrape configurations for many accounts: accepted by Prometheus; twins are each asked for their own."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.answering import answering
from tests.tools import ROOT, run

PROMETHEUS = ROOT / "deploy" / "prometheus"
ACCOUNTS = {"acme", "Acme & Söhne, Chennai", "50% off", "https://acme.example.com/x?y=z"}

each_configuration = pytest.mark.parametrize("name", ["many-accounts.yml", "twins.yml"])


def _yaml(name: str) -> Any:
    return yaml.safe_load((PROMETHEUS / name).read_text(encoding="utf-8"))


@each_configuration
def test_prometheus_accepts_the_configuration(name: str) -> None:
    """promtool finds nothing wrong, and each job scrapes as often as the rules are told."""
    run("promtool", "check", "config", "--lint=all", "--lint-fatal", name, cwd=PROMETHEUS)
    [small] = _yaml("prometheus.yml")["scrape_configs"]
    for job in _yaml(name)["scrape_configs"]:
        assert (job["scrape_interval"], job["scrape_timeout"]) == ("15s", small["scrape_timeout"])


@each_configuration
def test_exporters_are_scraped_where_they_are_asked_for_their_accounts(name: str) -> None:
    """Their own targets have the names that their accounts get: rules and dashboards put the two together."""
    [own, accounts] = _yaml(name)["scrape_configs"]
    [static] = own["static_configs"]
    assert own["job_name"] == "exotel"
    assert {"target_label": "job", "replacement": "exotel"} in accounts["relabel_configs"]
    assert [f"http://{address}/sd" for address in static["targets"]] == [
        service["url"] for service in accounts["http_sd_configs"]
    ]


def test_twins_are_each_asked_for_the_accounts_that_they_name(tmp_path: Path) -> None:
    """An exporter that is down leaves none of its accounts unwatched; names may hold what they like."""
    named = {"both": sorted(ACCOUNTS), "one": ["alone"]}

    def answer(accounts: list[str]) -> tuple[int, bytes]:
        return 200, json.dumps([{"targets": [account]} for account in accounts]).encode()

    with (
        answering(lambda _path: answer(named["both"])) as first,
        answering(lambda _path: answer(named["both"] + named["one"])) as second,
    ):
        text = (PROMETHEUS / "twins.yml").read_text(encoding="utf-8").replace("rules/*.yml", "none/*.yml")
        for twin, address in zip(re.findall("http://(.+)/sd", text), (first, second), strict=True):
            text = text.replace(twin, address)
        file = tmp_path / "twins.yml"
        file.write_text(text, encoding="utf-8")
        said = run("promtool", "check", "service-discovery", "--timeout=3s", str(file), "exotel-accounts")
    found = [target["labels"] for target in json.loads(said)]
    assert {(labels["account"], labels["__param_target"], labels["instance"]) for labels in found} == {
        *((account, account, first) for account in named["both"]),
        *((account, account, second) for account in named["both"] + named["one"]),
    }
    for labels in found:
        assert labels["__address__"] == labels["instance"]
        assert (labels["job"], labels["__metrics_path__"]) == ("exotel", "/probe")
