"""Examines the list: how it is paged, ordered and counted, what rows hold, what filters do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, Literal, TypeVar

from exporter.doctor.asker import Asker, OutOfRequests
from exporter.doctor.counting import judge_doubled, judge_total
from exporter.doctor.ends import measure_past_end, measure_window
from exporter.doctor.facts import Total
from exporter.doctor.filters import Filters, measure_filters
from exporter.doctor.finding import Check, Finding
from exporter.doctor.inquiry import Answer, Inquiry, Told
from exporter.doctor.lingering import judge_lingering
from exporter.doctor.list_findings import Context, findings_of
from exporter.doctor.offsets import Layout, measure_offset
from exporter.doctor.order import judge_order
from exporter.doctor.paging import Limits, measure_limits
from exporter.doctor.readings import Reading, pages_of, plan, read_repeatedly, read_to_end
from exporter.doctor.rows import count_unknown, judge_duration, judge_fields, judge_missing
from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call

_FOR_DETAILS = 12  # requests for what is beside the list
_FOR_LISTING = 5  # requests for the exporter's own listing, at least
_USUAL = 8  # requests that are left to it as a rule
_FOR_EDGES = 5  # requests for filters and the end of the list
_FOR_PAGES = 25  # requests for all that doesn't depend on the list's length
_PASSES = 5  # over the list, two of them the exporter's own listings
_MOST_CALLS = 9
_SETTLED = 15.0  # seconds after which a call has all its legs
_T = TypeVar("_T")
_TOO_FEW = "there were too few requests"
_NO_COUNT: Told[Any] = Told(None, "total_active isn't the number of rows")


@dataclass(frozen=True, slots=True)
class Extent:
    """How long the list is, by what was read or by what the API says."""

    rows: int
    pages: int

    @property
    def enough_requests(self) -> int:
        """Return how many requests tell all that can be told of such a list, and of what is beside it."""
        return _FOR_PAGES + _PASSES * self.pages


@dataclass(frozen=True, slots=True)
class ListExamination:
    """What the list is like, the findings about it, and some calls in progress."""

    accepted: int | None
    """The largest limit that is known to be served."""
    doubt: str
    """Why a listing may be incomplete although it seems whole, as a sentence; or empty."""
    findings: tuple[Finding, ...]
    duration: Told[Literal["answer", "start"]]
    """What durations count from."""
    in_progress: Mapping[str, tuple[str, ...]]
    """The call_sids of up to nine calls that were in progress a moment ago, by direction."""
    extent: Extent
    is_read: bool
    """Whether the list was read at all."""


def examine(asker: Asker, say: Callable[[str], None]) -> ListExamination:
    """Return what the list is like, and leave as many requests as the rest needs, or some."""
    inquiry = Inquiry(asker, min(_FOR_DETAILS + _FOR_LISTING, asker.left // 3))
    say("measuring pages")
    limits = _unless_short(lambda: measure_limits(inquiry)) or Limits(None, None, Told(None, _TOO_FEW), 100)
    offset = _told(lambda: measure_offset(inquiry, limits))
    if limits.larger.value == "whole list":
        offset = Told("ignored", "every page is the whole list")
    layout = Layout(limits.ask, offset.value)
    twins = _unless_short(lambda: inquiry.pages([(limits.ask, 0)] * 2)) or []
    extent, readings = _read(inquiry, layout, limits.rows or 0, say)
    calls = [*readings[-1].calls.values()] if readings else []
    say("trying filters")
    filters = _unless_short(lambda: measure_filters(inquiry, limits.ask, calls, _reported(inquiry.answers)))
    say("looking for the end of the list")
    window = _told(lambda: measure_window(inquiry, layout, readings, _reported(inquiry.answers)))
    rows = [*chain.from_iterable(answer.raw for answer in inquiry.answers)]
    counts, shown = count_unknown(rows, asker.account.revealed or ())
    order, total = judge_order(readings, twins), _judge_total(readings, inquiry, limits, layout, window)
    told: dict[Check, Told[Any]] = {
        Check.PAGE_SIZE: Told(limits.rows, "the longest page" if limits.rows else "no page had rows"),
        Check.LARGER_LIMIT: limits.larger,
        Check.OFFSET: offset,
        Check.WINDOW: window,
        Check.PAST_END: _told(lambda: measure_past_end(inquiry, extent.rows, window)),
        Check.ORDER: order,
        Check.TOTAL: total,
        Check.DOUBLED: judge_doubled(readings, order.value),
        **_judge_rows(inquiry.answers, rows),
        Check.VALUES: Told(counts, f"{len(rows)} rows") if rows else Told(None, "no row was seen"),
        **_judge_filters(filters, total.value),
    }
    counts_from_start = told[Check.DURATION].value == "start"
    told[Check.LINGERING] = judge_lingering(readings, counts_from_start=counts_from_start)
    if asker.is_stopped or asker.has_given_up or not readings:
        why: Told[Any] = Told(None, asker.why_short)
        told = {check: why if each.value is None else each for check, each in told.items()}
    return _examination(told, limits, readings, shown, extent)


def _read(
    inquiry: Inquiry, layout: Layout, longest: int, say: Callable[[str], None]
) -> tuple[Extent, list[Reading]]:
    """Return how long the list is, and passes over it; one page had `longest` rows."""
    total = _reported(inquiry.answers)
    first = None
    if total is None:
        first = _unless_short(lambda: read_to_end(inquiry, layout, inquiry.left // 3))
    rows = max(first.rows if first else total or 0, longest)
    extent = Extent(rows, 1 if layout.is_single else pages_of(rows, layout.size))
    own = extent.pages + 1  # requests of the exporter's own listing
    if own > _USUAL and inquiry.left + _FOR_LISTING >= extent.pages + own + _FOR_EDGES:
        inquiry.keep_back(_FOR_DETAILS + own)
    scheme = plan(rows, layout.size, inquiry.left - _FOR_EDGES, is_single=layout.is_single, first=first)
    return extent, read_repeatedly(inquiry, layout, scheme, say)


def _told(work: Callable[[], Told[_T]]) -> Told[_T]:
    """Return what an experiment tells, or that there were too few requests for it."""
    return _unless_short(work) or Told(None, _TOO_FEW)


def _unless_short(work: Callable[[], _T]) -> _T | None:
    """Return what came of asking; None where there were too few requests."""
    try:
        return work()
    except OutOfRequests:
        return None


def _reported(answers: Sequence[Answer]) -> int | None:
    """Return the latest total_active."""
    return next((answer.total for answer in reversed(answers) if answer.total is not None), None)


def _judge_total(
    readings: Sequence[Reading],
    inquiry: Inquiry,
    limits: Limits,
    layout: Layout,
    window: Told[int | bool],
) -> Told[Total]:
    """Return what totals count; where the list isn't served to its end nobody can count its rows."""
    is_paged = limits.larger.value != "whole list"
    total = judge_total(readings, inquiry.answers, layout, is_paged=is_paged)
    if window.value and total.value in {"rows", "lags", "not ended", "other"}:
        return Told(None, "the list isn't served to its end")
    return total


