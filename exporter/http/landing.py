"""The landing page: how each account is doing, and what to do about those that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from exporter.collect.snapshot import Snapshot
from exporter.http.pages import OLD, environment, headers, source

_STYLE = source("theme.css", "landing.css")


class _State(StrEnum):
    FAILED = "failed"
    PARTIAL = "partial"  # calls are listed, but what is switched on beside them failed
    LISTED = "listed"
    NOT_SCRAPED = "not-scraped"


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    last: Snapshot | None
    state: _State
    age: float
    """Seconds since the last collection."""

    @property
    def is_old(self) -> bool:
        return self.age >= OLD


def page(
    accounts: Iterable[tuple[str, Snapshot | None]],
    telemetry_path: str,
    now: float,
    *,
    live_calls: bool = False,
) -> str:
    """Return the page: what failed, then the other accounts by name, and links, to /calls if it is served.

    An account is its name and its last snapshot. `now` is in seconds since 1970.
    """
    rows = [
        _Row(name, last, _state(last), max(0.0, now - last.ended_at) if last else 0.0)
        for name, last in accounts
    ]
    rows.sort(key=_rank)
    template = environment.get_template("landing.html")  # compiled for the first page, not for the start
    return template.render(
        rows=rows,
        summary=_summary(rows),
        telemetry_path=telemetry_path,
        now=now,
        live_calls=live_calls,
        style=_STYLE,
    )


def _state(last: Snapshot | None) -> _State:
    if last is None:
        return _State.NOT_SCRAPED
    if last.failure:
        return _State.FAILED
    failed = any(result and result.failure for result in last.results.values())
    return _State.PARTIAL if failed else _State.LISTED


def _rank(row: _Row) -> tuple[int, str, str]:
    urgency = {_State.FAILED: 0, _State.PARTIAL: 1}.get(row.state, 2)
    return urgency, row.name.casefold(), row.name


def _summary(rows: Sequence[_Row]) -> list[tuple[str, str]]:
    """Return how many accounts are in which state; each part with its class."""
    states = Counter(row.state for row in rows)
    listed = states[_State.LISTED] + states[_State.PARTIAL]
    others = (
        (states[_State.PARTIAL], "of them partially", "old"),
        (states[_State.FAILED], "failed", "bad"),
        (states[_State.NOT_SCRAPED], "not scraped yet", "soft"),
        (sum(row.is_old for row in rows), "no longer scraped", "old"),
    )
    told = [(f"{number:,} {what}", tone) for number, what, tone in others if number]
    return [(f"{listed:,} of {len(rows):,} accounts listed", ""), *told]


HEADERS = headers(_STYLE)
"""The headers of the page: nothing but its own style applies to it, wherever it may come from."""
