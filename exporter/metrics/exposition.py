"""One exposition: which format the scraper wants, and the text of all families in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.exposition import generate_latest as plain_text
from prometheus_client.gc_collector import GCCollector
from prometheus_client.openmetrics.exposition import ALLOWUTF8
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_text

from exporter.collect.snapshot import Snapshot
from exporter.metrics.collector import AccountsCollector, Withdraw, withdrawn
from exporter.metrics.exporter_metrics import ExporterCollector, ExporterStatus
from exporter.metrics.selection import ALL, EXPORTER, PROCESS, PYTHON, Selected, Selection


def expose(
    snapshots: Mapping[str, Snapshot],
    accept: str,
    itself: ExporterStatus | None = None,
    selection: Selection = ALL,
    withdraw: Withdraw = withdrawn,
) -> tuple[bytes, str]:
    """Write the metrics of these accounts, and the exporter's own where they are given, as far as selected.

    Give the text and its content type. What can't be told of an account, `withdraw` takes back.
    """
    registry = CollectorRegistry(auto_describe=False)
    if itself is not None and EXPORTER in selection.collectors:
        registry.register(ExporterCollector(itself))
    registry.register(AccountsCollector(snapshots, withdraw))
    if itself is not None and PROCESS in selection.collectors:
        ProcessCollector(registry=registry)
    if itself is not None and PYTHON in selection.collectors:
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
    selected = registry if selection == ALL else Selected(registry, selection)
    if wants_openmetrics(accept):
        # The names are plain ASCII: escaped or not, the text is the same, but not looked at letter by letter.
        text: bytes = openmetrics_text(selected, escaping=ALLOWUTF8)  # type: ignore[no-untyped-call]  # untyped
        return text, CONTENT_TYPE_OPENMETRICS
    return plain_text(selected), CONTENT_TYPE_PLAIN_0_0_4


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an `Accept-Encoding` header allows gzip, by its q-value (RFC 9110, 12.5.3)."""
    return _quality(accept_encoding, {"gzip"}) > 0


def wants_openmetrics(accept: str) -> bool:
    """Tell whether an `Accept` header prefers OpenMetrics to plain text, by q-values (RFC 9110, 12.5.1)."""
    openmetrics = _quality(accept, {"application/openmetrics-text"})
    plain = _quality(accept, {"text/plain", "text/*", "*/*"})
    return openmetrics > 0 and openmetrics >= plain


def _quality(accept: str, types: Iterable[str]) -> float:
    """Give the highest q-value of some media types or codings; 0 where none of them is accepted."""
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
