"""Accounts as /calls shows them, of calls and details that tests choose."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.collect.breakdowns import Lines
from exporter.collect.history import Callers
from exporter.collect.holds import Hold
from exporter.collect.lifecycle import Lifecycle
from exporter.collect.live import LiveCalls
from exporter.collect.streams import Inspection
from exporter.config import CountsFrom
from exporter.exotel.errors import Failure
from exporter.exotel.models import Call
from exporter.http.live import LiveAccount, State
from tests.snapshots import ENDED_AT, inspect, snapshot

AT = 100.0
"""When the listing was made, on the clock of holds and waits, in seconds."""


def lived(
    calls: Sequence[Call], before: Sequence[Sequence[Call]] = (), lines: Lines | None = None
) -> Lifecycle:
    """Return what listings tell that are 15 s apart, the last of which is of these calls."""
    lines = lines or Lines(())
    known = Lifecycle.before((60.0,), CountsFrom.ANSWER, lines)
    for number, each in enumerate([*before, calls]):
        at = AT - 15 * (len(before) - number)
        known = known.after({call.call_sid: call for call in each}, at, lines=lines.of_each(each))
    return known


def inspection(call: Call, stream: object, found_at: float = AT, hold: Hold | None = None) -> Inspection:
    """Return what an inspection found of a call."""
    details = inspect(call, stream)
    return Inspection(call.call_sid, call.status, hold or Hold(0.0), found_at, found_at, details)


def live_calls(
    calls: Sequence[Call],
    *,
    account: str = "acme",
    before: Sequence[Sequence[Call]] = (),
    inspections: Sequence[Inspection] = (),
    lines: Lines | None = None,
    has_names: bool = False,
    limit: int | None = None,
) -> LiveCalls:
    """Return the calls of a listing that ended at ENDED_AT."""
    return LiveCalls(
        account,
        snapshot(calls, limit=limit).snapshot,
        {call.call_sid: call for call in calls},
        lived(calls, before, lines),
        {each.call_sid: each for each in inspections},
        max_age=60.0,
        has_lines=lines is not None,
        has_names=has_names,
    )


def live_account(
    calls: LiveCalls | None,
    *,
    name: str = "acme",
    state: State = State.LISTED,
    failure: Failure | None = None,
    listed_at: float | None = ENDED_AT,
    collected_at: float | None = ENDED_AT,
    lines: Sequence[str] = (),
    limit: int | None = None,
    callers: Callers | None = None,
) -> LiveAccount:
    """Return an account that was listed and collected at ENDED_AT."""
    return LiveAccount(name, state, collected_at, failure, listed_at, calls, tuple(lines), limit, callers)
