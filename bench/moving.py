"""A list of calls that moves while its pages are read, in an order of one's choice; nothing is waited for."""

from __future__ import annotations

from bisect import insort
from collections.abc import Generator, Iterable, Iterator
from itertools import count
from operator import itemgetter
from random import Random

from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import Call, Page

QUEUED, RINGING, TALKING = CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS
_DIRECTIONS = (Direction.INBOUND, Direction.OUTBOUND_API, Direction.OUTBOUND_DIAL)
_MEAN_QUEUED, _MEAN_RINGING, _MEAN_LIFE = 3.0, 18.0, 150.0  # seconds
_A_PAGE = 0.008  # seconds from page to page: eight at a time, 60 ms each
_SHARDS = 8

ORDERS = ("oldest", "newest", "status", "updated", "shards", "agents", "campaigns", "arbitrary")
"""By start in both directions; by status; by last change; oldest first on each of some machines; calls of an
agent, and those of a campaign, side by side; by chance."""

_Row = tuple[tuple[float, ...], Call]


class MovingList:
    """Calls that come, are answered and end while pages are read; `churn` is the share of them, a second."""

    def __init__(self, calls: int, order: str, churn: float, random: Random) -> None:
        self.order = order
        self._churn, self._random = churn * calls, random
        self._numbers = count()
        self._left = 0.0  # of events that are due
        self._group: tuple[float, int, Direction, tuple[float, ...]] = (0.0, 0, _DIRECTIONS[0], ())
        self.rows: list[_Row] = sorted(
            (self._born(random.expovariate(1 / _MEAN_LIFE)) for _ in range(calls)), key=itemgetter(0)
        )

    @property
    def calls(self) -> list[Call]:
        """Return the calls of this moment, in their order."""
        return [call for _, call in self.rows]

    def fetch(self, asks: Iterable[Ask]) -> Generator[Page, None, None]:
        """Answer as the API does, one page after the other."""
        for offset, limit in asks:
            yield Page(tuple(call for _, call in self.rows[offset : offset + limit]), 0, len(self.rows))
            self._move()

    def _move(self) -> None:
        self._left += self._churn * _A_PAGE
        while self._left >= 1:
            self._left -= 1
            del self.rows[self._random.randrange(len(self.rows))]
            insort(self.rows, self._born(0.0), key=itemgetter(0))
            self._answer()

    def _answer(self) -> None:
        """Move a call on that waits, so that as many wait as before."""
        for _ in range(100):
            place = self._random.randrange(len(self.rows))
            key, call = self.rows[place]
            if call.status is not TALKING:
                del self.rows[place]
                status = RINGING if call.status is QUEUED else TALKING
                if self.order == "updated":
                    key = (0.0, self._random.random())
                elif self.order == "status":
                    key = (float([QUEUED, RINGING, TALKING].index(status)), *key[1:])
                insort(self.rows, (key, Call(call.call_sid, call.direction, status)), key=itemgetter(0))
                return

    def _born(self, age: float) -> _Row:
        """Make a call of an age, and the key that it is ordered by."""
        random = self._random
        queued = random.expovariate(1 / _MEAN_QUEUED)
        status = QUEUED if age < queued else RINGING
        if age >= queued + random.expovariate(1 / _MEAN_RINGING):
            status = TALKING
        direction = random.choices(_DIRECTIONS, [50, 35, 15])[0]
        key = self._key(age, status)
        if self.order in {"agents", "campaigns"}:
            key, direction, status = self._in_a_group()
        return key, Call(str(next(self._numbers)), direction, status)

    def _key(self, age: float, status: CallStatus) -> tuple[float, ...]:
        chance = self._random.random()
        return {
            "oldest": (-age, chance),
            "newest": (age, chance),
            "status": (float([QUEUED, RINGING, TALKING].index(status)), age, chance),
            "updated": (age * chance if status is TALKING else age, chance),
            "shards": (self._random.randrange(_SHARDS), -age, chance),
        }.get(self.order, (chance,))

    def _in_a_group(self) -> tuple[tuple[float, ...], Direction, CallStatus]:
        """Return a call of the same agent or campaign as the last, until there are enough of these."""
        key, left, direction, weights = self._group
        if not left:
            is_agent, random = self.order == "agents", self._random
            left = random.randint(2, 12) if is_agent else 5 + int(random.expovariate(1 / 60))
            kinds = [(2, 10, 88)] if is_agent else [(1, 5, 94), (10, 50, 40), (0, 10, 90)]
            key, weights = random.random(), random.choice(kinds)
            direction = random.choices(_DIRECTIONS, [50, 35, 15])[0]
        self._group = key, left - 1, direction, weights
        status = self._random.choices([QUEUED, RINGING, TALKING], weights)[0]
        return (key, self._random.random()), direction, status


def pairs(calls: Iterable[Call]) -> Iterator[tuple[Direction, CallStatus]]:
    """Yield the direction and status of each call."""
    for call in calls:
        yield call.direction or Direction.UNKNOWN, call.status or CallStatus.UNKNOWN
