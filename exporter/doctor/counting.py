"""What total_active counts, and whether calls have two rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import pairwise
from statistics import fmean

from exporter.doctor.facts import Total
from exporter.doctor.inquiry import Answer, Told
from exporter.doctor.lingering import is_over
from exporter.doctor.offsets import Layout
from exporter.doctor.readings import Reading
from exporter.exotel.enums import CallStatus
from exporter.exotel.models import Call

_AT_ONCE = 0.3  # seconds that a count and the rows of an answer may lie apart
_SHIFT = 3  # rows that a list shifts while its pages are read


def judge_total(
    readings: Sequence[Reading], answers: Iterable[Answer], layout: Layout, *, is_paged: bool = True
) -> Told[Total]:
    """Return what total_active counts, from whole readings and from single answers."""
    pages = [(layout.first(answer.offset), answer) for answer in answers if answer.rows]
    if not pages:
        return Told(None, "no page had rows")
    totals = [answer.total for _, answer in pages]
    if all(total is None for total in totals):
        return Told("absent", f"none of {len(totals)} pages has one")
    known = [(first, answer, answer.total) for first, answer in pages if answer.total is not None]
    if is_paged and (found := _of_page(known)):
        return found
    ends = [(end, reading) for reading in readings if (end := reading.end)]
    if not ends:
        return Told(None, "the list was never read to its end")
    return _of_list([(rows, answer, reading) for (rows, answer), reading in ends], readings)


def _of_page(known: Sequence[tuple[int, Answer, int]]) -> Told[Total] | None:
    """Return what of a page a total counts; None where it counts something of the list."""
    counted = f"{len(known)} pages"
    whole = max(first + answer.rows for first, answer, _ in known)
    if len({answer.rows for _, answer, _ in known}) > 1 or whole > known[0][1].rows:
        if all(total == answer.rows for _, answer, total in known) and _vary(total for *_, total in known):
            return Told("page", f"it equals the rows of the page on {counted}")
        if all(total == first + answer.rows for first, answer, total in known) and _vary(
            total for *_, total in known
        ):
            return Told("so far", f"it equals the number of the page's last row on {counted}")
        full = [
            (answer.rows, total) for first, answer, total in known if first + answer.rows < whole - _SHIFT
        ]
        if full and all(_is_pages(rows, total, whole) for rows, total in full):
            return Told("pages", f"it equals the rows divided by those of a page on {counted}")
    return None


def _vary(values: Iterable[int]) -> bool:
    found = [*values]
    return max(found) - min(found) > max(_SHIFT, max(found) // 10)


def _is_pages(rows: int, total: int, whole: int) -> bool:
    """Return whether a total is about the number of pages that a list of so many rows has."""
    return rows < whole and total < whole / 1.5 and abs(total - whole / rows) <= 1 + 0.1 * whole / rows


def _of_list(ends: Sequence[tuple[int, Answer, Reading]], readings: Sequence[Reading]) -> Told[Total]:
    """Return what of the list a total counts: compared with the last page's own idea of where it ends."""
    counts = [(rows, answer.total) for rows, answer, _ in ends if answer.total is not None]
    if not counts:
        return Told(None, "last pages have no total")
    pairs = ", ".join(f"{total} for {rows} rows" for rows, total in counts)
    if all(total == rows for rows, total in counts):
        return Told("rows", pairs)
    return _part(ends, pairs) or _of_moments(counts, pairs, _pace(readings))


def _of_moments(counts: Sequence[tuple[int, int]], pairs: str, pace: float) -> Told[Total]:
    """Return whether totals are of the same moment as the rows, or of one before, by a second's calls."""
    if len(counts) == 1:
        return Told(None, f"{pairs}, and the list was read to its end only once")
    spread = fmean([(total - rows) ** 2 for rows, total in counts])
    if pace and spread / (2 * pace) < _AT_ONCE:
        return Told("rows", f"{pairs}, within what changes in an instant")
    return Told("lags" if _is_late(counts, pace) else "other", pairs)


def _part(ends: Sequence[tuple[int, Answer, Reading]], pairs: str) -> Told[Total] | None:
    """Return that totals count a part of the list, if they do: all but ended calls, or those of a status."""
    told = [(answer.total, reading) for _, answer, reading in ends if answer.total is not None]
    if left_out := _left_out(told, is_over):
        return Told("not ended", f"{pairs}, of which {left_out} have ended")
    for status in CallStatus:
        if left_out := _left_out(told, partial(_has_status, status)):
            return Told("other", f"{pairs}, of which {left_out} are {status}")
    return None


def _has_status(status: CallStatus, call: Call) -> bool:
    return call.status is status


def _left_out(told: Sequence[tuple[int, Reading]], is_meant: Callable[[Call], bool]) -> str:
    """Return how many calls totals leave out, if it is these: of all rows, or of all calls."""
    counts = [sum(map(is_meant, reading.calls.values())) for _, reading in told]
    if max(counts) <= _SHIFT:
        return ""
    left = [(total + count, reading) for (total, reading), count in zip(told, counts, strict=True)]
    fits_rows = all(abs(whole - reading.rows) <= _SHIFT for whole, reading in left)
    fits_calls = all(abs(whole - len(reading.calls)) <= _SHIFT for whole, reading in left)
    return ", ".join(map(str, counts)) if fits_rows or fits_calls else ""


def _is_late(counts: Sequence[tuple[int, int]], pace: float) -> bool:
    """Return whether totals are those of a moment before: they stand still, or scatter around the rows."""
    if len(counts) < 2:
        return False
    if any(total == after and rows != then for (rows, total), (then, after) in pairwise(counts)):
        return True
    offs = [total - rows for rows, total in counts]
    likely = 2 * (2 * pace * 60) ** 0.5 + 1  # a minute's calls come and go at random
    return bool(abs(fmean(offs)) <= likely / 2 and max(map(abs, offs)) <= likely)


def _pace(readings: Sequence[Reading]) -> float:
    """Return how many calls end a second; 0 where none did."""
    ended = seconds = 0.0
    for before, after in pairwise(readings):
        if before.is_whole and after.is_whole:
            ended += len(before.calls.keys() - after.calls.keys())
            seconds += after.at - before.at
    return ended / seconds if seconds else 0.0


def judge_doubled(readings: Sequence[Reading], order: str | None) -> Told[float]:
    """Return the share of calls with two rows or more, as one reading shows it."""
    calls = doubled = 0
    for reading in readings:
        calls += len(reading.calls)
        doubled += _count_doubled(reading, is_ordered=order not in {None, "none", "moving"})
    if not calls:
        return Told(None, "there were no calls")
    return Told(round(doubled / calls, 4), f"{doubled} of {calls} calls in {len(readings)} readings")


def _count_doubled(reading: Reading, *, is_ordered: bool) -> int:
    """Return how many calls have two rows on a page, or further apart than a list shifts meanwhile."""
    twice = set[str]()
    seen: dict[str, int] = {}
    for first, answer in reading.pages:
        twice |= {sid for sid, rows in Counter(answer.call_sids).items() if rows > 1}
        for place, sid in enumerate(answer.row_sids, first):
            if sid and is_ordered and place - seen.setdefault(sid, place) > _SHIFT + answer.rows // 2:
                twice.add(sid)
    return len(twice)
