"""Scrape a simulated centre: its exporters collect on a clock of its own, through the exporter's own code."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.centres.api import LINES, STATUSES, Api, ApiClient
from bench.centres.model import Kind, Sample
from exporter.collect import account as account_module
from exporter.collect import collectors as collectors_module
from exporter.collect.account import Account
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret, StreamsConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import Reason
from exporter.metrics import definitions
from exporter.metrics.metric import Metric, Point
from exporter.metrics.points import points

JOB = "exotel"
RULES = Path(__file__).parents[2] / "deploy/prometheus/rules"
_NAME = re.compile(r"\bexotel_\w+")
_TIMEOUT = 10.0  # seconds
_LOG = logging.getLogger("exporter")
_LOG.addHandler(logging.NullHandler())
_CAN_RISE: Mapping[str, Collection[str]] = {
    definitions.FAILURES.name: (*STATUSES, Reason.TIMEOUT, Reason.BUDGET, Reason.INCOMPLETE),
    definitions.UNKNOWN.name: ("agent_details", "recording", "recording_duration", "bridge_created_at"),
}
"""Of metrics with many series, the values of the labels of those that can rise."""


@cache
def names_read(folder: Path, pattern: str) -> frozenset[str]:
    """Return the names of metrics that files of a folder read, and whatever looks like one."""
    texts = (file.read_text(encoding="utf-8") for file in folder.rglob(pattern))
    return frozenset(chain.from_iterable(map(_NAME.findall, texts)))


class Clock:
    """Stands in for the module `time` in the exporter: it stands still unless it is set."""

    def __init__(self) -> None:
        self.now = 0.0
        modules = [each for name, each in sys.modules.items() if name.startswith("exporter.")]
        self._ruled: list[Any] = [each for each in modules if vars(each).get("time") is time]

    def monotonic(self) -> float:
        """Return the seconds since some moment."""
        return self.now

    def time(self) -> float:
        """Return the seconds since 1970."""
        return self.now

    @contextmanager
    def at(self, now: float) -> Iterator[None]:
        """Have the exporter go by this clock, and wait for nothing; only for so long: others have theirs."""
        self.now = now
        _LOG.propagate = False  # what is to fail needn't be read
        for each in self._ruled:
            each.time = self
        try:
            with patch.object(Deadline, "wait", self._wait):
                yield
        finally:
            _LOG.propagate = True
            for each in self._ruled:
                each.time = time

    def _wait(self, seconds: float) -> None:
        self.now += seconds


class _NoThreads:
    """Stands in for a worker pool: does work at once, since nothing here has to wait."""

    def __init__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., object], *arguments: object) -> None:
        """Do it."""
        work(*arguments)


class _Unread:
    """Stands in for a metric that nobody reads, whose text is half of the work of a scrape."""

    def __call__(self, *_: object) -> Point:
        """Return a point without samples."""
        return definitions.UP, (), ()

    histogram = __call__

    def with_zeros(self, *_: object) -> dict[Any, Any]:
        """Return no values."""
        return {}


_UNREAD = _Unread()
_SUFFIXES = ("", "_bucket", "_count", "_sum", "_gcount", "_gsum")


class Exporter:
    """One exporter, as Prometheus scrapes it; the accounts begin anew when it starts."""

    def __init__(
        self, kind: Kind, apis: Mapping[str, Api], instance: str, clock: Clock, names: Set[str]
    ) -> None:
        self._kind, self._apis, self._clock, self._names = kind, apis, clock, names
        self._unread = {
            name: metric
            for name, metric in vars(definitions).items()
            if isinstance(metric, Metric) and not any(metric.name + suffix in names for suffix in _SUFFIXES)
        }
        self._labels = f'instance="{instance}",job="{JOB}"'
        self._up = f"up{{{self._labels}}}"
        on = kind.has_breakdowns
        self._metrics = MetricsConfig(per_agent=on, longest_calls=10 if on else 0)
        self._series: dict[tuple[str, str, str, str], str | None] = {}
        self._accounts: list[Account] = []
        self._collections = 0

    def scrape(self, at: float) -> list[Sample]:
        """Return what it exposes at a moment, and that it is up."""
        with self._clock.at(at), self._reading():
            if not self._accounts:
                self._start()
            samples = [Sample(self._up, 1.0)]
            for account in self._accounts:
                snapshot = account.collect(Deadline.after(_TIMEOUT)).result()
                self._collections += 1
                samples += self._written(points(snapshot, account.live_values()), account.name)
            samples += self._written(self._of_itself(), "")
            return samples

    def stop(self) -> list[Sample]:
        """Stop, if it runs; return what Prometheus stores of an exporter that is down."""
        for account in self._accounts:
            account.close()
        self._accounts, self._collections = [], 0
        return [Sample(self._up, 0.0)]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Have the exporter write what is read, and not the rest."""
        module: Any = definitions
        for name in self._unread:
            setattr(module, name, _UNREAD)
        try:
            yield
        finally:
            for name, metric in self._unread.items():
                setattr(module, name, metric)

    def _start(self) -> None:
        for name, api in self._apis.items():
            client = partial(ApiClient, api)
            with (
                patch.object(collectors_module, "Client", client),
                patch.object(account_module, "WorkerPool", _NoThreads),
            ):
                self._accounts.append(Account(_configuration(self._kind, name), self._metrics))

    def _of_itself(self) -> Iterator[Point]:
        yield definitions.RELOADED(1)
        yield definitions.COLLECTIONS(self._collections, "begun")
        yield definitions.COLLECTIONS(0, "put_off")

    def _written(self, found: Iterable[Point], account: str) -> Iterator[Sample]:
        """Yield the samples that somebody reads."""
        known = self._series
        for metric, _, samples in found:
            for suffix, labels, number, _ in samples:
                key = (account, metric.name, suffix, labels)
                if key not in known:
                    known[key] = self._name(*key)
                if (series := known[key]) is not None:
                    yield Sample(series, float(number))

    def _name(self, account: str, metric: str, suffix: str, labels: str) -> str | None:
        """Return the series with all its labels; None where nobody reads it."""
        if metric + suffix not in self._names or _is_idle(metric, labels):
            return None
        of_account = f'account="{account}"' if account else ""
        return f"{metric}{suffix}{{{','.join(filter(None, (of_account, labels, self._labels)))}}}"


def _is_idle(metric: str, labels: str) -> bool:
    """Return whether a counter is one of the many that always stay 0 here."""
    can_rise = _CAN_RISE.get(metric)
    return can_rise is not None and not any(f'"{each}"' in labels for each in can_rise)


def _configuration(kind: Kind, name: str) -> AccountConfig:
    return AccountConfig(
        account_sid=name,
        name=name,
        base_url="https://api.example.com",
        api_key=Secret("key"),
        api_token=Secret("token"),
        call_limit=kind.call_limit,
        lines=LINES if kind.has_breakdowns else (),
        collection=CollectionConfig(
            streams=StreamsConfig(enabled=kind.has_streams),
            agent_streams=kind.bot_limit is not None,
            duration_counts_from="answer",
        ),
    )
