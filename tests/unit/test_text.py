"""The text of metrics is the one that prometheus_client would write, byte for byte."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest as plain
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.collect.accounts import Status
from exporter.collect.gate import Load
from exporter.collect.tallies import Bucket, Histogram
from exporter.exotel.errors import Reason
from exporter.metrics.exposition import ExporterStatus, Selection, expose
from exporter.metrics.metric import Kind, Metric, Point
from exporter.metrics.text import Text
from tests.snapshots import LIFE, STREAMS, TIMED, everything, failed, shown

NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.sampled_from('ab"\\\n\r\t {}=,#é😀\x00\u2028'), max_size=8) | st.text(max_size=8)
NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        [0.0, -0.0, 5e-324, 1e-7, 0.1 + 0.2, 999_999.9, 1e6, -1e6, 1e15, 1e16, 1.5e17, 1e21, 1e308]
    ),
    st.integers(-(10**25), 10**25),
    st.integers(-2_000_000, 2_000_000),
    st.booleans(),
)
CALL_SIDS = st.from_regex(r"[A-Za-z0-9_.:-]{1,20}", fullmatch=True)


@dataclass(frozen=True)
class Families(Collector):
    """Families as the client library takes them."""

    families: Iterable[Family]

    def collect(self) -> Iterable[Family]:
        """Return them."""
        return self.families


@dataclass(frozen=True)
class Series:
    """The labels of a series, and a value or a histogram."""

    account: str | None
    values: tuple[str, ...]
    found: float | Histogram

    def point(self, metric: Metric) -> Point:
        """Return it as the exporter has it."""
        of = metric.histogram if isinstance(self.found, Histogram) else metric
        return of(self.found, *self.values)  # type: ignore[arg-type]  # the one that belongs to it

    def add_to(self, family: Family, metric: Metric) -> None:
        """Add it as the client library has it."""
        labels = dict(zip(metric.labels, self.values, strict=True))
        if self.account is not None:
            labels["account"] = self.account
        if not isinstance(self.found, Histogram):
            family.add_sample(metric.name, labels, self.found)
            return
        gauge = "g" if metric.kind is Kind.GAUGE_HISTOGRAM else ""
        for bucket in self.found.buckets:
            exemplar = bucket.longest and Exemplar({"call_sid": bucket.longest[1]}, bucket.longest[0])
            with_le = {**labels, "le": floatToGoString(bucket.bound)}  # type: ignore[no-untyped-call]
            family.add_sample(f"{metric.name}_bucket", with_le, bucket.cumulative, exemplar=exemplar)
        family.add_sample(f"{metric.name}_{gauge}count", labels, self.found.buckets[-1].cumulative)
        family.add_sample(f"{metric.name}_{gauge}sum", labels, self.found.sum)


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    """Draw a histogram, its buckets with and without an exemplar."""
    bounds = sorted(draw(st.sets(st.floats(0, 1e9), max_size=4)))
    longest = st.none() | st.tuples(st.floats(0, 1e9), CALL_SIDS)
    buckets = [Bucket(bound, draw(st.integers(0, 10**9)), draw(longest)) for bound in (*bounds, math.inf)]
    return Histogram(tuple(buckets), draw(NUMBERS))


@st.composite
def metrics(draw: st.DrawFn) -> tuple[Metric, list[Series]]:
    """Draw a metric of any kind, and series of it: of accounts, or the exporter's own."""
    kind = draw(st.sampled_from(Kind))
    name = f"exotel_{draw(NAMES)}" + "_total" * (kind is Kind.COUNTER)
    labels = draw(
        st.lists(NAMES.filter(lambda name: name > "account" and name != "le"), max_size=4, unique=True)
    )
    is_histogram = kind in {Kind.HISTOGRAM, Kind.GAUGE_HISTOGRAM}
    found = st.builds(
        Series,
        account=st.none() | TEXTS,
        values=st.tuples(*[TEXTS] * len(labels)),
        found=histograms() if is_histogram else NUMBERS,
    )
    is_known = draw(st.booleans())
    metric = Metric((), kind, name, draw(TEXTS), tuple(labels), has_known_labels=is_known)
    return metric, draw(st.lists(found, min_size=1, max_size=4))


