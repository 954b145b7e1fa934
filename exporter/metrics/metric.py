"""A metric as the exporter declares it, and a point: one value of it, as its samples are written."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from prometheus_client.utils import floatToGoString

from exporter.collect.tallies import Histogram

Sample = tuple[str, str, str, str]
"""Suffix of the name, labels, number, and exemplar if there is one, as they are written."""
Point = tuple["Metric", tuple[str, ...], Sequence[Sample]]
"""One value of a metric, or one histogram: with its label values. To make a tuple costs least."""

_K = TypeVar("_K")
_V = TypeVar("_V")

_KEPT = 2048  # label texts: more than all that known values make together; about a megabyte
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
    has_known_labels: bool = True
    """Whether its label values are the same for all accounts, so that their text is worth keeping."""

    @property
    def family(self) -> str:
        """Return the name of the family in OpenMetrics, where that of a counter has no `_total`."""
        return self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name

    def __call__(self, value: float, *label_values: str) -> Point:
        """Return a point of this metric: a value, and the label values in the order of the labels.

        Raises ValueError, TypeError or OverflowError for what no text of metrics can hold.
        """
        label_text = _known_label_text if self.has_known_labels else _label_text
        labels = label_text(self.labels, label_values)
        return self, label_values, (("", labels, _number(value), ""),)

    def histogram(self, histogram: Histogram, *label_values: str) -> Point:
        """Return a point of a histogram, with its label values in the order of the labels."""
        buckets = histogram.buckets
        label_text, bucket_labels = (
            (_known_label_text, _known_bucket_labels)
            if self.has_known_labels
            else (_label_text, _bucket_labels)
        )
        labels = bucket_labels(self.labels, label_values, tuple([bucket.bound for bucket in buckets]))
        samples = [
            ("_bucket", text, _number(bucket.cumulative), _exemplar(bucket.longest))
            for text, bucket in zip(labels, buckets, strict=True)
        ]
        gauge = "g" if self.kind is Kind.GAUGE_HISTOGRAM else ""
        whole = label_text(self.labels, label_values)
        samples.append((f"_{gauge}count", whole, samples[-1][2], ""))
        samples.append((f"_{gauge}sum", whole, _number(histogram.sum), ""))
        return self, label_values, samples

    def with_zeros(self, values: Mapping[_K, _V], zero: _V, collectors: Iterable[str]) -> dict[_K, _V]:
        """Return these values by their label values, and zero for what else these collectors can count."""
        return {**{labels: zero for each in collectors for labels in self.zeros.get(each, ())}, **values}


def _label_text(names: tuple[str, ...], values: tuple[str, ...]) -> str:
    """Return labels as they are written between braces."""
    if len(names) != len(values):  # the library's own families drop labels silently
        raise ValueError(f"{len(values)} values of the labels {', '.join(names)}")
    text = ""
    for place, beginning in _form(names):
        text += f'{beginning}{escaped(values[place])}"'
    return text


@lru_cache(_KEPT // 8)
def _form(names: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """Return what is written before each value, and its place among all, in the order of the names."""
    places = sorted(range(len(names)), key=names.__getitem__)
    return tuple([(place, f'{"," if n else ""}{names[place]}="') for n, place in enumerate(places)])


_known_label_text = lru_cache(_KEPT)(_label_text)


def _bucket_labels(
    names: tuple[str, ...], values: tuple[str, ...], bounds: tuple[float, ...]
) -> tuple[str, ...]:
    """Return the labels of each bucket: those of the histogram, and the bound in its place among them."""
    if len(names) != len(values):
        raise ValueError(f"{len(values)} values of the labels {', '.join(names)}")
    before, behind, le = "", "", ""
    for place, beginning in _form((*names, "le")):
        if place == len(values):
            le = beginning
        elif le:
            behind += f'{beginning}{escaped(values[place])}"'
        else:
            before += f'{beginning}{escaped(values[place])}"'
    return tuple([f'{before}{le}{bound}"{behind}' for bound in _bound_texts(bounds)])


_known_bucket_labels = lru_cache(_KEPT // 8)(_bucket_labels)


@lru_cache(_KEPT // 8)
def _bound_texts(bounds: tuple[float, ...]) -> tuple[str, ...]:
    return tuple(map(_go_number, bounds))


def escaped(text: str) -> str:
    """Return a label value, or a HELP in OpenMetrics, as both formats have it between quotes."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _exemplar(longest: tuple[float, str] | None) -> str:
    if longest is None:
        return ""
    seconds, call_sid = longest
    number = _number(seconds)
    return f'{{call_sid="{call_sid}"}} {number}' if _FIT_FOR_EXEMPLAR.fullmatch(call_sid) else ""


def _number(value: float) -> str:
    if type(value) is int and -1_000_000 < value < 1_000_000:
        return f"{value}.0"  # most are counts, of which the library's way costs three times as much
    double = float(value)
    if -1_000_000 < double < 1_000_000:
        return repr(double)
    if not math.isfinite(double):
        raise ValueError("not finite")
    return _go_number(double)


def _go_number(value: float) -> str:
    return floatToGoString(value)  # type: ignore[no-any-return, no-untyped-call]  # the library left it untyped
