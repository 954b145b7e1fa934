"""The custom collector: what was observed of every account, as metric families built anew for each scrape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from exporter.expose import agent_streams, agents, calls, collection, lines, observed, streams
from exporter.expose.metric import Metric, Point
from exporter.observe.observation import Observation

CATALOGUE: tuple[Metric, ...] = (
    *(*collection.METRICS, *calls.METRICS, *lines.METRICS, *agents.METRICS),
    *(*streams.METRICS, *agent_streams.METRICS, *observed.METRICS),
)
"""Every metric of an account, in the order of the exposition; each has the label `account` before its own."""


class AccountsCollector(Collector):
    """Families of the accounts' observations.

    An account's group of metrics is whole or absent: the points of an account are made before any is shown.
    """

    def __init__(self, observations: Mapping[str, Observation]) -> None:
        self._observations = observations

    def collect(self) -> Iterator[Family]:
        """Yield the families that have a sample, each once, with the samples of all accounts."""
        gathered = defaultdict(list)
        for account, observation in self._observations.items():
            for point in _points(observation):
                gathered[point.metric.name].append(((("account", account),), point))
        for metric in CATALOGUE:
            if metric.name in gathered:
                yield metric.family(gathered[metric.name])


def _points(observation: Observation) -> Iterator[Point]:
    yield from collection.points(observation)
    yield from collection.counters(observation.counts, observation.collectors)
    yield from observed.counters(observation.lives)
    if (snapshot := observation.snapshot) is not None:
        for group in (calls, lines, agents, observed):
            yield from group.points(snapshot)
    if observation.streams and observation.streams.found:
        yield from streams.points(observation.streams.found)
    if observation.agent_streams and observation.agent_streams.found:
        yield from agent_streams.points(observation.agent_streams.found)
