"""One exposition: what is asked for of which accounts, in the format that the scraper prefers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeVar

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.gc_collector import GCCollector
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS

from exporter import __revision__, __version__
from exporter.collect.account import LiveValues
from exporter.collect.accounts import Status
from exporter.collect.snapshot import Snapshot
from exporter.exotel.enums import Endpoint
from exporter.metrics import definitions as d
from exporter.metrics.definitions import CATALOGUE, EXPORTER, OWN
from exporter.metrics.metric import Kind, Metric, Point
from exporter.metrics.points import points
from exporter.metrics.text import Text

PROCESS, PYTHON = "process", "python"
OF_ACCOUNTS: tuple[str, ...] = tuple(Endpoint)
"""The collectors of accounts."""
OF_ITSELF = (EXPORTER, PROCESS, PYTHON)
"""What the exporter collects of itself."""
_LIBRARIES = {PROCESS: (ProcessCollector,), PYTHON: (PlatformCollector, GCCollector)}
_FAMILIES_OF_ACCOUNTS = tuple(metric.family for metric in CATALOGUE)


class Exposed(Protocol):
    """What an exposition needs of an account, beside its snapshot."""

    @property
    def name(self) -> str:
        """Return the value of the label `account`."""

    def live_values(self) -> LiveValues:
        """Return what is true now, whenever the snapshot was taken."""

    def withdraw(self, snapshot: Snapshot, error: Exception) -> Snapshot:
        """Take back a snapshot that can't be exported, and say why; return what can be."""


_A = TypeVar("_A", bound=Exposed)


@dataclass(frozen=True, slots=True)
class ExporterStatus:
    """What the exporter knows of itself at one moment."""

    status: Status
    answers: Mapping[int, int] = field(default_factory=dict)
    """Requests answered, by HTTP status."""


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
    names: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, collectors: Sequence[str], names: Sequence[str], accepted: Sequence[str]) -> Selection:
        """Read the values of `collect[]` and `name[]`; raise UnknownCollector for one that isn't accepted."""
        for collector in collectors:
            if collector not in accepted:
                raise UnknownCollector(collector, accepted)
        return cls(frozenset(collectors or accepted), frozenset(names))

    @property
    def wants_accounts(self) -> bool:
        """Return whether anything of an account is asked for."""
        is_named = not self.names or any(name.startswith(_FAMILIES_OF_ACCOUNTS) for name in self.names)
        return is_named and not self.collectors.isdisjoint(OF_ACCOUNTS)

    def of_account(self, points: Iterable[Point]) -> Iterable[Point]:
        """Return what is asked for of an account's points: all of them, in nearly every scrape."""
        return points if not self.names and self.collectors.issuperset(OF_ACCOUNTS) else self.of(points)

    def of(self, points: Iterable[Point]) -> Iterator[Point]:
        """Yield what is asked for of some points; those of which nothing is left are left out."""
        for metric, label_values, samples in points:
            labels = dict(zip(metric.labels, label_values, strict=True))
            # What tells how each collector went is about that one.
            about = labels.get("collector") or labels.get("endpoint")
            if self.collectors.isdisjoint([about] if about else metric.collectors):
                continue
            is_whole = not self.names or metric.family in self.names
            if left := [each for each in samples if is_whole or metric.name + each[0] in self.names]:
                yield metric, label_values, left


ALL = Selection()


def expose(
    snapshots: Mapping[_A, Snapshot],
    accept: str,
    itself: ExporterStatus | None = None,
    selection: Selection = ALL,
) -> tuple[bytes, str]:
    """Return the metrics of these accounts, and the exporter's own where given, as far as selected.

    Returns the text and its content type.
    """
    is_openmetrics = wants_openmetrics(accept)
    text, metrics = Text(is_openmetrics=is_openmetrics), CATALOGUE
    for account, snapshot in snapshots.items():
        _add_account(text, account, snapshot, selection)
    if itself is not None:
        libraries = list(_points_of_libraries(selection.collectors))
        text.add(selection.of(chain(_points_of_itself(itself), libraries)))
        metrics = (*OWN, *CATALOGUE, *{metric.name: metric for metric, _, _ in libraries}.values())
    return text.write(metrics), CONTENT_TYPE_OPENMETRICS if is_openmetrics else CONTENT_TYPE_PLAIN_0_0_4


def _add_account(text: Text, account: Exposed, snapshot: Snapshot, selection: Selection) -> None:
    """Add an account's points: whole or absent. What can't be exported of one account costs no other."""
    try:
        text.add(selection.of_account(points(snapshot, account.live_values())), account.name)
    except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be shown
        try:
            left = account.withdraw(snapshot, error)
            text.add(selection.of_account(points(left, account.live_values())), account.name)
        except Exception:  # noqa: BLE001  # not even the counters: that it is down can be shown
            text.add(selection.of_account([d.UP(0)]), account.name)


def _points_of_itself(itself: ExporterStatus) -> Iterator[Point]:
    """Yield the points of the exporter itself."""
    status = itself.status
    yield d.BUILD_INFO(1, __version__, __revision__)
    yield d.RELOADED(status.is_reloaded)
    yield d.RELOADED_AT(status.reloaded_at)
    yield d.IN_FLIGHT(status.load.running)
    yield d.WAITING(status.load.waiting)
    yield d.COLLECTIONS(status.load.begun, "begun")
    yield d.COLLECTIONS(status.load.put_off, "put_off")
    for code, number in sorted(itself.answers.items()):
        yield d.HTTP_REQUESTS(number, str(code))


def _points_of_libraries(wanted: Collection[str]) -> Iterator[Point]:
    """Yield the points that the client library collects, of the process and of Python."""
    for collector, library in _LIBRARIES.items():
        registry = CollectorRegistry(auto_describe=False)
        for collect in library if collector in wanted else ():
            collect(registry=registry)
        for family in registry.collect():
            kind = Kind(family.type)
            name = f"{family.name}_total" if kind is Kind.COUNTER else family.name
            metric = Metric((collector,), kind, name, family.documentation, tuple(family.samples[0].labels))
            for sample in family.samples:
                yield metric(sample.value, *sample.labels.values())


def accepts_gzip(accept_encoding: str) -> bool:
    """Return whether an `Accept-Encoding` header allows gzip, by its q-value (RFC 9110, 12.5.3)."""
    return _quality(accept_encoding, {"gzip"}) > 0


def wants_openmetrics(accept: str) -> bool:
    """Return whether an `Accept` header prefers OpenMetrics to plain text, by q-values (RFC 9110, 12.5.1)."""
    openmetrics = _quality(accept, {"application/openmetrics-text"})
    plain = _quality(accept, {"text/plain", "text/*", "*/*"})
    return openmetrics > 0 and openmetrics >= plain


def _quality(accept: str, types: Iterable[str]) -> float:
    """Return the highest q-value of some media types or codings; 0 where none of them is accepted."""
    qualities = [0.0]
    for entry in accept.split(","):
        media_type, *parameters = (part.strip().lower() for part in entry.split(";"))
        if media_type in types:
            weights = [value.removeprefix("q=") for value in parameters if value.startswith("q=")]
            try:
                qualities.append(float(weights[0]) if weights else 1.0)
            except ValueError:
                continue
    return max(qualities)
