"""The custom collector: what was observed of every account, as metric families built anew for each scrape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from exporter.api.errors import unexpected
from exporter.expose import agent_streams, agents, calls, collection, lines, observed, streams
from exporter.expose.metric import Metric, Point
from exporter.observe.observation import Observation

CATALOGUE: tuple[Metric, ...] = (
    *(*collection.METRICS, *calls.METRICS, *lines.METRICS, *agents.METRICS),
    *(*streams.METRICS, *agent_streams.METRICS, *observed.METRICS),
)
"""Every metric of an account, in the order of the exposition; each has the label `account` before its own."""


Withdraw = Callable[[str, Observation, Exception], Observation]
"""Takes an account's observation back that can't be told, and why; gives what can be told in its place."""


def withdrawn(_account: str, observation: Observation, error: Exception) -> Observation:
    """Give what is left of an observation that can't be told, where nobody keeps count of it."""
    return observation.withdrawn(unexpected(error))


class AccountsCollector(Collector):
    """Families of the accounts' observations.

    An account's group of metrics is whole or absent: the points of an account are made before any is shown.
    A point can always be written, so that what can't be told of one account costs no other.
    """

    def __init__(self, observations: Mapping[str, Observation], withdraw: Withdraw = withdrawn) -> None:
        self._observations = observations
        self._withdraw = withdraw

    def collect(self) -> Iterator[Family]:
        """Yield the families that have a sample, each once, with the samples of all accounts."""
        gathered = defaultdict(list)
        for account, observation in self._observations.items():
            for point in self._points(account, observation):
                gathered[point.metric.name].append(((("account", account),), point))
        for metric in CATALOGUE:
            if metric.name in gathered:
                yield metric.family(gathered[metric.name])

    def _points(self, account: str, observation: Observation) -> list[Point]:
        try:
            return list(_points(observation))
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be told
            observation = self._withdraw(account, observation, error)
        try:
            return list(_points(observation))
        except Exception:  # noqa: BLE001  # not even the counters: that it is down can be told
            return [collection.UP(0)]


def _points(observation: Observation) -> Iterator[Point]:
    yield from collection.points(observation)
    yield from collection.counters(observation.counts, observation.collectors)
    yield from observed.counters(observation.lives)
    if (snapshot := observation.snapshot) is not None:
        for group in (calls, lines, agents, observed):
            yield from group.points(snapshot)
    yield from calls.estimated(observation.estimate)
    if observation.details:
        yield from streams.points(observation.details)
    if observation.agent_streams and observation.agent_streams.found:
        yield from agent_streams.points(observation.agent_streams.found)
