"""Doctor's report: for a person, in a minute, or as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence

from exporter.doctor.examination import Report
from exporter.doctor.finding import Finding, Verdict

_WIDTH = 100
_TITLES = {
    Verdict.MUST_CHANGE: "Must change",
    Verdict.WORKS: "Works, but",
    Verdict.GOOD: "Good",
    Verdict.NOT_TOLD: "Not told",
}


def as_json(reports: Iterable[Report]) -> str:
    """Return the reports for programs."""
    accounts = [
        {
            "name": report.name,
            "requests": report.requests,
            "enough_requests": report.enough_requests,
            "findings": {str(finding.check): _document(finding) for finding in report.findings},
            "configuration": _whole(report.configuration),
        }
        for report in reports
    ]
    return json.dumps({"accounts": accounts}, indent=2) + "\n"


def as_text(report: Report) -> str:
    """Return the report on one account for a person: what matters most comes first."""
    parts = [f"Account {report.name}: {_summary(report)}\n"]
    for verdict, title in _TITLES.items():
        found = [finding for finding in report.findings if finding.verdict is verdict]
        if found:
            parts.append(f"\n{title}{_hint(report, verdict)}\n" + "".join(map(_paragraph, found)))
    if report.configuration:
        parts.append(f"\nA configuration that fits\n\n{_whole(report.configuration)}")
    return "".join(parts)


def _summary(report: Report) -> str:
    end = f"{_counted(report.requests, 'request')} made"
    if report.is_stopped:
        return f"stopped before the end ({end}). This is what was known by then:"
    changes = sum(finding.verdict is Verdict.MUST_CHANGE for finding in report.findings)
    limits = sum(finding.verdict is Verdict.WORKS for finding in report.findings)
    if changes:
        verdict = f"{_counted(changes, 'thing')} must change"
    elif limits:
        verdict = f"it works, with {_counted(limits, 'thing')} to know"
    elif missing := sum(finding.verdict is Verdict.NOT_TOLD for finding in report.findings):
        verdict = f"all is well, but {_counted(missing, 'thing')} couldn't be told"
    else:
        verdict = "all is well"
    return f"{verdict} ({end})."


def _hint(report: Report, verdict: Verdict) -> str:
    if verdict is not Verdict.NOT_TOLD or report.enough_requests is None:
        return ""
    return f" (--requests={report.enough_requests} will tell more)"


def _paragraph(finding: Finding) -> str:
    evidence = f" ({finding.evidence})" if finding.evidence and finding.verdict is not Verdict.GOOD else ""
    text = f"{finding.check}: {finding.text}{evidence}"
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="      ") + "\n"


def _document(finding: Finding) -> dict[str, object]:
    return {
        "verdict": finding.verdict,
        "value": finding.value,
        "text": finding.text,
        "evidence": finding.evidence,
    }


def _whole(accounts: str) -> str:
    return f"accounts:\n{accounts}" if accounts else ""


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def must_change(reports: Sequence[Report]) -> bool:
    """Return whether anything must be changed, or was left unexamined."""
    return any(report.must_change for report in reports)
