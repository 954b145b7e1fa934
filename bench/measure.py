"""Lists in this process as often as standard input has lines, and prints each run as JSON."""

from __future__ import annotations

import gc
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar
from unittest.mock import patch

from bench.cases import CASES, CURVE, Case
from bench.reference import list_plainly
from exporter.collect.account import Account
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret
from exporter.exotel.deadline import Deadline
from exporter.exotel.listing.lister import Lister
from exporter.metrics.exposition import expose

_P = ParamSpec("_P")
_T = TypeVar("_T")

_SECONDS = 120
_METRIC = "exotel_active_calls"
_SAMPLE = re.compile(rf'^{_METRIC}{{.*?direction="(.*?)",status="(.*?)"}} (\S+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one way to list; times in seconds."""

    calls: Mapping[str, int]
    """The calls that were found, by "direction status"; empty where the listing was not complete."""
    requests: int
    listing: float
    scrape: float
    """The listing, and all that a scrape has beside it."""
    cpu: float
    """Of the listing and the tallies."""
    memory: float
    """MiB at most so far, above those before the first run."""


@dataclass(frozen=True, slots=True)
class _Listed:
    requests: int
    listing: float | None
    """None where nothing follows it."""
    write: Callable[[], bytes]
    """Writes what a scraper is told."""


def _exporter(url: str, case: Case) -> Callable[[], _Listed]:
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

    def list_once() -> _Listed:
        nonlocal made
        listings: list[float] = []
        with patch.object(Lister, "list", _clocked(Lister.list, listings)):
            snapshot = account.collect(Deadline.after(_SECONDS)).result()
        before, made = made, sum(account.live_values().counts.requests.values())
        return _Listed(made - before, listings[0], lambda: expose({account: snapshot}, "text/plain")[0])

    return list_once


def _clocked(call: Callable[_P, _T], seconds: list[float]) -> Callable[_P, _T]:
    """Return the same with each call's seconds noted: a snapshot adds the age of its pages to them."""

    def clocked(*arguments: _P.args, **named: _P.kwargs) -> _T:
        started = time.monotonic()
        try:
            return call(*arguments, **named)
        finally:
            seconds.append(time.monotonic() - started)

    return clocked


def _reference(url: str, case: Case) -> Callable[[], _Listed]:
    def list_once() -> _Listed:
        counts, requests = list_plainly(url, case.page_size)
        return _Listed(requests, None, lambda: _plain_text(counts))

    return list_once


def _plain_text(counts: Mapping[tuple[str, str], int]) -> bytes:
    lines = (f'{_METRIC}{{direction="{d}",status="{s}"}} {n}' for (d, s), n in counts.items())
    return "\n".join(lines).encode()


def _calls(text: bytes) -> Mapping[str, int]:
    """Return the calls that a text tells, by direction and status."""
    told = _SAMPLE.findall(text.decode())
    return {f"{direction} {status}": int(float(calls)) for direction, status, calls in told if float(calls)}


def _timed(list_once: Callable[[], _Listed], idle: int) -> Run:
    gc.collect()
    cpu, started = time.process_time(), time.monotonic()
    listed = list_once()
    cpu, seconds = time.process_time() - cpu, time.monotonic() - started
    text = listed.write()
    scrape = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    listing = seconds if listed.listing is None else listed.listing
    return Run(_calls(text), listed.requests, listing, scrape, cpu, (peak - idle) / 2**20)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def main(way: str, url: str, name: str) -> None:
    """Run once for each line, and print what came of it."""
    [case] = [each for each in (*CASES, *CURVE) if each.name == name]
    list_once = {"exporter": _exporter, "reference": _reference}[way](url, case)
    idle = _resident()
    for _ in sys.stdin:
        print(json.dumps(asdict(_timed(list_once, idle))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
