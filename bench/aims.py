"""Figures, what they are to be at most, and the table of both."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from bench.replica import Record


@dataclass(frozen=True, slots=True)
class Aim:
    """A figure, and what it is to be at most; None where nothing is to be reached."""

    name: str
    found: float
    most: float | None = None

    @property
    def is_missed(self) -> bool:
        """Tell whether it is more than it should be."""
        return self.most is not None and self.found > self.most

    def __str__(self) -> str:
        most = "" if self.most is None else f"{self.most:10g}"
        return f"{self.name:28}{self.found:10.4g}{most}{'  MISSED' if self.is_missed else ''}"


def of_scrapes(record: Record, *, slowest: float | None = None, p99: float | None = None) -> Iterator[Aim]:
    """Give the figures of scrapes, none of which may be lost or incomplete; times in milliseconds."""
    made = len(record.seconds)
    yield Aim("scrapes", made)
    yield Aim("lost", record.lost.total(), 0)
    yield Aim("incomplete", made - record.complete, 0)
    yield Aim("p50, ms", record.quantile(50) * 1000)
    yield Aim("p99, ms", record.quantile(99) * 1000, p99)
    yield Aim("slowest, ms", max(record.seconds) * 1000, slowest)


def report(title: str, aims: Iterable[Aim]) -> NoReturn:
    """Print the table; exit 1 if an aim is missed."""
    aims = list(aims)
    print(title, f"{'':28}{'found':>10}{'at most':>10}", *aims, sep="\n")
    sys.exit(any(aim.is_missed for aim in aims))
