"""Where pages begin: what an offset means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from exporter.doctor.facts import Offset
from exporter.doctor.inquiry import Answer, Inquiry, Told
from exporter.doctor.paging import Limits

_FEWEST = 3  # calls that show what an offset means
_TOLERANCE = 1.5  # rows by which a moving list may be off
_FAR = 8  # rows off count no more than so many

_FIRST_ROW: dict[Offset, Callable[[int, int], int]] = {
    "honoured": lambda offset, _: offset,
    "rounded": lambda offset, size: offset // size * size,
    "ignored": lambda _, __: 0,
    "from one": lambda offset, _: max(0, offset - 1),
    "pages": lambda offset, size: offset * size,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How to ask for the whole list: pages of `size` rows, and what an offset means."""

    size: int
    offset: Offset | None

    @property
    def is_single(self) -> bool:
        """Return whether only one page can be had."""
        return self.offset == "ignored"

    def ask(self, first: int) -> tuple[int, int]:
        """Return limit and offset of the page that begins with a row, a multiple of the size."""
        if self.offset == "pages":
            return self.size, first // self.size
        return self.size, first + (1 if self.offset == "from one" and first else 0)

    def first(self, offset: int) -> int:
        """Return the first row of the page with this offset."""
        return _FIRST_ROW[self.offset or "honoured"](offset, self.size)


def measure_offset(inquiry: Inquiry, limits: Limits) -> Told[Offset]:
    """Return what an offset means."""
    rows = limits.rows or 0
    if rows < _FEWEST:
        return Told(None, f"{rows} calls are too few to tell")
    told: Told[Offset] = Told(None)
    for _ in range(2):
        size = min(10, max(2, rows // 4))
        offsets = sorted({1, size, 2 * size - 1, 3 * size})  # each meaning makes other rows of them
        asks = [(limits.ask, 0), (size, 0), *((size, offset) for offset in offsets)]
        if len(asks) > inquiry.left:
            break
        reference, start, *pages = inquiry.pages(asks)
        told = judge_offset(reference, start, pages)
        if told.value is not None:
            break
    return told


def judge_offset(reference: Answer, start: Answer, pages: Sequence[Answer]) -> Told[Offset]:
    """Return what an offset means: which meaning explains where pages begin within a long first page.

    `start` is a page as short as the others that begins with the first row.
    """
    places = {sid: place for place, sid in reversed([*enumerate(reference.row_sids)]) if sid}
    answered = [page for page in pages if page.is_page]
    if not places or not start.rows or len(answered) < 2:
        return Told(None, "too few pages were answered")
    if not all(_is_in_order(page, places) for page in (start, *answered)):
        return Told(None, "rows change places from answer to answer")
    drift = _begin(start, places) or 0.0
    distances = {
        meaning: [_distance(page, places, first(page.offset, start.rows) + drift) for page in answered]
        for meaning, first in _FIRST_ROW.items()
    }
    sums = {meaning: sum(found) for meaning, found in distances.items()}
    best, second = sorted(sums, key=lambda meaning: sums[meaning])[:2]
    if sums[best] > _TOLERANCE * len(answered) or sums[second] - sums[best] < len(answered) / 2:
        return Told(None, "pages begin where no meaning of an offset explains it")
    begins = ", ".join(f"offset={page.offset}: {_told_begin(page, places)}" for page in answered)
    return Told(best, f"first row by {begins}")


def _told_begin(page: Answer, places: dict[str, int]) -> str:
    begin = _begin(page, places)
    return f"{begin:.0f}" if begin is not None else "none" if not page.rows else "further on"


def _begin(page: Answer, places: dict[str, int]) -> float | None:
    """Return the row with which a page begins; None where it shares none with the reference."""
    found = [places[sid] - index for index, sid in enumerate(page.row_sids) if sid in places]
    return median(found) if found else None


def _distance(page: Answer, places: dict[str, int], expected: float) -> float:
    """Return how many rows a page begins from where it is expected to."""
    begin = _begin(page, places)
    if begin is None:
        return max(0.0, min(_FAR, len(places) - expected))
    return min(_FAR, abs(begin - expected))


def _is_in_order(page: Answer, places: dict[str, int]) -> bool:
    """Return whether rows that a page shares with the reference follow each other as they do there."""
    shared = [places[sid] for sid in page.call_sids if sid in places]
    steps = [after - before for before, after in pairwise(shared)]
    return len(steps) < 2 or sum(0 <= step <= 3 for step in steps) >= 0.6 * len(steps)
