"""The list of calls as one machine of a back end has it: rows come, change and go."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter

from exporter.simulator.call import Status
from exporter.simulator.orders import Row, places
from exporter.simulator.profile import Profile

_LIVE: tuple[Status, ...] = ("queued", "ringing", "in-progress")


class Table:
    """The list as one machine has it: it is told of changes, and goes through them up to a moment of its own.

    That is at most so many seconds `behind`. Of a call with two rows one stands behind the other.
    """

    def __init__(self, profile: Profile, behind: float = 0.0) -> None:
        self._profile = profile
        self._behind = behind
        self._places = places(profile.order)
        self.rows = self._places.rows
        self.statuses: Counter[Status] = Counter()
        self.ever = 0
        """Calls that were in the list so far."""
        self.hidden = 0
        """Calls in the list that are hidden."""
        self._known: dict[int, Row] = {}
        self._due: list[tuple[float, int, Row, bool]] = []
        self._changes = itertools.count()

    @property
    def calls(self) -> int:
        """Return how many calls the list has."""
        return len(self._known)

    @property
    def active(self) -> int:
        """Return the rows of calls that haven't ended."""
        return sum(self.statuses[status] for status in _LIVE)

    def tell(self, at: float, row: Row) -> None:
        """Hear of a row that came or changed, or ended; in the order of time."""
        now = at - self._behind
        self.advance(now)  # what is due is not to pile up where nobody asks
        if self._profile.late:
            at = max(at, self._profile.appears(row))
        if row.ended is None or self._profile.linger:
            self._plan(at, row, now, is_gone=False)
        if row.ended is not None:
            self._plan(at + self._profile.linger + self._profile.ghost, row, now, is_gone=True)

    def advance(self, to: float) -> None:
        """Go through the changes until then."""
        due = self._due
        while due and due[0][0] <= to:
            _, _, row, is_gone = heapq.heappop(due)
            self._change(row, is_gone=is_gone)

    def _plan(self, at: float, row: Row, now: float, *, is_gone: bool) -> None:
        if at <= now:
            self._change(row, is_gone=is_gone)
        else:
            heapq.heappush(self._due, (at, next(self._changes), row, is_gone))

    def _change(self, row: Row, *, is_gone: bool) -> None:
        before = self._known.get(row.number)
        if before is not None:
            self.statuses[before.status] -= 1
        if not is_gone:
            self._put(row, is_new=before is None)
        elif before is not None:
            self._drop(row)

    def _put(self, row: Row, *, is_new: bool) -> None:
        self.statuses[row.status] += 1
        self._known[row.number] = row
        if is_new:
            self.ever += 1
            self.hidden += self._profile.is_hidden(row)
        self._places.put(row)
        if self._profile.is_doubled(row):
            self._places.put(row._replace(number=~row.number))

    def _drop(self, row: Row) -> None:
        del self._known[row.number]
        self.hidden -= self._profile.is_hidden(row)
        self._places.drop(row)
        if self._profile.is_doubled(row):
            self._places.drop(row._replace(number=~row.number))
