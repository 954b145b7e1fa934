"""A contact centre that lives: calls arrive, ring, are answered or given up, are held and muted, end."""

import heapq
import itertools
import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter

from exporter.simulator import traffic
from exporter.simulator.call import Agent, Call, Script, Status
from exporter.simulator.numbers import form_of
from exporter.simulator.past import Past
from exporter.simulator.settings import Settings
from exporter.simulator.truth import Truth, tell

_EPOCH = 1718427600.0  # 2024-06-15, 10:30 in India
_SCRIPTS = 4096
_AGENTS_PER_CALL = 0.9
_WRAP_UP = 12.0  # seconds of after-call work
_PATIENCE = 60.0  # seconds that a caller waits for an agent beyond the script, on average
_TALK, _PAUSE = 150.0, 20.0  # seconds between a call's holds and mutes, and how long they last, on average

_started = attrgetter("started")

Event = tuple[float, int, Callable[[], None]]


class Centre:
    """A contact centre over virtual time: nothing happens but in `advance`. Not safe for threads."""

    def __init__(self, settings: Settings) -> None:
        self.start = _EPOCH if settings.epoch is None else settings.epoch
        self.now = self.start
        self.past = Past()
        self.voice_bots = 0
        """Calls in progress with no agent: the AgentStream sessions."""
        self._settings = settings
        self._chance = traffic.chance(settings.seed)
        self._calls: dict[str, Call] = {}
        self._lists: dict[str | None, list[Call]] = {None: [], "inbound": [], "outbound": []}
        self._events: list[Event] = []
        self._watchers: list[Callable[[Call], None]] = []
        self._numbers = itertools.count()
        wanted = math.ceil(_AGENTS_PER_CALL * settings.calls) if settings.agents is None else settings.agents
        self._agents = {agent.user_id: agent for agent in traffic.agents(wanted)}
        self._staff = list(self._agents.values())
        self._free = deque(self._chance.sample(self._staff, len(self._staff)))
        self._waiting: deque[Call] = deque()
        self._scripts = traffic.scripts(self._chance, _SCRIPTS)
        rate, day = self._open(), settings.day
        self._arrivals = traffic.arrivals(
            self._chance, rate=rate, day=day, start_hour=settings.start_hour, start=self.start
        )
        self._expect_arrival()

    def advance(self, to: float) -> None:
        """Let time pass until `to`, in Unix seconds; the past is left as it is."""
        events = self._events
        while events and events[0][0] <= to:
            self.now, _, event = heapq.heappop(events)
            event()
        self.now = max(self.now, to)

    def watch(self, changed: Callable[[Call], None]) -> None:
        """Have every change of a call told from now on, as it happens; those of its agent are none."""
        self._watchers.append(changed)

    def calls(self, direction: str | None = None, agent_id: str | None = None) -> Sequence[Call]:
        """List calls, oldest first: all, `inbound` or `outbound`. The list lives: don't keep or change it."""
        if agent_id is not None:
            agent = self._agents.get(agent_id)
            named = sorted(agent.calls, key=_started) if agent else []
            return [call for call in named if direction is None or call.direction.startswith(direction)]
        return self._lists[direction]

    def find(self, sid: str) -> Call | None:
        """Find a call of the list."""
        return self._calls.get(sid)

    def truth(self) -> Truth:
        """Tell what is true now, from the calls themselves."""
        return tell(self._calls.values(), self.now, self.past, self._settings.stream_limit)

    # How a centre is found at the start

    def _open(self) -> float:
        """Find it in the steady state, where a call is met with a chance in proportion to its length.

        Returns how many calls must arrive in a second to keep it so.
        """
        chance, count = self._chance, self._settings.calls
        lengths = [script.length for script in self._scripts]
        met = [
            (chance.random() * script.length, script)
            for script in chance.choices(self._scripts, lengths, k=count)
        ]
        for age, script in sorted(met, key=lambda each: -each[0]):
            self._resume(self._new_call(script, self.start - age), age)
        return count / (sum(lengths) / len(lengths))

    def _resume(self, call: Call, age: float) -> None:
        """Take up a call that has lasted for a while."""
        script, started = call.script, call.started
        if age < script.queued:
            self._at(started + script.queued, self._leave_queue, call)
        elif script.needs_agent and not self._free:
            self._wait(call)
        else:
            self._connect(call, self._free.popleft() if script.needs_agent else None)
            ringing_ends = started + script.queued + script.ringing
            if script.answered and ringing_ends <= self.start:
                self._answer(call, ringing_ends)
            else:
                self._at(ringing_ends, self._stop_ringing, call)

    # What happens to a call

    def _at(self, at: float, happens: Callable[..., None], *whom: object) -> None:
        event: Event = (at, next(self._numbers), partial(happens, *whom))
        heapq.heappush(self._events, event)

    def _expect_arrival(self) -> None:
        at = next(self._arrivals, None)
        if at is not None:
            self._at(at, self._arrive)

    def _arrive(self) -> None:
        call = self._new_call(self._chance.choice(self._scripts), self.now)
        self.past.start(call)
        self._at(call.started + call.script.queued, self._leave_queue, call)
        self._expect_arrival()

    def _changed(self, call: Call) -> None:
        call.changed()
        for changed in self._watchers:
            changed(call)

    def _new_call(self, script: Script, started: float) -> Call:
        chance = self._chance
        exophone = traffic.EXOPHONES[chance.getrandbits(2)]
        call = Call(f"{chance.getrandbits(128):032x}", script, started, traffic.customer(chance), exophone)
        call.form = form_of(self._settings.numbers, call.sid)
        self._calls[call.sid] = call
        for each in self._lists_with(call):
            each.append(call)
        self._changed(call)
        return call

    def _lists_with(self, call: Call) -> tuple[list[Call], list[Call]]:
        return self._lists[None], self._lists[call.direction.partition("-")[0]]

    def _leave_queue(self, call: Call) -> None:
        if call.script.outcome == "canceled":
            self._end(call, "canceled")
        elif not call.script.needs_agent:
            self._ring(call, None)
        elif agent := self._find_agent():
            self._ring(call, agent)
        else:
            self._wait(call)

    def _find_agent(self) -> Agent | None:
        """Who has been free for longest; now and then anyone, free or not, if second calls are meant."""
        if (
            self._settings.second_calls
            and self._staff
            and self._chance.random() < self._settings.second_calls
        ):
            agent = self._chance.choice(self._staff)
            if agent.on_a_call:
                return agent
        return self._free.popleft() if self._free else None

    def _wait(self, call: Call) -> None:
        self._waiting.append(call)
        self._at(self.now + self._chance.expovariate(1 / _PATIENCE), self._give_up, call)

    def _give_up(self, call: Call) -> None:
        if call.status == "queued":
            self._waiting.remove(call)
            self._end(call, "canceled")

    def _ring(self, call: Call, agent: Agent | None) -> None:
        self._connect(call, agent)
        self._at(self.now + call.script.ringing, self._stop_ringing, call)

    def _connect(self, call: Call, agent: Agent | None) -> None:
        call.status, call.agent = "ringing", agent
        if agent:
            agent.calls.append(call)
            agent.changed()
        self._changed(call)

    def _stop_ringing(self, call: Call) -> None:
        if call.script.answered:
            self.past.answer(call, self.now)
            self._answer(call, self.now)
        else:
            self._end(call, call.script.outcome)

    def _answer(self, call: Call, answered: float) -> None:
        call.status, call.answered = "in-progress", answered
        if call.agent:
            call.agent.changed()
        else:
            self.voice_bots += 1
        self._changed(call)
        self._at(answered + call.script.talking, self._end, call, "completed")
        self._talk(call)

    def _talk(self, call: Call) -> None:
        call.on_hold = call.muted = call.customer_muted = False
        self._at(self.now + self._chance.expovariate(1 / _TALK), self._pause, call)

    def _pause(self, call: Call) -> None:
        """Put the customer on hold, or mute the agent, now and then both sides."""
        if call.status == "in-progress":
            drawn = self._chance.random()
            call.on_hold, call.muted, call.customer_muted = drawn < 0.5, drawn >= 0.5, drawn >= 0.95
            self._changed(call)
            self._at(self.now + self._chance.expovariate(1 / _PAUSE), self._go_on, call)

    def _go_on(self, call: Call) -> None:
        if call.status == "in-progress":
            self._talk(call)
            self._changed(call)

    def _end(self, call: Call, status: Status) -> None:
        if call.answered is not None and call.agent is None:
            self.voice_bots -= 1
        call.status, call.ended = status, self.now
        call.on_hold = call.muted = call.customer_muted = False
        self.past.end(call, self.now)
        self._changed(call)
        if self._settings.linger:
            self._at(self.now + self._settings.linger, self._forget, call)
        else:
            self._forget(call)
        if call.agent:
            if not call.agent.on_a_call:
                call.agent.wrapping_up = True
                self._at(self.now + _WRAP_UP, self._take_next, call.agent)
            call.agent.changed()

    def _forget(self, call: Call) -> None:
        del self._calls[call.sid]
        for each in self._lists_with(call):
            place = bisect_left(each, call.started, key=_started)
            while each[place] is not call:
                place += 1
            del each[place]
        if call.agent:
            call.agent.calls.remove(call)

    def _take_next(self, agent: Agent) -> None:
        """Be free again, for the caller who has waited longest if there is one."""
        agent.wrapping_up = False
        if self._waiting:
            self._ring(self._waiting.popleft(), agent)
        else:
            self._free.append(agent)
            agent.changed()
