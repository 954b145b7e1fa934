"""What callers do: how calls go, how many there are at each hour, who takes part. All of it fictional."""

import itertools
import random
from collections.abc import Iterator, Sequence

from exporter.simulator.call import Agent, Direction, Script, Status

#: The centre's own numbers. After the code of a city in India (11, 22, 33, 44) no number begins with 0.
EXOPHONES = ("+912200000001", "+912200000002", "+913300000001", "+914400000001")

_DIRECTIONS: tuple[Direction, ...] = ("inbound", "outbound-api", "outbound-dial")
_DIRECTION_WEIGHTS = (55, 30, 15)
_UNANSWERED: dict[Direction, tuple[tuple[Status, float], ...]] = {
    "inbound": (("no-answer", 0.05), ("canceled", 0.06)),
    "outbound-api": (("no-answer", 0.20), ("busy", 0.10), ("failed", 0.05)),
    "outbound-dial": (("no-answer", 0.15), ("busy", 0.08), ("failed", 0.02)),
}
_LONGEST = 14400.0  # the API's own limit for a call
_FIRST_NAMES = (
    "Asha",
    "Ravi",
    "Meera",
    "Arjun",
    "Lila",
    "Kiran",
    "Nila",
    "Dev",
    "Tara",
    "Vikram",
    "Uma",
    "Om",
)
_LAST_NAMES = ("Rao", "Iyer", "Das", "Nair", "Mehta", "Sen", "Bose", "Kaul", "Shah", "Gill", "Joshi", "Pai")


def chance(seed: int) -> random.Random:
    """Make the one source of chance of a centre: equal seeds, equal centres."""
    return random.Random(seed)  # noqa: S311 (a simulation: it must repeat itself)


def scripts(chance: random.Random, count: int) -> list[Script]:
    """Draw how calls go."""
    return [_script(chance) for _ in range(count)]


def _script(chance: random.Random) -> Script:
    direction = chance.choices(_DIRECTIONS, _DIRECTION_WEIGHTS)[0]
    outcome = _outcome(chance, direction)
    if direction == "inbound":
        queued, ringing = 1.0 + chance.expovariate(1 / 10), chance.uniform(3, 20)
    else:
        queued, ringing = chance.uniform(0.3, 3), chance.uniform(5, 30)
    answered = outcome == "completed"
    return Script(
        direction=direction,
        queued=queued,
        ringing=0.0 if outcome == "canceled" else ringing,
        talking=min(1.0 + chance.lognormvariate(5.0, 0.9), _LONGEST) if answered else 0.0,
        outcome=outcome,
        needs_agent=direction != "outbound-api" or chance.random() < 0.5,
        bridging=chance.uniform(0.5, 5),
        legs=chance.choices((1, 2, 3), (0.5, 97.5, 2))[0],
        recorded=chance.random() < 0.95,
        channels="dual" if chance.random() < 0.7 else "single",
        recorder_errs=chance.random() < 0.01,
    )


def _outcome(chance: random.Random, direction: Direction) -> Status:
    draw = chance.random()
    for outcome, share in _UNANSWERED[direction]:
        if draw < share:
            return outcome
        draw -= share
    return "completed"


def agents(count: int) -> list[Agent]:
    """Hire agents; one in fifty takes calls on the phone alone, one in three has no softphone."""
    names = itertools.cycle(itertools.product(_FIRST_NAMES, _LAST_NAMES))
    return [
        _agent(number, f"{first} {last}")
        for number, (first, last) in zip(range(1, count + 1), names, strict=False)
    ]


def _agent(number: int, name: str) -> Agent:
    signed_in = number % 50 != 25
    phone = number % 3 == 0 or not signed_in
    contact = f"+9144{number:08d}" if phone else f"sip:agent_{number:05d}@voice.example"
    return Agent(user_id=f"agent_{number:05d}", name=name, contact_uri=contact, signed_in=signed_in)


def customer(chance: random.Random) -> str:
    """Make up a customer's number."""
    return f"+9111{chance.randrange(100_000_000) // 10:08d}"


def load(day: Sequence[float], hour: float) -> float:
    """Read the curve of a day at an hour (any number: days repeat), straight between full hours."""
    whole = int(hour // 1)
    here, there = day[whole % len(day)], day[(whole + 1) % len(day)]
    return here + (there - here) * (hour - whole)


def arrivals(
    chance: random.Random, *, rate: float, day: Sequence[float], start_hour: float, start: float
) -> Iterator[float]:
    """Draw the times at which calls arrive: `rate` a second at the start, then as the day goes."""
    scale = rate / (load(day, start_hour) or max(day) or 1.0)
    highest = scale * max(day)
    at = start
    while highest > 0:
        at += chance.expovariate(highest)
        if chance.random() * highest < scale * load(day, start_hour + (at - start) / 3600):
            yield at
