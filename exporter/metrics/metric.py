"""A metric as the exporter declares it, and a point: one value of it, from which samples are made."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.collect.tallies import Bucket, Histogram

_K = TypeVar("_K")
_V = TypeVar("_V")
_Labels = tuple[tuple[str, str], ...]
_Value = tuple[str, _Labels, float, Exemplar | None]

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
    """What a user is promised of a metric: whose it is, type, name, HELP and the labels beside `account`."""

    collectors: tuple[str, ...]
    """Those that it is shown with."""
    kind: Kind
    name: str
    help: str
    labels: tuple[str, ...] = ()
    zeros: Mapping[str, Collection[Any]] = field(default_factory=dict)
    """The series that are 0 when nothing happened, by the collector that has to be on: their label values."""

    def __call__(self, value: float, *label_values: str) -> Point:
        """Return a point of this metric: a value, and the label values in the order of the labels.

        Raises ValueError, TypeError or OverflowError for what no text of metrics can hold.
        """
        return Point(self, self._with_names(label_values), (("", (), _double(value), None),))

    def histogram(self, histogram: Histogram, *label_values: str) -> Point:
        """Return a point of a histogram, with its label values in the order of the labels."""
        gauge = "g" if self.kind is Kind.GAUGE_HISTOGRAM else ""
        values: list[_Value] = [
            ("_bucket", (("le", _le(bucket.bound)),), _double(bucket.cumulative), _exemplar(bucket))
            for bucket in histogram.buckets
        ]
        values.append((f"_{gauge}count", (), values[-1][2], None))
        values.append((f"_{gauge}sum", (), _double(histogram.sum), None))
        return Point(self, self._with_names(label_values), tuple(values))

    def with_zeros(self, values: Mapping[_K, _V], zero: _V, collectors: Iterable[str]) -> dict[_K, _V]:
        """Return these values by their label values, and zero for what else these collectors can count."""
        return {**{labels: zero for each in collectors for labels in self.zeros.get(each, ())}, **values}

    def family(self, points: Iterable[tuple[_Labels, Point]]) -> Family:
        """Gather points into a family; each comes with the labels to put before its own."""
        name = self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name
        family = Family(name, self.help, self.kind)
        for outer, point in points:
            for suffix, inner, value, exemplar in point.values:
                labels = dict((*outer, *point.labels, *inner))
                sample = f"{name}_total" if self.kind is Kind.COUNTER else f"{name}{suffix}"
                family.add_sample(sample, labels, value, exemplar=exemplar)
        return family

    def _with_names(self, label_values: tuple[str, ...]) -> _Labels:
        for value in label_values:
            value.encode()  # half a surrogate pair would fail the text of all accounts
        # strict: the library's own families drop labels silently when a value is missing.
        return tuple(zip(self.labels, label_values, strict=True))


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric, or the buckets of one histogram."""

    metric: Metric
    labels: _Labels
    values: tuple[_Value, ...]
    """Suffix of the sample's name, further labels, value, exemplar."""


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
