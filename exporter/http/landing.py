"""The landing page: how each account is doing, and what to do about those that fail."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter import __revision__, __version__, release
from exporter.collect.breakdowns import printable
from exporter.collect.snapshot import Snapshot
from exporter.exotel.remediation import DOCS, remediation_of

_OLD = 300.0  # seconds; what Prometheus scraped so long ago, it shows no more
_STYLE = Path(__file__).with_name("landing.css").read_text(encoding="utf-8")
_UNITS = (("d", 86_400), ("h", 3600), ("min", 60))


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
        return self.age >= _OLD


def page(accounts: Iterable[tuple[str, Snapshot | None]], telemetry_path: str, now: float) -> str:
    """Return the page: what failed, then the other accounts by name, and links.

    An account is its name and its last snapshot. `now` is in seconds since 1970.
    """
    rows = [
        _Row(name, last, _state(last), max(0.0, now - last.ended_at) if last else 0.0)
        for name, last in accounts
    ]
    rows.sort(key=_rank)
    template = _environment.get_template("landing.html")  # compiled for the first page, not for the start
    return template.render(rows=rows, summary=_summary(rows), telemetry_path=telemetry_path, now=now)


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


def _duration(seconds: float) -> str:
    """Return a duration in the largest unit of which there are two."""
    for unit, length in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:.0f}\N{NO-BREAK SPACE}{unit}"
    return f"{seconds:.0f}\N{NO-BREAK SPACE}s"


def _moment(seconds: float) -> str:
    """Return a time that is in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _quoted(name: str) -> str:
    """Return a name as the value of a query."""
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
    "style": _STYLE,
}

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
    f"frame-ancestors 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""The headers of the page: nothing but its own style applies to it, wherever it may come from."""
