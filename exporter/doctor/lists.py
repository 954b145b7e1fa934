"""Examines the list: how it is paged, ordered and counted, what rows hold, what filters do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any, TypeVar

from exporter.config import AccountConfig, SecretUnreadable
from exporter.doctor.asker import Asker, OutOfRequests
from exporter.doctor.counting import judge_doubled, judge_total
from exporter.doctor.ends import measure_past_end, measure_window
from exporter.doctor.facts import FilterFacts, ListFacts, PageFacts, RowFacts
from exporter.doctor.filters import Filters, measure_filters
from exporter.doctor.finding import Check, Finding
from exporter.doctor.inquiry import Answer, Inquiry, Told
from exporter.doctor.lingering import judge_lingering
from exporter.doctor.list_findings import Context, findings_of
from exporter.doctor.offsets import Layout, measure_offset
from exporter.doctor.order import judge_order
from exporter.doctor.paging import Limits, measure_limits
from exporter.doctor.readings import Reading, plan, read_repeatedly, read_to_end
from exporter.doctor.rows import count_unknown, judge_duration, judge_fields, judge_missing
from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call

KEPT_BACK = 17
"""Requests that are left to what comes after the list."""

_FOR_EDGES = 5  # requests for filters, twins and the end of the list
_MOST_CALLS = 9
_SETTLED = 15.0  # seconds after which a call has all its legs
_T = TypeVar("_T")
_TOO_FEW = "there were too few requests"


@dataclass(frozen=True, slots=True)
class ListExamination:
    """What the list is like, the findings about it, and some calls in progress."""

    pages: PageFacts
    list: ListFacts
    rows: RowFacts
    filters: FilterFacts
    findings: tuple[Finding, ...]
    in_progress: Mapping[str, tuple[str, ...]]
    """The call_sids of up to nine calls that were in progress a moment ago, by direction."""


def examine(asker: Asker, say: Callable[[str], None]) -> ListExamination:
    """Return what the list is like; asks for pages until KEPT_BACK requests are left."""
    inquiry = Inquiry(asker, KEPT_BACK)
    say("measuring pages")
    limits = _unless_short(lambda: measure_limits(inquiry)) or Limits(None, None, Told(None, _TOO_FEW), 100)
    offset = _told(lambda: measure_offset(inquiry, limits))
    if limits.larger.value == "whole list":
        offset = Told("ignored", "every page is the whole list")
    layout = Layout(limits.ask, offset.value)
    total = _reported(inquiry.answers)
    twins = _unless_short(lambda: inquiry.pages([(limits.ask, 0)] * 2)) or []
    first = read_to_end(inquiry, layout, inquiry.left // 3) if total is None else None
    length = max(first.rows if first else total or 0, limits.rows or 0)
    scheme = plan(length, layout.size, inquiry.left - _FOR_EDGES, is_single=layout.is_single, first=first)
    readings = read_repeatedly(inquiry, layout, scheme, say)
    calls = [*readings[-1].calls.values()] if readings else []
    say("trying filters")
    filters = _unless_short(lambda: measure_filters(inquiry, limits.ask, calls, _reported(inquiry.answers)))
    say("looking for the end of the list")
    window = _told(lambda: measure_window(inquiry, layout, readings, _reported(inquiry.answers)))
    rows = _judge_rows(inquiry.answers)
    told: dict[Check, Told[Any]] = {
        Check.PAGE_SIZE: Told(limits.rows, "the longest page"),
        Check.LARGER_LIMIT: limits.larger,
        Check.OFFSET: offset,
        Check.WINDOW: window,
        Check.PAST_END: _told(lambda: measure_past_end(inquiry, length)),
        **_judge_list(readings, twins, inquiry.answers, layout, is_cut=bool(window.value)),
        **rows,
        Check.LINGERING: judge_lingering(readings, counts_from_start=rows[Check.DURATION].value == "start"),
        **_judge_filters(filters),
    }
    raw = [*chain.from_iterable(answer.raw for answer in inquiry.answers)]
    return _examination(told, limits, readings, count_unknown(raw, _secrets(asker.account))[1])


def _secrets(account: AccountConfig) -> tuple[str, ...]:
    """Return what no text may hold, as far as it can be read."""
    with suppress(SecretUnreadable):
        return account.api_key.reveal(), account.api_token.reveal()
    return ()


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


def _judge_list(
    readings: Sequence[Reading],
    twins: Sequence[Answer],
    answers: Sequence[Answer],
    layout: Layout,
    *,
    is_cut: bool,
) -> dict[Check, Told[Any]]:
    """Return what readings tell of the list; where it isn't served to its end nobody can count the rows."""
    order, total = judge_order(readings, twins), judge_total(readings, answers, layout)
    if is_cut and total.value in {"rows", "lags", "not ended", "other"}:
        total = Told(None, "the list isn't served to its end")
    return {
        Check.ORDER: order,
        Check.TOTAL: total,
        Check.DOUBLED: judge_doubled(readings, order.value),
    }


def _judge_rows(answers: Sequence[Answer]) -> dict[Check, Told[Any]]:
    rows = [*chain.from_iterable(answer.raw for answer in answers)]
    fields = judge_fields(rows)
    return {
        Check.FIELDS: fields,
        Check.MISSING: judge_missing(rows, fields.value or {}),
        Check.VALUES: Told(count_unknown(rows)[0] if rows else None, f"{len(rows)} rows"),
        Check.DURATION: judge_duration(answers),
    }


def _judge_filters(filters: Filters | None) -> dict[Check, Told[Any]]:
    checks = Check.DIRECTION_FILTER, Check.OUTBOUND, Check.AGENT_FILTER, Check.FILTERED_TOTAL
    if filters is None:
        return dict.fromkeys(checks, Told(None, _TOO_FEW))
    found = filters.direction, filters.outbound, filters.agent, filters.total
    return dict(zip(checks, found, strict=True))


def _examination(
    told: Mapping[Check, Told[Any]],
    limits: Limits,
    readings: Sequence[Reading],
    shown: Mapping[str, tuple[str, ...]],
) -> ListExamination:
    value = {check: each.value for check, each in told.items()}
    calls = len(readings[-1].calls) if readings and readings[-1].is_whole else None
    return ListExamination(
        PageFacts(
            limits.rows,
            value[Check.LARGER_LIMIT],
            value[Check.OFFSET],
            value[Check.WINDOW],
            value[Check.PAST_END],
            limits.accepted,
        ),
        ListFacts(
            value[Check.ORDER], value[Check.TOTAL], calls, value[Check.DOUBLED], value[Check.LINGERING]
        ),
        RowFacts(
            value[Check.FIELDS] or {}, value[Check.MISSING], value[Check.VALUES] or {}, value[Check.DURATION]
        ),
        FilterFacts(
            value[Check.DIRECTION_FILTER],
            value[Check.OUTBOUND],
            value[Check.AGENT_FILTER],
            value[Check.FILTERED_TOTAL],
        ),
        findings_of(told, Context(limits.ask, calls, limits.accepted, shown)),
        _in_progress([*readings[-1].calls.values()] if readings else []),
    )


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
