"""What the facts about the list mean for the exporter, in an operator's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from exporter.doctor.finding import Check, Finding, Verdict
from exporter.doctor.inquiry import Told

Judgement = tuple[Verdict, str]
_GOOD, _WORKS, _CHANGE = Verdict.GOOD, Verdict.WORKS, Verdict.MUST_CHANGE
_SMALL_PAGE = 50  # rows; with fewer, listings cost many requests
_VITAL = frozenset({"call_sid", "status", "direction"})


@dataclass(frozen=True, slots=True)
class Context:
    """What texts need to know beside the fact itself."""

    page_size: int
    calls: int | None
    accepted: int | None
    shown: Mapping[str, tuple[str, ...]]
    """Unknown values that can be shown, by field."""

    @property
    def fits(self) -> bool:
        """Return whether all calls are on one page."""
        return self.calls is not None and self.calls < self.page_size


def findings_of(told: Mapping[Check, Told[Any]], context: Context) -> tuple[Finding, ...]:
    """Return the finding of each fact, in the order of the checks."""
    return tuple(_finding(check, told[check], context) for check in Check if check in told)


def _finding(check: Check, told: Told[Any], context: Context) -> Finding:
    if told.value is None:
        because = told.evidence or "it was not tried"
        return Finding(check, Verdict.NOT_TOLD, None, f"{_SUBJECTS[check]} isn't known: {because}.")
    verdict, text = _JUDGES[check](told.value, context)
    return Finding(check, verdict, told.value, text, told.evidence)


def _page_size(rows: int, context: Context) -> Judgement:
    if context.accepted is not None and context.accepted > rows:
        return _GOOD, f"One page held all {rows} calls; a limit of {context.accepted} is accepted."
    if rows < _SMALL_PAGE and not context.fits:
        return _WORKS, f"A page has {rows} calls at most: 1,000 calls take {-(-1000 // rows)} requests."
    return _GOOD, f"Pages hold {rows} calls."


def _larger_limit(value: object, context: Context) -> Judgement:
    match value:
        case "cut":
            return _GOOD, f"A larger limit is cut to {context.page_size} calls."
        case "ignored":
            return _WORKS, "The limit is ignored: pages have one size, whatever page_size says."
        case "whole list":
            return _GOOD, "Every answer is the whole list, whatever the limit: one request lists all calls."
        case "honoured":
            return _GOOD, f"No largest page was found: a limit of {context.accepted or 'any size'} is served."
    return _WORKS, f"A limit above {context.accepted} gets status {value}: set page_size no higher than that."


def _offset(value: str, context: Context) -> Judgement:
    match value:
        case "honoured":
            return _GOOD, "Offsets work."
        case "rounded":
            return _WORKS, "The offset is rounded down to a multiple of the limit: pages overlap by halves."
        case "from one":
            return _WORKS, "The offset counts from one: neighbouring pages share a row more."
    what = "is ignored: every page is the first" if value == "ignored" else "counts pages instead of rows"
    if context.fits:
        return (
            _WORKS,
            f"The offset {what}: all calls fit on a page now, but listings of more can't be complete.",
        )
    return _CHANGE, f"The offset {what}, so only the first page can be listed. Open a ticket with Exotel."


def _window(value: int | Literal[False], _: Context) -> Judgement:
    if value is False:
        return _GOOD, "The list is served to its end."
    return _CHANGE, (
        f"No row beyond {value} is served although there are more: listings are incomplete while the account "
        "has more calls. Ask Exotel whether the API lists all calls."
    )


def _past_end(status: int, _: Context) -> Judgement:
    if status < 300:
        return _GOOD, f"A page beyond the last call gets status {status}, as it should."
    if status < 500:
        return _GOOD, f"A page beyond the last call gets status {status}, which is taken as the end."
    return _WORKS, f"A page beyond the last call gets status {status}, as failures do: it may cost a request."


def _order(value: str, context: Context) -> Judgement:
    match value:
        case "oldest first" | "newest first":
            return _GOOD, f"The list is sorted by start time, {value}: listings can be proven complete."
        case "stable":
            return _GOOD, "Calls keep their places among one another: listings can be proven complete."
        case "by status":
            text = "The list is grouped by status, so calls change places as they get on"
        case "moving":
            text = "Calls change places in the list as they get on"
        case _:
            if context.fits:
                return _WORKS, (
                    f"Each answer has another order. All calls fit on a page now; once there are more than "
                    f"{context.page_size}, listings can't be proven complete."
                )
            return _CHANGE, (
                "Each answer has another order, so listings can't be proven complete. Open a ticket with "
                "Exotel: ask for a list in the order of start_time."
            )
    if context.fits:
        return _WORKS, f"{text}; it doesn't matter as long as all of them fit on a page."
    return _WORKS, f"{text}: listings may be read twice, which takes twice the requests."


def _total(value: str, _: Context) -> Judgement:
    match value:
        case "rows":
            return _GOOD, "total_active is the number of rows in the list."
        case "absent":
            return _WORKS, "There is no total_active: the end of the list shows only in its last page."
        case "lags":
            return _WORKS, "total_active is late: it counts the calls of a moment before."
        case "not ended":
            return _WORKS, "total_active leaves out ended calls that are still listed, as the exporter does."
        case "other":
            return _WORKS, "total_active isn't the number of rows: exotel_calls_reported can't be trusted."
    what = {"page": "rows of the page", "so far": "rows up to the page's end", "pages": "pages"}[value]
    return _WORKS, f"total_active is the number of {what}: exotel_calls_reported can't be trusted."


def _filtered_total(value: str, _: Context) -> Judgement:
    if value == "filter":
        return _GOOD, "With a direction filter total_active counts the calls it selects."
    return _GOOD, "With a direction filter total_active still counts all calls; the exporter uses no filter."


def _doubled(share: float, _: Context) -> Judgement:
    if not share:
        return _GOOD, "Each call has one row."
    return _WORKS, f"{share:.1%} of calls have two rows or more: the exporter counts each once."


def _lingering(value: tuple[float, float | None] | Literal[False], _: Context) -> Judgement:
    if value is False:
        return _GOOD, "Ended calls leave the list at once."
    least, most = value
    how_long = f"for {least:g} to {most:g} s" if most is not None else f"for {least:g} s at least"
    return _WORKS, f"Ended calls stay listed {how_long}. The exporter leaves them out."


def _fields(fields: Mapping[str, str], _: Context) -> Judgement:
    odd = [name for name, kind in fields.items() if kind not in {_TYPES.get(name, "text"), "null"}]
    if odd:
        kinds = ", ".join(f"{name} ({fields[name]})" for name in odd)
        return _WORKS, f"Some fields have other types than documented, which the exporter converts: {kinds}."
    return _GOOD, f"All {len(fields)} fields that rows have are of the documented types."


_TYPES = {"duration": "number", "recording_enabled": "bool", "agent_details": "object"}


def _missing(names: tuple[str, ...], _: Context) -> Judgement:
    if not names:
        return _GOOD, "Rows have all documented fields."
    listed = ", ".join(names)
    if "call_sid" in names:
        return _CHANGE, f"Rows lack {listed}: no call can be counted. Open a ticket with Exotel."
    if _VITAL & {*names}:
        return _WORKS, f"Rows lack {listed}: metrics by those labels show unknown."
    return _WORKS, f"Rows lack {listed}: metrics that need them are absent."


def _values(counts: Mapping[str, int], context: Context) -> Judgement:
    if not counts:
        return _GOOD, "All directions and statuses are known."
    parts = []
    for field, count in counts.items():
        shown = ", ".join(context.shown.get(field, ()))
        parts.append(f"{count} of {field}" + (f" ({shown})" if shown else ""))
    return _WORKS, f"Some values are new, and become the label value other: {'; '.join(parts)}."


def _duration(value: str, _: Context) -> Judgement:
    since = "its answer" if value == "answer" else "its start, ringing included"
    return _GOOD, f"A call's duration counts from {since}."


def _direction_filter(value: object, _: Context) -> Judgement:
    return _GOOD, f"The direction filter {_filter_words(value)}; the exporter doesn't use it."


def _agent_filter(value: object, _: Context) -> Judgement:
    return _GOOD, f"The agent_id filter {_filter_words(value)}; the exporter doesn't use it."


def _filter_words(value: object) -> str:
    return str(value).replace("ignored", "is ignored") if isinstance(value, str) else f"gets status {value}"


def _outbound(directions: tuple[str, ...], _: Context) -> Judgement:
    if not directions:
        return _GOOD, "direction=outbound selects nothing although there are outbound calls."
    return _GOOD, f"direction=outbound selects {' and '.join(directions)}."


_JUDGES: Mapping[Check, Callable[[Any, Context], Judgement]] = {
    Check.PAGE_SIZE: _page_size,
    Check.LARGER_LIMIT: _larger_limit,
    Check.OFFSET: _offset,
    Check.WINDOW: _window,
    Check.PAST_END: _past_end,
    Check.ORDER: _order,
    Check.TOTAL: _total,
    Check.FILTERED_TOTAL: _filtered_total,
    Check.DOUBLED: _doubled,
    Check.LINGERING: _lingering,
    Check.FIELDS: _fields,
    Check.MISSING: _missing,
    Check.VALUES: _values,
    Check.DURATION: _duration,
    Check.DIRECTION_FILTER: _direction_filter,
    Check.OUTBOUND: _outbound,
    Check.AGENT_FILTER: _agent_filter,
}
_SUBJECTS = {
    Check.PAGE_SIZE: "The largest page",
    Check.LARGER_LIMIT: "What a larger limit gets",
    Check.OFFSET: "What an offset means",
    Check.WINDOW: "Whether the list is served to its end",
    Check.PAST_END: "What a page beyond the last call gets",
    Check.ORDER: "The order of the list",
    Check.TOTAL: "What total_active counts",
    Check.FILTERED_TOTAL: "What total_active counts with a filter",
    Check.DOUBLED: "Whether calls have two rows",
    Check.LINGERING: "Whether ended calls stay in the list",
    Check.FIELDS: "Which fields rows have",
    Check.MISSING: "Which fields rows lack",
    Check.VALUES: "Whether some values are new",
    Check.DURATION: "What a duration counts from",
    Check.DIRECTION_FILTER: "What the direction filter does",
    Check.OUTBOUND: "What direction=outbound selects",
    Check.AGENT_FILTER: "What the agent_id filter does",
}
