"""The simulated centres: drawn and scraped as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

from bench.centres.api import Api
from bench.centres.draw import Traffic
from bench.centres.kinds import KINDS
from bench.centres.model import DAY, MONDAY, Event, Kind, Scrape, Trouble
from bench.centres.scrape import RULES, Clock, Exporter, names_read

_HISTORY_INTERVAL = 60.0  # seconds between scrapes before what is told is judged
_PORT = 9927


@dataclass(frozen=True)
class SimulatedCentre:
    """A centre of a kind, which is drawn and scraped as it is read: a Centre."""

    kind: Kind
    events: tuple[Event, ...] = ()
    troubles: tuple[Trouble, ...] = ()
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
        accounts = (
            [self.name]
            if self.kind.accounts == 1
            else [f"{self.name}-{n:02}" for n in range(self.kind.accounts)]
        )
        apis = {name: self._api(name, clock) for name in accounts}
        instances = (
            ["exporter:9927"]
            if self.kind.exporters == 1
            else [f"exporter-{n}:9927" for n in range(self.kind.exporters)]
        )
        exporters = [Exporter(self.kind, apis, instance, clock, self.names) for instance in instances]
        for at in self._moments():
            now = [event for event in self.events if event.start <= at < event.end]
            if any(event.stops_prometheus for event in now):
                continue
            running = len(exporters) - max((event.stops_exporters for event in now), default=0)
            samples = [each.scrape(at) if n < running else each.stop() for n, each in enumerate(exporters)]
            yield Scrape(at, tuple(chain.from_iterable(samples)))

    def _api(self, account: str, clock: Clock) -> Api:
        traffic = Traffic(self.kind, self.events, MONDAY, account)
        return Api(self.kind, traffic, self.events, clock.monotonic, account)

    def _moments(self) -> Iterator[float]:
        at = MONDAY
        while at < self.until:
            yield at
            at += _HISTORY_INTERVAL if at < self.measured_from else self.kind.interval


CENTRES: Mapping[str, SimulatedCentre] = {kind.name: SimulatedCentre(kind, kind.events) for kind in KINDS}
"""By name."""
