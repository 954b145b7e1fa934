"""Runs the exporter under churn, faults and clients who waste its time: `python -m bench.soak --minutes=10`.

It must stay as small as it was, and answer every scrape in time and rightly. Three simulators and the
exporter run as processes of their own, on loopback; all ends by itself.
"""

from __future__ import annotations

import asyncio
import random
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import yaml

from bench.clients import ACCOUNTS, CHURNING, FAULTY, QUIET, Record, drip, keep_silent, scrape_on
from bench.faults import inject_faults
from bench.process import Sample, simulator
from tests.command import Exporter, exporter

SCRAPERS, SILENT, DRIPPING = 4, 50, 50
WARM_UP, CALM, EVERY = 120, 15, 10
"""Seconds: with faults before the first sample, till details of many calls are held; without faults before
first and last; between the others."""
RECOVERY = 70
"""Seconds; refused credentials are tried again after 60."""
MEMORY_SLACK = 10.0
"""MiB."""
SLACK = SCRAPERS
"""Threads and descriptors: each scraper may be having an answer written or not."""

CENTRES = {
    QUIET: ("--calls=300", "--speed=0"),
    CHURNING: ("--calls=2000", "--speed=5", "--flat"),
    FAULTY: ("--calls=990", "--flat"),
}


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0), default=10.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the faults.")
def main(minutes: float, seed: int) -> None:
    """Soak the exporter; exit 1 if it grew, or left a scrape without a right answer."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended either way
    with TemporaryDirectory() as folder, _running(Path(folder)) as (running, faulty_url):
        record = Record()
        samples = asyncio.run(_soak(running, faulty_url, record, 60 * minutes, seed))
        said = running.stop(signal.SIGTERM)
    click.echo(_table(samples, record))
    complaints = [*_complaints(samples, record)]
    if said.code:
        complaints.append(f"the exporter ended with code {said.code}")
    for complaint in complaints:
        click.echo(f"FAILED: {complaint}", err=True)
    sys.exit(bool(complaints))


@contextmanager
def _running(folder: Path) -> Iterator[tuple[Exporter, str]]:
    """The exporter of three simulated accounts, and the URL of the one that can be given faults."""
    with ExitStack() as stack:
        urls = {
            name: stack.enter_context(simulator(folder / f"{name}.log", "--latency=20ms", *options))
            for name, options in CENTRES.items()
        }
        account = {"account_sid": "demo", "api_key": "demo", "api_token": "demo"}
        config = {
            "accounts": [{**account, "name": name, "base_url": url} for name, url in urls.items()],
            "collection": {
                "timeout": "2s",
                "min_interval": "0s",
                "requests_per_minute": 100_000,
                "agent_streams": True,
                "streams": {"enabled": True},
            },
            "metrics": {"longest_calls": 10},
        }
        file = folder / "exporter.yaml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        yield stack.enter_context(exporter(folder, f"--config.file={file}")), urls[FAULTY]


async def _soak(
    running: Exporter, faulty_url: str, record: Record, seconds: float, seed: int
) -> list[Sample]:
    """Return samples: the first and the last are taken in calm, so that they compare."""
    url = running.url("/metrics")
    host, port = "127.0.0.1", int(running.addresses()[0].rpartition(":")[2])
    draw = random.Random(seed)  # noqa: S311  # to be repeated, not to be secret
    async with _beside(*(scrape_on(url, record) for _ in range(SCRAPERS))):
        async with _beside(inject_faults(faulty_url, draw)):
            await asyncio.sleep(WARM_UP)
        await _calm(record)
        samples = [Sample.of(running)]
        async with _beside(
            inject_faults(faulty_url, draw),
            *(keep_silent(host, port) for _ in range(SILENT)),
            *(drip(host, port, record) for _ in range(DRIPPING)),
        ):
            for _ in range(round(seconds / EVERY)):
                await asyncio.sleep(EVERY)
                samples.append(Sample.of(running))
        await _calm(record)
        return [*samples, Sample.of(running)]


@asynccontextmanager
async def _beside(*jobs: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run endless jobs beside what is done in here; the first error of one is raised at the end."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def _calm(record: Record) -> None:
    """Let every account recover, and all that was for the moment go away."""
    try:
        async with asyncio.timeout(RECOVERY):
            while not record.all_up:
                await asyncio.sleep(1)
    except TimeoutError:
        record.wrong[f"not every account was up {RECOVERY} s after the last fault"] += 1
    await asyncio.sleep(CALM)


def _table(samples: Sequence[Sample], record: Record) -> str:
    lines = [f"{'':12}{'start':>9}{'highest':>9}{'end':>9}"]
    for measure in fields(Sample):
        values = [getattr(sample, measure.name) for sample in samples]
        name, digits = (f"{measure.name} MiB", 1) if measure.type == "float" else (measure.name, 0)
        row = "".join(f"{value:9.{digits}f}" for value in (values[0], max(values), values[-1]))
        lines.append(f"{name:12}{row}")
    made = len(record.seconds)
    answered = made - record.unanswered.total()
    failures = record.last.samples("exotel_collector_failures_total", FAULTY) if record.last else []
    return "\n".join(
        (
            *lines,
            "",
            f"scrapes     {made}, answered {answered} ({answered / made:.2%}), wrong {record.wrong.total()}",
            f"seconds     median {statistics.median(record.seconds):.3f}, slowest {max(record.seconds):.3f}",
            "up          " + ", ".join(f"{account} {record.up[account]}" for account in ACCOUNTS),
            "failures    " + ", ".join(f"{each.labels['reason']} {each.value:.0f}" for each in failures),
            "dripped     " + ", ".join(f"{answer} {count}" for answer, count in record.dripped.items()),
        )
    )


def _complaints(samples: Sequence[Sample], record: Record) -> Iterator[str]:
    start, end = samples[0], samples[-1]
    for what, count in record.unanswered.items():
        yield f"{count} scrapes were not answered: {what}"
    for what, count in record.wrong.items():
        yield f"{count} answers were wrong: {what}"
    if end.memory > start.memory + MEMORY_SLACK:
        yield f"memory grew by {end.memory - start.memory:.1f} MiB"
    if end.threads > start.threads + SLACK:
        yield f"threads grew by {end.threads - start.threads}"
    if end.descriptors > start.descriptors + SLACK:
        yield f"descriptors grew by {end.descriptors - start.descriptors}"


if __name__ == "__main__":
    main()
