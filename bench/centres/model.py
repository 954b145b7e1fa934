"""What a simulated centre is to whoever judges the rules: what was scraped, and what was wrong when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from exporter.exotel.errors import Reason

MINUTE, HOUR, DAY, WEEK = 60.0, 3600.0, 86_400.0, 604_800.0
MONDAY = datetime(2025, 1, 6, tzinfo=UTC).timestamp()
"""When every history begins."""

ROUND_THE_CLOCK = (
    *(0.45, 0.40, 0.35, 0.35, 0.40, 0.45, 0.55, 0.65, 0.80, 0.90, 1.00, 1.00),
    *(0.95, 0.90, 0.95, 1.00, 0.95, 0.90, 0.85, 0.80, 0.75, 0.70, 0.60, 0.50),
)
OFFICE = (*(0.0,) * 9, 0.80, 1.00, 1.00, 0.75, 0.70, 0.95, 0.95, 0.85, 0.60, *(0.0,) * 6)
"""Open from 9 to 18."""
EVERY_DAY = (1.0, 1.0, 0.97, 0.97, 0.95, 0.85, 0.80)
WORKDAYS = (1.0, 0.95, 0.95, 0.95, 0.90, 0.0, 0.0)


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


class Sample(NamedTuple):
    """One series at one moment."""

    series: str
    """With every label, in the quoting of the text format."""
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


@dataclass(frozen=True, slots=True)
class Event:
    """What is out of the ordinary for a while; nothing unless said."""

    start: float
    end: float
    account: str = ""
    """Where that is; everywhere unless said."""
    inbound: float = 1.0
    """By how much there are more arrivals, as the next ones."""
    outbound: float = 1.0
    """Of agents' own calls, and of the dialler's."""
    bots: float = 1.0
    agents: float = 1.0
    """The share of the agents who are there."""
    stuck: float = 0.0
    """Seconds that a call lasts that begins now and doesn't end by itself."""
    forgotten: float = 0.0
    """Seconds that somebody is left on hold."""
    fault: Reason | None = None
    """How the API fails."""
    fault_share: float = 1.0
    """How often it does."""
    is_unrecorded: bool = False
    """Calls are listed as recorded, and aren't."""
    lacks_flag: bool = False
    """Calls aren't listed as recorded, nor are they."""
    one_leg: float = 0.0
    """The share of the talks that lack a leg."""
    is_muted: bool = False
    """Nobody can be heard."""
    stops_exporters: int = 0
    """How many of them are down, the last first."""
    stops_prometheus: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of centre: what differs from an ordinary one. Times in seconds, sizes in concurrent calls."""

    name: str
    inbound: float = 0.0
    """Concurrent inbound calls at the busiest hour, as the next two."""
    outbound: float = 0.0
    """Those that agents place themselves."""
    bots: float = 0.0
    diallers: int = 0
    """Agents whom a predictive dialler calls for, in campaigns."""
    has_fixed_campaigns: bool = True
    hours: Sequence[float] = ROUND_THE_CLOCK
    """The share of the busiest hour's calls, by hour of the day."""
    week: Sequence[float] = EVERY_DAY
    """The same by day of the week, from Monday."""
    growth: float = 0.0
    """In a week."""
    talk: float = 210.0
    wrap_up: float = 25.0
    patience: float = 150.0
    menu: float = 0.0
    """How long callers are with a menu before they queue."""
    staffing: float = 1.0
    """Agents beyond the load, in square roots of it."""
    recorded: float = 1.0
    """The share of talks that are recorded."""
    call_limit: int | None = None
    bot_limit: int | None = None
    interval: float = 15.0
    """Between scrapes."""
    has_streams: bool = False
    has_breakdowns: bool = False
    """Whether calls are counted by line and by agent as well, and the longest of them shown."""
    tells_agents: bool = True
    """Whether the API speaks of agents."""
    exporters: int = 1
    accounts: int = 1
    history: int = 21
    """Days before what is told is judged."""
    judged: int = 7
    """Days."""
    events: tuple[Event, ...] = ()
