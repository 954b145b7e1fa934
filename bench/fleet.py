"""Many accounts behind one exporter, probed as two replicas of Prometheus do: `python -m bench.fleet`.

One simulator serves all accounts, over TLS unless told otherwise. It and the exporter run as processes of
their own, on loopback, so that the exporter's figures are its own; all ends by itself.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import requests
import trustme
import yaml
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from bench.aims import Found, save
from bench.process import Sample, cpu_seconds, simulator
from bench.replica import Record, probe_on
from bench.targets import Target, of_scrapes, report
from tests.command import Exporter, exporter

REPLICAS, INTERVAL = 2, 15.0
_SHARE = "CPU, share of a core"
REST, WARM_UP, EVERY = 3, 30, 5
"""Seconds: before the exporter is called idle; with probes before figures count; from sample to sample."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Accounts of one simulator, and the exporter's configuration of them."""

    names: Sequence[str]
    url: str
    folder: Path

    @property
    def file(self) -> Path:
        """Return the exporter's configuration."""
        return self.folder / "exporter.yaml"

    def configure(self, **more: Any) -> None:
        """Write the configuration, with these settings in each account."""
        account = {"api_key": "demo", "api_token": "demo", "base_url": self.url, **more}
        tls = {"tls_config": {"ca_file": str(self.folder / "ca.pem")}}
        config = {
            "accounts": [{**account, "name": name, "account_sid": name} for name in self.names],
            "collection": tls if self.url.startswith("https") else {},
        }
        self.file.write_text(yaml.safe_dump(config), encoding="utf-8")


@click.command()
@click.option("--accounts", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--calls", type=click.IntRange(min=0), default=200, show_default=True, help="Of each account.")
@click.option("--seconds", type=click.FloatRange(min=EVERY), default=60.0, show_default=True)
@click.option("--tls/--no-tls", default=True, show_default=True)
def main(accounts: int, calls: int, seconds: float, *, tls: bool) -> None:
    """Probe many accounts, and reload them all; exit 1 if a target is missed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended either way
    names = [f"account-{number:04}" for number in range(accounts)]
    with TemporaryDirectory() as folder, simulated(Path(folder), calls, tls=tls) as url:
        fleet = Fleet(names, url, Path(folder))
        fleet.configure()
        options = f"--config.file={fleet.file}", "--web.probe-only", "--web.enable-lifecycle"
        started = time.monotonic()
        with exporter(fleet.folder, *options) as running:
            running.addresses()
            targets = [Target("start, s", time.monotonic() - started, 2)]
            time.sleep(REST)
            targets += asyncio.run(_measure(running, fleet, seconds))
            targets.append(Target("exit code", running.stop(signal.SIGTERM).code, 0))
    share = next(each.found for each in targets if each.name == _SHARE)
    spoilt = [each for each in targets if each.name in {"lost", "incomplete"} and each.is_missed]
    void = f"{spoilt[0].found:g} probes {spoilt[0].name}" if spoilt else ""
    save("fleet", [Found("fleet CPU", [share], "", void)])
    over = "over TLS" if tls else "in the clear"
    report(
        f"{accounts} accounts of {calls} calls {over}, every {INTERVAL:g} s by {REPLICAS} replicas", targets
    )


@contextmanager
def simulated(folder: Path, calls: int, *more: str, tls: bool) -> Iterator[str]:
    """Run a simulator of all accounts that has the certificate of an authority; give its URL."""
    authority, pem = trustme.CA(), folder / "simulator.pem"
    everyday = Path(DEFAULT_CA_BUNDLE_PATH).read_bytes()  # as many as an account without a ca_file trusts
    (folder / "ca.pem").write_bytes(everyday + authority.cert_pem.bytes())
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    options = (
        "--account-sid=*",
        "--flat",
        f"--calls={calls}",
        "--latency=20ms",
        *([f"--tls-file={pem}"] if tls else []),
        *more,
    )
    with simulator(folder / "simulator.log", *options) as url:
        yield url


async def _measure(running: Exporter, fleet: Fleet, seconds: float) -> list[Target]:
    idle, url = Sample.of(running), running.url("")
    async with _probing(f"{url}/probe", fleet.names):
        await asyncio.sleep(WARM_UP)
    began, cpu, samples = time.monotonic(), cpu_seconds(running), []
    async with _probing(f"{url}/probe", fleet.names) as record:
        while time.monotonic() < began + seconds:
            await asyncio.sleep(EVERY)
            samples.append(Sample.of(running))
        used, took = cpu_seconds(running) - cpu, time.monotonic() - began
    fleet.configure(call_limit=1000)
    async with _probing(f"{url}/probe", fleet.names) as meanwhile:
        began = time.monotonic()
        (await asyncio.to_thread(requests.post, f"{url}/-/reload", timeout=60)).raise_for_status()
        reload = time.monotonic() - began
        await asyncio.sleep(2 * INTERVAL)
    return [
        Target("memory idle, MiB", idle.memory, 70),
        Target("memory, MiB", samples[-1].memory, 200),
        Target("threads", max(each.threads for each in samples), 400),
        Target("descriptors", max(each.descriptors for each in samples), 1500),
        Target(_SHARE, used / took, 0.8),
        Target("CPU, ms a probe", used / len(record.seconds) * 1000, 5),
        *of_scrapes(record, p99=1000),
        Target("reload, s", reload, 5),
        *of_scrapes(meanwhile, slowest=5000),
        Target("memory after it, MiB", Sample.of(running).memory, 250),
    ]


@asynccontextmanager
async def _probing(url: str, names: Sequence[str]) -> AsyncIterator[Record]:
    """Have replicas probe while this lasts."""
    record = Record()
    async with asyncio.TaskGroup() as group:
        seeds = [random.Random(seed) for seed in range(REPLICAS)]  # noqa: S311  # to be repeated, not to be secret
        replicas = [group.create_task(probe_on(url, names, INTERVAL, seed, record)) for seed in seeds]
        yield record
        for replica in replicas:
            replica.cancel()


if __name__ == "__main__":
    main()
