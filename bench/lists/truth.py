"""What is true of a list, and what of a listing is false."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from math import inf

from bench.lists.population import Population
from exporter.exotel.models import Call
from exporter.simulator.profile import Profile


class Truth:
    """Which calls a server may be expected to show, up to a moment that moves on.

    That is by the list itself, not by the calls: one that the list shows late, or for a while as it was, is
    there for as long as the list would have it, since no reader could know better; and one that it never
    shows by name is none. What only some of its answers show is to be found.
    """

    def __init__(self, profile: Profile, population: Population) -> None:
        self.active: dict[str, float] = {}
        """Since when calls are active that are so now."""
        self.ended: dict[str, float] = {}
        """When those ended that aren't."""
        ends = {row.sid: row.ended + profile.ghost for row in population.ends if row.ended is not None}
        births = {row.sid: profile.appears(row) for row in population.births if profile.shows(row)}
        shown = {sid: at for sid, at in births.items() if at < ends.get(sid, inf)}
        self._births = deque(sorted((at, sid) for sid, at in shown.items()))
        self._ends = deque((at, sid) for sid, at in ends.items() if sid in shown)

    def advance(self, to: float) -> None:
        """Go on to a moment."""
        while self._births and self._births[0][0] <= to:
            at, sid = self._births.popleft()
            self.active[sid] = at
        while self._ends and self._ends[0][0] <= to:
            at, sid = self._ends.popleft()
            del self.active[sid]
            self.ended[sid] = at

    def false_calls(self, calls: Collection[Call], since: float) -> int:
        """Return how many calls were lost or invented where these are said to be all since then, until now.

        Lost is who was active all the while and isn't listed; invented is who is listed, not as ended, and
        was active at no moment of it.
        """
        listed = {call.call_sid for call in calls}
        over = {call.call_sid for call in calls if call.status is not None and call.status.is_over}
        lost = sum(at <= since and sid not in listed for sid, at in self.active.items())
        return lost + sum(self.ended.get(sid, inf) < since for sid in listed - over)
