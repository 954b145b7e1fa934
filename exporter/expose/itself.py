"""Metrics of the exporter itself."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.expose.metric import Kind, Metric
from exporter.observe.accounts import Standing
from exporter.release import REVISION

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

METRICS = (BUILD_INFO, RELOADED, RELOADED_AT, IN_FLIGHT)


class ItselfCollector(Collector):
    """The exporter's version, its configuration and what it is at."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def collect(self) -> Iterator[Family]:
        """Yield each family."""
        standing = self._standing
        for point in (
            BUILD_INFO(1, __version__, REVISION),
            RELOADED(standing.is_reloaded),
            RELOADED_AT(standing.reloaded_at),
            IN_FLIGHT(standing.in_flight),
        ):
            yield point.metric.family([((), point)])
