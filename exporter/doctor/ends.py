"""Where the list ends: whether it is served to its last row, and what lies behind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from exporter.doctor.inquiry import Inquiry, Told
from exporter.doctor.offsets import Layout
from exporter.doctor.readings import Reading

_WINDOWS = (100, 500, 1_000, 5_000, 10_000)
_CHANGED = 3  # calls that must have come or gone for an unmoved end to mean something


def measure_past_end(inquiry: Inquiry, rows: int) -> Told[int]:
    """Return the status of a page far behind the last of so many rows: there may be more by now."""
    offset = 2 * rows + 1_000
    answer = inquiry.page(1, offset)
    if not answer.is_page and not answer.is_refusal:
        return Told(None, "the page behind the last row was not answered")
    return Told(answer.status, f"offset={offset} gets status {answer.status} and {answer.rows} rows")


def measure_window(
    inquiry: Inquiry, layout: Layout, readings: Sequence[Reading], total: int | None
) -> Told[int | bool]:
    """Return the last row that is served although there are more; False where the list's end was reached."""
    ends = [end[0] for reading in readings if (end := reading.end)]
    if ends:
        told = judge_ends(ends, readings, total)
        if told.value is not None:
            return told
    if layout.is_single:
        return Told(None, "only the first page can be had")
    if total is None or total <= max(ends, default=0):
        return Told(None, "nothing tells how long the list is")
    return search_window(inquiry, total)


def judge_ends(ends: Sequence[int], readings: Sequence[Reading], total: int | None) -> Told[int | bool]:
    """Return what the last rows of readings tell; None where more must be asked."""
    changed = sum(len(one.calls.keys() ^ other.calls.keys()) for one, other in pairwise(readings))
    is_fixed = len(ends) > 1 and len({*ends}) == 1 and changed >= _CHANGED
    listed = ", ".join(map(str, ends))
    if is_fixed and ends[0] in _WINDOWS:
        return Told(ends[0], f"readings end at row {listed}, although {changed} calls came or went")
    if total is None or total <= max(ends) + max(3, total // 20) or (len({*ends}) > 1):
        reported = f" of {total} reported" if total else ""
        return Told(value=False, evidence=f"readings end at row {listed}{reported}")
    return Told(None)


def search_window(inquiry: Inquiry, total: int) -> Told[int | bool]:
    """Return the last row that is served of so many reported, by asking for single rows."""
    near = max(0, total - 1 - max(2, total // 50))
    answer = inquiry.page(1, near)
    if answer.rows:
        return Told(value=False, evidence=f"row {near + 1} of {total} reported is served")
    if answer.has_failed:
        return Told(None, "the page before the end was not answered")
    served, unserved = 0, near
    edges = [each for window in _WINDOWS for each in (window - 1, window) if each < near]
    for probe in inquiry.pages([(1, offset) for offset in edges][: inquiry.left]):
        if probe.rows:
            served = max(served, probe.offset + 1)
        elif not probe.has_failed:
            unserved = min(unserved, probe.offset)
    while served < unserved and inquiry.left:
        middle = (served + unserved) // 2
        probe = inquiry.page(1, middle)
        if probe.rows:
            served = middle + 1
        elif probe.has_failed:
            return Told(None, "a page was not answered")
        else:
            unserved = middle
    if served < unserved:
        return Told(None, f"row {served} is served, row {unserved + 1} is not, and requests ran out")
    return Told(served, f"row {served} is served, the next one is not, and {total} are reported")
