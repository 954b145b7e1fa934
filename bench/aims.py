"""The figures that are measured, what each is to be at most, and what was found of them last."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

BUILD = Path(__file__).parent.parent / "build" / "bench"
"""What each part of the benchmarks has found last, a file each."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured, and what it is to be at most; a smaller one is better."""

    key: str
    text: str
    aim: float
    unit: str = ""


_10_000 = "10,000 calls, pages of 100, 50 ms, 16 at a time"
_100_000 = "100,000 calls, pages of 1,000, 50 ms, 32 at a time"
_FLEET = "500 accounts, two replicas, every 15 s"

FIGURES = (
    Figure("800 wall", "800 calls, pages of 100, 50 ms, 16 at a time: wall / one latency", 1.25),
    Figure("10,000 wall", f"{_10_000}: wall / (latency × ceil(pages / 16))", 1.15),
    Figure("100,000 wall", f"{_100_000}: wall / (latency × ceil(pages / 32))", 1.3),
    Figure("100,000 scrape", "the same: whole scrape (listing, tallies, text) / listing", 1.2),
    Figure("100,000 CPU", "the same: CPU a call", 2.0, "µs"),
    Figure("100,000 CPU ratio", "the same: CPU / CPU of the plain reference", 0.4),
    Figure("100,000 memory", "the same: memory above idle", 45, "MiB"),
    Figure("exposition", "exposition, 10,000 series: CPU / CPU of prometheus_client's writer", 0.25),
    Figure("probe", "CPU of a probe of 200 calls over TLS, all options off", 5, "ms"),
    Figure("fleet CPU", f"{_FLEET}: share of a core", 0.35),
    Figure("fleet lost", f"{_FLEET}: probes lost at four times the load that one core carries", 0),
    Figure("start", "start to ready", 0.35, "s"),
    Figure("idle", "memory when idle", 50, "MB"),
    Figure("still requests", f"{_10_000}: requests / pages, of a list that stands still", 1.05),
    Figure("moving requests", "the same, under 200 changes a second", 1.1),
    Figure("growth of time", "from 10³ to 10⁵ calls: the most time a call / the least", 1.5),
    Figure("growth of CPU", "from 10³ to 10⁵ calls: the most CPU a call / the least", 1.5),
)
"""In the order of the table."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one figure: a value from each of some fresh processes."""

    key: str
    values: Sequence[float]
    reference: str = ""
    """What it can be compared with, measured in the same run."""
    void: str = ""
    """Why the values don't count: something was not as the simulator has it."""

    @property
    def median(self) -> float:
        """Return the value that counts."""
        return statistics.median(self.values)

    def has_missed(self, figure: Figure) -> bool:
        """Return whether the aim was missed, as by values that don't count."""
        return bool(self.void) or self.median > figure.aim


def save(part: str, found: Iterable[Found]) -> None:
    """Keep what a part of the benchmarks has found."""
    known = {figure.key for figure in FIGURES}
    found = list(found)
    assert known.issuperset(each.key for each in found)
    BUILD.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(each) for each in found], indent=1)
    (BUILD / f"{part}.json").write_text(text, encoding="utf-8")


def load() -> dict[str, Found]:
    """Return what all parts have found last, by the key of its figure."""
    found = [
        Found(**each)
        for file in sorted(BUILD.glob("*.json"))
        for each in json.loads(file.read_text(encoding="utf-8"))
    ]
    return {each.key: each for each in found}
