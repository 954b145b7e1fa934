"""The page /calls: every active call as a table, or the figures of all as a wallboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from exporter.collect.live import LiveCall
from exporter.exotel.enums import CallStatus, Direction
from exporter.http.live import MOST_DRAWN, Chosen, LiveAccount, State
from exporter.http.live_figures import HOLD, WAIT, clock, figures, tone
from exporter.http.live_query import WAITING, Choices, Query, Sort, duration
from exporter.http.pages import environment, headers, source

_STYLE = source("theme.css", "live.css")
_SCRIPT = source("refresh.js")
_INDIA = timezone(timedelta(hours=5, minutes=30), "IST")

HEADERS = {
    **headers(_STYLE, _SCRIPT, has_form=True),
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""The headers of the page."""

_TALK = 3600, 4 * 3600  # seconds from which on a call is worth a look, and is bad: as on the dashboards


@dataclass(frozen=True, slots=True)
class _Column:
    sort: Sort | None
    name: str
    is_shown: bool = True


def page(query: Query, choices: Choices, accounts: Sequence[LiveAccount]) -> str:
    """Return the page for people, of the accounts that the query is of."""
    known = [] if query.has_no_calls else [each for each in accounts if each.calls]
    chosen = Chosen.of(query, known)
    template = environment.get_template("wallboard.html" if query.wallboard else "calls.html")
    return template.render(
        query=query,
        choices=choices,
        accounts=accounts,
        troubled=[each for each in accounts if each.state is not State.LISTED],
        known=known,
        listed=sorted(each.listed_at for each in known if each.listed_at),
        aged={each.name: each.listed_at for each in known if each.is_aged},
        figures=figures(query, accounts, known),
        calls=chosen.calls[:MOST_DRAWN],
        matching=chosen.matching,
        total=chosen.total,
        columns=_columns(choices, accounts),
        directions=list(Direction),
        statuses=[WAITING, *CallStatus],
        style=_STYLE,
        script=_SCRIPT,
    )


def _columns(choices: Choices, accounts: Sequence[LiveAccount]) -> list[_Column]:
    """Return the columns; those are left out that would be the same, or empty, for every call."""
    has_lines = any(each.calls and each.calls.has_lines for each in accounts)
    has_details = any(each.calls and each.calls.inspections for each in accounts)
    columns = [
        _Column(Sort.STATUS, "Status"),
        _Column(Sort.LENGTH, "For"),
        _Column(Sort.AGENT, "Agent"),
        _Column(Sort.LINE, "Line", has_lines),
        _Column(Sort.DIRECTION, "Direction"),
        _Column(Sort.ACCOUNT, "Account", len(choices.accounts) > 1),
        _Column(Sort.HOLD, "On hold", has_details),
        _Column(None, "Legs", has_details),
        _Column(Sort.RECORDED, "Recorded"),
        _Column(None, "Call SID"),
    ]
    return [each for each in columns if each.is_shown]


def _tone_of(call: LiveCall) -> str:
    """Return how the length of a call is."""
    return tone(call.seconds, WAIT if call.is_waiting else _TALK)


def _tone_of_hold(call: LiveCall) -> str:
    return tone(call.details.on_hold_seconds, HOLD) if call.details else ""


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


environment.filters |= {
    "length_of": clock,
    "written": duration,
    "rfc3339": lambda seconds: _utc(seconds).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "utc": lambda seconds: _utc(seconds).strftime("%H:%M:%S"),
    "ist": lambda seconds: _utc(seconds).astimezone(_INDIA).strftime("%H:%M:%S"),
    "ist_day": lambda seconds: _utc(seconds).astimezone(_INDIA).strftime("%-d %b %H:%M:%S"),
}
environment.globals |= {"tone_of": _tone_of, "tone_of_hold": _tone_of_hold, "State": State}
