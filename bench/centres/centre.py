"""The simulated centres: drawn and scraped as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from bench.centres.api import Api
from bench.centres.draw import Traffic
from bench.centres.kinds import FLEET, KINDS
from bench.centres.model import DAY, MONDAY, Event, Kind, Scrape, Trouble
from bench.centres.scrape import RULES, Clock, Exporter, names_read
from bench.centres.troubles import FLEET_TROUBLE, TROUBLED

_HISTORY_INTERVAL = 60.0  # seconds between scrapes before what is told is judged
_PORT = 9927


@dataclass(frozen=True)
class SimulatedCentre:
    """A centre of a kind, which is drawn and scraped as it is read: a Centre."""

    kind: Kind
    events: tuple[Event, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    seed: int = 1
    names: Set[str] = field(default_factory=partial(names_read, RULES, "*.yml"), repr=False)
    """Of the metrics that are kept."""

    @property
    def name(self) -> str:
        """Return the name, which is also the account label unless there are several accounts."""
        return self.kind.name

    @property
    def is_healthy(self) -> bool:
        """Return whether nothing is wrong in it."""
        return not self.troubles

    @property
    def measured_from(self) -> float:
        """Return from when on what is told is judged."""
        return MONDAY + self.kind.history * DAY

    @property
    def until(self) -> float:
        """Return when it ends."""
        return self.measured_from + self.kind.judged * DAY

    def scrapes(self) -> Iterator[Scrape]:
        """Yield every scrape in order of time, Prometheus's own `up` included."""
        clock = Clock()
        apis = {name: self._api(name, clock) for name in _numbered(self.name, self.kind.accounts, "")}
        instances = _numbered("exporter", self.kind.exporters, f":{_PORT}")
        exporters = [Exporter(self.kind, apis, instance, clock, self.names) for instance in instances]
        for at in self._moments():
            now = [event for event in self.events if event.start <= at < event.end]
            if any(event.stops_prometheus for event in now):
                continue
            running = len(exporters) - max((event.stops_exporters for event in now), default=0)
            samples = [each.scrape(at) if n < running else each.stop() for n, each in enumerate(exporters)]
            yield Scrape(at, tuple(chain.from_iterable(samples)))

    def _api(self, account: str, clock: Clock) -> Api:
        events = [event for event in self.events if event.account in {"", account}]
        seed = f"{account} {self.seed}"
        return Api(self.kind, Traffic(self.kind, events, MONDAY, seed), events, clock.monotonic, seed)

    def _moments(self) -> Iterator[float]:
        at = MONDAY
        while at < self.until:
            yield at
            at += _HISTORY_INTERVAL if at < self.measured_from else self.kind.interval


def _numbered(name: str, count: int, suffix: str) -> Sequence[str]:
    return [f"{name}{suffix}"] if count == 1 else [f"{name}-{n:02}{suffix}" for n in range(count)]


def _centres() -> Iterator[SimulatedCentre]:
    for kind in KINDS:
        yield SimulatedCentre(kind, kind.events)
    yield SimulatedCentre(FLEET, FLEET.events, (FLEET_TROUBLE,))
    for each in TROUBLED:
        events, troubles = zip(*each.troubles(), strict=True)
        yield SimulatedCentre(each.kind, events, troubles)


CENTRES: Mapping[str, SimulatedCentre] = {centre.name: centre for centre in _centres()}
"""By name."""
