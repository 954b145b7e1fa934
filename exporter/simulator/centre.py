"""A simulated contact centre: calls arrive, ring, are answered or abandoned, are held and muted, end."""

import heapq
import itertools
import math
import sys
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter

from exporter.simulator import phone_numbers, traffic
from exporter.simulator.call import Agent, Call, Script, Status
from exporter.simulator.settings import Settings
from exporter.simulator.truth import Counters, Truth, truth_of

_EPOCH = 1718427600.0  # 2024-06-15, 10:30 in India
_SCRIPTS = 4096
_AGENTS_PER_CALL = 0.9
_WRAP_UP = 12.0  # seconds of after-call work
_PATIENCE = 60.0  # seconds that a caller waits for an agent beyond the script, on average
_TALK, _PAUSE = 150.0, 20.0  # average seconds between a call's holds and mutes, and of each of them

_started = attrgetter("started")


class Centre:
    """A contact centre in virtual time: things happen only in `advance`. Not thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self.start = _EPOCH if settings.epoch is None else settings.epoch
        self.now = self.start
        self.counters = Counters()
        self.voice_bots = 0
        """Calls in progress with no agent: the AgentStream sessions."""
        self._settings = settings
        self._random = traffic.seeded_random(settings.seed)
        self._calls: dict[str, Call] = {}
        self._going_on = 0
        self._limit = sys.maxsize if settings.call_limit is None else settings.call_limit
        self._lists: dict[str | None, list[Call]] = {None: [], "inbound": [], "outbound": []}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._watchers: list[Callable[[Call], None]] = []
        self._numbers = itertools.count()
        wanted = math.ceil(_AGENTS_PER_CALL * settings.calls) if settings.agents is None else settings.agents
        self._agents = {agent.user_id: agent for agent in traffic.agents(wanted)}
        self._staff = list(self._agents.values())
        self._free = deque(self._random.sample(self._staff, len(self._staff)))
        self._waiting: deque[Call] = deque()
        self._scripts = traffic.scripts(self._random, _SCRIPTS)
        rate, day = self._create_first_calls(), settings.day
        self._arrivals = traffic.arrivals(
            self._random, rate=rate, day=day, start_hour=settings.start_hour, start=self.start
        )
        self._schedule_arrival()

    def advance(self, to: float) -> None:
        """Let time pass until `to`, in Unix seconds; do nothing if that is in the past."""
        events = self._events
        while events and events[0][0] <= to:
            self.now, _, event = heapq.heappop(events)
            event()
        self.now = max(self.now, to)

    def watch(self, changed: Callable[[Call], None]) -> None:
        """Call `changed` whenever a call changes from now on; a change of its agent doesn't count."""
        self._watchers.append(changed)

    def calls(self, direction: str | None = None, agent_id: str | None = None) -> Sequence[Call]:
        """Return calls, oldest first: all, `inbound` or `outbound`. Don't keep or change the list."""
        if agent_id is not None:
            agent = self._agents.get(agent_id)
            named = sorted(agent.calls, key=_started) if agent else []
            return [call for call in named if direction is None or call.direction.startswith(direction)]
        return self._lists[direction]

    def find(self, sid: str) -> Call | None:
        """Return a listed call."""
        return self._calls.get(sid)

    def truth(self) -> Truth:
        """Return the ground truth now."""
        return truth_of(self._calls.values(), self.now, self.counters, self._settings.stream_limit)

    def _create_first_calls(self) -> float:
        """Create calls in the steady state, up to the limit; return how many arrive per second in it."""
        random, count = self._random, self._settings.calls
        lengths = [script.length for script in self._scripts]
        # The probability of meeting a call is proportional to its length.
        scripts = random.choices(self._scripts, lengths, k=count)
        met = [(random.random() * script.length, script) for script in scripts[: min(count, self._limit)]]
        for age, script in sorted(met, key=lambda each: -each[0]):
            self._resume(self._new_call(script, self.start - age), age)
        return count / (sum(lengths) / len(lengths))

    def _resume(self, call: Call, age: float) -> None:
        """Continue a call that began `age` seconds ago."""
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

    def _at(self, at: float, method: Callable[..., None], *arguments: object) -> None:
        heapq.heappush(self._events, (at, next(self._numbers), lambda: method(*arguments)))

    def _schedule_arrival(self) -> None:
        if (at := next(self._arrivals, None)) is not None:
            self._at(at, self._arrive)

    def _arrive(self) -> None:
        script = self._random.choice(self._scripts)
        if self._going_on < self._limit:
            call = self._new_call(script, self.now)
            self.counters.start(call)
            self._at(call.started + script.queued, self._leave_queue, call)
        else:
            self.counters.refuse()
        self._schedule_arrival()

    def _changed(self, call: Call) -> None:
        call.changed()
        for changed in self._watchers:
            changed(call)

    def _new_call(self, script: Script, started: float) -> Call:
        random = self._random
        exophone = phone_numbers.EXOPHONES[random.getrandbits(2)]
        call = Call(
            f"{random.getrandbits(128):032x}", script, started, phone_numbers.customer(random), exophone
        )
        call.number_format = phone_numbers.format_of(self._settings.numbers, call.sid)
        self._calls[call.sid] = call
        self._going_on += 1
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
        """Return the agent free for longest, or at times (`second_calls`) one who has a call."""
        share = self._settings.second_calls
        if share and self._staff and self._random.random() < share:
            agent = self._random.choice(self._staff)
            if agent.on_a_call:
                return agent
        return self._free.popleft() if self._free else None

    def _wait(self, call: Call) -> None:
        self._waiting.append(call)
        self._at(self.now + self._random.expovariate(1 / _PATIENCE), self._abandon, call)

    def _abandon(self, call: Call) -> None:
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
            self.counters.answer(call, self.now)
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
        self._at(self.now + self._random.expovariate(1 / _TALK), self._pause, call)

    def _pause(self, call: Call) -> None:
        """Put the customer on hold, or mute the agent or, rarely, both sides."""
        if call.status == "in-progress":
            drawn = self._random.random()
            call.on_hold, call.muted, call.customer_muted = drawn < 0.5, drawn >= 0.5, drawn >= 0.95
            self._changed(call)
            self._at(self.now + self._random.expovariate(1 / _PAUSE), self._resume_talk, call)

    def _resume_talk(self, call: Call) -> None:
        if call.status == "in-progress":
            self._talk(call)
            self._changed(call)

    def _end(self, call: Call, status: Status) -> None:
        if call.answered is not None and call.agent is None:
            self.voice_bots -= 1
        call.status, call.ended = status, self.now
        self._going_on -= 1
        call.on_hold = call.muted = call.customer_muted = False
        self.counters.end(call, self.now)
        self._changed(call)
        if self._settings.linger:
            self._at(self.now + self._settings.linger, self._remove, call)
        else:
            self._remove(call)
        if call.agent:
            if not call.agent.on_a_call:
                call.agent.wrapping_up = True
                self._at(self.now + _WRAP_UP, self._take_next, call.agent)
            call.agent.changed()

    def _remove(self, call: Call) -> None:
        del self._calls[call.sid]
        for each in self._lists_with(call):
            index = bisect_left(each, call.started, key=_started)
            while each[index] is not call:
                index += 1
            del each[index]
        if call.agent:
            call.agent.calls.remove(call)

    def _take_next(self, agent: Agent) -> None:
        """Ring the agent for the caller who has waited longest, or make the agent available."""
        agent.wrapping_up = False
        if self._waiting:
            self._ring(self._waiting.popleft(), agent)
        else:
            self._free.append(agent)
            agent.changed()
