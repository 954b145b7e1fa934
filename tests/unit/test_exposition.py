"""What a scraper is sent."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain
from prometheus_client.samples import Sample

from exporter.collect.account import LiveValues
from exporter.collect.counters import Counters
from exporter.collect.erlang import Capacity
from exporter.collect.snapshot import Result
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import Failure, Reason
from exporter.exotel.models import AgentStreams, Call
from exporter.metrics.definitions import CATALOGUE, OWN
from exporter.metrics.exposition import accepts_gzip, expose, wants_openmetrics
from exporter.metrics.metric import Kind, Metric
from tests.conftest import GOLDEN
from tests.rows import CALLS, HOSTILE, PERSONAL_CALLS, STREAM, call
from tests.snapshots import (
    CENTRE,
    ESTIMATE,
    LIFE,
    STREAMS,
    TIMED,
    Collected,
    Shown,
    everything,
    failed,
    life,
    shown,
    snapshot,
)

OPENMETRICS = "application/openmetrics-text"
ACCOUNT = HOSTILE.filter(str.isprintable)
"""A name that a configuration may give an account."""


def samples(collected: dict[str, Collected]) -> dict[str, list[Sample]]:
    """Return the samples of the accounts by their name."""
    text, _ = expose(shown(collected), OPENMETRICS)
    found: dict[str, list[Sample]] = {}
    for family in parse_openmetrics(text.decode()):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


@pytest.mark.parametrize(
    ("name", "collected"),
    [
        ("centre", {"acme": snapshot(CENTRE, limit=10, slots={"outbound-api": 2})}),
        ("everything", {"acme": everything(TIMED, STREAMS, LIFE)}),
        (
            "failures",
            {"a": failed(Reason.AUTH), "b": failed(Reason.INCOMPLETE, reported=9, unseen=2, seen=7)},
        ),
        ("estimate", {"acme": failed(Reason.BUDGET, reported=1200).but(estimate=ESTIMATE)}),
    ],
)
def test_the_exposition_is_the_golden_one(
    golden: Callable[[Path, str], None], name: str, collected: dict[str, Collected]
) -> None:
    """Names, types, HELP, labels, values and order, as a user sees them; what changes shows in the file."""
    text, _ = expose(shown(collected), accept=OPENMETRICS)
    golden(GOLDEN / f"{name}.prom", text.decode().removesuffix("# EOF\n"))


def test_every_metric_of_an_account_is_in_a_golden_file() -> None:
    """Or a review wouldn't see it: a call of tests/snapshots.py needs a value for it, then `make golden`."""
    texts = [file.read_text(encoding="utf-8") for file in GOLDEN.glob("*.prom")]
    families = {line.split()[2] for text in texts for line in text.splitlines() if line.startswith("# TYPE")}
    assert {metric.name.removesuffix("_total") for metric in CATALOGUE} - families == set()


def test_a_failed_account_has_no_call_metrics_and_costs_the_others_nothing() -> None:
    """Not 0 and not stale: absent. The account beside it is whole; counters go on."""
    found = samples({"bad": failed(Reason.TIMEOUT, reported=7), "good": snapshot(CENTRE)})
    with_bad = {name for name, list_ in found.items() if any(s.labels["account"] == "bad" for s in list_)}
    assert with_bad == {
        "exotel_up",
        "exotel_collector_success",
        "exotel_collector_duration_seconds",
        "exotel_collector_failures_total",
        "exotel_calls_reported",
        "exotel_api_requests_total",
        "exotel_api_retries_total",
        "exotel_api_budget_remaining_requests",
        "exotel_api_request_duration_seconds_bucket",
        "exotel_api_request_duration_seconds_count",
        "exotel_api_request_duration_seconds_sum",
        "exotel_unknown_values_total",
        "exotel_observed_calls_started_total",
        "exotel_observed_calls_ended_total",
        "exotel_observed_calls_returned_total",
        "exotel_observed_ring_duration_seconds_bucket",
        "exotel_observed_ring_duration_seconds_count",
        "exotel_observed_ring_duration_seconds_sum",
        "exotel_observed_call_duration_seconds_bucket",
        "exotel_observed_call_duration_seconds_count",
        "exotel_observed_call_duration_seconds_sum",
        "exotel_observed_wait_duration_seconds_bucket",
        "exotel_observed_wait_duration_seconds_count",
        "exotel_observed_wait_duration_seconds_sum",
        "exotel_observed_handling_duration_seconds_bucket",
        "exotel_observed_handling_duration_seconds_count",
        "exotel_observed_handling_duration_seconds_sum",
    }
    assert {s.labels["account"]: s.value for s in found["exotel_up"]} == {"bad": 0, "good": 1}
    assert sum(s.value for s in found["exotel_active_calls"]) == len(CENTRE)


