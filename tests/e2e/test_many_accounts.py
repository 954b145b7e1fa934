"""Many accounts: Prometheus discovers them, and spreads them over its servers and over the exporters."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP
from typing import Any

import pytest
import yaml

from grafana.promql import of_scrapes
from tests.e2e import exotel, servers
from tests.e2e.processes import Program
from tests.expressions import substituted
from tests.waiting import wait_until

ACCOUNTS = {"acme", "globex", "initech", "hooli", "umbrella", "नमस्ते & co"}
NOWHERE = "127.0.0.1:1"


@dataclass(frozen=True)
class Fleet:
    """Two exporters of the same accounts, and two Prometheus servers that share these."""

    folder: Path
    simulator: str
    exporters: dict[str, Program]
    shards: tuple[str, str]

    def series(self, promql: str) -> list[dict[str, str]]:
        """The labels of all series that the expression has on any server."""
        return [found["metric"] for shard in self.shards for found in servers.query(shard, promql)]

    def accounts(self, promql: str) -> list[str]:
        """The accounts that the expression has on any server, as often as it has them."""
        return sorted(labels["account"] for labels in self.series(promql))


def configuration(url: str, names: set[str]) -> dict[str, Any]:
    """A configuration of accounts with these names."""
    collection = {"min_interval": "0s", "requests_per_minute": 6000}
    return {"accounts": [exotel.account(url, name) for name in sorted(names)], "collection": collection}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """All of it, on loopback."""
    folder = tmp_path_factory.mktemp("fleet")
    with ExitStack() as stack:
        url = stack.enter_context(exotel.simulator(folder, "--calls=20", "--speed=0"))
        exporters = dict(
            stack.enter_context(
                exotel.configured_exporter(
                    name, folder, configuration(url, ACCOUNTS), "127.0.0.1:0", "--web.probe-only"
                )
            )
            for name in ("first", "second")
        )
        shards = [
            stack.enter_context(
                servers.prometheus_shard(folder / f"shard-{shard}", list(exporters), NOWHERE, shard, 2)
            )
            for shard in (0, 1)
        ]
        yield Fleet(folder, url, exporters, (shards[0], shards[1]))


def test_every_account_is_probed_by_one_server_at_one_exporter(fleet: Fleet) -> None:
    """None is forgotten, none is asked twice; each exporter has a share, and so has each server."""
    wait_until(lambda: fleet.accounts("exotel_up == 1") == sorted(ACCOUNTS), "each account once")
    assert fleet.accounts('up{account!=""} == 1') == sorted(ACCOUNTS)
    assert {labels["instance"] for labels in fleet.series("exotel_up")} == set(fleet.exporters)
    assert all(servers.query(shard, "exotel_up") for shard in fleet.shards)
    assert {labels["job"] for labels in fleet.series("exotel_up")} == {"exotel"}


def test_the_exporters_tell_of_themselves_once(fleet: Fleet) -> None:
    """Their own metrics come from their own target, to each server, and not with each account."""
    each_to_both = sorted([*fleet.exporters] * 2)

    def told() -> list[str]:
        return sorted(labels["instance"] for labels in fleet.series("exotel_exporter_build_info"))

    wait_until(lambda: told() == each_to_both, "the build of each exporter on each server")
    assert not any("account" in labels for labels in fleet.series("exotel_exporter_build_info"))


def test_the_exporter_dashboard_shows_an_exporter_as_one_target(fleet: Fleet) -> None:
    """What is shown of exporters leaves out the accounts probed at them, of the same job and instance."""
    shown = substituted(of_scrapes("up"))
    assert sorted(labels["instance"] for labels in fleet.series(shown)) == sorted([*fleet.exporters] * 2)
    assert sorted(fleet.accounts('up{account!=""}')) == sorted(ACCOUNTS)


def test_an_account_that_is_added_is_probed_without_a_restart(fleet: Fleet) -> None:
    """The exporters reload, Prometheus asks them for their accounts, and has one more."""
    more = ACCOUNTS | {"tyrell"}
    for name, program in zip(("first", "second"), fleet.exporters.values(), strict=True):
        text = yaml.safe_dump(configuration(fleet.simulator, more))
        (fleet.folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        program.process.send_signal(SIGHUP)
    wait_until(lambda: fleet.accounts("exotel_up == 1") == sorted(more), "one account more")


def test_a_dead_exporter_is_told_with_the_accounts_that_nobody_watches(fleet: Fleet) -> None:
    """One alert for it on each server, one for each account that it had, none for the others."""
    dead, program = list(fleet.exporters.items())[1]
    lost = fleet.accounts(f'exotel_up{{instance="{dead}"}}')
    program.kill()
    firing = 'ALERTS{alertstate="firing",alertname="%s"}'
    wait_until(lambda: fleet.accounts(firing % "ExotelAccountUnwatched") == lost, "its accounts")
    wait_until(lambda: len(fleet.series(firing % "ExotelExporterDown")) == 2, "two alerts")
    assert {labels["instance"] for labels in fleet.series(firing % "ExotelExporterDown")} == {dead}
    assert sorted({*fleet.accounts("exotel_up == 1"), *lost}) == sorted(ACCOUNTS | {"tyrell"})