def _judge_rows(answers: Sequence[Answer], rows: Sequence[Any]) -> dict[Check, Told[Any]]:
    fields = judge_fields(rows)
    return {
        Check.FIELDS: fields,
        Check.MISSING: judge_missing(rows, fields.value or {}),
        Check.DURATION: judge_duration(answers),
    }


def _judge_filters(filters: Filters | None, total: Total | None) -> dict[Check, Told[Any]]:
    checks = Check.DIRECTION_FILTER, Check.OUTBOUND, Check.AGENT_FILTER, Check.FILTERED_TOTAL
    if filters is None:
        return dict.fromkeys(checks, Told(None, _TOO_FEW))
    of_filter = filters.total if total in {"rows", "lags", None} else _NO_COUNT
    found = filters.direction, filters.outbound, filters.agent, of_filter
    return dict(zip(checks, found, strict=True))


def _examination(
    told: Mapping[Check, Told[Any]],
    limits: Limits,
    readings: Sequence[Reading],
    shown: Mapping[str, tuple[str, ...]],
    extent: Extent,
) -> ListExamination:
    value = {check: each.value for check, each in told.items()}
    calls = next((len(reading.calls) for reading in reversed(readings) if reading.is_whole), None)
    return ListExamination(
        limits.accepted,
        _doubt(value, is_one_page=extent.pages == 1),
        findings_of(told, Context(limits.ask, calls, limits.accepted, shown)),
        told[Check.DURATION],
        _in_progress([*readings[-1].calls.values()] if readings else []),
        extent,
        bool(readings),
    )


def _doubt(value: Mapping[Check, Any], *, is_one_page: bool) -> str:
    """Return why a listing that seems whole may not be; or nothing."""
    if value[Check.WINDOW]:
        return (
            f"that is {value[Check.WINDOW]} rows at most: while there are more calls, the rest isn't counted."
        )
    if value[Check.OFFSET] == "pages":
        cause = "offsets count pages"
    elif is_one_page:
        return ""
    elif value[Check.TOTAL] == "lags":
        cause = "total_active is late, so that listings differ from it while many calls come and go"
    elif value[Check.OFFSET] == "ignored":
        cause = "offsets are ignored"
    elif value[Check.ORDER] == "none":
        cause = "each answer has another order"
    else:
        return ""
    return f"{cause}: a listing that can't be proven complete sets exotel_up to 0."


def _in_progress(calls: Sequence[Call]) -> Mapping[str, tuple[str, ...]]:
    """Return a few calls in progress by direction: of each in turn, those that have just settled first."""
    by_direction: dict[str, list[str]] = {}
    active = [call for call in calls if call.status is CallStatus.IN_PROGRESS]
    for call in sorted(active, key=_settled_first):
        by_direction.setdefault(str(call.direction or "unknown"), []).append(call.call_sid)
    turns = chain.from_iterable(zip_longest(*by_direction.values()))
    chosen = {*[sid for sid in turns if sid is not None][:_MOST_CALLS]}
    found = {name: tuple(sid for sid in sids if sid in chosen) for name, sids in by_direction.items()}
    return {name: sids for name, sids in found.items() if sids}


def _settled_first(call: Call) -> tuple[bool, float]:
    """Return what sorts calls: the young go on for longest, but the youngest may lack a leg."""
    seconds = call.duration or 0.0
    return seconds < _SETTLED, seconds
