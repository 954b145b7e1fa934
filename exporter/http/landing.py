"""The page for people: how each account is, and what to do where it isn't well."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Protocol
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter import __revision__, __version__, release
from exporter.collect.printable import printable
from exporter.collect.snapshot import Snapshot
from exporter.http.remediation import DOCS, remediation_of

_OLD = 300.0  # seconds; what Prometheus scraped so long ago, it shows no more
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60))


class Watched(Protocol):
    """What the page needs of an account."""

    @property
    def name(self) -> str:
        """Give the value of the label `account`."""

    @property
    def last(self) -> Snapshot | None:
        """Give what the last collection found, or None before the first."""


class _State(StrEnum):
    FAILED = "failed"
    IN_PART = "in-part"  # calls are listed, but what is switched on beside them failed
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
        return self.age >= _OLD


def page(accounts: Iterable[Watched], telemetry_path: str, now: float) -> str:
    """Write the page: what failed, then the other accounts by name, and links.

    `now` is in seconds since 1970.
    """
    rows = sorted((_row(account.name, account.last, now) for account in accounts), key=_place)
    return _template.render(rows=rows, summary=_summary(rows), telemetry_path=telemetry_path, now=now)


def _row(name: str, last: Snapshot | None, now: float) -> _Row:
    return _Row(name, last, _state(last), max(0.0, now - last.ended_at) if last else 0.0)


def _state(last: Snapshot | None) -> _State:
    if last is None:
        return _State.NOT_SCRAPED
    if last.error:
        return _State.FAILED
    return _State.IN_PART if any(run.error for run in last.runs.values()) else _State.LISTED


def _place(row: _Row) -> tuple[int, str, str]:
    urgency = {_State.FAILED: 0, _State.IN_PART: 1}.get(row.state, 2)
    return urgency, row.name.casefold(), row.name


def _summary(rows: Sequence[_Row]) -> list[tuple[str, str]]:
    """Say how many accounts are how; each part with its class."""
    states = Counter(row.state for row in rows)
    listed = states[_State.LISTED] + states[_State.IN_PART]
    others = (
        (states[_State.IN_PART], "of them in part", "old"),
        (states[_State.FAILED], "failed", "bad"),
        (states[_State.NOT_SCRAPED], "not scraped yet", "soft"),
        (sum(row.is_old for row in rows), "not scraped any more", "old"),
    )
    told = [(f"{number:,} {what}", tone) for number, what, tone in others if number]
    return [(f"{listed:,} of {len(rows):,} accounts listed", ""), *told]


def _duration(seconds: float) -> str:
    """Write a duration in the largest unit of which there are two."""
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f}\N{NO-BREAK SPACE}{unit}"
    return f"{seconds:.0f}\N{NO-BREAK SPACE}s"


def _moment(seconds: float) -> str:
    """Write a time that is in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _quoted(name: str) -> str:
    """Write a name as the value of a query."""
    return quote(name, safe="", errors="replace")


_environment = Environment(
    loader=PackageLoader("exporter", "http"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {"duration": _duration, "moment": _moment, "quoted": _quoted, "printable": printable}
_environment.globals |= {
    "remediation_of": remediation_of,
    "docs": DOCS,
    "release": release(__version__, __revision__),
}
_template = _environment.get_template("landing.html")
_style = _environment.get_template("landing.css").render().encode()

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
    f"frame-ancestors 'none'; style-src 'sha256-{b64encode(sha256(_style).digest()).decode()}'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of the page: nothing but its own style is in force on it, wherever it may come from."""
