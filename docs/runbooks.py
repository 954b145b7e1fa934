"""The tables of the runbooks: what to do about reasons and causes, and which own records an alert takes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from deploy.rules import FILE as THRESHOLDS_FILE
from deploy.thresholds import THRESHOLDS, Threshold
from exporter.exotel.errors import Cause, Reason
from exporter.exotel.remediation import REMEDIATIONS

_PAGE = Path(__file__).parent / "runbooks.md"
_SETTING = re.compile(r"\b[a-z]+(?:_[a-z]+)+(?:\.[a-z_]+)?\b|\btimeout\b|\bconcurrency\b|curl -v")
_OWN = """\
**What to set.** If the alert is right but not wanted, set a number of your own, or NaN to switch it off, as
[the top of this page](#runbooks) shows:

| own record | what it is | unless set |
|---|---|---|
"""


def runbooks_page() -> str:
    """Return the page as it is, with its tables anew: all else on it is written by hand."""
    page = _PAGE.read_text(encoding="utf-8")
    page = _with_table(_with_table(page, "reason", Reason), "cause", Cause)
    head, *sections = page.split("\n## ")
    compared = _compared_with()
    return "\n## ".join([head, *(_with_own_records(section, compared) for section in sections)])


def _compared_with() -> Mapping[str, Sequence[Threshold]]:
    """Return the thresholds that each alert names, in its expression or in its text."""
    files = [
        yaml.safe_load(path.read_text(encoding="utf-8")) for path in THRESHOLDS_FILE.parent.glob("*.yml")
    ]
    told: defaultdict[str, str] = defaultdict(str)
    for rule in (rule for file in files for group in file["groups"] for rule in group["rules"]):
        if "alert" in rule:
            told[rule["alert"]] += f"{rule['expr']} {rule['annotations']['description']} "
    return {
        alert: [each for each in THRESHOLDS if re.search(rf"\b{each.record}\b", text)]
        for alert, text in told.items()
    }


def _with_own_records(section: str, compared: Mapping[str, Sequence[Threshold]]) -> str:
    """Return the section with the table of own records at its end, if its alert compares with thresholds."""
    written = section.partition(_OWN)[0].rstrip()
    thresholds = compared[section.partition("\n")[0]]
    rows = [f"| `{each.own}` | {each.counts} | {each.default} |\n" for each in thresholds]
    return f"{written}\n" + (f"\n{_OWN}{''.join(rows)}" if rows else "")


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
