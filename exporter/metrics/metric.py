"""A metric as the exporter declares it, and a point: one value of it, from which samples are made."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.collect.histogram import Bucket, Histogram

# OpenMetrics allows an exemplar 128 characters, the name call_sid among them; parsers trip over quotes in it.
_FIT_FOR_EXEMPLAR = re.compile(r"[A-Za-z0-9_.:-]{1,120}")


class Kind(StrEnum):
    """The type of a metric, as OpenMetrics names it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE_HISTOGRAM = "gaugehistogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a user is promised of a metric: name, type, HELP and the labels beside `account`."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    def __call__(self, value: float, *label_values: str) -> Point:
        """Make a point of this metric: a value, and the label values in the order of the labels.

        Raises ValueError, TypeError or OverflowError for what no text of metrics can hold.
        """
        return Point(self, _labels(self, label_values), (("", (), _double(value), None),))

    def histogram(self, histogram: Histogram, *label_values: str) -> Point:
        """Make a point of a histogram, with its label values in the order of the labels."""
        gauge = "g" if self.kind is Kind.GAUGE_HISTOGRAM else ""
        values: list[_Value] = [
            ("_bucket", (("le", _le(bucket.bound)),), _double(bucket.cumulative), _exemplar(bucket))
            for bucket in histogram.buckets
        ]
        values.append((f"_{gauge}count", (), values[-1][2], None))
        values.append((f"_{gauge}sum", (), _double(histogram.sum), None))
        return Point(self, _labels(self, label_values), tuple(values))

    def family(self, points: Iterable[tuple[tuple[tuple[str, str], ...], Point]]) -> Family:
        """Gather points into a family; each comes with the labels to put before its own."""
        name = self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name
        family = Family(name, self.help, self.kind)
        for outer, point in points:
            for suffix, inner, value, exemplar in point.values:
                labels = dict((*outer, *point.labels, *inner))
                sample = f"{name}_total" if self.kind is Kind.COUNTER else f"{name}{suffix}"
                family.add_sample(sample, labels, value, exemplar=exemplar)
        return family


_Value = tuple[str, tuple[tuple[str, str], ...], float, Exemplar | None]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric, or the buckets of one histogram."""

    metric: Metric
    labels: tuple[tuple[str, str], ...]
    values: tuple[_Value, ...]
    """Suffix of the sample's name, further labels, value, exemplar."""


def _labels(metric: Metric, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    for value in values:
        value.encode()  # half a surrogate pair would fail the text of all accounts
    # strict: the library's own families drop labels silently when a value is missing.
    return tuple(zip(metric.labels, values, strict=True))


def _exemplar(bucket: Bucket) -> Exemplar | None:
    if bucket.longest is None:
        return None
    seconds, call_sid = bucket.longest
    if not _FIT_FOR_EXEMPLAR.fullmatch(call_sid):
        return None
    return Exemplar({"call_sid": call_sid}, _double(seconds))


def _double(value: float) -> float:
    double = float(value)
    if not math.isfinite(double):
        raise ValueError("not finite")
    return double


def _le(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # the library left it untyped
