"""Measures one way of listing in this process, and prints the figures as JSON: `python -m bench.measure`."""

from __future__ import annotations

import gc
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.cases import CASES, Case
from bench.reference import list_plainly
from exporter.collect.account import Account
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret
from exporter.exotel.deadline import Deadline

_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians over the runs of one way; times in seconds, memory in MiB above idle."""

    complete: int
    """Runs whose listing was complete."""
    runs: int
    requests: float
    listing: float
    whole: float
    cpu: float
    memory: float


def measure(way: str, url: str, case: Case, runs: int) -> Figures:
    """List so often, after one run that isn't counted."""
    list_once = _exporter(url, case) if way == "exporter" else _reference(url, case)
    idle = _resident()
    list_once()
    figures = [_timed(list_once) for _ in range(runs)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    complete, requests, listing, whole, cpu = (list(column) for column in zip(*figures, strict=True))
    return Figures(
        complete=sum(complete),
        runs=runs,
        requests=statistics.median(requests),
        listing=statistics.median(listing),
        whole=statistics.median(whole),
        cpu=statistics.median(cpu),
        memory=(peak - idle) / 2**20,
    )


Run = Callable[[], tuple[bool, int, float]]
"""Lists once; gives whether the listing was complete, its requests, and its seconds without the tally."""


def _exporter(url: str, case: Case) -> Run:
    account = Account(
        AccountConfig(
            name="bench",
            account_sid="demo",
            base_url=url,
            api_key=Secret("demo"),
            api_token=Secret("demo"),
            collection=CollectionConfig(
                timeout=_SECONDS,
                min_interval=0,
                page_size=case.page_size,
                concurrency=case.concurrency,
                requests_per_minute=10**9,  # or a run would get the result of the one before
            ),
        ),
        MetricsConfig(),
    )
    made = 0

    def run() -> tuple[bool, int, float]:
        nonlocal made
        snapshot = account.collect(Deadline.after(_SECONDS)).result()
        before, made = made, sum(account.live_values().counts.requests.values())
        active_calls = snapshot.active_calls
        return (
            active_calls is not None,
            made - before,
            active_calls.window if active_calls else snapshot.calls.seconds,
        )

    return run


def _reference(url: str, case: Case) -> Run:
    def run() -> tuple[bool, int, float]:
        started = time.monotonic()
        requests = list_plainly(url, case.page_size)
        return True, requests, time.monotonic() - started

    return run


def _timed(list_once: Run) -> tuple[bool, int, float, float, float]:
    gc.collect()
    cpu, started = time.process_time(), time.monotonic()
    complete, requests, listing = list_once()
    return complete, requests, listing, time.monotonic() - started, time.process_time() - cpu


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main(way: str, url: str, case: str, runs: str) -> None:
    """Print the figures of one way and one case as JSON."""
    [found] = [each for each in CASES if each.name == case]
    print(json.dumps(asdict(measure(way, url, found, int(runs)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
