"""Where the list ends: whether it is served to its last row, and what lies behind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from exporter.doctor.inquiry import Inquiry, Told
from exporter.doctor.offsets import Layout
from exporter.doctor.readings import Reading

_WINDOWS = (100, 500, 1_000, 5_000, 10_000)
_ROUND = 50  # rows: lists are cut at multiples
_CHANGED = 3  # calls that must have come or gone for an unmoved end at such a row to mean something
_OFTEN_CHANGED = 15  # calls that must have, for one at any row


def measure_past_end(inquiry: Inquiry, rows: int, window: Told[int | bool]) -> Told[int]:
    """Return the status of a page far behind the last of so many rows: there may be more by now.

    Where a window ends the list, what was refused behind it tells.
    """
    refused = [each for each in inquiry.refused if window.value and each.offset >= window.value]
    if refused:
        return Told(refused[-1].status, f"offset={refused[-1].offset} gets status {refused[-1].status}")
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
    told: Told[int | bool] = judge_ends(ends, readings, total) if ends else Told(None)
    if told.value:
        return told if layout.is_single else _with_last_rows(inquiry, told.value, layout.size)
    if told.value is not None:
        return told
    if layout.is_single:
        return Told(None, "only the first page can be had")
    if total is None or total <= max(ends, default=0):
        return Told(None, told.evidence or "nothing tells how long the list is")
    return search_window(inquiry, total)


def judge_ends(ends: Sequence[int], readings: Sequence[Reading], total: int | None) -> Told[int | bool]:
    """Return what the last rows of readings tell; None where more must be asked.

    A list that ends at the same row while calls come and go is cut there.
    """
    changed = sum(len(one.calls.keys() ^ other.calls.keys()) for one, other in pairwise(readings))
    listed, last = ", ".join(map(str, ends)), max(ends)
    is_fixed = len({*ends}) == 1
    is_round = last in _WINDOWS or (last > _ROUND and last % _ROUND == 0)
    if is_fixed and ((is_round and changed >= _CHANGED) or (len(ends) > 2 and changed >= _OFTEN_CHANGED)):
        return Told(last, f"readings ended at row {listed}, although calls came and went")
    if total is not None and total > last + max(3, total // 20) and len({*ends}) == 1:
        return Told(None)
    if is_fixed and is_round:
        return Told(None, f"the list ended at row {last}, which may be a limit")
    reported = f" of {total} reported" if total else ""
    return Told(value=False, evidence=f"readings ended at row {listed}{reported}")


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
    served, unserved = _bisect(inquiry, served, unserved)
    if served < unserved:
        return Told(None, f"row {served} is served, row {unserved + 1} is not, and requests ran out")
    return Told(served, f"row {served} is served, the next one is not, and {total} are reported")


def _with_last_rows(inquiry: Inquiry, served: int, size: int) -> Told[int | bool]:
    """Return the last row that is served where pages end at `served`: the next may be refused as a whole."""
    served, _ = _bisect(inquiry, served, served + size) if _is_served(inquiry, served) else (served, 0)
    return Told(served, f"readings ended at row {served}, although calls came and went")


def _is_served(inquiry: Inquiry, offset: int) -> bool:
    return inquiry.left > 0 and inquiry.page(1, offset).rows == 1


def _bisect(inquiry: Inquiry, served: int, unserved: int) -> tuple[int, int]:
    """Return a row that is served and the offset of one that isn't, as near to each other as can be asked."""
    while served < unserved and inquiry.left:
        middle = (served + unserved) // 2
        probe = inquiry.page(1, middle)
        if probe.rows:
            served = middle + 1
        elif probe.has_failed:
            break
        else:
            unserved = middle
    return served, unserved