def test_counters_are_those_of_the_moment_at_which_the_text_is_written() -> None:
    """A snapshot may be shown for a minute, and again after something failed; it holds no counters itself."""
    counters, collected = Counters("acme"), snapshot(CENTRE)

    class Counting(Shown):
        def live_values(self) -> LiveValues:
            return replace(self.live, counts=counters.counts())

    account = Counting("acme", collected.live)
    for failures in range(3):
        text, _ = expose({account: collected.snapshot}, accept="text/plain")
        line = 'exotel_collector_failures_total{account="acme",collector="calls",reason="timeout"}'
        assert f"{line} {failures}.0\n" in text.decode()
        counters.failure("calls", "timeout")


def test_every_reason_starts_at_zero() -> None:
    """rate() and increase() see the first failure only if the counter was there before."""
    found = samples({"acme": snapshot([])})["exotel_collector_failures_total"]
    assert {s.labels["reason"]: s.value for s in found} == dict.fromkeys(Reason, 0)


@pytest.mark.parametrize(
    ("name", "label", "values"),
    [
        ("exotel_agents", "status", {"available", "on-call", "busy", "after-call-work", "offline"}),
        ("exotel_stream_legs", "status", {"ringing", "answered", "connected", "in-progress"}),
        ("exotel_stream_calls_by_legs", "legs", {"0", "1", "2", "3+"}),
        ("exotel_stream_bridges", "status", {"active", "none"}),
        ("exotel_stream_recordings", "channels", {"single", "dual"}),
        ("exotel_observed_calls_started_total", "direction", {"inbound", "outbound-api", "outbound-dial"}),
    ],
)
def test_what_can_be_counted_is_zero_where_there_is_none(name: str, label: str, values: set[str]) -> None:
    """A dashboard shows 0, not a gap."""
    found = samples({"acme": everything([], [], life([]))})[name]
    assert {sample.labels[label] for sample in found} == values
    assert {sample.value for sample in found} == {0}


def test_agents_are_absent_where_the_api_does_not_speak_of_them() -> None:
    """The slim version of the API: calls are counted, agents are not made up."""
    found = samples({"acme": snapshot([call("a", status="ringing")])})
    assert "exotel_active_calls" in found
    assert not {"exotel_agents_on_call", "exotel_agents", "exotel_calls_without_agent"} & found.keys()


def test_each_agent_is_absent_too_where_the_api_does_not_speak_of_them() -> None:
    """With everything on as well; the longest calls are there, with an unknown agent."""
    found = samples({"acme": everything([call("a", status="ringing", duration=5)], [], LIFE)})
    assert not [name for name in found if name.startswith("exotel_agent_") and "streams" not in name]
    assert [s.labels["agent_id"] for s in found["exotel_call_duration_seconds"]] == ["unknown"]


def test_streams_have_no_figures_while_no_call_is_inspected() -> None:
    """0 muted legs of none would be a lie; with no call at all they are 0."""
    for calls, is_told in ([call("a")], False), ([], True):
        found = samples({"acme": everything(calls, [], LIFE)})
        told = {name for name in found if name.startswith("exotel_stream_")}
        assert {s.labels["result"]: s.value for s in found["exotel_stream_calls"]} == {
            "inspected": 0,
            "pending": len(calls),
        }
        assert (told == {"exotel_stream_calls"}) != is_told
        assert ("exotel_stream_legs_muted" in told) == is_told


_OF_LEGS = {
    *("exotel_stream_legs", "exotel_stream_legs_muted", "exotel_stream_legs_on_hold"),
    *("exotel_stream_longest_hold_seconds", "exotel_stream_calls_by_legs", "exotel_stream_all_muted_calls"),
}
_OF_RECORDINGS = {
    *("exotel_stream_recordings", "exotel_stream_recording_mismatch_calls"),
    *(f"exotel_stream_recording_lag_seconds_{part}" for part in ("bucket", "gcount", "gsum")),
}


