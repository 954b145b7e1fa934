"""What a benchmark runs beside itself, and what that takes of the machine. Source: proc(5)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.command import Exporter
from tests.e2e.processes import program
from tests.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Sample:
    """What the exporter takes of the machine at one moment."""

    memory: float
    """MiB."""
    peak: float
    """MiB: the most that its memory ever was."""
    threads: int
    descriptors: int

    @classmethod
    def of(cls, running: Exporter) -> Sample:
        """Take it of a running exporter; AssertionError with its log when it is no longer there."""
        process = _process(running)
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        return cls(
            memory=int(status["VmRSS"].split()[0]) / 1024,
            peak=int(status["VmHWM"].split()[0]) / 1024,
            threads=sum(1 for _ in (process / "task").iterdir()),
            descriptors=sum(1 for _ in (process / "fd").iterdir()),
        )


def cpu_seconds(running: Exporter) -> float:
    """Return the CPU seconds that a running exporter has used; AssertionError when it is no longer there."""
    user, system = (_process(running) / "stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def simulator(log: Path, *options: str) -> Iterator[str]:
    """Run a simulator; give its URL."""
    command = (sys.executable, "-m", "exporter.simulator", "--listen-address=127.0.0.1:0", *options)
    with program(command, log) as running:
        said = wait_until(running.said, "a line that tells the simulator's URL")
        yield said.split()[-1]


def _process(running: Exporter) -> Path:
    running.program.said()
    return Path("/proc", str(running.program.process.pid))
