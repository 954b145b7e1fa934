"""Reloads under load: `python -m bench.reloads`. No scrape may be lost, or find less than all calls.

Two configurations take turns, by signal and by request. Some accounts stay as they are, some change each
time, some come and go; those that are in both are scraped and probed from several threads meanwhile.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import click
import requests
import yaml

from bench.process import Sample, simulator
from bench.replica import Record, Scrape, open_session, scrape
from bench.targets import Target, of_scrapes, report
from tests.command import Exporter, exporter
from tests.waiting import wait_until

RELOADS, REST = 20, 0.5
"""How many, and the seconds before each."""
SCRAPERS, PROBERS = 2, 4
STAYING, CHANGING, PASSING = (
    tuple(f"{kind}-{n}" for n in range(10)) for kind in ("stays", "changes", "comes")
)
"""Accounts."""
_PATIENCE = 60  # seconds for a reload


@click.command()
def main() -> None:
    """Reload under load; exit 1 if a target is missed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended either way
    with TemporaryDirectory() as folder, simulator(Path(folder, "simulator.log"), "--latency=20ms") as api:
        file = Path(folder, "exporter.yaml")
        file.write_text(_configuration(api, 0), encoding="utf-8")
        with exporter(Path(folder), f"--config.file={file}", "--web.enable-lifecycle") as running:
            record, seconds = _measure(running, file, api)
            took = Sample.of(running)
            code = running.stop(signal.SIGTERM).code
    targets = [
        Target("reloads", len(seconds)),
        Target("longest, s", max(seconds), 2),
        *of_scrapes(record, slowest=3000),
        Target("memory, MiB", took.memory, 150),
        Target("exit code", code, 0),
    ]
    report(f"{RELOADS} reloads under load of {SCRAPERS} scrapers and {PROBERS} probers", targets)


def _measure(running: Exporter, file: Path, api: str) -> tuple[Record, Sequence[float]]:
    """Scrape and reload; give what came of it, and how long each reload took, in seconds."""
    always, over, record, seconds = (*STAYING, *CHANGING), Event(), Record(), []
    metrics, probe = running.url("/metrics"), running.url("/probe?target=")
    with ThreadPoolExecutor(SCRAPERS + PROBERS) as threads:
        jobs = [threads.submit(_scrape_on, [(metrics, always)], over) for _ in range(SCRAPERS)]
        probes = [(f"{probe}{name}", [name]) for name in always]
        jobs += [threads.submit(_scrape_on, probes[number::PROBERS], over) for number in range(PROBERS)]
        try:
            for number in range(RELOADS):
                time.sleep(REST)
                file.write_text(_configuration(api, number + 1), encoding="utf-8")
                seconds.append(_reload(running, by_signal=bool(number % 2)))
        finally:
            over.set()
    for found in (found for job in jobs for found in job.result()):
        record.take(found)
    return record, seconds


def _scrape_on(targets: Iterable[tuple[str, Sequence[str]]], over: Event) -> list[Scrape]:
    """Scrape each of some URLs, and then the first again."""
    found: list[Scrape] = []
    turns = cycle(targets)
    with open_session() as session:
        while not over.is_set():
            found.append(scrape(session, *next(turns)))
    return found


def _reload(running: Exporter, *, by_signal: bool) -> float:
    """Reload; give the seconds until the configuration was active."""
    before, began = _loaded(running), time.monotonic()
    if by_signal:
        running.program.process.send_signal(signal.SIGHUP)
    else:
        requests.post(running.url("/-/reload"), timeout=_PATIENCE).raise_for_status()
    wait_until(lambda: _loaded(running) > before, "a line that tells of the reload")
    return time.monotonic() - began


def _loaded(running: Exporter) -> int:
    return running.program.said().count("configuration loaded")


def _configuration(api: str, number: int) -> str:
    """Write the configuration that is to be active after so many reloads."""
    account = {"account_sid": "demo", "api_key": "demo", "api_token": "demo", "base_url": api}
    accounts = [
        *({**account, "name": name} for name in STAYING),
        *({**account, "name": name, "call_limit": number + 1} for name in CHANGING),
        *({**account, "name": name} for name in PASSING if number % 2),
    ]
    eager = {"min_interval": "0s", "requests_per_minute": 100_000}
    return yaml.safe_dump({"accounts": accounts, "collection": eager})


if __name__ == "__main__":
    main()
