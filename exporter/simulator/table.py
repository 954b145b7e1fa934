"""The list of calls on one replica of a server, and how responses over the same list may differ."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left
from collections import Counter
from operator import attrgetter
from random import Random

from exporter.simulator.call import Status
from exporter.simulator.orders import ORDERS, SHARDS, Row, shard_of
from exporter.simulator.profile import Profile, Reordering

_ACTIVE: tuple[Status, ...] = ("queued", "ringing", "in-progress")


class Table:
    """The list on one replica: it learns of changes at once, and applies them up to `lag` seconds later.

    Of a call with two rows, one stands behind the other.
    """

    def __init__(self, profile: Profile, lag: float = 0.0) -> None:
        self._profile = profile
        self._lag = lag
        self._rows = ORDERS[profile.order]()
        self.rows = self._rows.rows
        self.statuses: Counter[Status] = Counter()
        self.ever = 0
        """Calls that were ever in the list."""
        self.hidden = 0
        """Calls in the list that are hidden."""
        self._known: dict[int, Row] = {}
        self._due: list[tuple[float, int, Row, bool]] = []
        self._changes = itertools.count()

    @property
    def calls(self) -> int:
        """Calls in the list."""
        return len(self._known)

    @property
    def active(self) -> int:
        """Calls in the list that haven't ended."""
        return sum(self.statuses[status] for status in _ACTIVE)

    def update(self, at: float, row: Row) -> None:
        """Record a new version of a row, or the first or the last; in order of time."""
        now = at - self._lag
        self.advance(now)  # changes mustn't accumulate in a list that nobody requests
        if self._profile.late:
            at = max(at, self._profile.appears(row))
        if row.ended is None or self._profile.linger:
            self._schedule(at, row, now, is_removal=False)
        if row.ended is not None:
            self._schedule(at + self._profile.linger + self._profile.ghost, row, now, is_removal=True)

    def advance(self, to: float) -> None:
        """Apply the changes up to a moment."""
        due = self._due
        while due and due[0][0] <= to:
            _, _, row, is_removal = heapq.heappop(due)
            self._apply(row, is_removal=is_removal)

    def _schedule(self, at: float, row: Row, now: float, *, is_removal: bool) -> None:
        if at <= now:
            self._apply(row, is_removal=is_removal)
        else:
            heapq.heappush(self._due, (at, next(self._changes), row, is_removal))

    def _apply(self, row: Row, *, is_removal: bool) -> None:
        before = self._known.get(row.number)
        if before is not None:
            self.statuses[before.status] -= 1
        if not is_removal:
            self._put(row, is_new=before is None)
        elif before is not None:
            self._remove(row)

    def _put(self, row: Row, *, is_new: bool) -> None:
        self.statuses[row.status] += 1
        self._known[row.number] = row
        if is_new:
            self.ever += 1
            self.hidden += self._profile.is_hidden(row)
        self._rows.put(row)
        if self._profile.is_doubled(row):
            self._rows.put(row._replace(number=~row.number))

    def _remove(self, row: Row) -> None:
        del self._known[row.number]
        self.hidden -= self._profile.is_hidden(row)
        self._rows.remove(row)
        if self._profile.is_doubled(row):
            self._rows.remove(row._replace(number=~row.number))


def reordered(rows: list[Row], cut: range, reordering: Reordering, random: Random) -> list[Row]:
    """Return the rows of a page, in the order of this response."""
    match reordering:
        case "shuffled":  # any part of a shuffled list is a sample of it
            return random.sample(rows, len(cut))
        case "rotated":
            first = random.randrange(len(rows)) if rows else 0
            return [rows[(first + index) % len(rows)] for index in cut]
        case "ties":
            return _shuffle_ties(rows, cut, random)
        case "shards":
            return _shuffle_shards(rows, cut, random)
    return rows[cut.start : cut.stop]


def without_a_shard(rows: list[Row], random: Random) -> list[Row]:
    """Return the rows of all shards but a random one."""
    lost = random.randrange(SHARDS)
    first, end = (bisect_left(rows, shard, key=shard_of) for shard in (lost, lost + 1))
    return rows[:first] + rows[end:]


def _shuffle_ties(rows: list[Row], cut: range, random: Random) -> list[Row]:
    """Shuffle rows with equal start times; only groups that the page shows are touched."""
    if not cut:
        return []
    first, end = cut.start, cut.stop
    while first and rows[first - 1].started == rows[first].started:
        first -= 1
    while end < len(rows) and rows[end].started == rows[end - 1].started:
        end += 1
    found: list[Row] = []
    for _, ties in itertools.groupby(rows[first:end], attrgetter("started")):
        equal = list(ties)
        found += random.sample(equal, len(equal))
    return found[cut.start - first : cut.stop - first]


def _shuffle_shards(rows: list[Row], cut: range, random: Random) -> list[Row]:
    """Return the page with the shards in a random order."""
    bounds = [*(bisect_left(rows, shard, key=shard_of) for shard in range(SHARDS)), len(rows)]
    shards = list(itertools.pairwise(bounds))
    found: list[Row] = []
    passed = 0
    for first, end in random.sample(shards, len(shards)):
        found += rows[first + max(0, cut.start - passed) : max(first, min(end, first + cut.stop - passed))]
        passed += end - first
    return found
