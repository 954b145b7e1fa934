"""Which calls are looked at, and what is held of them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from typing import cast

import pytest

from exporter.collect import streams as streams_collector
from exporter.collect.counters import Counters
from exporter.collect.details import Details, StreamTally, read_details
from exporter.collect.streams import StreamsCollector
from exporter.config import StreamsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.decode import read_stream
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import Call, Stream
from tests.rows import call


class Answering:
    """Stands in for the client: each call's details say that it has no legs, and the status given for it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.statuses: Mapping[str, str] = {}

    def streams(
        self, call_sids: Iterable[str], _deadline: Deadline
    ) -> Generator[tuple[str, Stream | ApiError], None, None]:
        """Return the details of these calls."""
        for call_sid in call_sids:
            self.asked.append(call_sid)
            status = self.statuses.get(call_sid, "in-progress")
            body = f'{{"response": {{"stream": {{"status": "{status}", "legs": []}}}}}}'
            yield call_sid, read_stream(body.encode(), call_sid)


def by_sid(calls: Iterable[Call]) -> dict[str, Call]:
    """Return calls by call_sid."""
    return {call.call_sid: call for call in calls}


class Collecting:
    """A collector of streams, and whom it asks."""

    def __init__(self) -> None:
        self.client = Answering()
        self._collector = StreamsCollector(StreamsConfig(), cast(Client, self.client), Counters("acme"))

    def look(self, most: int, *calls: Call) -> tuple[list[str], StreamTally]:
        """Collect; give the calls that were asked for, and what is held then."""
        self.client.asked.clear()
        tally, error = self._collector.collect(by_sid(calls), most, Deadline.after(1))
        assert error is None
        return list(self.client.asked), tally


def test_calls_never_asked_for_and_those_asked_for_longest_ago_take_turns() -> None:
    """None is asked for again before each was, and new ones don't wait until then."""
    collecting, calls = Collecting(), [call(name, status="in-progress") for name in "abc"]
    assert collecting.look(2, *calls)[0] == ["a", "b"]
    assert collecting.look(2, *calls)[0] == ["c", "a"]
    assert collecting.look(2, call("d", status="in-progress"), *calls)[0] == ["d", "b"]


def test_of_calls_never_asked_for_those_in_progress_come_first() -> None:
    """What is seen of a call that rings is soon no longer so."""
    collecting = Collecting()
    calls = call("a", status="ringing"), call("b", status="queued"), call("c", status="in-progress")
    assert collecting.look(2, *calls)[0] == ["c", "a"]


def test_what_was_seen_of_a_call_ringing_is_not_held_of_it_talking() -> None:
    """It is a call never asked for again."""
    collecting, other = Collecting(), call("b", status="in-progress")
    collecting.client.statuses = {"a": "ringing"}
    collecting.look(2, call("a", status="ringing"), other)
    asked, tally = collecting.look(0, call("a", status="in-progress"), other)
    assert (asked, tally.inspected, tally.pending) == ([], 1, 1)
    assert collecting.look(1, call("a", status="in-progress"), other)[0] == ["a"]


def test_of_a_call_that_is_over_nothing_is_held() -> None:
    """Whether the list says so, or the look."""
    collecting = Collecting()
    collecting.client.statuses = {"a": "completed"}
    asked, tally = collecting.look(3, call("a", status="in-progress"), call("b", status="completed"))
    assert (asked, tally.inspected, tally.pending) == (["a"], 0, 1)


@pytest.mark.parametrize("is_tally", [False, True])
def test_one_calls_details_that_cannot_be_read_or_counted_cost_no_other(
    monkeypatch: pytest.MonkeyPatch, *, is_tally: bool
) -> None:
    """They aren't held, and wait for their turn like a call that can't be looked at; the failure is told."""

    def broken(row: Call, stream: Stream) -> Details:
        if row.call_sid != "b":
            return read_details(row, stream)
        if is_tally:
            return replace(read_details(row, stream), bridge_setup=10**400)
        raise OverflowError

    collector = StreamsCollector(StreamsConfig(), cast(Client, Answering()), Counters("acme"))
    calls = [call(name, status="in-progress") for name in "abc"]
    monkeypatch.setattr(streams_collector, "read_details", broken)
    tally, error = collector.collect(by_sid(calls), 3, Deadline.after(1))
    assert (tally.inspected, tally.pending) == (2, 1)
    assert error is not None
    assert error.reason is Reason.INTERNAL
    assert error.detail.startswith("OverflowError at ")
    assert collector.tally(by_sid(calls)) == tally
