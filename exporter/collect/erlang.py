"""Erlang's loss formula: what share of calls a limit refuses, and which limit refuses few enough.

Where calls come independently of one another, and one that finds all N slots in use is refused, the share
refused of an offered load of A erlangs is B = (A^N / N!) / sum(A^k / k!, k = 0 ... N), however much the
lengths of calls differ (A. K. Erlang, 1917). Where calls take several slots each, it follows from the
recursion of J. S. Kaufman and J. W. Roberts (1981), which for one slot each is Erlang's.

A load is the mean number of calls at a time, by how many slots each of them takes. The offered load is what
it would be if none were refused; the carried load, which a list of calls shows, is less (ITU-T E.501).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, repeat
from operator import mul

Load = Mapping[int, float]

_MOST_REFUSED = 0.5
"""The most that a carried load can tell, of calls of the largest size: where more is refused, there is hardly
ever a free slot, whatever the offered load."""
_STEPS, _LAST_STEP = 50, 1e-6  # of Newton's method; the one after a step as small as that would be nothing
_HIGH = 1e200  # above it, likelihoods are scaled down
_LOW = 1e-20  # of all; what is less likely than that doesn't count
_DEVIATIONS = 8.0  # from the mean; so far below it nothing counts either


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a limit does to a load."""

    blocking: float
    """The share of calls that it refuses."""
    slots_needed: int | None
    """The lowest limit that refuses few enough; None where half of the calls or more are refused: the carried
    load doesn't tell how many those are."""


def capacity(carried: Load, limit: int, most_refused: float) -> Capacity:
    """Return what a limit does that leaves this load, and which one refuses no more than a share of calls."""
    growth = _growth(carried, limit)
    load, is_told = _grown(carried, growth), growth < _highest_growth(carried)
    return Capacity(blocking(load, limit), slots_needed(load, most_refused) if is_told else None)


def blocking(load: Load, limit: int) -> float:
    """Return the share of calls that a limit refuses of an offered load, in which all calls last as long."""
    found = next(_occupancies(load, limit), None)
    return _refused(_shares(load), *found) if found else 0.0


def slots_needed(load: Load, most_refused: float) -> int:
    """Return the lowest limit that refuses no more than this share, above 0, of an offered load."""
    shares, slots_in_use = _shares(load), _slots_in_use(load)
    refused = most_refused * sum(load.values()) * max(slots_in_use, default=1)  # slots, were they all large
    first = max(0, math.floor(sum(slots_in_use.values()) - refused))  # a lower limit has no room for the rest
    limits = enumerate(_occupancies(load, first), first)
    return next(limit for limit, found in limits if _refused(shares, *found) <= most_refused)


def offered(carried: Load, limit: int) -> Load:
    """Return the offered load of which a limit leaves this load; at most twice as much of any size."""
    return _grown(carried, _growth(carried, limit))


def _grown(load: Load, growth: float) -> Load:
    return {slots: calls * growth**slots for slots, calls in load.items()}


def _highest_growth(load: Load) -> float:
    return math.pow(1 - _MOST_REFUSED, -1 / max(_slots_in_use(load), default=1))


def _growth(carried: Load, limit: int) -> float:
    """Return g: a limit that leaves this load lets a call of b slots through with a probability of g^-b.

    Of calls of one slot that is exact, and their load A has A(1 - B) = carried; of others it is so where the
    limit has room for more than a few.
    """
    found = next(_occupancies(carried, limit), None)
    if found is None:  # it is so far below the limit that nothing is refused
        return 1.0
    likelihoods, total = found
    downwards = [each / total for each in reversed(likelihoods)]
    slots_in_use = _slots_in_use(carried)
    in_use = sum(slots_in_use.values())
    highest = _highest_growth(carried)
    growth = 1.0
    for _ in range(_STEPS):
        mean, variance = _in_use(downwards, limit, growth)
        before = growth
        growth = min(max(growth * (1 + (in_use - mean) / variance), 1.0), highest) if variance else highest
        if abs(growth - before) <= _LAST_STEP:
            break
    return growth


def _occupancies(load: Load, first: int) -> Iterator[tuple[Sequence[float], float]]:
    """Yield for each limit from the first on how likely it is that so many slots are in use, and the sum.

    The likelihoods are those of ever more slots up to the limit, all but for the same factor; those of few
    slots may be left out where they don't count. It ends with the limits that refuse nothing.
    """
    slots_in_use = _slots_in_use(load)
    terms, most = tuple(slots_in_use.items()), max(slots_in_use, default=1)
    likelihoods, total = [0.0] * (most - 1) + [1.0], 1.0
    begin = _begin(slots_in_use.get(1, 0.0), first) if most == 1 else 0
    for limit in count(begin):
        if limit >= first:
            yield likelihoods, total
        likelihood = 0.0
        for slots, in_use in terms:
            likelihood += in_use * likelihoods[-slots]
        likelihood /= limit + 1
        likelihoods.append(likelihood)
        total += likelihood
        if total > _HIGH:
            likelihoods, total = [each / total for each in likelihoods], 1.0
            kept = next(place for place, each in enumerate(likelihoods) if each > _LOW)
            del likelihoods[: min(kept, len(likelihoods) - most)]
        elif not likelihood and not any(likelihoods[-most:]):
            return


def _begin(calls: float, first: int) -> int:
    """Return the number of slots in use, at one a call, up to which nothing counts at the first limit."""
    return max(0, math.floor(min(first, calls) - _DEVIATIONS * math.sqrt(calls)))


def _slots_in_use(load: Load) -> Mapping[int, float]:
    """Return how many slots are in use by the calls of each size that there is."""
    return {slots: slots * calls for slots, calls in load.items() if calls}


def _shares(load: Load) -> Sequence[tuple[int, float]]:
    """Return what share of all calls takes how many slots."""
    calls = sum(load.values()) or 1.0
    return [(slots, each / calls) for slots, each in load.items()]


def _refused(shares: Sequence[tuple[int, float]], likelihoods: Sequence[float], total: float) -> float:
    """Return the share of calls that finds fewer slots free than they take."""
    return sum([share * sum(likelihoods[-slots:]) for slots, share in shares]) / total


def _in_use(downwards: Sequence[float], limit: int, growth: float) -> tuple[float, float]:
    """Return the mean number of slots in use, and its variance, where the load of each slot has grown.

    The likelihood that n of them are in use has grown n times over.
    """
    likelihoods = list(map(mul, downwards, accumulate(repeat(1 / growth), mul, initial=1.0)))
    total = sum(likelihoods)
    mean = sum(map(mul, likelihoods, count())) / total  # of the free slots
    variance = sum([each * (free - mean) ** 2 for free, each in enumerate(likelihoods)]) / total
    return limit - mean, variance
