"""The custom collector: what was observed of every account, as metric families built anew for each scrape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from exporter.collect.snapshot import Snapshot
from exporter.exotel.errors import unexpected
from exporter.metrics import agent_streams, agents, calls, collection, lines, observed, streams
from exporter.metrics.metric import Metric, Point

CATALOGUE: tuple[Metric, ...] = (
    *(*collection.METRICS, *calls.METRICS, *lines.METRICS, *agents.METRICS),
    *(*streams.METRICS, *agent_streams.METRICS, *observed.METRICS),
)
"""Every metric of an account, in the order of the exposition; each has the label `account` before its own."""


Withdraw = Callable[[str, Snapshot, Exception], Snapshot]
"""Takes an account's snapshot back that can't be told, and why; gives what can be told in its place."""


def withdrawn(_account: str, snapshot: Snapshot, error: Exception) -> Snapshot:
    """Give what is left of an snapshot that can't be told, where nobody keeps count of it."""
    return snapshot.withdrawn(unexpected(error))


class AccountsCollector(Collector):
    """Families of the accounts' snapshots.

    An account's group of metrics is whole or absent: the points of an account are made before any is shown.
    A point can always be written, so that what can't be told of one account costs no other.
    """

    def __init__(self, snapshots: Mapping[str, Snapshot], withdraw: Withdraw = withdrawn) -> None:
        self._observations = snapshots
        self._withdraw = withdraw

    def collect(self) -> Iterator[Family]:
        """Yield the families that have a sample, each once, with the samples of all accounts."""
        gathered = defaultdict(list)
        for account, snapshot in self._observations.items():
            for point in self._points(account, snapshot):
                gathered[point.metric.name].append(((("account", account),), point))
        for metric in CATALOGUE:
            if metric.name in gathered:
                yield metric.family(gathered[metric.name])

    def _points(self, account: str, snapshot: Snapshot) -> list[Point]:
        try:
            return list(_points(snapshot))
        except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be told
            snapshot = self._withdraw(account, snapshot, error)
        try:
            return list(_points(snapshot))
        except Exception:  # noqa: BLE001  # not even the counters: that it is down can be told
            return [collection.UP(0)]


def _points(snapshot: Snapshot) -> Iterator[Point]:
    yield from collection.points(snapshot)
    yield from collection.counters(snapshot.counts, snapshot.collectors)
    yield from observed.counters(snapshot.lives)
    if (active_calls := snapshot.active_calls) is not None:
        for group in (calls, lines, agents, observed):
            yield from group.points(active_calls)
    yield from calls.estimated(snapshot.estimate)
    if snapshot.details:
        yield from streams.points(snapshot.details)
    if snapshot.agent_streams and snapshot.agent_streams.found:
        yield from agent_streams.points(snapshot.agent_streams.found)
