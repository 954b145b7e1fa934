"""How long calls have been on hold, as far as their inspections tell; moments on the monotonic clock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import inf
from typing import Self

LONGEST_UNSEEN = 300.0
"""Seconds. A hold that may have gone on for longer without being seen makes the longest hold unknown."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The hold of a call, if it is on hold."""

    not_before: float
    """When it was last known not to be on hold: one that goes on now began later."""
    since: float = inf
    """The first inspection that saw it on hold, with none after it that saw otherwise; infinite without."""
    seen_at: float = -inf
    """The last that saw it so."""

    def after(self, at: float, *, is_on_hold: bool | None) -> Self:
        """Return what is known after an inspection; one that doesn't tell changes nothing."""
        if is_on_hold is None:
            return self
        return replace(self, since=min(self.since, at), seen_at=at) if is_on_hold else type(self)(at)

    def gone(self, at: float) -> Self:
        """Return what is known of a call that isn't found: it has ended, or else it is as it was before."""
        return replace(self, not_before=at, seen_at=-inf)

    def seen(self, oldest: float) -> float:
        """Return for how many seconds it was seen on hold; 0 where that was last before `oldest`."""
        return self.seen_at - self.since if self.seen_at > oldest else 0.0


def longest_hold(holds: Collection[Hold], now: float, max_age: float) -> float | None:
    """Return the longest hold that was seen, in seconds; None where a longer one may have gone unseen.

    What was seen counts for `max_age`. It is a figure if it is long in itself, or if no call can have been on
    hold for much longer than it was seen to be.
    """
    seen = [hold.seen(now - max_age) for hold in holds]
    longest = max(seen, default=0.0)
    unseen = max((now - hold.not_before - part for hold, part in zip(holds, seen, strict=True)), default=0.0)
    return longest if longest >= LONGEST_UNSEEN or unseen <= LONGEST_UNSEEN else None