@pytest.mark.parametrize(
    ("looks", "absent"),
    [
        ([{"recording": {"enabled": False}}, {"recording": {"enabled": False}}], _OF_LEGS),
        ([{"legs": []}, {"legs": []}], _OF_RECORDINGS),
        ([{}, {"legs": "two", "recording": "on"}], _OF_LEGS | _OF_RECORDINGS),
        ([{"legs": []}, {"recording": {"enabled": False}}], set()),
    ],
)
def test_streams_have_no_figures_of_what_no_details_speak_of(looks: list[object], absent: set[str]) -> None:
    """0 muted legs would be a lie where the API tells of no legs; one call of which it does is enough."""
    told = set(samples({"acme": everything(TIMED, looks, LIFE)}))
    whole = set(samples({"acme": everything(TIMED, STREAMS, LIFE)}))
    assert whole - told == absent


def test_a_longest_hold_that_is_not_known_is_absent() -> None:
    """0 would say that nobody is on hold; what else is known of legs is shown."""
    whole = everything(TIMED, STREAMS, LIFE)
    assert whole.snapshot.streams is not None
    unknown = whole.but(streams=replace(whole.snapshot.streams, longest_hold=None))
    told = set(samples({"acme": whole})) - set(samples({"acme": unknown}))
    assert told == {"exotel_stream_longest_hold_seconds"}


def test_slots_needed_that_are_not_known_are_absent() -> None:
    """0 would say that no limit is needed; that calls are refused is shown."""
    known = snapshot(CENTRE, limit=10)
    assert known.snapshot.active_calls is not None
    full = replace(known.snapshot.active_calls, capacity=Capacity(0.6, None))
    told = set(samples({"acme": known})) - set(samples({"acme": known.but(active_calls=full)}))
    assert told == {"exotel_lines_needed"}


def test_what_streams_found_is_shown_beside_their_failure() -> None:
    """What is held from before still holds; the calls are as they were."""
    whole = everything(TIMED, STREAMS, LIFE)
    result = Result(0.5, Failure(Reason.TIMEOUT, "…"))
    results = {**whole.snapshot.results, Endpoint.STREAMS: result}
    part = samples({"acme": whole.but(results=results)})
    none = samples({"acme": whole.but(results=results, streams=None)})
    for found in part, none:
        success = {s.labels["collector"]: s.value for s in found["exotel_collector_success"]}
        assert success == {"calls": 1, "streams": 0, "agent_streams": 1}
        assert sum(s.value for s in found["exotel_active_calls"]) == len(TIMED)
    assert part["exotel_stream_legs"] == samples({"acme": whole})["exotel_stream_legs"]
    assert not [name for name in none if name.startswith("exotel_stream_")]


def test_sessions_are_shown_even_where_the_listing_failed() -> None:
    """They are another list; a limit that isn't told is absent."""
    found = samples({"acme": failed(Reason.INCOMPLETE).but(agent_streams=AgentStreams(12, None))})
    assert [s.value for s in found["exotel_agent_streams_active"]] == [12]
    assert "exotel_agent_streams_limit" not in found
    assert "exotel_active_calls" not in found


def test_an_exemplar_that_openmetrics_forbids_is_left_out() -> None:
    """A call_sid of 121 characters is longer than an exemplar may be; one with quotes trips parsers."""
    for call_sid, exemplars in (("x" * 120, 1), ("x" * 121, 0), ('"', 0), ("é", 0), ("a\n", 0)):
        found = samples({"acme": snapshot([call(call_sid, "inbound", "ringing", 1.0)])})
        buckets = found["exotel_active_call_duration_seconds_bucket"]
        assert sum(s.exemplar is not None for s in buckets) == exemplars


@settings(max_examples=25)  # each is two expositions of hundreds of lines
@given(CALLS)
def test_any_calls_make_a_valid_exposition_whose_sums_agree(calls: list[Call]) -> None:
    """Whatever the API says: both parsers accept the text, no sample comes twice, and the counts agree."""
    found = parsed({'a "quoted"\n\\name 😀': snapshot(calls), "empty": snapshot([])})
    assert _sum(found, "exotel_active_calls") == len(calls)
    assert _sum(found, "exotel_calls_reported") == len(calls)
    gcount = _sum(found, "exotel_active_call_duration_seconds_gcount")
    assert gcount == len([c for c in calls if c.duration is not None and 0 <= c.duration <= 604_800])


