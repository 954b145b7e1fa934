"""The scrape configurations for many accounts: accepted, and each account is asked for where it is to be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.answering import answering
from tests.tools import ROOT, run

PROMETHEUS = ROOT / "deploy" / "prometheus"
BY_HASH = PROMETHEUS / "many-accounts.yml"
TWINS = PROMETHEUS / "twins.yml"
ACCOUNTS = {
    "Acme & Söhne, Chennai",
    "50% off",
    "https://acme.example.com/x?y=z",
    *(f"acme{n}" for n in range(40)),
}

each_configuration = pytest.mark.parametrize("file", [BY_HASH, TWINS], ids=lambda file: file.name)


@dataclass(frozen=True)
class Target:
    """What Prometheus would scrape."""

    account: str
    asked_for: str
    address: str
    instance: str
    job: str
    path: str


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _lists(path: str) -> tuple[int, bytes]:
    """Answer /sd as an exporter does."""
    return (200 if path == "/sd" else 404), json.dumps(
        [{"targets": [name]} for name in sorted(ACCOUNTS)]
    ).encode()


@pytest.fixture(scope="module")
def exporters() -> Iterator[list[str]]:
    """The addresses of two exporters with the same accounts."""
    with answering(_lists) as one, answering(_lists) as other:
        yield [one, other]


Found = Callable[..., set[Target]]


@pytest.fixture
def targets(exporters: list[str], tmp_path: Path) -> Found:
    """Give what finds the targets of accounts, as Prometheus would after some changes of the text."""

    def find(file: Path, *changes: tuple[str, str]) -> set[Target]:
        text = file.read_text(encoding="utf-8").replace("rules/*.yml", "none/*.yml")
        for service, address in zip(re.findall("url: http://(.+)/sd", text), exporters, strict=True):
            text = text.replace(f"http://{service}/sd", f"http://{address}/sd")
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        changed = tmp_path / f"{file.stem}-{abs(hash(changes))}.yml"
        changed.write_text(text, encoding="utf-8")
        arguments = ("check", "service-discovery", "--timeout=3s", str(changed), "exotel-accounts")
        return {
            _target(found["labels"]) for found in json.loads(run("promtool", *arguments)) if found["labels"]
        }

    return find


def _target(labels: dict[str, str]) -> Target:
    return Target(
        account=labels["account"],
        asked_for=labels["__param_target"],
        address=labels["__address__"],
        instance=labels["instance"],
        job=labels["job"],
        path=labels["__metrics_path__"],
    )


@each_configuration
def test_prometheus_accepts_the_configuration(file: Path) -> None:
    """promtool finds nothing wrong, and the scrape intervals are those that alerts are told."""
    run("promtool", "check", "config", "--lint=all", "--lint-fatal", file.name, cwd=PROMETHEUS)
    configuration = _yaml(file)
    assert configuration["global"] == _yaml(PROMETHEUS / "prometheus.yml")["global"] | {
        "scrape_timeout": "10s"
    }
    [own, accounts] = configuration["scrape_configs"]
    assert not {"scrape_interval", "scrape_timeout"} & {*own, *accounts}


@each_configuration
def test_exporters_tell_of_themselves_under_the_same_names(file: Path) -> None:
    """Rules and dashboards find an exporter's own metrics by the job and the instance of its accounts."""
    [own, accounts] = _yaml(file)["scrape_configs"]
    [static] = own["static_configs"]
    assert own["relabel_configs"] == [{"target_label": "job", "replacement": "exotel"}]
    assert {f"http://{address}/sd" for address in static["targets"]} == {
        service["url"] for service in accounts["http_sd_configs"]
    }
    assert accounts["honor_labels"] is True


def test_each_account_is_asked_for_at_one_exporter(targets: Found) -> None:
    """A request budget has one owner; its metrics get the labels that they have on /metrics."""
    found = targets(BY_HASH)
    assert {target.account for target in found} == ACCOUNTS
    assert len(found) == len(ACCOUNTS)
    for target in found:
        assert target.asked_for == target.account
        assert target.instance == target.address
        assert (target.job, target.path) == ("exotel", "/probe")
    assert {target.address for target in found} == {"exporter-0:9927", "exporter-1:9927"}


def test_servers_share_the_accounts_out(targets: Found) -> None:
    """With two servers, as the comment says to write it, each account is scraped by one of them."""

    def of_server(number: int) -> set[Target]:
        return targets(BY_HASH, ("modulus: 1,", "modulus: 2,"), ('regex: "0"', f'regex: "{number}"'))

    with ThreadPoolExecutor() as pool:
        first, second = pool.map(of_server, range(2))
    assert first
    assert second
    assert not first & second
    assert {target.account for target in first | second} == ACCOUNTS


def test_twins_are_each_asked_for_the_accounts_that_they_list(targets: Found, exporters: list[str]) -> None:
    """An exporter that is down leaves none of its accounts unwatched."""
    found = targets(TWINS)
    assert {(target.account, target.address) for target in found} == {
        (account, exporter) for account in ACCOUNTS for exporter in exporters
    }
    assert all(target.instance == target.address and target.job == "exotel" for target in found)