@given(st.lists(metrics(), max_size=4, unique_by=lambda each: each[0].name.removesuffix("_total")))
def test_a_text_is_the_one_that_the_client_library_writes(drawn: list[tuple[Metric, list[Series]]]) -> None:
    """In both formats: whatever the labels, HELP, numbers and exemplars are."""
    for is_openmetrics, write in (True, openmetrics), (False, plain):
        text, families = Text(is_openmetrics=is_openmetrics), []
        for metric, series in drawn:
            family = Family(metric.family, metric.help, metric.kind)
            for each in series:
                text.add([each.point(metric)], each.account)
                each.add_to(family, metric)
            families.append(family)
        assert text.write(metric for metric, _ in drawn) == write(Families(families))


def test_a_whole_exposition_is_the_one_that_the_client_library_writes() -> None:
    """Of accounts with everything on and with a failure, the exporter itself, the process and Python."""
    accounts = shown({'"a"\n\\é': everything(TIMED, STREAMS, LIFE), "b": failed(Reason.AUTH)})
    itself = ExporterStatus(Status(is_reloaded=True, reloaded_at=1_700_000_000.25, load=Load()), {200: 3})
    text, _ = expose(accounts, "application/openmetrics-text", itself)
    read = list(text_string_to_metric_families(text.decode()))  # type: ignore[no-untyped-call]
    assert text == openmetrics(Families(read))  # type: ignore[no-untyped-call]
    assert {"exotel_up", "exotel_exporter_build_info", "python_info"} <= {family.name for family in read}


@pytest.mark.parametrize("accept", ["application/openmetrics-text", "text/plain"])
def test_no_sample_says_when_its_series_was_created(accept: str) -> None:
    """Prometheus would store one more series for each counter and histogram."""
    itself = ExporterStatus(Status(is_reloaded=True, reloaded_at=1_700_000_000.25, load=Load()), {200: 3})
    text, _ = expose(shown({"acme": everything(TIMED, STREAMS, LIFE)}), accept, itself)
    names = {line.partition(b"{")[0].partition(b" ")[0] for line in text.splitlines() if line[:1] != b"#"}
    assert {b"exotel_observed_calls_started_total", b"python_gc_collections_total"} <= names
    assert [name for name in names if name.endswith(b"_created")] == []


@pytest.mark.parametrize("part", ["", "_bucket", "_gcount", "_gsum"])
def test_a_part_of_a_histogram_is_written_as_the_client_library_does(part: str) -> None:
    """Text format 0.0.4 has a gaugehistogram in three pieces, of which those are there that are asked for."""
    accounts, name = shown({"acme": everything(TIMED, STREAMS, LIFE)}), "exotel_active_call_duration_seconds"
    text, _ = expose(accounts, "application/openmetrics-text")
    [whole] = [each for each in text_string_to_metric_families(text.decode()) if each.name == name]  # type: ignore[no-untyped-call]
    whole.samples = [sample for sample in whole.samples if sample.name == f"{name}{part}"] or whole.samples
    selection = Selection(names=frozenset({f"{name}{part}"}))
    assert expose(accounts, "text/plain", selection=selection)[0] == plain(Families([whole]))


def test_points_of_which_one_cannot_be_made_add_nothing() -> None:
    """An account's metrics are whole or absent."""
    metric = Metric((), Kind.GAUGE, "exotel_one", "One.", ("label",))
    for spoilt in (math.nan, "a"), (1, "\ud800"):
        text = Text(is_openmetrics=True)
        try:
            text.add((metric(*each) for each in ((1.0, "good"), spoilt)), "acme")
        except ValueError:
            assert text.write([metric]) == b"# EOF\n"
        else:
            raise AssertionError(spoilt)
