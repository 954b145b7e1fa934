"""The landing page: how each account is doing, its last hour, and what to do about those that fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from exporter.collect.history import Minute
from exporter.collect.snapshot import Snapshot
from exporter.http.charts import HEIGHT, WIDTH, Chart, calls_chart, times_chart
from exporter.http.endpoints import Endpoints
from exporter.http.first_scrape import ScrapeConfig
from exporter.http.live import OLD
from exporter.http.pages import environment, headers, source

_STYLE = source("theme.css", "landing.css")
_SCRIPT = source("refresh.js")


class _State(StrEnum):
    FAILED = "failed"
    PARTIAL = "partial"  # calls are listed, but what is switched on beside them failed
    LISTED = "listed"
    NOT_SCRAPED = "not-scraped"


@dataclass(frozen=True, slots=True)
class Seen:
    """An account, as far as the page shows it."""

    name: str
    last: Snapshot | None
    minutes: Sequence[Minute | None] = ()
    """Those of the last hour."""
    limit: int | None = None
    """Calls at a time that the plan allows, where each takes one slot of it."""


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    last: Snapshot | None
    state: _State
    age: float
    """Seconds since the last collection."""
    calls: Chart
    times: Chart

    @property
    def is_old(self) -> bool:
        return self.age >= OLD


def page(accounts: Iterable[Seen], endpoints: Endpoints, now: float, scrape: ScrapeConfig) -> str:
    """Return the page: what failed, then the other accounts by name, and links.

    Before the first scrape of any, it says how to have them scraped. `now` is in seconds since 1970.
    """
    rows = sorted((_row(account, now) for account in accounts), key=_rank)
    template = environment.get_template("landing.html")  # compiled for the first page, not for the start
    return template.render(
        rows=rows,
        summary=_summary(rows),
        telemetry_path=endpoints.telemetry_path,
        now=now,
        live_calls=endpoints.live_calls,
        scrape=None if any(row.last for row in rows) else scrape,
        style=_STYLE,
        script=_SCRIPT,
    )


def _row(account: Seen, now: float) -> _Row:
    last, minutes = account.last, account.minutes
    age = max(0.0, now - last.ended_at) if last else 0.0
    return _Row(
        account.name, last, _state(last), age, calls_chart(minutes, account.limit), times_chart(minutes)
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


environment.globals |= {"chart_width": WIDTH, "chart_height": HEIGHT}

HEADERS = {**headers(_STYLE, _SCRIPT), "Vary": "Accept-Encoding"}
"""The headers of the page: no style and no script but its own apply to it, wherever others may come from."""
