"""The rows of calls, and the orders in which back ends keep them."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from exporter.simulator.call import Status

TableOrder = Literal[
    "start",
    "newest",
    "start, touched",
    "sid",
    "insertion",
    "direction",
    "updated",
    "updated newest",
    "status",
    "status newest",
    "progress",
    "duration",
    "agent",
    "shards",
    "map",
    "heap",
    "heap in place",
    "swap",
]
Key = tuple[float | str, ...]

SHARDS = 4
_PROGRESS = {"queued": 0, "ringing": 1, "in-progress": 2}  # as a column of an enumeration sorts


class Row(NamedTuple):
    """A call as the table has it between two changes; times are Unix seconds."""

    sid: str
    number: int
    """By which calls came into the table."""
    lot: int
    """Drawn once for each call, 32 bits: whatever is arbitrary of it."""
    born: float
    """When the call began."""
    started: float
    """What its start time says."""
    updated: float
    status: Status
    inbound: bool
    answered: float | None
    ended: float | None
    written: Any = None
    """What else there is to show of it."""


class Places(Protocol):
    """Rows in an order."""

    rows: list[Row]

    def put(self, row: Row) -> None:
        """Have a row in its place, and no longer as it was."""

    def drop(self, row: Row) -> None:
        """Have it no more; it is there."""


class Sorted:
    """Rows that a key sorts; one whose key changes moves."""

    def __init__(self, key: Callable[[Row], Key]) -> None:
        self.rows: list[Row] = []
        self._key = key
        self._keys: list[Key] = []
        self._key_of: dict[int, Key] = {}

    def put(self, row: Row) -> None:
        """Have a row in its place, and no longer as it was."""
        key, before = (*self._key(row), row.number), self._key_of.get(row.number)
        if before is not None:
            if before == key:
                self.rows[bisect_left(self._keys, key)] = row
                return
            self.drop(row)
        place = bisect_left(self._keys, key)
        self._keys.insert(place, key)
        self.rows.insert(place, row)
        self._key_of[row.number] = key

    def drop(self, row: Row) -> None:
        """Have it no more; it is there."""
        place = bisect_left(self._keys, self._key_of.pop(row.number))
        del self._keys[place], self.rows[place]


class Heap:
    """Rows in the first slot that was free when they came, or when they were last written."""

    def __init__(self, *, in_place: bool) -> None:
        self._in_place = in_place
        self._slots: dict[int, float] = {}
        self._free: list[float] = []
        self._sorted = Sorted(lambda row: (self._slots[row.number],))
        self.rows = self._sorted.rows

    def put(self, row: Row) -> None:
        """Have a row in its place, and no longer as it was."""
        before = self._slots.get(row.number)
        if before is None or not self._in_place:
            self._slots[row.number] = heapq.heappop(self._free) if self._free else float(len(self._slots))
        self._sorted.put(row)
        if before is not None and not self._in_place:
            heapq.heappush(self._free, before)

    def drop(self, row: Row) -> None:
        """Have it no more; it is there."""
        self._sorted.drop(row)
        heapq.heappush(self._free, self._slots.pop(row.number))


class Array:
    """Rows one behind the other; the last one takes the place of one that goes."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._places: dict[int, int] = {}

    def put(self, row: Row) -> None:
        """Have a row in its place, and no longer as it was."""
        place = self._places.setdefault(row.number, len(self.rows))
        self.rows[place : place + 1] = [row]

    def drop(self, row: Row) -> None:
        """Have it no more; it is there."""
        place, last = self._places.pop(row.number), self.rows.pop()
        if last.number != row.number:
            self.rows[place] = last
            self._places[last.number] = place


class HashMap:
    """Rows by their hash; the map is rebuilt, with another hash, when as many came as it has half."""

    def __init__(self) -> None:
        self._sorted = Sorted(self._hash)
        self.rows = self._sorted.rows
        self._known: set[int] = set()
        self._salt, self._came = 1, 0

    def put(self, row: Row) -> None:
        """Have a row in its place, and no longer as it was."""
        self._sorted.put(row)
        self._came += row.number not in self._known
        self._known.add(row.number)
        if self._came > 16 + len(self.rows) // 2:
            self._rebuild()

    def drop(self, row: Row) -> None:
        """Have it no more; it is there."""
        self._sorted.drop(row)
        self._known.discard(row.number)

    def _rebuild(self) -> None:
        rows = self.rows.copy()
        for row in rows:
            self._sorted.drop(row)
        self._salt, self._came = self._salt + 2, 0
        for row in rows:
            self._sorted.put(row)

    def _hash(self, row: Row) -> Key:
        return (row.lot * self._salt * 2_654_435_761 % 2**32,)


def shard_of(row: Row) -> int:
    """Return the shard that has a row."""
    return row.lot % SHARDS


def _by_duration(row: Row) -> Key:
    return (row.answered if row.answered is not None else float("inf"),)


_KEYS: dict[TableOrder, Callable[[Row], Key]] = {
    "start": lambda row: (row.started,),
    "newest": lambda row: (-row.started,),
    "start, touched": lambda row: (row.started, row.updated),
    "sid": lambda row: (row.lot,),
    "insertion": lambda _: (),
    "direction": lambda row: (row.inbound, row.started),
    "updated": lambda row: (row.updated,),
    "updated newest": lambda row: (-row.updated,),
    "status": lambda row: (row.status, row.started),
    "status newest": lambda row: (row.status, -row.started),
    "progress": lambda row: (_PROGRESS.get(row.status, 3), row.started),
    "duration": _by_duration,
    "agent": lambda row: (0 if row.status == "queued" else 1 + row.lot % 997, row.started),
    "shards": lambda row: (shard_of(row), row.started),
}


def places(order: TableOrder) -> Places:
    """Return an empty list that keeps an order."""
    if order == "swap":
        return Array()
    if order == "map":
        return HashMap()
    if order in {"heap", "heap in place"}:
        return Heap(in_place=order == "heap in place")
    return Sorted(_KEYS[order])
