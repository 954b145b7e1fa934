"""The figures above the table of /calls, which are those of the wallboard: each known, or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.collect.history import MINUTES
from exporter.collect.live import LiveCall
from exporter.exotel.enums import CallStatus, Direction
from exporter.http.live import Chosen, LiveAccount
from exporter.http.live_query import WAITING, Query

WAIT, HOLD = (60, 120), (120, 300)
"""Seconds from which on a wait or a hold is worth a look, and is bad: as on the dashboards."""
_SERVICE = 0.6, 0.8  # below which a service level is bad, and worth a look
_NEARLY = 5  # minutes that an hour may lack


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: None where it isn't known."""

    name: str
    value: str | None
    note: str = ""
    tone: str = ""
    """How it is: empty, good, old (worth a look) or bad."""
    link: str = ""
    """The calls behind it."""
    filled: float | None = None
    """How full its bar is, up to 100."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """What figures are of."""

    query: Query
    """An account, a line, or all."""
    accounts: Sequence[LiveAccount]
    known: Sequence[LiveAccount]
    """Those whose calls are known."""
    calls: Sequence[LiveCall]

    def part(self, known: int) -> str:
        """Return of how many accounts something is known, unless it is of all."""
        all_of_them = len(self.accounts)
        return f"from {known:,} of {all_of_them:,} accounts" if 0 < known < all_of_them else ""


def figures(query: Query, accounts: Sequence[LiveAccount], known: Sequence[LiveAccount]) -> list[Figure]:
    """Return the figures of an account, of a line, or of all, however the table is filtered.

    `known` are those of the accounts whose calls are.
    """
    scope = _Scope(query.scope, accounts, known, Chosen.of(query.scope, known).calls)
    return [
        *_callers(scope),
        _talking(scope),
        _agents_on_call(scope),
        _service_level(scope),
        _share_of_limit(scope),
    ]


def tone(seconds: float | None, scale: tuple[int, int]) -> str:
    """Return how a length is."""
    if seconds is None or seconds < scale[0]:
        return ""
    return "bad" if seconds >= scale[1] else "old"


def clock(seconds: float) -> str:
    """Return a duration as a clock has it: 0:42, 12:03, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _callers(scope: _Scope) -> tuple[Figure, Figure]:
    """Return how many wait, and how long the one has that has waited longest."""
    waiting = [call for call in scope.calls if call.is_waiting]
    if not scope.known or any(call.direction is Direction.UNKNOWN for call in waiting):
        why = "directions not known" if scope.known else ""
        return Figure("Callers waiting", None, why), Figure("Longest wait", None, why)
    callers = [call for call in waiting if call.direction is Direction.INBOUND]
    link = scope.query.url(status=WAITING, direction=Direction.INBOUND)
    count = Figure("Callers waiting", f"{len(callers):,}", scope.part(len(scope.known)), link=link)
    return count, _longest_wait(callers, scope.part(len(scope.known)))


def _longest_wait(callers: Sequence[LiveCall], part: str) -> Figure:
    """Return how long somebody has waited: at least, where it isn't known of all."""
    waits = [call.waiting_seconds for call in callers if call.waiting_seconds is not None]
    if callers and not waits:
        return Figure("Longest wait", None)
    seconds = max(waits, default=0.0)
    is_least = len(waits) < len(callers) or any(call.waiting_seconds_at_least for call in callers)
    how = tone(seconds, WAIT)
    over = {"bad": "over two minutes", "old": "over a minute", "": ""}[how]
    return Figure("Longest wait", clock(seconds), _note(over or ("at least" if is_least else ""), part), how)


def _talking(scope: _Scope) -> Figure:
    if not scope.known:
        return Figure("Talking", None)
    talking = sum(call.is_talking for call in scope.calls)
    link = scope.query.url(status=CallStatus.IN_PROGRESS.value)
    return Figure("Talking", f"{talking:,}", scope.part(len(scope.known)), link=link)


def _agents_on_call(scope: _Scope) -> Figure:
    counts = [each.calls.agents_on_call(scope.query.wants) for each in scope.known if each.calls]
    known = [count for count in counts if count is not None]
    return Figure("Agents on call", f"{sum(known):,}" if known else None, scope.part(len(known)))


def _service_level(scope: _Scope) -> Figure:
    if scope.query.line:
        return Figure("Service level", None, "not known by line")
    known = [each.callers for each in scope.known if each.callers]
    if not known:
        needs = "after 5 min of scrapes at most 30 s apart" if scope.known else ""
        return Figure("Service level", None, needs)
    minutes = max(each.minutes for each in known)
    name = f"Service level, {'1 h' if minutes >= MINUTES - _NEARLY else f'{minutes} min'}"
    callers = sum(each.all for each in known)
    if not callers:
        return Figure(name, None, "no callers")
    share = sum(each.in_time for each in known) / callers
    how = "bad" if share < _SERVICE[0] else "old" if share < _SERVICE[1] else "good"
    said = {"bad": "below 60% within 20 s", "old": "below 80% within 20 s", "good": "within 20 s"}[how]
    note = _note(said, scope.part(len(known)))
    return Figure(name, _percent(share), note, how, filled=100 * share)


def _share_of_limit(scope: _Scope) -> Figure:
    """Return the figure of the fullest account; what it says of its state is what Exotel refuses then."""
    limited = [
        (each, each.call_limit, each.calls.active_calls)
        for each in scope.known
        if each.calls and each.call_limit
    ]
    if not limited:
        return Figure("Share of limit", None, "no call_limit set" if scope.known else "")
    account, limit, found = max(limited, key=lambda each: each[2].slots_used / each[1])
    share, refused = found.slots_used / limit, found.capacity.blocking if found.capacity else 0.0
    how = "bad" if refused > 0.05 or share >= 1 else "old" if refused > 0.01 else ""
    note = f"{found.slots_used:,} of {limit:,} slots"
    if len(scope.accounts) > 1:
        note += f", {account.name}"
    if how:
        note += f"; about {refused:.0%} refused at this load" if refused > 0.01 else "; full"
    note = _note(note, scope.part(len(scope.known)))
    return Figure("Share of limit", _percent(share), note, how, filled=min(100.0, 100 * share))


def _note(*parts: str) -> str:
    return "; ".join(filter(None, parts))


def _percent(share: float) -> str:
    """Return a share, rounded down: what isn't reached doesn't look as if it were."""
    return f"{int(100 * share + 1e-9)}%"
