"""One exposition: what is asked for of which accounts, in the format that the scraper prefers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeVar

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import generate_latest as plain_text
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import ALLOWUTF8
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text
from prometheus_client.registry import Collector

from exporter import __revision__, __version__
from exporter.collect.account import LiveValues
from exporter.collect.accounts import Status
from exporter.collect.snapshot import Snapshot
from exporter.exotel.enums import Endpoint
from exporter.metrics import definitions as d
from exporter.metrics.definitions import CATALOGUE, EXPORTER, OWN
from exporter.metrics.metric import Point
from exporter.metrics.points import points

PROCESS, PYTHON = "process", "python"
OF_ACCOUNTS: tuple[str, ...] = tuple(Endpoint)
"""The collectors of accounts."""
OF_ITSELF = (EXPORTER, PROCESS, PYTHON)
"""What the exporter collects of itself."""
_COLLECTORS = {metric.name.removesuffix("_total"): metric.collectors for metric in (*CATALOGUE, *OWN)}
_FAMILIES_OF_ACCOUNTS = tuple(metric.name.removesuffix("_total") for metric in CATALOGUE)


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

    def of(self, families: Iterable[Family]) -> Iterator[Family]:
        """Yield what is asked for of some families; those of which nothing is left are left out."""
        for family in families:
            if not self.collectors.isdisjoint(_COLLECTORS.get(family.name, self.collectors)):
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


def expose(
    snapshots: Mapping[_A, Snapshot],
    accept: str,
    itself: ExporterStatus | None = None,
    selection: Selection = ALL,
) -> tuple[bytes, str]:
    """Return the metrics of these accounts, and the exporter's own where given, as far as selected.

    Returns the text and its content type.
    """
    wanted = selection.collectors if itself is not None else frozenset()
    libraries = CollectorRegistry(auto_describe=False)
    if PROCESS in wanted:
        ProcessCollector(registry=libraries)
    if PYTHON in wanted:
        PlatformCollector(registry=libraries)
        GCCollector(registry=libraries)
    own = exporter_families(itself) if itself is not None and EXPORTER in wanted else ()
    families = chain(own, account_families(snapshots), libraries.collect())
    collector = _Families(families if selection == ALL else selection.of(families))
    if wants_openmetrics(accept):
        # The names are plain ASCII: escaped or not, the text is the same, but not looked at letter by letter.
        text: bytes = openmetrics_text(collector, escaping=ALLOWUTF8)  # type: ignore[no-untyped-call]  # untyped
        return text, CONTENT_TYPE_OPENMETRICS
    return plain_text(collector), CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True)
class _Families(Collector):
    """Families as the client library takes them."""

    families: Iterable[Family]

    def collect(self) -> Iterable[Family]:
        return self.families


def account_families(snapshots: Mapping[_A, Snapshot]) -> Iterator[Family]:
    """Yield the families of accounts that have a sample, each once, with the samples of all accounts.

    An account's group of metrics is whole or absent: its points are made before any is shown. A point can
    always be written, so that what can't be exported of one account costs no other.
    """
    gathered = defaultdict(list)
    for account, snapshot in snapshots.items():
        for point in _points(account, snapshot):
            gathered[point.metric.name].append(((("account", account.name),), point))
    for metric in CATALOGUE:
        if metric.name in gathered:
            yield metric.family(gathered[metric.name])


def _points(account: Exposed, snapshot: Snapshot) -> list[Point]:
    try:
        return list(points(snapshot, account.live_values()))
    except Exception as error:  # noqa: BLE001  # whatever it is, the other accounts are to be shown
        try:
            return list(points(account.withdraw(snapshot, error), account.live_values()))
        except Exception:  # noqa: BLE001  # not even the counters: that it is down can be shown
            return [d.UP(0)]


def exporter_families(itself: ExporterStatus) -> Iterator[Family]:
    """Yield the families of the exporter itself that have a sample."""
    status = itself.status
    for point in (
        d.BUILD_INFO(1, __version__, __revision__),
        d.RELOADED(status.is_reloaded),
        d.RELOADED_AT(status.reloaded_at),
        d.IN_FLIGHT(status.load.running),
        d.WAITING(status.load.waiting),
    ):
        yield point.metric.family([((), point)])
    begun, put_off = d.COLLECTIONS(status.load.begun, "begun"), d.COLLECTIONS(status.load.put_off, "put_off")
    yield d.COLLECTIONS.family([((), begun), ((), put_off)])
    if itself.answers:
        answers = sorted(itself.answers.items())
        yield d.HTTP_REQUESTS.family([((), d.HTTP_REQUESTS(number, str(code))) for code, number in answers])


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
