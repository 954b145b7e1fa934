"""What one exporter takes of a core for more and more accounts: `python -m bench.curve`.

Each size has an exporter of its own, which two replicas of Prometheus probe every 15 s.
"""

from __future__ import annotations

import asyncio
import signal
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.fleet import INTERVAL, Fleet, simulated
from bench.prober import REPLICAS, Prober
from bench.process import Sample, cpu_seconds
from tests.command import Exporter, exporter

_OLD = 10.0  # seconds: older than what two replicas share
_SIZES = (50, 100, 200, 500, 1000)
_COLUMNS = (
    "accounts",
    "probes/s",
    "share of a core",
    "CPU a probe",
    "median",
    "older than 10 s",
    "lost",
    "MiB",
)


@click.command()
@click.option("--calls", type=click.IntRange(min=0), default=200, show_default=True, help="Of each account.")
@click.option("--intervals", type=click.IntRange(min=1), default=2, show_default=True, help="To measure.")
@click.option("--tls/--no-tls", default=True, show_default=True)
def main(calls: int, intervals: int, *, tls: bool) -> None:
    """Print the curve as a table."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended either way
    click.echo(f"| {' | '.join(_COLUMNS)} |\n|{'---|' * len(_COLUMNS)}")
    with TemporaryDirectory() as folder, simulated(Path(folder), calls, tls=tls) as url:
        for size in _SIZES:
            fleet = Fleet([f"account-{number:04}" for number in range(size)], url, Path(folder))
            fleet.configure()
            with exporter(fleet.folder, f"--config.file={fleet.file}", "--web.probe-only") as running:
                prober = Prober(running.url("/probe"), fleet.names)
                click.echo(asyncio.run(_measure(running, prober, size, intervals)))


async def _measure(running: Exporter, prober: Prober, size: int, intervals: int) -> str:
    rate = REPLICAS * size / INTERVAL
    await prober.load(rate, INTERVAL)  # connections, and what is learned of each list
    before = cpu_seconds(running)
    phase = await prober.load(rate, intervals * INTERVAL)
    used, probes = cpu_seconds(running) - before, phase.probes
    took = max(probe.began + probe.seconds for probe in probes) - min(probe.began for probe in probes)
    old = len(phase.stale(_OLD))
    cells = (
        f"{size:,}",
        f"{rate:.0f}",
        f"{used / took:.2f}",
        f"{used / len(probes) * 1000:.1f} ms",
        f"{statistics.median(probe.seconds for probe in probes) * 1000:.0f} ms",
        f"{old / len(probes):.0%}",
        f"{phase.lost.total()}",
        f"{Sample.of(running).memory:.0f}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
