"""Draw the calls of a contact centre one by one: menus, queue, patience, agents, transfers, holds.

What becomes of a call is decided when it joins the queue: agents are kept by when they are free next, so that
the first in the queue gets the first who is. Times are seconds since 1970.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush, heapreplace
from itertools import count
from math import inf, log
from random import Random
from typing import Any

from bench.centres.demand import BOT_TALK, MENU_ONLY, REACHED, REACHED_BY_DIALLER, Demand, Source
from bench.centres.model import Event, Kind
from exporter.exotel.enums import AgentStatus, CallStatus, Direction
from exporter.exotel.models import NamedAgent

_SPREAD = 0.7  # of the logarithm of handling times
_TRANSFERS, _HOLDS, _MUTES = 0.03, 0.1, 0.05  # shares of talks
_LEAST_TO_HOLD = 30.0  # seconds of a talk in which somebody is put on hold

Interval = tuple[float, float]
"""From when to when; of durations, the least and the most."""
NEVER: Interval = (inf, inf)

# Seconds
_QUEUED = (1.0, 3.0)
_PICK_UP = (2.0, 8.0)
_ANSWERED = (8.0, 20.0)
_UNANSWERED = (15.0, 30.0)
_SILENCE = (3.0, 12.0)  # that somebody who was called listens into it
_CONSULTATION = (20.0, 60.0)
_HOLD = (20.0, 90.0)
_MUTE = (5.0, 40.0)


class Call:
    """One call, as it truly is."""

    __slots__ = (
        *("answered", "call_sid", "direction", "end", "hold", "is_by_bot", "mute", "number"),
        *("phases", "start", "started", "talks_from"),
    )

    def __init__(self, number: int, direction: Direction, start: float) -> None:
        self.number = number
        self.call_sid = f"{number:08x}c0ffee"
        self.direction = direction
        self.start = start
        self.started = ""
        """The start as the API writes it, once somebody has asked."""
        self.answered = inf
        """From when on its duration counts."""
        self.talks_from = inf
        """From when on somebody talks with it, an agent or a bot."""
        self.end = inf
        self.is_by_bot = False
        self.hold = NEVER
        self.mute = NEVER
        self.phases: list[tuple[float, CallStatus, NamedAgent | None]] = []
        """Until when it has which status and agent."""


class Traffic:
    """The calls of a centre, drawn as far as somebody has looked."""

    def __init__(self, kind: Kind, events: Sequence[Event], begin: float, seed: str) -> None:
        self._kind = kind
        self._demand = demand = Demand(kind, events, begin, seed)
        self._random = Random(seed)  # noqa: S311  # reproducible, nothing to guard
        self._numbers, self._order = count(1), count()
        self._due: list[tuple[float, int, Callable[[float, Any], None], Any]] = []
        self._lines, self._sessions = _Slots(kind.call_limit), _Slots(kind.bot_limit)
        self._active: list[Call] = []
        self._mu = log(kind.talk) - _SPREAD**2 / 2
        self._agents = [(begin, number) for number in range(demand.most_agents)]  # when each is free
        self._ringing = [NamedAgent(f"agent-{number}", AgentStatus.AVAILABLE) for _, number in self._agents]
        self._talking = [NamedAgent(f"agent-{number}", AgentStatus.ON_CALL) for _, number in self._agents]
        self._begins = {
            Source.CALLER: self._call_in,
            Source.AGENT: self._call_out,
            Source.DIALLER: self._dial,
            Source.BOT: self._call_bot,
        }
        self.refused = 0
        """Calls beyond the limit."""
        for source in Source:
            self._draw_next(begin, source)
        for event in events:
            if event.stuck:
                self._push(event.start, self._get_stuck, event.stuck)
            if event.forgotten:
                self._push(event.start, self._forget, event.forgotten)

    def at(self, now: float) -> Sequence[Call]:
        """Return the calls that are active now, by their start; moments never go back."""
        while self._due[0][0] <= now:
            moment, _, happen, what = heappop(self._due)
            happen(moment, what)
        self._active = [call for call in self._active if call.end > now]
        return self._active

    # How calls begin

    def _push(self, at: float, happen: Callable[[float, Any], None], what: object) -> None:
        heappush(self._due, (at, next(self._order), happen, what))

    def _draw_next(self, now: float, source: Source) -> None:
        """Draw when the next call of a source begins; if not in this step, draw anew in the next one."""
        rate, step_end = self._demand.rate(source, now), self._demand.step_end(now)
        at = now + self._random.expovariate(rate) if rate else inf
        if at < step_end:
            self._push(at, self._begin, source)
        else:
            self._push(step_end, self._draw_next, source)

    def _begin(self, now: float, source: Source) -> None:
        self._draw_next(now, source)
        if self._lines.are_free(now):
            self._begins[source](now)
        else:
            self.refused += 1

    def _new(self, direction: Direction, now: float) -> Call:
        call = Call(next(self._numbers), direction, now)
        self._active.append(call)
        return call

    def _call_in(self, now: float) -> None:
        call = self._new(Direction.INBOUND, now)
        if not self._kind.menu:
            self._queue(now, call)
            return
        call.answered = now
        chooses = now + self._random.expovariate(1 / self._kind.menu)
        call.phases.append((chooses, CallStatus.IN_PROGRESS, None))
        if self._random.random() < MENU_ONLY:
            self._end(call, chooses)
        else:
            self._lines.undecided += 1
            self._push(chooses, self._leave_menu, call)

    def _call_out(self, now: float) -> None:
        """Have an agent call somebody, if one is free."""
        if (found := self._next_agent(now, 0.0)) is None:
            return
        call, (_, agent) = self._new(Direction.OUTBOUND_API, now), found
        if self._random.random() < REACHED:
            answered = now + self._random.uniform(*_ANSWERED)
            call.phases.append((answered, CallStatus.RINGING, self._ringing[agent]))
            self._talk(call, answered, agent)
        else:
            end = now + self._random.uniform(*_UNANSWERED)
            call.phases.append((end, CallStatus.RINGING, self._ringing[agent]))
            heapreplace(self._agents, (end, agent))
            self._end(call, end)

    def _dial(self, now: float) -> None:
        call, rings = self._new(Direction.OUTBOUND_API, now), now + self._random.uniform(*_QUEUED)
        call.phases.append((rings, CallStatus.QUEUED, None))
        if self._random.random() < REACHED_BY_DIALLER:
            answered = rings + self._random.uniform(*_ANSWERED)
            call.answered = answered
            call.phases.append((answered, CallStatus.RINGING, None))
            self._lines.undecided += 1
            self._push(answered, self._answer_dialler, call)
        else:
            end = rings + self._random.uniform(*_UNANSWERED)
            call.phases.append((end, CallStatus.RINGING, None))
            self._end(call, end)

    def _call_bot(self, now: float) -> None:
        if not self._sessions.are_free(now):
            self.refused += 1
            return
        call = self._new(Direction.INBOUND, now)
        call.is_by_bot = True
        call.answered = call.talks_from = now
        end = now + self._random.expovariate(1 / BOT_TALK)
        call.phases.append((end, CallStatus.IN_PROGRESS, None))
        self._sessions.take(end)
        self._end(call, end)

    def _get_stuck(self, now: float, seconds: float) -> None:
        """Begin a call with an agent of its own that doesn't end."""
        call = self._new(Direction.INBOUND if self._kind.inbound else Direction.OUTBOUND_API, now)
        call.answered = call.talks_from = now
        call.phases.append(
            (now + seconds, CallStatus.IN_PROGRESS, NamedAgent("agent-x", AgentStatus.ON_CALL))
        )
        self._end(call, now + seconds)

    def _forget(self, now: float, seconds: float) -> None:
        """Begin a call that is put on hold after a moment, and hangs up in the end."""
        self._get_stuck(now, seconds + 30.0)
        self._active[-1].hold = (now + 30.0, now + 30.0 + seconds)

    # How they go on

    def _leave_menu(self, now: float, call: Call) -> None:
        self._lines.undecided -= 1
        self._queue(now, call)

    def _queue(self, now: float, call: Call) -> None:
        patience = self._random.expovariate(1 / self._kind.patience)
        if (found := self._next_agent(now, patience)) is None:
            call.phases.append((now + patience, CallStatus.QUEUED, None))
            self._end(call, now + patience)
            return
        rings, agent = found
        answered = rings + self._random.uniform(*_PICK_UP)
        call.phases.append((rings, CallStatus.QUEUED, None))
        call.phases.append((answered, CallStatus.RINGING, self._ringing[agent]))
        self._talk(call, answered, agent)

    def _answer_dialler(self, now: float, call: Call) -> None:
        """Answer a call for which the dialler then has an agent, or none."""
        self._lines.undecided -= 1
        patience = self._random.uniform(*_SILENCE)
        found = self._next_agent(now, patience)
        silent_until = now + patience if found is None else found[0]
        call.phases.append((silent_until, CallStatus.IN_PROGRESS, None))
        if found is None:
            self._end(call, silent_until)
        else:
            self._talk(call, *found)

    def _next_agent(self, now: float, patience: float) -> tuple[float, int] | None:
        """Return when which agent is free for whoever waits so long; None when all are too late."""
        while self._agents:
            free, agent = self._agents[0]
            at = max(free, now)
            if at > now + patience:
                return None
            if (there := self._demand.next_presence(agent, at)) == at:
                return at, agent
            heapreplace(self._agents, (there, agent))
        return None

    def _talk(self, call: Call, at: float, agent: int) -> None:
        """Let a call talk with the agent who is next."""
        random = self._random
        seconds = random.lognormvariate(self._mu, _SPREAD)
        end = at + seconds
        call.answered, call.talks_from = min(call.answered, at), at
        call.phases.append((end, CallStatus.IN_PROGRESS, self._talking[agent]))
        heapreplace(self._agents, (end + random.expovariate(1 / self._kind.wrap_up), agent))
        if seconds > _LEAST_TO_HOLD:
            middle = at + seconds * random.uniform(0.2, 0.6)
            if random.random() < _HOLDS:
                call.hold = (middle, middle + random.uniform(*_HOLD))
            if random.random() < _MUTES:
                call.mute = (middle, middle + random.uniform(*_MUTE))
            if random.random() < _TRANSFERS:
                self._push(middle, self._consult, (end, agent))
        self._end(call, end)

    def _consult(self, now: float, talk: tuple[float, int]) -> None:
        """Have an agent call a colleague beside the talk that is to be transferred."""
        if not self._lines.are_free(now):
            return
        talk_end, agent = talk
        call = self._new(Direction.OUTBOUND_DIAL, now)
        answered = now + self._random.uniform(*_PICK_UP)
        end = max(answered, min(talk_end, answered + self._random.uniform(*_CONSULTATION)))
        call.answered = call.talks_from = answered
        call.phases.append((answered, CallStatus.RINGING, self._ringing[agent]))
        call.phases.append((end, CallStatus.IN_PROGRESS, self._talking[agent]))
        self._end(call, end)

    def _end(self, call: Call, at: float) -> None:
        call.end = at
        self._lines.take(at)


class _Slots:
    """The slots of a limit, as far as there is one."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._ends: list[float] = []
        self.undecided = 0
        """Slots taken by calls of which the end isn't known."""

    def take(self, end: float) -> None:
        """Take a slot until then."""
        if self._limit is not None:
            heappush(self._ends, end)

    def are_free(self, now: float) -> bool:
        """Return whether there is another one."""
        while self._ends and self._ends[0] <= now:
            heappop(self._ends)
        return self._limit is None or len(self._ends) + self.undecided < self._limit
