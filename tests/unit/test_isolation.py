"""Whatever one account's values are: the other accounts and the exporter itself are told."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain

from exporter.collect.accounts import Status
from exporter.collect.gate import Load
from exporter.collect.snapshot import Snapshot
from exporter.collect.tallies import Bucket, Histogram
from exporter.exotel.errors import Failure, Reason
from exporter.metrics.definitions import CATALOGUE
from exporter.metrics.exposition import ExporterStatus, expose
from exporter.metrics.metric import Kind
from tests.snapshots import LIFE, STREAMS, TIMED, Collected, Shown, everything, shown

WHOLE = everything(TIMED, STREAMS, LIFE)
ITSELF = ExporterStatus(Status(is_reloaded=True, reloaded_at=1.0, load=Load()), {})
FORMATS = ("text/plain", "application/openmetrics-text")
HOSTILE = [10**310, -(10**400), math.nan, math.inf, "ab\ud800", "many", object()]

Spoil = Callable[[Any], Any]
"""Makes a copy of what was collected in which one value is another."""


def leaves(value: Any, put: Callable[[Any], Any]) -> Iterator[Callable[[Any], Any]]:
    """Yield for each value within a frozen one what gives the whole with another value in its place."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if field.name == "bound":  # that of a bucket comes from the configuration
                continue
            yield from leaves(getattr(value, field.name), _into_field(value, field.name, put))
    elif isinstance(value, tuple):
        for place in range(len(value)):
            yield from leaves(value[place], _into_tuple(value, place, put))
    elif isinstance(value, Mapping):
        for key in value:
            yield from leaves(value[key], _into_mapping(value, key, put))
            yield _as_key(value, key, put)
    else:
        yield put


def _into_field(value: Any, name: str, put: Spoil) -> Spoil:
    return lambda new: put(dataclasses.replace(value, **{name: new}))


def _into_tuple(value: tuple[Any, ...], place: int, put: Spoil) -> Spoil:
    return lambda new: put((*value[:place], new, *value[place + 1 :]))


def _into_mapping(value: Mapping[Any, Any], key: Any, put: Spoil) -> Spoil:
    return lambda new: put({**value, key: new})


def _as_key(value: Mapping[Any, Any], key: Any, put: Spoil) -> Spoil:
    return lambda new: put({new if each == key else each: other for each, other in value.items()})


LEAVES = list(leaves(WHOLE, lambda whole: whole))


def lines(accept: str, **collected: Collected) -> dict[str, list[str]]:
    """Return the lines of each account; fails if the exporter's own are missing, or none can read it."""
    text = expose(shown(collected), accept, ITSELF)[0].decode()
    parse = parse_openmetrics if "openmetrics" in accept else parse_plain
    assert list(parse(text))
    assert "\nexotel_exporter_build_info{" in text
    told = text.splitlines()
    return {account: [line for line in told if f'account="{account}"' in line] for account in collected}


WELL = {accept: lines(accept, a=WHOLE, z=WHOLE) for accept in FORMATS}


@settings(max_examples=30)  # each is an exposition of hundreds of lines, read by a slow parser
@given(spoil=st.sampled_from(LEAVES), hostile=st.sampled_from(HOSTILE), accept=st.sampled_from(FORMATS))
def test_any_value_of_one_account_costs_no_other_a_line(spoil: Spoil, hostile: object, accept: str) -> None:
    """Wherever it stands, in both formats: the account that has it is told without it, or says it is down."""
    told = lines(accept, a=WHOLE, bad=spoil(hostile), z=WHOLE)
    assert {"a": told["a"], "z": told["z"]} == WELL[accept]
    assert [line for line in told["bad"] if line.startswith("exotel_up{")]


@pytest.mark.parametrize("accept", FORMATS)
def test_an_account_that_cannot_be_told_is_down_and_its_counters_go_on(accept: str) -> None:
    """A total with 310 digits: no call metrics, as after any other failure."""
    spoilt = WHOLE.but(reported=10**310)
    told = lines(accept, bad=spoilt)["bad"]
    assert 'exotel_up{account="bad"} 0.0' in told
    of_calls = ("exotel_active_calls", "exotel_stream", "exotel_calls")
    assert not [line for line in told if line.startswith(of_calls)]
    assert [line for line in told if line.startswith("exotel_api_requests_total{")]


def test_an_account_takes_back_what_cannot_be_exported() -> None:
    """With the exception, once for each exposition; what it returns instead is what is shown."""
    heard: list[tuple[str, str]] = []

    class Withdrawing(Shown):
        def withdraw(self, snapshot: Snapshot, error: Exception) -> Snapshot:
            heard.append((self.name, type(error).__name__))
            return dataclasses.replace(snapshot, reported=7)

    spoilt = WHOLE.but(reported=10**310).snapshot
    bad, good = (Withdrawing(name, WHOLE.live) for name in ("bad", "good"))
    text, _ = expose({bad: spoilt, good: WHOLE.snapshot}, "text/plain")
    assert heard == [("bad", "OverflowError")]
    assert 'exotel_calls_reported{account="bad"} 7.0' in text.decode()


@pytest.mark.parametrize("value", [10**309, -(10**309), math.nan, math.inf, -math.inf, "7 calls", None])
def test_a_point_of_what_is_no_finite_double_cannot_be_made(value: Any) -> None:
    """So the text of all accounts never fails for one value."""
    by_kind = {metric.kind: metric for metric in CATALOGUE if not metric.labels}
    with pytest.raises((ValueError, TypeError, OverflowError)):
        by_kind[Kind.GAUGE](value)
    for histogram in (
        Histogram((Bucket(math.inf, value),), 0.0),
        Histogram((Bucket(math.inf, 1),), value),
        Histogram((Bucket(math.inf, 1, (value, "call-1")),), 1.0),
    ):
        with pytest.raises((ValueError, TypeError, OverflowError)):
            by_kind[Kind.GAUGE_HISTOGRAM].histogram(histogram)


def test_an_unexpected_failure_of_an_exposition_is_internal() -> None:
    """It is a bug in the exporter, unless the memory ran out; of the rest nothing is left but why."""
    for error, reason in ((KeyError("a"), Reason.INTERNAL), (MemoryError(), Reason.RESOURCES)):
        left = WHOLE.snapshot.withdrawn(Failure.of(error))
        assert left.failure is not None
        assert (left.failure.reason, left.active_calls, left.reported) == (reason, None, None)
        assert list(left.results) == list(WHOLE.snapshot.results)
