"""More probes than one exporter can collect for: `python -m bench.overload`.

What it carries is measured first; then it gets twice and four times that, and then half again.
"""

from __future__ import annotations

import asyncio
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.aims import Found, save
from bench.fleet import Fleet, simulated
from bench.prober import Phase, Prober
from bench.process import Sample, cpu_seconds
from bench.targets import Target, report
from tests.command import Exporter, exporter

INTERVAL = 15.0  # seconds: within one, all is to be back to normal
FRESH = 3.0  # seconds; what is older was taken before the probe
_CLIENTS = 16  # as many as keep it busy, and no collection waiting for long


@click.command()
@click.option("--accounts", type=click.IntRange(min=1), default=500, show_default=True)
@click.option("--calls", type=click.IntRange(min=0), default=200, show_default=True, help="Of each account.")
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=30.0, show_default=True, help="Of each load."
)
@click.option("--tls/--no-tls", default=True, show_default=True)
def main(accounts: int, calls: int, seconds: float, *, tls: bool) -> None:
    """Probe an exporter beyond what it carries; exit 1 if a probe is lost."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended either way
    names = [f"account-{number:04}" for number in range(accounts)]
    with TemporaryDirectory() as folder, simulated(Path(folder), calls, tls=tls) as url:
        fleet = Fleet(names, url, Path(folder))
        fleet.configure(min_interval="0s")  # each probe wants a collection
        with exporter(fleet.folder, f"--config.file={fleet.file}", "--web.probe-only") as running:
            prober = Prober(running.url("/probe"), names)
            targets = asyncio.run(_measure(running, prober, seconds, len(names)))
    lost = next(each.found for each in targets if each.name == "4 x: lost")
    save("overload", [Found("fleet lost", [lost])])
    report(f"{accounts} accounts of {calls} calls, probed beyond what one core carries", targets)


async def _measure(running: Exporter, prober: Prober, seconds: float, accounts: int) -> list[Target]:
    await prober.saturate(_CLIENTS, accounts / 40)  # each once, or none has a snapshot
    carried = len((await prober.saturate(_CLIENTS, seconds)).probes) / seconds
    targets = [Target("carried, probes a second", carried)]
    for factor in (2, 4):
        used, began = cpu_seconds(running), time.monotonic()
        phase = await prober.load(factor * carried, seconds)
        share = (cpu_seconds(running) - used) / (time.monotonic() - began)
        targets += [*_figures(f"{factor} x", phase), Target(f"{factor} x: share of a core", share)]
    began = time.monotonic()
    after = await prober.load(carried / 2, 2 * INTERVAL)
    last_stale = max((probe.began - began for probe in after.stale(FRESH)), default=0.0)
    return [
        *targets,
        *_figures("after", after),
        Target("back to normal after, s", last_stale, INTERVAL),
        Target("memory, MiB", Sample.of(running).memory),
    ]


def _figures(load: str, phase: Phase) -> Iterator[Target]:
    seconds = statistics.quantiles([probe.seconds for probe in phase.probes], n=100)
    yield Target(f"{load}: probes", len(phase.probes))
    yield Target(f"{load}: lost", phase.lost.total(), 0)
    yield Target(f"{load}: without calls", phase.without_calls, 0)
    yield Target(f"{load}: older than {FRESH:g} s", len(phase.stale(FRESH)))
    yield Target(f"{load}: oldest, s", max((probe.age or 0 for probe in phase.probes), default=0), 120)
    yield Target(f"{load}: p50, ms", seconds[49] * 1000)
    yield Target(f"{load}: p99, ms", seconds[98] * 1000)


if __name__ == "__main__":
    main()
