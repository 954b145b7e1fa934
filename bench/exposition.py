"""Writes 10,000 series, and has prometheus_client write the same ones: `python -m bench.exposition`.

The exporter's time is that of all it does from snapshots to bytes; the library's is that of making families
of the samples and writing them. Both are CPU, in one process; ratios are medians over fresh processes.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass

from prometheus_client.exposition import generate_latest as plain_text
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read
from prometheus_client.registry import Collector

from bench.aims import Found, save
from exporter.collect.snapshot import Snapshot
from exporter.metrics.exposition import expose
from tests.rows import agent, call
from tests.snapshots import LIFE, STREAMS, TIMED, Shown, everything, shown

_OPENMETRICS = "application/openmetrics-text"
_FORMATS = {"OpenMetrics": _OPENMETRICS, "text 0.0.4": "text/plain"}
_PROCESSES, _RUNS = 5, 9
_MOST = 0.25
_HEAD = (
    f"{'10,000 series':<28}{'ours, µs':>10}{'theirs, µs':>12}{'ratio':>8}{'from, to':>16}{'at most':>9}  same"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """Microseconds of CPU a series, and whether both texts are the same."""

    ours: float
    theirs: float
    is_same: bool

    @property
    def ratio(self) -> float:
        """Return what the exporter needs of the library's time."""
        return self.ours / self.theirs


@dataclass(frozen=True, slots=True)
class _Families(Collector):
    families: Iterable[Family]

    def collect(self) -> Iterable[Family]:
        return self.families


def accounts() -> dict[Shown, Snapshot]:
    """Return many accounts, whose series are those of known directions and statuses."""
    return shown({f"account-{number}": everything(TIMED, STREAMS, LIFE) for number in range(22)})


def agents() -> dict[Shown, Snapshot]:
    """Return an account most of whose series are those of its agents, one by one."""
    calls = [call(str(n), "inbound", "in-progress", float(n), agent(f"agent-{n}")) for n in range(4800)]
    return shown({"acme": everything(calls, STREAMS, LIFE)})


SHAPES: Mapping[str, Callable[[], dict[Shown, Snapshot]]] = {"accounts": accounts, "agents": agents}


def measure(shape: str, accept: str) -> Figures:
    """Write the same series in both ways, by turns."""
    snapshots = SHAPES[shape]()
    openmetrics, _ = expose(snapshots, _OPENMETRICS)
    read_back = list(read(openmetrics.decode()))  # type: ignore[no-untyped-call]  # the library left it untyped
    write: Callable[[Collector], bytes] = openmetrics_text if accept == _OPENMETRICS else plain_text

    def theirs() -> bytes:
        families = []
        for found in read_back:
            family = Family(found.name, found.documentation, found.type)
            for sample in found.samples:
                family.add_sample(sample.name, sample.labels, sample.value, exemplar=sample.exemplar)
            families.append(family)
        return write(_Families(families))

    def ours() -> bytes:
        return expose(snapshots, accept)[0]

    is_same = ours() == theirs()
    gc.collect()
    gc.freeze()  # or what else is in memory, here that of tests, would slow down who makes more objects
    seconds = [(_cpu(ours), _cpu(theirs)) for _ in range(_RUNS)]
    series = sum(len(family.samples) for family in read_back) / 1e6
    mine, other = (statistics.median(column) / series for column in zip(*seconds, strict=True))
    return Figures(mine, other, is_same)


def _cpu(write: Callable[[], bytes]) -> float:
    started = time.process_time()
    write()
    return time.process_time() - started


def measured(shape: str, accept: str) -> Figures:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "bench.exposition", shape, accept]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    return Figures(**json.loads(done.stdout))


def main() -> None:
    """Measure every shape in both formats; exit 1 if the target is missed, or the texts differ."""
    print(_HEAD)
    is_missed, found = False, list[Found]()
    for shape in SHAPES:
        for name, accept in _FORMATS.items():
            runs = [measured(shape, accept) for _ in range(_PROCESSES)]
            ratios, is_same = sorted(run.ratio for run in runs), all(run.is_same for run in runs)
            ratio = statistics.median(ratios)
            ours, theirs = (
                statistics.median(each) for each in zip(*((r.ours, r.theirs) for r in runs), strict=True)
            )
            spread = f"{ratios[0]:.2f}, {ratios[-1]:.2f}"
            print(
                f"{f'{shape}, {name}':<28}{ours:>10.2f}{theirs:>12.2f}{ratio:>8.2f}{spread:>16}{_MOST:>9.2f}"
                f"  {'yes' if is_same else 'NO: void'}{'  MISSED' if ratio > _MOST else ''}",
                flush=True,
            )
            is_missed = is_missed or ratio > _MOST or not is_same
            found.append(
                Found("exposition", ratios, f"1 ({shape}, {name})", "" if is_same else "texts differ")
            )
    save("exposition", [max(found, key=lambda each: each.median)])
    sys.exit(is_missed)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(asdict(measure(*sys.argv[1:]))))
    else:
        main()
