"""Lists against the simulator, each case in processes of its own, and prints a table: `python -m bench`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.cases import CASES, Case
from bench.measure import Figures

_RUNS = 7
_HEAD = (
    f"{'case':<16} {'way':<10} {'complete':>8} {'requests':>9} {'listing ms':>11} {'of floor':>9} "
    f"{'all ms':>8} {'CPU µs/call':>12} {'MiB over idle':>14} {'faster':>7}"
)


@contextmanager
def simulator(case: Case) -> Iterator[str]:
    """Run a simulator for a case; give its URL."""
    command = [
        *(sys.executable, "-m", "exporter.simulator", "--listen-address=127.0.0.1:0", "--flat"),
        *(f"--calls={case.calls}", f"--max-limit={case.page_size}", f"--speed={case.speed}"),
        f"--latency={case.latency * 1000:g}ms",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # our own
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def measured(way: str, url: str, case: Case, runs: int) -> Figures:
    """Measure a way of listing in a process of its own."""
    command = [sys.executable, "-m", "bench.measure", way, url, case.name, str(runs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    return Figures(**json.loads(done.stdout))


def row(case: Case, way: str, figures: Figures, reference: Figures) -> str:
    """Write a row of the table."""
    return (
        f"{case.name:<16} {way:<10} {f'{figures.complete}/{figures.runs}':>8} {figures.requests:>9.0f} "
        f"{figures.listing * 1000:>11.0f} {figures.listing / case.floor:>9.2f} {figures.whole * 1000:>8.0f} "
        f"{figures.cpu / case.calls * 1e6:>12.2f} {figures.memory:>14.1f} "
        f"{reference.whole / figures.whole:>7.1f}"
    )


def missed(case: Case, figures: Figures) -> Iterator[str]:
    """Yield each target of the case that was missed."""
    reached = [
        ("runs complete", figures.runs - figures.complete, 0),
        ("requests", figures.requests, case.most_requests),
        ("of floor", figures.listing / case.floor, case.most_of_floor),
        ("CPU µs/call", figures.cpu / case.calls * 1e6, case.most_cpu),
        ("MiB over idle", figures.memory, case.most_memory),
    ]
    for what, figure, most in reached:
        if most is not None and figure > most:
            yield f"{case.name}: {what}: {figure:.2f}, to reach: {most:.2f}"


def main() -> None:
    """Measure every case; exit 1 if a target is missed."""
    print(_HEAD)
    misses: list[str] = []
    for case in CASES:
        with simulator(case) as url:
            reference = measured("reference", url, case, 1)
            figures = measured("exporter", url, case, _RUNS)
        print(row(case, "exporter", figures, reference))
        print(row(case, "reference", reference, reference), flush=True)
        misses += missed(case, figures)
    print("\n".join(misses) if misses else "every target is reached")
    sys.exit(bool(misses))


if __name__ == "__main__":
    main()
