"""The gate that the collections of all accounts pass: no more begin than the processor can carry.

A collection mostly waits for the network, so their number says little of what they cost. What says it is how
late answers are, and a thread that slept for a moment.
"""

from __future__ import annotations

import math
import time
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from threading import Lock

from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import ApiError
from exporter.exotel.worker_pool import WorkerPool

AT_ONCE = 4
"""Collections that may always be under way: enough to fill a core while some wait for the network."""
GROWTH = 8
"""At each tick, as many as AT_ONCE may begin, and one more for each GROWTH of those under way."""
MOST_LAG = 0.05
"""Seconds; beyond that, more wants the processor than it can serve."""
STANDING = 5.0
"""Seconds. A queue that lasts for so long is an overload; one scrape of all accounts makes a shorter one."""
QUEUE = 32
"""Collections that may wait under overload. A longer queue would let no more of them begin, only later."""
_TICK = 0.02  # seconds from one look at the processor to the next, while collections wait
_LONGEST_TICK = 0.25  # seconds; whoever waited for too long is to be told


Echo = Callable[[Callable[[], None]], None]
"""Calls what it is given as soon as an answer would be written; never raises."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A collection that is to begin, or else to be put off in time for an answer; neither raises."""

    begin: Callable[[], None]
    put_off: Callable[[], None]
    deadline: Deadline
    needs: float
    """Seconds that have to remain before its deadline."""
    last: float
    """When the account was last collected, on the monotonic clock: the one longest ago goes first."""
    has_stand_in: bool
    """Whether there is something else for those who want it."""

    @property
    def is_over(self) -> bool:
        """Return whether it has waited for too long."""
        return self.deadline.remaining() <= self.needs


@dataclass(frozen=True, slots=True)
class Load:
    """How many collections there are, and how many there could not be."""

    running: int = 0
    waiting: int = 0
    """Those whose turn hasn't come."""
    begun: int = 0
    """Since the start, as the next one."""
    put_off: int = 0


class Gate:
    """Lets collections begin: at once while few are under way, else as fast as the processor allows.

    While it is behind, the next one begins after as long as it is late. Where somebody always waits, few do,
    and the others are put off at once (B. Maurer, "Fail at Scale", ACM Queue 13(8), 2015). Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: list[Turn] = []  # whoever was collected longest ago first
        self._is_watched = False
        self._waited_for_since = 0.0  # on the monotonic clock: before, nobody was waiting
        self._running = self._begun = self._put_off = 0
        self._watcher = WorkerPool("gate", 1)
        self._echo: Echo | None = None
        self._called_at: float | None = None  # on the monotonic clock: what nobody has answered yet
        self._delay = 0.0  # seconds that the last answer took

    @property
    def load(self) -> Load:
        """Return how things stand."""
        with self._lock:
            return Load(self._running, len(self._waiting), self._begun, self._put_off)

    def enter(self, turn: Turn) -> None:
        """Let a collection begin, now or when its turn comes; once it has ended, it has to leave."""
        put_off: Sequence[Turn] = ()
        with self._lock:
            has_to_wait = bool(self._waiting) or self._running >= AT_ONCE
            if has_to_wait:
                if not self._waiting:
                    self._waited_for_since = time.monotonic()
                insort(self._waiting, turn, key=attrgetter("last"))
                put_off = self._crowd_out()
            else:
                self._count_begun(1)
            is_watched, self._is_watched = self._is_watched, self._is_watched or has_to_wait
        for each in put_off:
            each.put_off()
        if not has_to_wait:
            turn.begin()
        elif not is_watched:
            self._begin_watch()

    def leave(self) -> None:
        """Take note that a collection has ended."""
        with self._lock:
            self._running -= 1

    def listen(self, echo: Echo) -> None:
        """Have `echo` show, while collections wait, how late answers are."""
        self._echo = echo

    def tick(self, lag: float) -> bool:
        """Let as many begin as can be carried by a processor that is late by so many seconds.

        Returns whether others still wait.
        """
        with self._lock:
            put_off = self._shed()
            most = AT_ONCE + self._running // GROWTH if lag <= MOST_LAG else max(1, AT_ONCE - self._running)
            next_ones, self._waiting = self._waiting[:most], self._waiting[most:]
            self._count_begun(len(next_ones))
            self._is_watched = bool(self._waiting)
            goes_on = self._is_watched
        for turn in put_off:
            turn.put_off()
        for turn in next_ones:
            turn.begin()
        return goes_on

    @property
    def _most_waiting(self) -> float:
        is_standing = time.monotonic() - self._waited_for_since >= STANDING
        return QUEUE if is_standing else math.inf

    def _crowd_out(self) -> Sequence[Turn]:
        """Take out the one to be put off because one more waits, if any: the one collected last."""
        if len(self._waiting) > (most := self._most_waiting):
            for place in range(len(self._waiting) - 1, int(most) - 1, -1):
                if self._waiting[place].has_stand_in:
                    self._put_off += 1
                    return [self._waiting.pop(place)]
        return ()

    def _shed(self) -> Sequence[Turn]:
        """Take out those to be put off: who have waited for too long, or have too many before them."""
        most = self._most_waiting
        put_off = [
            turn
            for place, turn in enumerate(self._waiting)
            if turn.is_over or (place >= most and turn.has_stand_in)
        ]
        if put_off:
            out = set(put_off)
            self._waiting = [turn for turn in self._waiting if turn not in out]
            self._put_off += len(put_off)
        return put_off

    def _count_begun(self, number: int) -> None:
        self._running += number
        self._begun += number

    def _begin_watch(self) -> None:
        try:
            self._watcher.submit(self._watch)
        except ApiError:  # there is no thread: who needs one to collect will find that out, and say so
            while self.tick(0.0):
                pass

    def _watch(self) -> None:
        pause, goes_on = _TICK, True
        try:
            while goes_on:
                lag = self._wait(pause)
                goes_on = self.tick(lag)
                pause = min(max(lag, _TICK), _LONGEST_TICK)
        except BaseException:
            self._is_watched = False  # the next one who comes sees to it that somebody watches
            raise

    def _wait(self, pause: float) -> float:
        """Wait; return how many seconds late the processor is."""
        due = time.monotonic() + pause
        self._call()
        time.sleep(pause)
        now, called_at = time.monotonic(), self._called_at
        return max(now - due, self._delay if called_at is None else now - called_at)

    def _call(self) -> None:
        """Call those who write answers, unless they still owe one."""
        if self._echo is not None and self._called_at is None:
            self._called_at = called_at = time.monotonic()
            self._echo(lambda: self._hear(called_at))

    def _hear(self, called_at: float) -> None:
        self._delay, self._called_at = time.monotonic() - called_at, None
