"""Doctor's report: for a person, in a minute, or as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence

from exporter.doctor.examination import Report
from exporter.doctor.finding import Check, Finding, Verdict
from exporter.output import counted

_WIDTH = 79
_TITLES = {
    Verdict.MUST_CHANGE: "Must change",
    Verdict.WORKS: "Works, but",
    Verdict.GOOD: "Good",
    Verdict.NOT_TOLD: "Unknown",
}


def as_json(reports: Iterable[Report]) -> str:
    """Return the reports for programs."""
    accounts = [
        {
            "name": report.name,
            "requests": report.requests,
            "enough_requests": report.enough_requests,
            "findings": {str(finding.check): _document(finding) for finding in report.findings},
            "configuration": _whole([report.configuration]),
        }
        for report in reports
    ]
    return json.dumps({"accounts": accounts}, indent=2) + "\n"


def as_text(report: Report) -> str:
    """Return the findings on one account for a person: what matters most comes first."""
    parts = [textwrap.fill(f"Account {report.name}: {_summary(report)}", _WIDTH) + "\n"]
    for verdict, title in _TITLES.items():
        found = [finding for finding in report.findings if finding.verdict is verdict]
        found.sort(key=lambda finding: finding.check is not Check.LISTING)
        if found:
            parts.append(f"\n{title}{_hint(report, verdict)}\n" + "".join(map(_paragraph, found)))
    return "".join(parts)


def configuration_text(reports: Sequence[Report], names: Sequence[str]) -> str:
    """Return a configuration of all accounts that can be configured, with what to know of it; or nothing.

    `names` are those of all that there are.
    """
    text = _whole([report.configuration for report in reports])
    if not text:
        return ""
    configured = [report for report in reports if report.configuration]
    title = _title(configured)
    if len(configured) == len(names):
        advice = "It takes the place of your accounts."
    else:
        named = ", ".join(report.name for report in configured)
        advice = f"It takes the place of {named}; other accounts stay as they are."
    advice += " Keep your sections collection and metrics."
    return f"\n{title}\n{textwrap.fill(advice, _WIDTH)}\n\n{text}"


def _title(configured: Sequence[Report]) -> str:
    if any(report.must_change for report in configured):
        return "The best configuration for now"
    if not all(map(_is_listed, configured)):
        return "A configuration that fits, as far as could be tested"
    return "A configuration that fits"


def _is_listed(report: Report) -> bool:
    """Return whether the exporter's own listing was tested."""
    return any(
        finding.check is Check.LISTING and finding.verdict is not Verdict.NOT_TOLD
        for finding in report.findings
    )


def _summary(report: Report) -> str:
    end = f"{counted(report.requests, 'request')} made"
    if report.is_stopped:
        return f"stopped before the end ({end}). This is what was known by then:"
    changes, limits, unknown = (
        sum(finding.verdict is verdict for finding in report.findings)
        for verdict in (Verdict.MUST_CHANGE, Verdict.WORKS, Verdict.NOT_TOLD)
    )
    if changes:
        verdict = f"{counted(changes, 'thing')} must change"
    elif not _is_listed(report):
        verdict = f"nothing wrong was found, but {counted(unknown, 'thing')} could not be tested"
    elif limits:
        verdict = f"it works, with {counted(limits, 'thing')} to know"
    elif unknown:
        verdict = f"all is well, but {counted(unknown, 'thing')} could not be tested"
    else:
        verdict = "all is well"
    return f"{verdict} ({end})."


def _hint(report: Report, verdict: Verdict) -> str:
    if verdict is not Verdict.NOT_TOLD or report.enough_requests is None:
        return ""
    return f" (--requests={report.enough_requests} tells more)"


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


def _whole(accounts: Iterable[str]) -> str:
    text = "".join(accounts)
    return f"accounts:\n{text}" if text else ""


def must_change(reports: Sequence[Report]) -> bool:
    """Return whether anything must be changed, or was left unexamined."""
    return any(report.must_change for report in reports)
