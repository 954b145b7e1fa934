"""Which part of an exposition is asked for: by collector (`collect[]`), by name of metric (`name[]`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from exporter.exotel.enums import Endpoint
from exporter.metrics import agent_streams, agents, calls, collection, lines, observed, streams
from exporter.metrics.metric import Metric

EXPORTER, PROCESS, PYTHON = "exporter", "process", "python"
OF_ACCOUNTS: tuple[str, ...] = tuple(Endpoint)
"""The collectors of accounts."""
OF_ITSELF = (EXPORTER, PROCESS, PYTHON)
"""What the exporter collects of itself."""

_METRICS: Mapping[str, tuple[Metric, ...]] = {
    Endpoint.CALLS: (*calls.METRICS, *lines.METRICS, *agents.METRICS, *observed.METRICS),
    Endpoint.STREAMS: streams.METRICS,
    Endpoint.AGENT_STREAMS: agent_streams.METRICS,
}
_FAMILIES = {
    metric.name.removesuffix("_total"): collectors
    for collectors, metrics in (
        (frozenset(OF_ACCOUNTS), collection.METRICS),  # how each of them went
        *((frozenset({collector}), metrics) for collector, metrics in _METRICS.items()),
    )
    for metric in metrics
}
"""The families of accounts, by name, and to which collectors each belongs."""


class UnknownCollector(Exception):
    """What is to be collected is no collector, or none that is served here."""

    def __init__(self, found: str, accepted: Sequence[str]) -> None:
        super().__init__(f"collect[]: found {found[:40]!a}; accepted: {', '.join(accepted)}")
        self.found = found
        self.accepted = tuple(accepted)


@dataclass(frozen=True, slots=True)
class Selection:
    """Collectors, and names of metrics or of their samples; without names, all of what is collected."""

    collectors: frozenset[str] = frozenset((*OF_ACCOUNTS, *OF_ITSELF))
    names: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def parse(cls, collectors: Sequence[str], names: Sequence[str], accepted: Sequence[str]) -> Selection:
        """Read the values of `collect[]` and `name[]`; raise UnknownCollector for one that isn't accepted."""
        for collector in collectors:
            if collector not in accepted:
                raise UnknownCollector(collector, accepted)
        return cls(frozenset(collectors or accepted), frozenset(names))

    @property
    def wants_accounts(self) -> bool:
        """Tell whether anything of an account is asked for."""
        is_named = not self.names or any(name.startswith(tuple(_FAMILIES)) for name in self.names)
        return is_named and not self.collectors.isdisjoint(OF_ACCOUNTS)

    def of(self, families: Iterable[Family]) -> Iterator[Family]:
        """Yield what is asked for of some families; those of which nothing is left are left out."""
        for family in families:
            if not self.collectors.isdisjoint(_FAMILIES.get(family.name, self.collectors)):
                samples = [each for each in family.samples if self._has(family.name, each.name, each.labels)]
                if samples:
                    selected = Family(family.name, family.documentation, family.type)
                    selected.samples = samples
                    yield selected

    def _has(self, family: str, sample: str, labels: Mapping[str, str]) -> bool:
        if self.names and self.names.isdisjoint({family, sample}):
            return False
        about = labels.get("collector") or labels.get("endpoint")  # of those that tell how each of them went
        return about is None or about in self.collectors


ALL = Selection()


@dataclass(frozen=True, slots=True)
class Selected(Collector):
    """What is asked for of another collector."""

    whole: Collector
    selection: Selection

    def collect(self) -> Iterator[Family]:
        """Yield the families, each with the samples that are asked for."""
        return self.selection.of(self.whole.collect())
