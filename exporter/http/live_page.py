"""The page /calls: every active call as a table, or the figures of all as a wallboard."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from exporter.collect.live import LiveCall
from exporter.exotel.enums import CallStatus, Direction
from exporter.http.live import MOST_DRAWN, Chosen, LiveAccount, State
from exporter.http.live_query import WAITING, Query, Sort, duration
from exporter.http.pages import environment, headers, source

_STYLE = source("theme.css", "live.css")
_SCRIPT = source("refresh.js")
_INDIA = timezone(timedelta(hours=5, minutes=30), "IST")
_HOUR = 3600

HEADERS = {
    **headers(_STYLE, _SCRIPT, has_form=True),
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""The headers of the page."""

#: From how many seconds on a length is worth a look, and is bad: as on the dashboards.
_WAIT, _HOLD, _TALK = (60, 120), (120, 300), (_HOUR, 4 * _HOUR)
_SERVICE = 0.6, 0.8  # below which a service level is bad, and worth a look


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure of all chosen calls: None where it isn't known."""

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
class _Column:
    sort: Sort | None
    name: str
    is_shown: bool = True


def page(query: Query, accounts: Sequence[LiveAccount]) -> str:
    """Return the page for people."""
    chosen = Chosen.of(query, accounts)
    of = [each for each in accounts if query.account in {None, each.name}]
    template = environment.get_template("wallboard.html" if query.wallboard else "calls.html")
    return template.render(
        query=query,
        accounts=accounts,
        troubled=[each for each in of if each.state is not State.LISTED],
        listed=sorted(each.listed_at for each in of if each.state is State.LISTED and each.listed_at),
        aged={each.name: each.listed_at for each in of if each.is_aged},
        figures=_figures(query, [each for each in of if each.calls], chosen.calls),
        calls=chosen.calls[:MOST_DRAWN],
        matching=len(chosen.calls),
        total=chosen.total,
        is_known=any(each.calls for each in accounts),
        columns=_columns(accounts),
        lines=sorted({line for each in accounts for line in each.lines}),
        directions=list(Direction),
        statuses=[WAITING, *CallStatus],
        style=_STYLE,
        script=_SCRIPT,
    )


def _columns(accounts: Sequence[LiveAccount]) -> list[_Column]:
    """Return the columns; those are left out that would be the same, or empty, for every call."""
    has_lines = any(each.lines for each in accounts)
    has_details = any(each.calls and each.calls.inspections for each in accounts)
    columns = [
        _Column(Sort.STATUS, "Status"),
        _Column(Sort.LENGTH, "For"),
        _Column(Sort.AGENT, "Agent"),
        _Column(Sort.LINE, "Line", has_lines),
        _Column(Sort.DIRECTION, "Direction"),
        _Column(Sort.ACCOUNT, "Account", len(accounts) > 1),
        _Column(Sort.HOLD, "On hold", has_details),
        _Column(None, "Legs", has_details),
        _Column(Sort.RECORDED, "Recorded"),
        _Column(None, "Call SID"),
    ]
    return [each for each in columns if each.is_shown]


def _figures(query: Query, shown: Sequence[LiveAccount], calls: Sequence[LiveCall]) -> list[_Figure]:
    """Return the figures of the chosen calls, which are those of these accounts."""
    callers = [call for call in calls if call.is_waiting and call.direction is Direction.INBOUND]
    talking = sum(call.is_talking for call in calls)
    link = query.url(status=WAITING, direction=Direction.INBOUND, wallboard=False)
    return [
        _Figure("Callers waiting", f"{len(callers):,}" if shown else None, link=link),
        _longest_wait(callers) if shown else _Figure("Longest wait", None),
        _Figure(
            "Talking",
            f"{talking:,}" if shown else None,
            link=query.url(status=CallStatus.IN_PROGRESS.value, wallboard=False),
        ),
        _agents_on_call(query, shown),
        _service_level(query, shown),
        _share_of_limit(shown),
    ]


