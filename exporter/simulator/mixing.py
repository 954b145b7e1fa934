"""What differs between two answers though the list is the same."""

from bisect import bisect_left
from itertools import groupby, pairwise
from operator import attrgetter
from random import Random
from typing import Literal

from exporter.simulator.orders import SHARDS, Row, shard_of

Mixing = Literal["none", "shuffled", "rotated", "ties", "shards", "shard lost"]


def mixed(rows: list[Row], cut: range, mixing: Mixing, random: Random) -> list[Row]:
    """Return the rows of a page, in this answer's own order."""
    match mixing:
        case "shuffled":  # any part of a shuffled list is a sample of it
            return random.sample(rows, len(cut))
        case "rotated":
            first = random.randrange(len(rows)) if rows else 0
            return [rows[(first + place) % len(rows)] for place in cut]
        case "ties":
            return _with_ties_mixed(rows, cut, random)
        case "shards":
            return _with_shards_mixed(rows, cut, random)
    return rows[cut.start : cut.stop]


def without_a_shard(rows: list[Row], random: Random) -> list[Row]:
    """Return the rows of all shards but one."""
    lost = random.randrange(SHARDS)
    first, beyond = (bisect_left(rows, shard, key=shard_of) for shard in (lost, lost + 1))
    return rows[:first] + rows[beyond:]


def _with_ties_mixed(rows: list[Row], cut: range, random: Random) -> list[Row]:
    """Mix the rows with equal start times, as far as the page has some of them."""
    if not cut:
        return []
    first, beyond = cut.start, cut.stop
    while first and rows[first - 1].started == rows[first].started:
        first -= 1
    while beyond < len(rows) and rows[beyond].started == rows[beyond - 1].started:
        beyond += 1
    found: list[Row] = []
    for _, ties in groupby(rows[first:beyond], attrgetter("started")):
        equal = list(ties)
        found += random.sample(equal, len(equal))
    return found[cut.start - first : cut.stop - first]


def _with_shards_mixed(rows: list[Row], cut: range, random: Random) -> list[Row]:
    """Take the shards in another order."""
    bounds = [*(bisect_left(rows, shard, key=shard_of) for shard in range(SHARDS)), len(rows)]
    shards = list(pairwise(bounds))
    found: list[Row] = []
    passed = 0
    for first, beyond in random.sample(shards, len(shards)):
        found += rows[first + max(0, cut.start - passed) : max(first, min(beyond, first + cut.stop - passed))]
        passed += beyond - first
    return found
