"""What a scraper is sent."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_plain
from prometheus_client.samples import Sample

from docs.generate import PAGE, metrics_page
from exporter.api.errors import ApiError, Reason
from exporter.api.rows import Call
from exporter.expose.collector import BUILD_INFO, CATALOGUE, AccountsCollector
from exporter.expose.exposition import accepts_gzip, expose, wants_openmetrics
from exporter.expose.metric import Kind, Metric
from exporter.observe.agents import tally_agents
from exporter.observe.calls import tally_calls
from exporter.observe.ledger import Ledger
from exporter.observe.observation import Observation, Snapshot
from tests.rows import CALLS, agent, call

OPENMETRICS = "application/openmetrics-text"
GOLDEN = Path(__file__).parent / "golden"

CENTRE = [
    call("call-1", "inbound", "in-progress", 42.0, agent("ann", "on-call"), recording_enabled=True),
    call("call-2", "outbound-api", "in-progress", 3700.0, agent("ben", "on_call"), recording_enabled=False),
    call("call-3", "incoming", "ringing", 0.0, None, recording_enabled=False),
    call("call-4", "outbound-api", "in-progress", 3600.0, agent("ann", "on-call"), recording_enabled=True),
    call("call-5", "sideways", None, None, None, None),
]


def observation(calls: list[Call], *, limit: int | None = None) -> Observation:
    """Observe these calls, at a fixed time."""
    tally, agents, ledger = tally_calls(calls, (60, 3600)), tally_agents(calls), Ledger()
    ledger.request("calls", "200", 0.07)
    ledger.unknown(tally.unknown)
    snapshot = Snapshot(1_700_000_000.5, 0.25, tally, agents)
    return Observation(
        seconds=0.5,
        reported=len(calls),
        unseen=0,
        budget_remaining=150,
        sustainable_interval=0.3,
        call_limit=limit,
        result=snapshot,
        counts=ledger.counts(),
    )


def failed(reason: Reason, *, reported: int | None = None, unseen: int | None = None) -> Observation:
    """Observe a failure."""
    ledger = Ledger()
    ledger.failure("calls", reason)
    return Observation(
        seconds=1.5,
        reported=reported,
        unseen=unseen,
        budget_remaining=199,
        sustainable_interval=None,
        call_limit=None,
        result=ApiError(reason, "…"),
        counts=ledger.counts(),
    )


def samples(observations: dict[str, Observation]) -> dict[str, list[Sample]]:
    """Give the samples of the accounts by their name."""
    found: dict[str, list[Sample]] = {}
    for family in AccountsCollector(observations).collect():
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


@pytest.mark.parametrize(
    ("name", "observations"),
    [
        ("centre", {"acme": observation(CENTRE, limit=10)}),
        ("failures", {"a": failed(Reason.AUTH), "b": failed(Reason.INCOMPLETE, reported=9, unseen=2)}),
    ],
)
def test_the_exposition_is_the_golden_one(name: str, observations: dict[str, Observation]) -> None:
    """Names, types, HELP, labels, values and order, as a user sees them; what changes shows in the file."""
    text, _ = expose(observations, accept=OPENMETRICS)
    ours = re.findall(r"^(?:# \w+ )?exotel_(?!exporter_build).*\n", text.decode(), flags=re.MULTILINE)
    assert "".join(ours) == (GOLDEN / f"{name}.prom").read_text(encoding="utf-8")


def test_a_failed_account_has_no_call_metrics_and_costs_the_others_nothing() -> None:
    """Not 0 and not stale: absent. The account beside it is whole."""
    found = samples({"bad": failed(Reason.TIMEOUT, reported=7), "good": observation(CENTRE)})
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
    }
    assert {s.labels["account"]: s.value for s in found["exotel_up"]} == {"bad": 0, "good": 1}
    assert sum(s.value for s in found["exotel_active_calls"]) == len(CENTRE)


def test_every_reason_starts_at_zero() -> None:
    """rate() and increase() see the first failure only if the counter was there before."""
    found = samples({"acme": observation([])})["exotel_collector_failures_total"]
    assert {s.labels["reason"]: s.value for s in found} == dict.fromkeys(Reason, 0)


def test_agents_are_absent_where_the_api_does_not_speak_of_them() -> None:
    """The slim version of the API: calls are counted, agents are not made up."""
    found = samples({"acme": observation([call("a", status="ringing")])})
    assert "exotel_active_calls" in found
    assert not {"exotel_agents_on_call", "exotel_agents", "exotel_calls_without_agent"} & found.keys()


def test_an_exemplar_that_openmetrics_forbids_is_left_out() -> None:
    """A call_sid of 121 characters is longer than an exemplar may be; one with quotes trips parsers."""
    for call_sid, exemplars in (("x" * 120, 1), ("x" * 121, 0), ('"', 0), ("é", 0), ("a\n", 0)):
        found = samples({"acme": observation([call(call_sid, "inbound", "ringing", 1.0)])})
        buckets = found["exotel_active_call_duration_seconds_bucket"]
        assert sum(s.exemplar is not None for s in buckets) == exemplars


@given(CALLS)
def test_any_calls_make_a_valid_exposition_whose_sums_agree(calls: list[Call]) -> None:
    """Whatever the API says: both parsers accept the text, no sample comes twice, and the counts agree."""
    observations = {'a "quoted"\n\\name 😀': observation(calls), "empty": observation([])}
    openmetrics, _ = expose(observations, accept=OPENMETRICS)
    list(parse_openmetrics(openmetrics.decode()))  # type: ignore[no-untyped-call]
    plain, _ = expose(observations, accept="*/*")
    found = [sample for family in parse_plain(plain.decode()) for sample in family.samples]
    twice = Counter((sample.name, *sorted(sample.labels.items())) for sample in found)
    assert max(twice.values()) == 1
    assert _sum(found, "exotel_active_calls") == len(calls)
    assert _sum(found, "exotel_calls_reported") == len(calls)
    gcount = _sum(found, "exotel_active_call_duration_seconds_gcount")
    assert gcount == len([c for c in calls if c.duration is not None and 0 <= c.duration < 1e9])


def _sum(found: list[Sample], name: str) -> float:
    return math.fsum(sample.value for sample in found if sample.name == name)


@pytest.mark.parametrize("metric", [*CATALOGUE, BUILD_INFO], ids=lambda metric: metric.name)
def test_the_catalogue_keeps_the_rules_of_naming(metric: Metric) -> None:
    """Prefix, base units, _total for counters alone, and a HELP that is a sentence."""
    assert metric.name.startswith("exotel_")
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not metric.name.endswith(("_count", "_sum", "_bucket", "_ms", "_minutes"))
    assert len(metric.help) > 20
    assert metric.help[0].isupper() or metric.help[0].isdigit()
    assert metric.help.endswith(".")
    assert "account" not in metric.labels


def test_the_page_of_metrics_is_current() -> None:
    """docs/metrics.md is what `make generate` writes."""
    assert PAGE.read_text(encoding="utf-8") == metrics_page()


def test_a_missing_label_value_is_an_error_and_not_a_missing_label() -> None:
    """The client library would drop the label in silence."""
    [metric] = [m for m in CATALOGUE if m.name == "exotel_active_calls"]
    with pytest.raises(ValueError, match="zip"):
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