def _longest_wait(callers: Iterable[LiveCall]) -> _Figure:
    waits = [call for call in callers if call.waiting_seconds is not None]
    longest = max(waits, key=lambda call: call.waiting_seconds or 0.0, default=None)
    if longest is None or longest.waiting_seconds is None:
        return _Figure("Longest wait", _length(0.0))
    seconds, tone = longest.waiting_seconds, _tone(longest.waiting_seconds, _WAIT)
    note = "at least" if longest.waiting_seconds_at_least else ""
    if tone:
        note = f"over {'two minutes' if tone == 'bad' else 'a minute'}"
    return _Figure("Longest wait", _length(seconds), note, tone)


def _agents_on_call(query: Query, shown: Iterable[LiveAccount]) -> _Figure:
    counts = [each.calls.agents_on_call(query.wants) for each in shown if each.calls]
    known = [count for count in counts if count is not None]
    return _Figure("Agents on call", f"{sum(known):,}" if known else None)


def _service_level(query: Query, shown: Sequence[LiveAccount]) -> _Figure:
    if query.line:
        return _Figure("Service level, 1 h", None, "not known by line")
    known = [each.callers for each in shown if each.callers]
    callers = sum(each.all for each in known)
    if not callers:
        return _Figure(
            "Service level, 1 h", None, "no callers" if known else "not known yet" if shown else ""
        )
    share = sum(each.in_time for each in known) / callers
    tone = "bad" if share < _SERVICE[0] else "old" if share < _SERVICE[1] else "good"
    note = {"bad": "below 60%", "old": "below 80%", "good": ""}[tone]
    return _Figure("Service level, 1 h", f"{share:.0%}", note, tone, filled=100 * share)


def _share_of_limit(shown: Sequence[LiveAccount]) -> _Figure:
    """Return the figure of the fullest account; what it says of its state is what Exotel refuses then."""
    limited = [
        (each, each.call_limit, each.calls.active_calls) for each in shown if each.calls and each.call_limit
    ]
    if not limited:
        return _Figure("Share of limit", None, "no call_limit set" if shown else "")
    account, limit, found = max(limited, key=lambda each: each[2].slots_used / each[1])
    share, refused = found.slots_used / limit, found.capacity.blocking if found.capacity else 0.0
    tone = "bad" if refused > 0.05 or share >= 1 else "old" if refused > 0.01 else ""
    note = f"{found.slots_used:,} of {limit:,} slots"
    if len(limited) > 1:
        note += f", {account.name}"
    if tone:
        note += f"; {refused:.0%} refused" if refused > 0.01 else "; full"
    return _Figure("Share of limit", f"{share:.0%}", note, tone, filled=min(100.0, 100 * share))


def _tone(seconds: float | None, scale: tuple[int, int]) -> str:
    if seconds is None or seconds < scale[0]:
        return ""
    return "bad" if seconds >= scale[1] else "old"


def _tone_of(call: LiveCall) -> str:
    """Return how the length of a call is."""
    return _tone(call.seconds, _WAIT if call.is_waiting else _TALK)


def _tone_of_hold(call: LiveCall) -> str:
    return _tone(call.details.on_hold_seconds, _HOLD) if call.details else ""


def _length(seconds: float) -> str:
    """Return a duration as a clock has it: 0:42, 12:03, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


environment.filters |= {
    "length_of": _length,
    "written": duration,
    "rfc3339": lambda seconds: _utc(seconds).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "utc": lambda seconds: _utc(seconds).strftime("%H:%M:%S"),
    "ist": lambda seconds: _utc(seconds).astimezone(_INDIA).strftime("%H:%M:%S"),
    "ist_day": lambda seconds: _utc(seconds).astimezone(_INDIA).strftime("%-d %b %H:%M:%S"),
}
environment.globals |= {"tone_of": _tone_of, "tone_of_hold": _tone_of_hold, "State": State}
