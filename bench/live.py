"""What /calls takes: the page of 10,000 calls, and 50 browsers that ask every 3 s: `python -m bench.live`."""

from __future__ import annotations

import signal
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import click
import requests
import yaml

from bench.process import Sample, cpu_seconds, simulator
from bench.targets import Target, report
from tests.command import Exporter, exporter

_MANY, _SOME = 10_020, 1_000  # calls; a list of exactly 10,000 looks cut off
_BROWSERS, _EVERY = 50, 3.0  # and seconds
_INTERVAL = 15.0  # seconds between scrapes
_PAGES = 10
_PATHS = ("/calls", "/calls?wallboard=1", "/calls?direction=inbound", "/calls?status=waiting&sort=-length")


@click.command()
@click.option(
    "--seconds", type=click.FloatRange(min=15), default=60.0, show_default=True, help="Of each load."
)
def main(seconds: float) -> None:
    """Measure pages and browsers; exit 1 if a target is missed."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # what was started is ended either way
    with _running(_MANY, "--speed=0", "--max-limit=1000") as running:
        first = {path: _milliseconds(running, path) for path in ("/calls", "/calls.json")}
        memory = Sample.of(running).memory
    with _running(_SOME, "--flat") as running:
        scraped, _ = _share(running, 0, seconds)
        watched, answers = _share(running, _BROWSERS, seconds)
    targets = [
        *(Target(f"{path} of {_MANY:,}, ms", took, 300) for path, took in first.items()),
        Target("memory then, MiB", memory),
        Target("share of a core, scrapes", scraped),
        Target("share of a core, browsers", watched - scraped, 0.1),
        *(Target(f"answers {code}", count) for code, count in sorted(answers.items()) if code < 400),
        Target("refused", sum(count for code, count in answers.items() if code >= 400), 0),
    ]
    report(f"/calls, {_BROWSERS} browsers that ask every {_EVERY:g} s with {_SOME:,} calls", targets)


@contextmanager
def _running(calls: int, *options: str) -> Iterator[Exporter]:
    """Run an exporter of a simulator with so many calls, and details of some."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        with simulator(folder / "simulator.log", f"--calls={calls}", *options) as url:
            demo = {"account_sid": "demo", "base_url": url, "api_key": "demo", "api_token": "demo"}
            collection = {"min_interval": "0s", "requests_per_minute": 6000, "page_size": 1000}
            collection["streams"] = {"enabled": True}
            file = folder / "exporter.yaml"
            file.write_text(yaml.safe_dump({"accounts": [demo], "collection": collection}), encoding="utf-8")
            with exporter(folder, f"--config.file={file}", "--web.enable-live-calls") as running:
                yield running


def _milliseconds(running: Exporter, path: str) -> float:
    """Return how long a page takes that nobody has asked for since the last listing: the median of some."""
    took = []
    with requests.Session() as session:
        for _ in range(_PAGES):
            scraped = session.get(running.url("/metrics"), timeout=60).text
            if 'exotel_up{account="demo"} 1.0' not in scraped:
                raise click.ClickException("the listing failed: a page without calls is no measure")
            began = time.perf_counter()
            session.get(running.url(path), timeout=60).raise_for_status()
            took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


def _share(running: Exporter, browsers: int, seconds: float) -> tuple[float, Counter[int]]:
    """Return the share of a core that an exporter takes, and the answers that browsers get, by status."""
    over, scrape = Event(), running.url("/metrics")
    requests.get(scrape, timeout=60).raise_for_status()
    used, began = cpu_seconds(running), time.monotonic()
    with ThreadPoolExecutor(browsers + 1) as threads:
        jobs = [
            threads.submit(_browse, running.url(_PATHS[number % len(_PATHS)]), number, over)
            for number in range(browsers)
        ]
        try:
            while time.monotonic() - began < seconds:
                time.sleep(_INTERVAL)
                requests.get(scrape, timeout=60).raise_for_status()
        finally:
            over.set()
    took = time.monotonic() - began
    return (cpu_seconds(running) - used) / took, sum((job.result() for job in jobs), Counter())


def _browse(url: str, number: int, over: Event) -> Counter[int]:
    """Ask as the page's script does, until it is over; return the answers by status."""
    tag, answers = "", Counter[int]()
    over.wait(number * _EVERY / _BROWSERS)
    with requests.Session() as session:
        while not over.is_set():
            answer = session.get(url, headers={"If-None-Match": tag} if tag else {}, timeout=60)
            answers[answer.status_code] += 1
            tag = answer.headers.get("ETag", "")
            over.wait(_EVERY)
    return answers


if __name__ == "__main__":
    main()