@settings(max_examples=15)  # each is two expositions of a thousand lines
@given(PERSONAL_CALLS, st.lists(STREAM, max_size=4), st.lists(PERSONAL_CALLS, max_size=3), ACCOUNT)
def test_any_calls_make_a_valid_exposition_with_everything_on(
    calls: list[Call], looks: list[object], listings: list[list[Call]], account: str
) -> None:
    """Whatever the API says: ids, names and the account itself come back as they were meant."""
    observed = everything(calls, looks, life(*listings, calls))
    found = parsed({account: observed})
    assert {sample.labels.get("account") for sample in found} == {account}
    assert _sum(found, "exotel_line_calls") == len(calls)
    assert _sum(found, "exotel_stream_calls") == len(calls)
    active_calls = observed.snapshot.active_calls
    assert active_calls is not None
    longest = {(each.call_sid, each.agent_id): each.duration for each in active_calls.longest_calls}
    assert _by(found, "exotel_call_duration_seconds", "call_sid", "agent_id") == longest
    if active_calls.agents is not None:
        calls_of = {(each.agent_id,): each.calls for each in active_calls.each_agent}
        assert _by(found, "exotel_agent_calls", "agent_id") == calls_of
        names = dict.fromkeys(active_calls.agent_names.items(), 1)
        assert _by(found, "exotel_agent_info", "agent_id", "agent_name") == names


def parsed(collected: dict[str, Collected]) -> list[Sample]:
    """Return the samples that both parsers find in the text; none comes twice."""
    openmetrics, _ = expose(shown(collected), accept=OPENMETRICS)
    families = list(parse_openmetrics(openmetrics.decode()))  # type: ignore[no-untyped-call]
    plain, _ = expose(shown(collected), accept="*/*")
    found = [sample for family in parse_plain(plain.decode()) for sample in family.samples]
    for samples_ in (found, [sample for family in families for sample in family.samples]):
        twice = Counter((sample.name, *sorted(sample.labels.items())) for sample in samples_)
        assert max(twice.values()) == 1
    return found


def _by(found: list[Sample], name: str, *labels: str) -> dict[tuple[str, ...], float]:
    return {tuple(s.labels[label] for label in labels): s.value for s in found if s.name == name}


def _sum(found: list[Sample], name: str) -> float:
    return math.fsum(sample.value for sample in found if sample.name == name)


@pytest.mark.parametrize("metric", [*CATALOGUE, *OWN], ids=lambda metric: metric.name)
def test_the_catalogue_keeps_the_rules_of_naming(metric: Metric) -> None:
    """Prefix, base units, _total for counters alone, and a HELP that is a sentence."""
    assert metric.name.startswith("exotel_")
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not metric.name.endswith(("_count", "_sum", "_bucket", "_ms", "_minutes"))
    assert len(metric.help) > 20
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert metric.help.endswith(".")
    assert "account" not in metric.labels


def test_a_missing_label_value_is_an_error_and_not_a_missing_label() -> None:
    """The client library would drop the label in silence."""
    [metric] = [m for m in CATALOGUE if m.name == "exotel_active_calls"]
    with pytest.raises(ValueError, match="1 values of the labels direction, status"):
        metric(1, "inbound")


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/html", False),
        ("application/openmetrics-text", True),
        ("Application/OpenMetrics-Text; Version=1.0.0", True),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5,*/*;q=0.1", True),
        ("application/openmetrics-text;q=0.5, text/plain", False),
        ("application/openmetrics-text;q=0", False),
        ("application/openmetrics-text;q=lots, text/plain", False),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            True,
        ),
    ],
)
def test_the_scraper_gets_the_format_it_prefers(accept: str, openmetrics: bool) -> None:
    """By the q-values of its Accept header; plain text for whoever has no wish."""
    assert wants_openmetrics(accept) is openmetrics
    _, content_type = expose({}, accept)
    assert content_type.startswith(OPENMETRICS if openmetrics else "text/plain; version=0.0.4")


@pytest.mark.parametrize(
    ("accept_encoding", "gzip"),
    [
        ("", False),
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("gzip;q=0", False),
        ("br", False),
        ("GZIP;q=0.1", True),
    ],
)
def test_only_who_accepts_gzip_gets_it(accept_encoding: str, gzip: bool) -> None:
    """A q-value of 0 means no."""
    assert accepts_gzip(accept_encoding) is gzip
