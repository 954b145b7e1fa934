"""The text of metrics, in both formats: byte for byte what prometheus_client writes of the same samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from exporter.metrics.metric import Kind, Metric, Point, escaped

_GAUGES = ("_gcount", "_gsum")  # samples of a gaugehistogram that text format 0.0.4 has no place for


class Text:
    """Gathers points as lines, then writes them metric by metric: OpenMetrics 1.0, or text format 0.0.4."""

    def __init__(self, *, is_openmetrics: bool) -> None:
        self._is_openmetrics = is_openmetrics
        self._apart = () if is_openmetrics else _GAUGES
        self._added: defaultdict[str, list[bytes]] = defaultdict(list)  # by name of a family

    def add(self, points: Iterable[Point], account: str | None = None) -> None:
        """Add all of these points, which are an account's or the exporter's own; if one fails, none."""
        label = "" if account is None else f'account="{escaped(account)}"'
        before, alone = (f"{label},", f"{{{label}}}") if label else ("", "")
        by_family: defaultdict[str, list[str]] = defaultdict(list)
        has_exemplars, apart = self._is_openmetrics, self._apart
        for metric, _, samples in points:
            name = metric.name
            lines = by_family[name]
            for suffix, labels, number, exemplar in samples:
                series = f"{name}{suffix}{{{before}{labels}}}" if labels else f"{name}{suffix}{alone}"
                if exemplar and has_exemplars:
                    lines.append(f"{series} {number} # {exemplar}\n")
                elif suffix in apart:
                    by_family[f"{name}{suffix}"].append(f"{series} {number}\n")
                else:
                    lines.append(f"{series} {number}\n")
        added = {name: "".join(lines).encode() for name, lines in by_family.items()}
        for name, part in added.items():
            self._added[name].append(part)

    def write(self, metrics: Iterable[Metric]) -> bytes:
        """Write what was added of these metrics."""
        family = self._openmetrics if self._is_openmetrics else self._plain
        parts = [part for metric in metrics if metric.name in self._added for part in family(metric)]
        return b"".join([*parts, b"# EOF\n"] if self._is_openmetrics else parts)

    def _openmetrics(self, metric: Metric) -> Iterator[bytes]:
        yield _head(metric.family, escaped(metric.help), metric.kind)
        yield from self._added[metric.name]

    def _plain(self, metric: Metric) -> Iterator[bytes]:
        documentation = metric.help.replace("\\", r"\\").replace("\n", r"\n")
        gauges = _GAUGES if metric.kind is Kind.GAUGE_HISTOGRAM else ()
        yield _head(metric.name, documentation, Kind.HISTOGRAM if gauges else metric.kind)
        yield from self._added[metric.name]
        for name in (f"{metric.name}{suffix}" for suffix in gauges):
            if name in self._added:
                yield _head(name, documentation, Kind.GAUGE)
                yield from self._added[name]


def _head(name: str, documentation: str, kind: Kind) -> bytes:
    return f"# HELP {name} {documentation}\n# TYPE {name} {kind}\n".encode()
