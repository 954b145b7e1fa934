"""Starts the exporter, leaves it idle: seconds to the first answer, and memory: `python -m bench.start`."""

from __future__ import annotations

import socket
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
import yaml

from bench.__main__ import simulator
from bench.cases import Case
from tests.e2e.processes import program
from tests.tools import script

_CASE = Case("start", calls=200, page_size=100, concurrency=8, latency=0.02)
_STARTS, _SCRAPES = 7, 5
_IDLE = 5
"""Seconds after the last scrape."""
_MOST_SECONDS, _MOST_MEGABYTES = 1.0, 60.0


def started(config: Path, folder: Path) -> tuple[float, float]:
    """Return the seconds from the start to the first 200 of /-/ready, and the megabytes when idle."""
    address = _free_address()
    command = [script("exotel-exporter"), f"--config.file={config}", f"--web.listen-address={address}"]
    begun = time.monotonic()
    with program(command, folder / "exporter.log") as running:
        while not _is_ready(address):
            running.said()
            time.sleep(0.002)
        seconds = time.monotonic() - begun
        for _ in range(_SCRAPES):
            requests.get(f"http://{address}/metrics", timeout=10).raise_for_status()
        time.sleep(_IDLE)
        status = Path("/proc", str(running.process.pid), "status").read_text(encoding="ascii")
    [kibibytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return seconds, int(kibibytes) * 1024 / 1e6


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def _is_ready(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/-/ready", timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


def main() -> None:
    """Measure; exit 1 if a target is missed."""
    with TemporaryDirectory() as name, simulator(_CASE) as url:
        folder = Path(name)
        account = {"account_sid": "demo", "base_url": url, "api_key": "demo", "api_token": "demo"}
        config = folder / "exporter.yaml"
        config.write_text(yaml.safe_dump({"accounts": [account]}), encoding="utf-8")
        seconds, megabytes = zip(*(started(config, folder) for _ in range(_STARTS)), strict=True)
    print(
        f"first answer after {statistics.median(seconds):.2f} s (median of {_STARTS}, "
        f"slowest {max(seconds):.2f} s); idle with {max(megabytes):.1f} MB"
    )
    if statistics.median(seconds) > _MOST_SECONDS or max(megabytes) > _MOST_MEGABYTES:
        sys.exit(f"to reach: {_MOST_SECONDS} s and {_MOST_MEGABYTES} MB")


if __name__ == "__main__":
    main()
