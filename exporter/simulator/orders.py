"""Rows of calls, and the orders in which a server may keep them."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from exporter.simulator.call import Status

Key = tuple[float | str, ...]

SHARDS = 4
_PROGRESS = {"queued": 0, "ringing": 1, "in-progress": 2}  # as an enumerated column sorts


class Row(NamedTuple):
    """A version of a call's row; times are Unix seconds."""

    sid: str
    number: int
    """Counts the calls in the order in which they were listed."""
    hash: int
    """32 random bits, constant for a call."""
    born: float
    """When the call began."""
    started: float
    """The start time that the row shows."""
    updated: float
    status: Status
    inbound: bool
    answered: float | None
    ended: float | None
    call: Any = None
    """The call in this state, for its other fields."""


class Rows(Protocol):
    """Rows in an order."""

    rows: list[Row]

    def put(self, row: Row) -> None:
        """Insert a row, or replace the one with its number."""

    def remove(self, row: Row) -> None:
        """Remove the row with this one's number, which must be there."""


class _SortedRows:
    """Rows sorted by a key; one whose key changes moves."""

    def __init__(self, key: Callable[[Row], Key]) -> None:
        self.rows: list[Row] = []
        self._key = key
        self._keys: list[Key] = []
        self._key_of: dict[int, Key] = {}

    def put(self, row: Row) -> None:
        key, before = (*self._key(row), row.number), self._key_of.get(row.number)
        if before is not None:
            if before == key:
                self.rows[bisect_left(self._keys, key)] = row
                return
            self.remove(row)
        index = bisect_left(self._keys, key)
        self._keys.insert(index, key)
        self.rows.insert(index, row)
        self._key_of[row.number] = key

    def remove(self, row: Row) -> None:
        index = bisect_left(self._keys, self._key_of.pop(row.number))
        del self._keys[index], self.rows[index]


class _HeapRows:
    """Rows in the slot that was the first free one at their insertion, or at their last update."""

    def __init__(self, *, in_place: bool) -> None:
        self._in_place = in_place
        self._slots: dict[int, float] = {}
        self._free: list[float] = []
        self._sorted = _SortedRows(lambda row: (self._slots[row.number],))
        self.rows = self._sorted.rows

    def put(self, row: Row) -> None:
        before = self._slots.get(row.number)
        if before is None or not self._in_place:
            self._slots[row.number] = heapq.heappop(self._free) if self._free else float(len(self._slots))
        self._sorted.put(row)
        if before is not None and not self._in_place:
            heapq.heappush(self._free, before)

    def remove(self, row: Row) -> None:
        self._sorted.remove(row)
        heapq.heappush(self._free, self._slots.pop(row.number))


class _SwapRows:
    """Rows in an array; the last one fills the gap of one that is removed."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._indices: dict[int, int] = {}

    def put(self, row: Row) -> None:
        index = self._indices.setdefault(row.number, len(self.rows))
        self.rows[index : index + 1] = [row]

    def remove(self, row: Row) -> None:
        index, last = self._indices.pop(row.number), self.rows.pop()
        if last.number != row.number:
            self.rows[index] = last
            self._indices[last.number] = index


class _HashMapRows:
    """Rows by hash; after insertions of half its size the map is rebuilt with another hash function."""

    def __init__(self) -> None:
        self._sorted = _SortedRows(self._hash)
        self.rows = self._sorted.rows
        self._known: set[int] = set()
        self._salt, self._inserted = 1, 0

    def put(self, row: Row) -> None:
        self._sorted.put(row)
        self._inserted += row.number not in self._known
        self._known.add(row.number)
        if self._inserted > 16 + len(self.rows) // 2:
            self._rebuild()

    def remove(self, row: Row) -> None:
        self._sorted.remove(row)
        self._known.discard(row.number)

    def _rebuild(self) -> None:
        rows = self.rows.copy()
        for row in rows:
            self._sorted.remove(row)
        self._salt, self._inserted = self._salt + 2, 0
        for row in rows:
            self._sorted.put(row)

    def _hash(self, row: Row) -> Key:
        return (row.hash * self._salt * 2_654_435_761 % 2**32,)


def shard_of(row: Row) -> int:
    """Return the shard that holds a row."""
    return row.hash % SHARDS


_KEYS: dict[str, Callable[[Row], Key]] = {
    "start": lambda row: (row.started,),
    "newest": lambda row: (-row.started,),
    "start, touched": lambda row: (row.started, row.updated),
    "sid": lambda row: (row.hash,),
    "insertion": lambda _: (),
    "direction": lambda row: (row.inbound, row.started),
    "updated": lambda row: (row.updated,),
    "updated newest": lambda row: (-row.updated,),
    "status": lambda row: (row.status, row.started),
    "status newest": lambda row: (row.status, -row.started),
    "progress": lambda row: (_PROGRESS.get(row.status, 3), row.started),
    "duration": lambda row: (float("inf") if row.answered is None else row.answered,),
    "agent": lambda row: (0 if row.status == "queued" else 1 + row.hash % 997, row.started),
    "shards": lambda row: (shard_of(row), row.started),
}


ORDERS: dict[str, Callable[[], Rows]] = {
    **{name: partial(_SortedRows, key) for name, key in _KEYS.items()},
    "map": _HashMapRows,
    "heap": partial(_HeapRows, in_place=False),
    "heap in place": partial(_HeapRows, in_place=True),
    "swap": _SwapRows,
}
"""By name, how to create an empty collection that keeps an order."""
