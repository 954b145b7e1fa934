"""The load on a contact centre: how calls go, how many arrive at each hour, who answers them."""

import itertools
from collections.abc import Iterator, Sequence
from random import Random

from exporter.simulator.call import Agent, Direction, Script, Status

_DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound-api", "outbound-dial")
_DIRECTION_WEIGHTS = (55, 30, 15)
_UNANSWERED: dict[Direction, tuple[tuple[Status, float], ...]] = {
    "inbound": (("no-answer", 0.05), ("canceled", 0.06)),
    "outbound-api": (("no-answer", 0.20), ("busy", 0.10), ("failed", 0.05)),
    "outbound-dial": (("no-answer", 0.15), ("busy", 0.08), ("failed", 0.02)),
}
_LONGEST = 14400.0  # seconds: the API's own limit for a call
_FIRST = ("Asha", "Ravi", "Meera", "Arjun", "Lila", "Kiran", "Nila", "Dev", "Tara", "Vikram", "Uma", "Om")
_LAST = ("Rao", "Iyer", "Das", "Nair", "Mehta", "Sen", "Bose", "Kaul", "Shah", "Gill", "Joshi", "Pai")


def seeded_random(seed: int) -> Random:
    """Return the source of randomness of a contact centre: equal seeds give equal centres."""
    return Random(seed)  # noqa: S311 (a simulation must be repeatable)


def scripts(random: Random, count: int) -> list[Script]:
    """Return random scripts for calls."""
    return [_script(random) for _ in range(count)]


def _script(random: Random) -> Script:
    direction = random.choices(_DIRECTIONS, _DIRECTION_WEIGHTS)[0]
    outcome = _outcome(random, direction)
    if direction == "inbound":
        queued, ringing = 1.0 + random.expovariate(1 / 5), random.uniform(2, 8)
    else:
        queued, ringing = random.uniform(0.3, 3), random.uniform(5, 30)
    answered = outcome == "completed"
    return Script(
        direction=direction,
        queued=queued,
        ringing=0.0 if outcome == "canceled" else ringing,
        talking=min(1.0 + random.lognormvariate(5.0, 0.9), _LONGEST) if answered else 0.0,
        outcome=outcome,
        needs_agent=direction != "outbound-api" or random.random() < 0.5,
        bridging=random.uniform(0.5, 5),
        legs=random.choices((1, 2, 3), (0.5, 97.5, 2))[0],
        recorded=random.random() < 0.95,
        channels="dual" if random.random() < 0.7 else "single",
        recorder_errs=random.random() < 0.01,
    )


def _outcome(random: Random, direction: Direction) -> Status:
    draw = random.random()
    for outcome, share in _UNANSWERED[direction]:
        if draw < share:
            return outcome
        draw -= share
    return "completed"


def agents(count: int) -> list[Agent]:
    """Return agents: one in 50 only takes calls by phone and shows as offline, one in 3 has no softphone."""
    names = itertools.cycle(itertools.product(_FIRST, _LAST))
    return [
        _agent(number, f"{first} {last}")
        for number, (first, last) in zip(range(1, count + 1), names, strict=False)
    ]


def _agent(number: int, name: str) -> Agent:
    signed_in = number % 50 != 25
    phone = number % 3 == 0 or not signed_in
    contact = f"+9144{number:08d}" if phone else f"sip:agent_{number:05d}@voice.example"
    return Agent(user_id=f"agent_{number:05d}", name=name, contact_uri=contact, signed_in=signed_in)


def load(day: Sequence[float], hour: float) -> float:
    """Return the load at an hour, interpolated between full hours; hours beyond the day wrap around."""
    whole = int(hour // 1)
    here, there = day[whole % len(day)], day[(whole + 1) % len(day)]
    return here + (there - here) * (hour - whole)


def arrivals(
    random: Random, *, rate: float, day: Sequence[float], start_hour: float, start: float
) -> Iterator[float]:
    """Yield the times at which calls arrive: `rate` a second at the start, then following the day's curve."""
    scale = rate / (load(day, start_hour) or max(day) or 1.0)
    highest = scale * max(day)
    at = start
    while highest > 0:
        at += random.expovariate(highest)
        if random.random() * highest < scale * load(day, start_hour + (at - start) / 3600):
            yield at
