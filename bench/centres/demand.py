"""How many calls come and how many agents are there, by the hour: the shape of a centre's weeks."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from math import ceil, exp, sqrt
from random import Random

from bench.centres.model import DAY, HOUR, WEEK, Event, Kind

STEP = 300.0
"""Seconds for which the number of calls that come is taken to stand still."""
REACHED, REACHED_BY_DIALLER = 0.65, 0.3
"""The share of those that are called who answer: those whom an agent calls, and a dialler."""
BOT_TALK = 90.0
"""Seconds that a bot talks, on average."""
MENU_ONLY = 0.2
"""Of the callers, those who get from a menu what they want."""

_RINGING = 20.0  # seconds that calls ring out there, roughly
_PICK_UP = 5.0
_PACE = 0.92  # of the time of the agents that a dialler fills
_DAY_TO_DAY = 0.06  # by how much a day differs from the one before, as a share
_CAMPAIGNS = ((10.0, 13.0), (14.0, 17.0))  # hours of fixed ones
_OFTEN = 8  # random campaigns in a week


class Source(Enum):
    """Who begins a call."""

    CALLER = auto()
    AGENT = auto()
    DIALLER = auto()
    BOT = auto()
    """Callers whom a bot answers."""


class Demand:
    """What of which kind comes when, and who is there for it."""

    def __init__(self, kind: Kind, events: Sequence[Event], begin: float, seed: str) -> None:
        self._kind, self._events, self._begin = kind, events, begin
        days = kind.history + kind.judged + 2
        random = Random(f"{seed} days")  # noqa: S311  # reproducible, nothing to guard
        self._days = [exp(random.gauss(0.0, _DAY_TO_DAY)) for _ in range(days)]
        self._campaigns = _campaigns(kind, begin, days, random)
        self._rates = {
            Source.CALLER: kind.inbound / (kind.menu + (1 - _menu_only(kind)) * (_PICK_UP + kind.talk)),
            Source.AGENT: kind.outbound / (_RINGING + REACHED * kind.talk),
            Source.DIALLER: _PACE * kind.diallers / (kind.talk + kind.wrap_up) / REACHED_BY_DIALLER,
            Source.BOT: kind.bots / BOT_TALK,
        }
        self._staff = [self._needed(begin + hour * HOUR) for hour in range(days * 24)]
        self.most_agents = max(self._staff)

    def step_end(self, now: float) -> float:
        """Return until when the number of calls that come stands still."""
        return now - (now - self._begin) % STEP + STEP

    def rate(self, source: Source, now: float) -> float:
        """Return how many calls begin in a second."""
        rate = (
            self._rates[source] * self._days[int((now - self._begin) // DAY)] if self._rates[source] else 0.0
        )
        rate *= self._is_campaign(now) if source is Source.DIALLER else self._shape(now)
        for event in self._events:
            if rate and event.start <= now < event.end:
                rate *= _factor(event, source)
        return rate

    def next_presence(self, agent: int, now: float) -> float:
        """Return when an agent is there next."""
        while True:
            hour = int((now - self._begin) // HOUR)
            if self._staff[hour] <= agent:
                now = self._begin + (hour + 1) * HOUR
                if hour + 1 >= len(self._staff):
                    return now + WEEK
                continue
            away = [
                each.end for each in self._events if each.start <= now < each.end and _is_away(each, agent)
            ]
            if not away:
                return now
            now = max(away)

    def _shape(self, now: float) -> float:
        """Return the share of the busiest hour's calls, with the growth since the beginning."""
        hour = (now - self._begin) / HOUR
        hours, week = self._kind.hours, self._kind.week
        this, following = hours[int(hour) % 24], hours[int(hour + 1) % 24]
        share = this + (following - this) * (hour % 1) if this and following else this
        growth: float = (1 + self._kind.growth) ** (hour / 168)
        return share * week[int(hour / 24) % 7] * growth

    def _is_campaign(self, now: float) -> bool:
        return any(start <= now < end for start, end in self._campaigns)

    def _needed(self, now: float) -> int:
        """Return how many agents are planned for an hour, by square-root staffing."""
        kind, middle = self._kind, now + HOUR / 2
        callers = self._rates[Source.CALLER] * (1 - _menu_only(kind)) * (_PICK_UP + kind.talk + kind.wrap_up)
        called = self._rates[Source.AGENT] * (_RINGING + REACHED * kind.talk + kind.wrap_up)
        load = (callers + called) * self._shape(middle)
        in_campaigns = kind.diallers * self._is_campaign(middle)
        return in_campaigns + (max(1, ceil(load + kind.staffing * sqrt(load))) if load else 0)


def _menu_only(kind: Kind) -> float:
    return MENU_ONLY if kind.menu else 0.0


def _factor(event: Event, source: Source) -> float:
    if source is Source.CALLER:
        return event.inbound
    return event.bots if source is Source.BOT else event.outbound


def _is_away(event: Event, agent: int) -> bool:
    return agent % 100 >= 100 * event.agents


def _campaigns(kind: Kind, begin: float, days: int, random: Random) -> list[tuple[float, float]]:
    """Return when a dialler calls: from Monday to Friday at fixed hours, or at random ones."""
    if not kind.diallers:
        return []
    if kind.has_fixed_campaigns:
        workdays = [begin + day * DAY for day in range(days) if day % 7 < 5]
        return [(day + start * HOUR, day + end * HOUR) for day in workdays for start, end in _CAMPAIGNS]
    campaigns: list[tuple[float, float]] = []
    for week in range(0, days, 7):
        for _ in range(_OFTEN):
            start = begin + (week + random.randrange(7)) * DAY + random.randint(7, 20) * HOUR
            campaigns.append((start, start + random.randint(1, 3) * HOUR))
    return campaigns
