"""What becomes of a collector's run, and what the log says of failures that last, change and are over."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.collect.counters import Counters
from exporter.collect.runs import Outages, Runs
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Failure, Reason
from exporter.exotel.remediation import REMEDIATIONS
from tests.clock import Clock, moved_clock
from tests.logs import fields

TIMEOUT = Failure(Reason.TIMEOUT, "no whole answer in 9.5 s")
REFUSED = Failure(Reason.AUTH, "HTTP 401: check api_key", status=401, code=1010, request_id="b1946ac9")


class Log:
    """The lines of a test: message and facts."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self._caplog = caplog

    def lines(self, least: int = logging.INFO) -> list[tuple[str, dict[str, Any]]]:
        """Return the new lines of at least this level."""
        lines = [
            (record.getMessage(), fields(record))
            for record in self._caplog.records
            if record.levelno >= least
        ]
        self._caplog.clear()
        return lines


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    """Return the log of the test."""
    return Log(caplog)


def fail_for(outages: Outages, clock: Clock, seconds: int, every: int, *errors: Failure) -> None:
    """Fail so often for so long, with these errors in turn."""
    for number in range(seconds // every):
        outages.failed("calls", errors[number % len(errors)])
        clock.forward(every)


def test_a_failure_is_logged_at_once_with_all_that_is_known_of_it(log: Log) -> None:
    """As a warning that names account and collector."""
    Outages("acme").failed("calls", REFUSED)
    [(message, facts)] = log.lines(logging.WARNING)
    assert message == "collection failed"
    assert facts == {
        "account": "acme",
        "collector": "calls",
        "reason": Reason.AUTH,
        "status": 401,
        "code": 1010,
        "detail": "HTTP 401: check api_key",
        "request_id": "b1946ac9",
        "remediation": REMEDIATIONS[Reason.AUTH].sentence,
    }


def test_an_unchanged_failure_is_repeated_once_a_minute_with_how_often_it_came(log: Log) -> None:
    """Every 5 s for 3 minutes: a line at once, and one a minute that counts all since the one before."""
    with moved_clock() as clock:
        fail_for(Outages("acme"), clock, 181, 5, TIMEOUT)
    assert [facts.get("times") for _, facts in log.lines()] == [None, 12, 12]


def test_whoever_debugs_sees_every_failure(log: Log) -> None:
    """What isn't repeated for all is there at debug level."""
    with moved_clock() as clock:
        fail_for(Outages("acme"), clock, 60, 5, TIMEOUT)
    lines = log.lines(logging.DEBUG)
    assert [(message, facts["reason"]) for message, facts in lines] == [("collection failed", "timeout")] * 12


@pytest.mark.parametrize(
    "other",
    [
        REFUSED,
        Failure(Reason.TIMEOUT, "no connection in 9.5 s"),
        Failure(Reason.TIMEOUT, TIMEOUT.detail, status=504),
        Failure(Reason.TIMEOUT, TIMEOUT.detail, code=1010),
    ],
)
def test_a_changed_failure_is_logged_at_once(log: Log, other: Failure) -> None:
    """Another reason, status, code or text; one that comes back is no news within the minute."""
    with moved_clock() as clock:
        fail_for(Outages("acme"), clock, 60, 5, TIMEOUT, other)
    assert [facts["detail"] for _, facts in log.lines()] == [TIMEOUT.detail, other.detail]


def test_a_failure_in_which_only_numbers_change_is_unchanged(log: Log) -> None:
    """The seconds that are left, the calls that are missing: they differ each time."""
    with moved_clock() as clock:
        errors = [Failure(Reason.BUDGET, f"used up for {seconds} s") for seconds in range(12)]
        fail_for(Outages("acme"), clock, 60, 5, *errors)
    assert len(log.lines()) == 1


def test_a_recovery_is_one_line_that_tells_how_long_it_was_down_and_how_often_it_failed(log: Log) -> None:
    """From the first failure on; what never failed has nothing to say."""
    with moved_clock() as clock:
        outages = Outages("acme")
        outages.recovered("calls")
        assert not log.lines(logging.DEBUG)
        fail_for(outages, clock, 180, 15, TIMEOUT, REFUSED)
        log.lines()
        outages.recovered("calls")
        outages.recovered("calls")
    [(message, facts)] = log.lines()
    assert message == "collection recovered"
    assert set(facts) == {"account", "collector", "down_seconds", "failures"}
    assert (round(facts["down_seconds"]), facts["failures"]) == (180, 12)


def test_a_failure_after_a_recovery_is_a_new_one(log: Log) -> None:
    """Each change from good to bad is told, and each back."""
    outages = Outages("acme")
    for _ in range(3):
        outages.failed("calls", TIMEOUT)
        outages.recovered("calls")
    assert [message for message, _ in log.lines()] == ["collection failed", "collection recovered"] * 3


def test_collectors_fail_each_for_itself(log: Log) -> None:
    """The one that recovers says nothing of the other."""
    outages = Outages("acme")
    for collector in ("calls", "streams"):
        outages.failed(collector, TIMEOUT)
    outages.recovered("streams")
    outages.failed("calls", TIMEOUT)
    assert [(message, facts["collector"]) for message, facts in log.lines()] == [
        ("collection failed", "calls"),
        ("collection failed", "streams"),
        ("collection recovered", "streams"),
    ]


def test_the_last_failure_can_be_recalled_until_it_is_over(log: Log) -> None:
    """When it was, and all that is known of it: for whoever looks into an account that rests."""
    with moved_clock() as clock:
        outages = Outages("acme")
        outages.failed("calls", TIMEOUT)
        clock.forward(30)
        outages.failed("calls", REFUSED)
        at = clock.time()
        clock.forward(30)
        log.lines(logging.DEBUG)
        outages.recall(["calls", "streams"])
        [(message, facts)] = log.lines(logging.DEBUG)
        outages.recovered("calls")
        log.lines(logging.DEBUG)
        outages.recall(["calls", "streams"])
        assert not log.lines(logging.DEBUG)
    assert message == "last failure"
    assert (facts["reason"], facts["status"], facts["code"]) == ("auth", 401, 1010)
    assert (facts["detail"], facts["request_id"]) == (REFUSED.detail, "b1946ac9")
    assert abs(_seconds(facts["at"]) - at) <= 2


def _seconds(moment: str) -> float:
    return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S%z").timestamp()


@settings(max_examples=25)
@given(codes=st.lists(st.integers(0, 10**9), min_size=100, max_size=300))
def test_what_is_remembered_of_failures_is_bounded(codes: list[int]) -> None:
    """A server that invents a new code each time doesn't fill the memory; all of them are counted."""
    outages = Outages("acme")
    for code in codes:
        outages.failed("calls", Failure(Reason.SERVER_ERROR, "HTTP 500", code=code))
    outage = outages._by_collector["calls"]
    assert outage.failures == len(codes)
    assert len(outage._logged_at) <= 20
    assert len(outage._unlogged) <= 20


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (
            ApiError(Reason.AUTH, "HTTP 401", status=401, code=1010, request_id="b1946ac9"),
            Failure(Reason.AUTH, "HTTP 401", status=401, code=1010, request_id="b1946ac9"),
        ),
        (MemoryError(), Failure(Reason.RESOURCES, "out of memory")),
    ],
)
def test_what_a_collector_raises_is_the_failure_of_its_run(error: Exception, failure: Failure) -> None:
    """With all that the error tells, and nothing that would keep its frames alive; counted once."""

    def collect() -> tuple[None, None]:
        raise error

    counters = Counters("acme")
    found, result = Runs("acme", counters, Outages("acme")).run(Endpoint.STREAMS, collect)
    assert (found, result.failure) == (None, failure)
    assert counters.counts().failures == {("streams", failure.reason): 1}


@pytest.mark.parametrize(
    ("reason", "rests"), [(Reason.AUTH, True), (Reason.NOT_FOUND, True), (Reason.TIMEOUT, False)]
)
def test_what_was_refused_rests_for_a_minute(reason: Reason, rests: bool) -> None:
    """Its last result stands until then, or until the credentials change; another failure is tried again."""
    with moved_clock() as clock:
        runs = Runs("acme", Counters("acme"), Outages("acme"))
        for allow in (runs.forget_refusals, lambda: clock.forward(60)):
            _, result = runs.run(Endpoint.STREAMS, lambda: (None, Failure(reason, "…")))
            assert runs.resting(Endpoint.STREAMS) is (result if rests else None)
            allow()
            assert runs.resting(Endpoint.STREAMS) is None
