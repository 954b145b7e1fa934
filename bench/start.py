"""Starts the exporter, scrapes it, leaves it idle: seconds to ready, and memory: `python -m bench.start`."""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
import yaml

from bench.aims import Found, save
from bench.process import simulator
from tests.e2e.processes import program
from tests.tools import script

_CALLS = 200
_STARTS, _SCRAPES = 7, 5
_IDLE = 5
"""Seconds after the last scrape."""
_PLAIN = [sys.executable, "-c", "import asyncio, ssl, json"]
_LISTED = re.compile(r"^exotel_active_calls{.*} (\S+)$", re.MULTILINE)
#: What is installed has its bytecode beside it; the first start, which isn't counted, writes what is missing.
_ENVIRONMENT = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def started(config: Path, folder: Path) -> tuple[float, float, float]:
    """Return seconds from the start to the first 200 of /-/ready, megabytes when idle, and calls exported."""
    address = _free_address()
    command = [script("exotel-exporter"), f"--config.file={config}", f"--web.listen-address={address}"]
    begun = time.monotonic()
    with program(command, folder / "exporter.log", _ENVIRONMENT) as running:
        while not _is_ready(address):
            running.said()
            time.sleep(0.002)
        seconds = time.monotonic() - begun
        for _ in range(_SCRAPES):
            answer = requests.get(f"http://{address}/metrics", timeout=10)
            answer.raise_for_status()
        time.sleep(_IDLE)
        status = Path("/proc", str(running.process.pid), "status").read_text(encoding="ascii")
    [kibibytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return seconds, int(kibibytes) * 1024 / 1e6, sum(map(float, _LISTED.findall(answer.text)))


def plain() -> float:
    """Return the seconds that Python takes to start and to end with what any such program imports."""
    begun = time.monotonic()
    subprocess.run(_PLAIN, check=True, env=_ENVIRONMENT)  # noqa: S603  # our own
    return time.monotonic() - begun


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def _is_ready(address: str) -> bool:
    try:
        return requests.get(f"http://{address}/-/ready", timeout=10).status_code == 200
    except requests.ConnectionError:
        return False


def _write(config: Path, url: str) -> None:
    account: Mapping[str, str] = dict.fromkeys(("account_sid", "api_key", "api_token"), "demo")
    config.write_text(yaml.safe_dump({"accounts": [{**account, "base_url": url}]}), encoding="utf-8")


def main() -> None:
    """Measure, and keep what was found."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "exporter.yaml"
        options = "--flat", f"--calls={_CALLS}", "--latency=20ms", "--speed=0"
        with simulator(folder / "simulator.log", *options) as url:
            _write(config, url)
            runs = [(plain(), *started(config, folder)) for _ in range(_STARTS + 1)][1:]
    plain_seconds, seconds, megabytes, calls = zip(*runs, strict=True)
    void = "" if set(calls) == {_CALLS} else f"exported {min(calls):g} to {max(calls):g} calls of {_CALLS}"
    reference = f"{statistics.median(plain_seconds):.3f} s: import asyncio, ssl, json"
    save("start", [Found("start", seconds, reference, void), Found("idle", megabytes, "", void)])


if __name__ == "__main__":
    main()
