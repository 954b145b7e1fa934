"""Starts the exporter, scrapes it, leaves it idle: seconds to ready, and memory: `python -m bench.start`."""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
import yaml

from bench.aims import Found, save
from bench.process import Sample, cpu_seconds, simulator
from tests.command import exporter
from tests.ports import free_address

_CALLS = 200
_STARTS, _SCRAPES = 7, 5
_IDLE = 5
"""Seconds after the last scrape."""
_PLAIN = [sys.executable, "-c", "import asyncio, ssl, json"]
_LISTED = re.compile(r"^exotel_active_calls{.*} (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the exporter, and one of Python with what any such program imports."""

    seconds: float
    """To the first 200 of /-/ready."""
    cpu: float
    """Seconds, until then."""
    memory: float
    """MB, when idle."""
    calls: float
    """What the last scrape told."""
    plain: float
    """Seconds."""
    plain_cpu: float


def started(config: Path, folder: Path) -> Start:
    """Start both; the environment is bare, so that Python keeps bytecode as it does where it is installed."""
    plain, plain_cpu = _plain()
    address = free_address()
    begun = time.monotonic()
    with exporter(folder, f"--config.file={config}", listen=(address,)) as running:
        while not _is_ready(address):
            running.program.said()
            time.sleep(0.002)
        seconds, cpu = time.monotonic() - begun, cpu_seconds(running)
        for _ in range(_SCRAPES):
            answer = requests.get(f"http://{address}/metrics", timeout=10)
            answer.raise_for_status()
        time.sleep(_IDLE)
        memory = Sample.of(running).memory * 2**20 / 1e6
    calls = sum(map(float, _LISTED.findall(answer.text)))
    return Start(seconds, cpu, memory, calls, plain, plain_cpu)


def _plain() -> tuple[float, float]:
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(_PLAIN, check=True, env={"PATH": os.environ["PATH"]})  # noqa: S603  # our own
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begun, used


def _is_ready(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/-/ready", timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


def _write(config: Path, url: str) -> None:
    account: Mapping[str, str] = dict.fromkeys(("account_sid", "api_key", "api_token"), "demo")
    config.write_text(yaml.safe_dump({"accounts": [{**account, "base_url": url}]}), encoding="utf-8")


def main() -> None:
    """Measure, and keep what was found; the first start, which may write bytecode, isn't counted."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "exporter.yaml"
        options = "--flat", f"--calls={_CALLS}", "--latency=20ms", "--speed=0"
        with simulator(folder / "simulator.log", *options) as url:
            _write(config, url)
            starts = [started(config, folder) for _ in range(_STARTS + 1)][1:]
    wrong = [f"{start.calls:g} calls of {_CALLS}" for start in starts if start.calls != _CALLS]
    void = f"found {wrong[0]}" if wrong else ""
    plain = statistics.median(start.plain for start in starts)
    ratio = statistics.median(start.cpu / start.plain_cpu for start in starts)
    reference = f"{plain:.2f} s for `import asyncio, ssl, json`: {ratio:.1f} times its CPU"
    found = [
        Found("start", [start.seconds for start in starts], reference, void),
        Found("idle", [start.memory for start in starts], "", void),
    ]
    save("start", found)


if __name__ == "__main__":
    main()
