"""Metrics of the exporter itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from exporter import __revision__, __version__
from exporter.collect.accounts import Status
from exporter.metrics.metric import Kind, Metric

BUILD_INFO = Metric(
    "exotel_exporter_build_info",
    Kind.GAUGE,
    "Always 1; the labels tell the version and the commit it was built from.",
    ("version", "revision"),
)
RELOADED = Metric(
    "exotel_exporter_config_last_reload_successful",
    Kind.GAUGE,
    "1 when the configuration was good when it was last read; else 0, and the one before is in force.",
)
RELOADED_AT = Metric(
    "exotel_exporter_config_last_reload_success_timestamp_seconds",
    Kind.GAUGE,
    "When the configuration in force was read, in seconds since 1970.",
)
IN_FLIGHT = Metric(
    "exotel_exporter_collections_in_flight",
    Kind.GAUGE,
    "Collections under way, those behind this scrape not counted.",
)

REQUESTS = Metric(
    "exotel_exporter_http_requests_total",
    Kind.COUNTER,
    "Requests that the exporter has answered, this one not counted, by HTTP status.",
    ("code",),
)

METRICS = (BUILD_INFO, RELOADED, RELOADED_AT, IN_FLIGHT, REQUESTS)


@dataclass(frozen=True, slots=True)
class ExporterStatus:
    """What the exporter knows of itself at one moment."""

    standing: Status
    answers: Mapping[int, int] = field(default_factory=dict)
    """Requests answered, by HTTP status."""


class ExporterCollector(Collector):
    """The exporter's version, its configuration, what it is at, and whom it has answered."""

    def __init__(self, itself: ExporterStatus) -> None:
        self._itself = itself

    def collect(self) -> Iterator[Family]:
        """Yield each family that has a sample."""
        status = self._itself.standing
        for point in (
            BUILD_INFO(1, __version__, __revision__),
            RELOADED(status.is_reloaded),
            RELOADED_AT(status.reloaded_at),
            IN_FLIGHT(status.in_flight),
        ):
            yield point.metric.family([((), point)])
        if self._itself.answers:
            answers = sorted(self._itself.answers.items())
            yield REQUESTS.family([((), REQUESTS(requests, str(code))) for code, requests in answers])
