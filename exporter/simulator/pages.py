"""Which rows of a list make a page, by the limit and the offset that are asked for."""

from dataclasses import dataclass
from typing import Literal

Limits = Literal["cut", "rejected", "ignored"]
Offsets = Literal["rows", "ignored", "rounded", "from one", "pages"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """How a server takes `limit` and `offset`."""

    max_limit: int = 100
    limits: Limits = "cut"
    """What becomes of a larger one; ignored is a page of `max_limit` whatever is asked."""
    offsets: Offsets = "rows"
    """Ignored is the first page each time; rounded is down to a multiple of the limit; from one has the first
    row as row 1; pages has offset 2 for the third page."""
    whole: bool = False
    """Whether every page is the whole list."""
    window: int | None = None
    """The row behind which nothing is served."""
    behind_window: int = 200
    """The status of what reaches beyond it; 200 is what there is of it before."""
    behind_end: int = 200
    """The status of a page that begins behind the last row."""

    def cut(self, limit: int, offset: int, rows: int) -> range | int:
        """Return which rows are served of so many, or the status of a refusal."""
        if limit > self.max_limit and self.limits == "rejected":
            return 400
        if self.whole:
            return range(rows)
        limit = self.max_limit if self.limits == "ignored" else min(limit, self.max_limit)
        first = {
            "rows": offset,
            "ignored": 0,
            "rounded": offset // limit * limit,
            "from one": max(0, offset - 1),
            "pages": offset * limit,
        }[self.offsets]
        beyond = first + limit
        if self.window is not None and beyond > self.window:
            if self.behind_window != 200:
                return self.behind_window
            beyond = self.window
        if self.behind_end != 200 and first >= rows and first:
            return self.behind_end
        return range(min(first, rows), min(beyond, rows))
