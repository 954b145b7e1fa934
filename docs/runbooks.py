"""The tables of the runbooks: what to do about each reason and cause, from the one place that says it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from exporter.exotel.errors import Cause, Reason
from exporter.exotel.remediation import REMEDIATIONS

_PAGE = Path(__file__).parent / "runbooks.md"
_SETTING = re.compile(r"\b[a-z]+(?:_[a-z]+)+(?:\.[a-z_]+)?\b|\btimeout\b|\bconcurrency\b|curl -v")


def runbooks_page() -> str:
    """Return the page as it is, with its tables anew: all else on it is written by hand."""
    page = _PAGE.read_text(encoding="utf-8")
    return _with_table(_with_table(page, "reason", Reason), "cause", Cause)


def _with_table(page: str, name: str, values: Iterable[Reason | Cause]) -> str:
    head = f"| {name} | do |\n|---|---|\n"
    before, rest = page.split(head)
    return before + head + "".join(map(_row, values)) + re.sub(r"\A(\|.*\n)*", "", rest)


def _row(value: Reason | Cause) -> str:
    todo = REMEDIATIONS[value]
    elsewhere = isinstance(value, Reason) and todo.alert != "ExotelCollectionFailing"
    see = f"See [{todo.alert}](#{todo.alert.lower()})." if elsewhere else ""
    cells = (_SETTING.sub(r"`\g<0>`", todo.sentence), todo.more, see)
    return f"| `{value}` | {' '.join(filter(None, cells))} |\n"
