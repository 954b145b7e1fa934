"""Figures, what they are to be at most, and the table of both."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from bench.replica import Record


@dataclass(frozen=True, slots=True)
class Target:
    """A figure, and what it is to be at most; None where nothing is to be reached."""

    name: str
    found: float
    most: float | None = None

    @property
    def is_missed(self) -> bool:
        """Return whether it is more than it should be."""
        return self.most is not None and self.found > self.most

    def __str__(self) -> str:
        most = "" if self.most is None else f"{self.most:10g}"
        return f"{self.name:28}{self.found:10.4g}{most}{'  MISSED' if self.is_missed else ''}"


def of_scrapes(record: Record, *, slowest: float | None = None, p99: float | None = None) -> Iterator[Target]:
    """Yield the figures of scrapes, none of which may be lost or incomplete; times in milliseconds."""
    made = len(record.seconds)
    yield Target("scrapes", made)
    yield Target("lost", record.lost.total(), 0)
    yield Target("incomplete", made - record.complete, 0)
    yield Target("p50, ms", record.quantile(50) * 1000)
    yield Target("p99, ms", record.quantile(99) * 1000, p99)
    yield Target("slowest, ms", max(record.seconds) * 1000, slowest)


def report(title: str, targets: Iterable[Target]) -> NoReturn:
    """Print the table; exit 1 if a target is missed."""
    targets = list(targets)
    print(title, f"{'':28}{'found':>10}{'at most':>10}", *targets, sep="\n")
    sys.exit(any(target.is_missed for target in targets))
