"""Lists against the simulator, in fresh processes, beside the plain reference: `python -m bench`."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

from bench import process
from bench.aims import BUILD, Found, save
from bench.cases import CASES, CURVE, Case
from bench.measure import Run

_PROCESSES, _RUNS = 3, 3
"""Fresh processes for each case; runs in each, after one that isn't counted: it has no listing before it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one fresh process: the runs that count, and where one was not as the simulator has it."""

    runs: Sequence[Run]
    doubt: str

    def median(self, of: Callable[[Run], float]) -> float:
        """Return the median of something over the runs."""
        return statistics.median(map(of, self.runs))


@dataclass(frozen=True, slots=True)
class Results:
    """What came of a case: processes with the exporter, and as many with the plain reference."""

    case: Case
    exporter: Sequence[Measured]
    plain: Sequence[Measured]

    def each(self, of: Callable[[Run], float], per: float = 1.0) -> list[float]:
        """Return the median of something of the exporter's, process by process, divided by `per`."""
        return [measured.median(of) / per for measured in self.exporter]

    def ratio(self, of: Callable[[Run], float], to: Callable[[Run], float]) -> list[float]:
        """Return the ratio of two medians, process by process."""
        return [measured.median(of) / measured.median(to) for measured in self.exporter]

    def of_plain(self, of: Callable[[Run], float]) -> float:
        """Return the median of something of the reference's."""
        return statistics.median(measured.median(of) for measured in self.plain)

    @property
    def void(self) -> str:
        """Return why the figures don't count, if there is a reason."""
        return next((each.doubt for each in (*self.exporter, *self.plain) if each.doubt), "")


@contextmanager
def simulator(case: Case) -> Iterator[str]:
    """Run a simulator for a case; give its URL."""
    options = (
        *("--flat", f"--calls={case.calls}", f"--max-limit={case.page_size}", f"--speed={case.speed}"),
        f"--latency={case.latency * 1000:g}ms",
    )
    with TemporaryDirectory() as folder, process.simulator(Path(folder, "log"), *options) as url:
        yield url


def measured(way: str, url: str, case: Case, runs: int) -> Measured:
    """Measure a way to list in a process of its own, and check each run against the simulator's truth."""
    command = [sys.executable, "-m", "bench.measure", way, url, case.name]
    found, doubts = [], []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603  # our own
        assert child.stdin
        assert child.stdout
        for _ in range(runs + 1):
            before = _truth(url)
            print(file=child.stdin, flush=True)
            found.append(Run(**json.loads(child.stdout.readline())))
            doubts.append(doubt(found[-1].calls, before, _truth(url)))
        child.stdin.close()
    return Measured(found[1:], next(filter(None, doubts), ""))


def doubt(calls: Mapping[str, int], before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say what can't be true of a listing, by the truth before and after it."""
    changes = sum(after[what] - before[what] for what in ("started", "ended"))
    true = {f"{one} {two}": n for one, by in before["calls"].items() for two, n in by.items() if n}
    is_right = abs(sum(calls.values()) - before["total"]) <= changes if changes else calls == true
    return "" if is_right else f"found {sum(calls.values()):,} calls of {before['total']:,}"


def _truth(url: str) -> Mapping[str, Any]:
    answer = requests.get(f"{url}/_simulator/truth", timeout=60)
    answer.raise_for_status()
    truth: Mapping[str, Any] = answer.json()
    return truth


def results(case: Case, processes: int) -> Results:
    """Measure a case, the exporter and the reference in turns."""
    exporter, plain = [], []
    with simulator(case) as url:
        for _ in range(processes):
            exporter.append(measured("exporter", url, case, _RUNS))
            plain.append(measured("reference", url, case, 1))
    print(f"{case.name}: measured", file=sys.stderr, flush=True)
    return Results(case, exporter, plain)


_listing, _scrape, _cpu, _memory = map(attrgetter, ("listing", "scrape", "cpu", "memory"))


def _requests(run: Run) -> float:
    return float(run.requests)


def of_cases(found: Mapping[str, Results]) -> Iterator[Found]:
    """Yield the figures of the cases."""
    for name in ("800", "10,000", "100,000"):
        case, its = found[name].case, found[name]
        plain = f"{its.of_plain(_listing) / case.floor:.1f}"
        yield Found(f"{name} wall", its.each(_listing, case.floor), plain, its.void)
    large, calls = found["100,000"], found["100,000"].case.calls
    plain_cpu = large.of_plain(_cpu)
    yield Found("100,000 scrape", large.ratio(_scrape, _listing), "", large.void)
    yield Found("100,000 CPU", large.each(_cpu, calls / 1e6), f"{plain_cpu / calls * 1e6:.1f} µs", large.void)
    yield Found("100,000 CPU ratio", large.each(_cpu, plain_cpu), "1", large.void)
    yield Found("100,000 memory", large.each(_memory), f"{large.of_plain(_memory):.1f} MiB", large.void)
    for key, name in (("still", "10,000"), ("moving", "moving")):
        its = found[name]
        plain = f"{its.of_plain(_requests) / its.case.pages:.2f}"
        yield Found(f"{key} requests", its.each(_requests, its.case.pages), plain, its.void)


def of_curve(found: Iterable[Results]) -> Iterator[Found]:
    """Yield how much more a call costs in one list of more than 1,000 calls than in another."""
    large = [its for its in found if its.case.calls > 1_000]
    void = next((its.void for its in large if its.void), "")
    for what, of in (("time", _scrape), ("CPU", _cpu)):
        costs = zip(*(its.each(of, its.case.calls) for its in large), strict=True)
        plain = [its.of_plain(of) / its.case.calls for its in large]
        ratios = [max(each) / min(each) for each in costs]
        yield Found(f"growth of {what}", ratios, f"{max(plain) / min(plain):.2f}", void)


def main() -> None:
    """Measure every case, and keep what was found."""
    save("listings", of_cases({case.name: results(case, _PROCESSES) for case in CASES}))
    curve = [results(case, _PROCESSES) for case in CURVE]
    save("growth", of_curve(curve))
    points = [
        {
            "calls": its.case.calls,
            "time": statistics.median(its.each(_scrape, its.case.calls / 1e6)),
            "CPU": statistics.median(its.each(_cpu, its.case.calls / 1e6)),
            "CPU of the plain reference": its.of_plain(_cpu) / its.case.calls * 1e6,
        }
        for its in curve
    ]
    BUILD.joinpath("curve").write_text(json.dumps(points), encoding="utf-8")


if __name__ == "__main__":
    main()
