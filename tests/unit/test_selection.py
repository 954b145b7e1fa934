"""Which part of an exposition a scraper gets who asks for a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from exporter.collect.accounts import Status
from exporter.collect.gate import Load
from exporter.metrics.exposition import (
    OF_ACCOUNTS,
    OF_ITSELF,
    ExporterStatus,
    Selection,
    UnknownCollector,
    expose,
)
from tests.snapshots import LIFE, STREAMS, TIMED, everything, shown

ALL = (*OF_ACCOUNTS, *OF_ITSELF)
OBSERVED = shown({"acme": everything(TIMED, STREAMS, LIFE)})
ITSELF = ExporterStatus(Status(is_reloaded=True, reloaded_at=1.0, load=Load()), {200: 3, 503: 0})


def read(text: str) -> list[Sample]:
    """Return the samples of a text."""
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def samples(selection: Selection) -> list[Sample]:
    """Return what is shown of all that there is."""
    text, _ = expose(OBSERVED, "text/plain", ITSELF, selection)
    return read(text.decode())


def keys(found: list[Sample]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Return the series; values of the process change from one text to the next."""
    return {(sample.name, frozenset(sample.labels.items())) for sample in found}


WHOLE = samples(Selection())
NAMES = sorted({sample.name for sample in WHOLE})


def parse(collectors: list[str], names: list[str]) -> Selection:
    """Read a query where everything can be had."""
    return Selection.parse(collectors, names, ALL)


def test_without_a_wish_all_is_shown() -> None:
    """As it was."""
    assert keys(samples(parse([], []))) == keys(WHOLE)


@pytest.mark.parametrize(
    ("collector", "has"),
    [
        ("calls", lambda name: name.startswith(("exotel_active_", "exotel_agents", "exotel_observed_"))),
        ("streams", lambda name: name.startswith("exotel_stream_")),
        ("agent_streams", lambda name: name.startswith("exotel_agent_streams_")),
        ("exporter", lambda name: name.startswith("exotel_exporter_")),
        ("process", lambda name: name.startswith("process_")),
        ("python", lambda name: name.startswith("python_")),
    ],
)
def test_a_collector_is_shown_by_its_name(collector: str, has: Callable[[str], bool]) -> None:
    """All that is its own, nothing of the others; and for an account how it went."""
    found = samples(parse([collector], []))
    names = {sample.name for sample in found}
    assert {name for name in NAMES if has(name)} <= names
    of_others = {name for other in set(ALL) - {collector} for name in OWN[other]}
    assert not names & of_others
    assert ("exotel_up" in names) == (collector in OF_ACCOUNTS)
    told = {sample.labels["collector"] for sample in found if "collector" in sample.labels}
    assert told == ({collector} if collector in OF_ACCOUNTS else set())
    asked = {sample.labels["endpoint"] for sample in found if "endpoint" in sample.labels}
    assert asked <= {collector}


OWN = {
    "calls": {
        "exotel_active_calls",
        "exotel_line_calls",
        "exotel_agents",
        "exotel_observed_calls_ended_total",
    },
    "streams": {"exotel_stream_calls", "exotel_stream_bridges"},
    "agent_streams": {"exotel_agent_streams_active"},
    "exporter": {"exotel_exporter_build_info", "exotel_exporter_http_requests_total"},
    "process": {"process_open_fds"},
    "python": {"python_info", "python_gc_collections_total"},
}


@given(st.sets(st.sampled_from(ALL), min_size=1))
def test_collectors_together_show_what_each_shows(collectors: set[str]) -> None:
    """Nothing is lost between them: all together show the whole."""
    together = keys(samples(parse(sorted(collectors), [])))
    assert together == set().union(*(keys(samples(parse([each], []))) for each in collectors))
    assert (together == keys(WHOLE)) == (collectors == set(ALL))


class Accounts(Collector):
    """The accounts' families, as the client library reads them."""

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        text, _ = expose(OBSERVED, "application/openmetrics-text")
        return parse_openmetrics(text.decode())  # type: ignore[no-untyped-call, no-any-return]  # untyped


REGISTRY = CollectorRegistry(auto_describe=True)
REGISTRY.register(Accounts())


@given(st.sets(st.sampled_from([name for name in NAMES if name.startswith("exotel_")]), min_size=1))
def test_names_select_as_the_client_library_does(names: set[str]) -> None:
    """By the names of samples; those that aren't there are no error."""
    theirs = generate_latest(REGISTRY.restricted_registry(names)).decode()
    text, _ = expose(OBSERVED, "text/plain", selection=parse([], [*names, "no_such_metric"]))
    assert keys(read(text.decode())) == keys(read(theirs))


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("exotel_active_call_duration_seconds", {"bucket", "gcount", "gsum"}),
        ("exotel_api_request_duration_seconds", {"bucket", "count", "sum"}),
    ],
)
def test_the_name_of_a_histogram_selects_all_of_it(name: str, shown: set[str]) -> None:
    """Beyond the library, where it would select nothing."""
    found = {sample.name for sample in samples(parse([], [name]))}
    assert found == {f"{name}_{part}" for part in shown}


def test_names_and_collectors_must_both_fit() -> None:
    """A name of another collector shows nothing."""
    assert samples(parse(["streams"], ["exotel_active_calls"])) == []
    assert {sample.name for sample in samples(parse(["calls"], ["exotel_active_calls"]))} == {
        "exotel_active_calls"
    }


@pytest.mark.parametrize(
    ("collectors", "names", "wanted"),
    [
        ([], [], True),
        (["streams"], [], True),
        (["process", "exporter"], [], False),
        ([], ["process_open_fds"], False),
        ([], ["exotel_exporter_build_info", "no_such_metric"], False),
        ([], ["process_open_fds", "exotel_up"], True),
        ([], ["exotel_api_requests_total"], True),
        ([], ["exotel_observed_call_duration_seconds_bucket"], True),
        (["python"], ["exotel_up"], False),
    ],
)
def test_accounts_are_collected_only_for_what_is_theirs(
    collectors: list[str], names: list[str], wanted: bool
) -> None:
    """Who asks for the process alone spends no request of an account."""
    assert parse(collectors, names).wants_accounts is wanted


@pytest.mark.parametrize("name", NAMES)
def test_each_name_of_an_account_has_it_collected(name: str) -> None:
    """None is forgotten."""
    is_of_account = any(sample.name == name and "account" in sample.labels for sample in WHOLE)
    assert parse([], [name]).wants_accounts is is_of_account


def test_a_collector_that_is_not_there_is_told_with_those_that_are() -> None:
    """The first one, cut short."""
    with pytest.raises(UnknownCollector) as caught:
        Selection.parse(["calls", "cpu" * 100, "disk"], [], ["calls", "streams"])
    assert str(caught.value) == (f"collect[]: found {('cpu' * 100)[:40]!r}; accepted: calls, streams")
