"""What a simulated centre is to whoever judges the rules: what was scraped, and what was wrong when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong in a centre for a while, and the alerts that tell it."""

    name: str
    start: float
    end: float
    """Both in seconds since 1970."""
    told_by: frozenset[str]
    """Names of alerts any of which tells it truly."""
    also: frozenset[str]
    """Alerts that are true as well while it lasts, and for a while after, so not false."""
    pages: bool
    """Whether it must page."""
    within: float | None
    """Seconds in which it should be told; None where nothing is promised."""
    impossible: str = ""
    """Why this centre can't show it; empty if it can."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at one moment."""

    series: str
    """With every label, in the order and quoting of the text format."""
    value: float


@dataclass(frozen=True, slots=True)
class Scrape:
    """Everything that Prometheus stored of a centre at one moment."""

    at: float
    samples: Sequence[Sample]


class Centre(Protocol):
    """A simulated contact centre: its history, then the time in which what is told of it is judged."""

    @property
    def name(self) -> str:
        """Return the name, which is also the account label unless the centre has several accounts."""

    @property
    def is_healthy(self) -> bool:
        """Return whether nothing is wrong in it, so that nothing should be told."""

    @property
    def measured_from(self) -> float:
        """Return from when on what is told is judged; the history before serves comparisons."""

    @property
    def until(self) -> float:
        """Return when it ends."""

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Return what goes wrong, in order of time."""

    def scrapes(self) -> Iterator[Scrape]:
        """Yield every scrape in order of time, Prometheus's own `up` included."""
