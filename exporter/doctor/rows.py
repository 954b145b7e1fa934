"""What rows hold: fields and their types, values that aren't known, and what a duration counts from."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from statistics import median_low, quantiles
from typing import Any, Literal

from exporter.doctor.inquiry import Answer, Told
from exporter.doctor.order import start_of
from exporter.exotel.enums import AgentStatus, ApiEnum, CallStatus, Direction, member
from exporter.exotel.models import Call

_AGENT = ("user_id", "name", "status")
FIELDS = (
    *("call_sid", "direction", "status", "from", "to", "start_time", "duration", "agent_details"),
    *(f"agent_details.{name}" for name in _AGENT),
    "recording_enabled",
)
"""Those of the API's page."""
_TYPES: tuple[tuple[str, tuple[type, ...]], ...] = (
    ("text", (str,)),
    ("number", (int, float)),
    ("bool", (bool,)),
    ("object", (dict, list)),
)
_ENUMS: Mapping[str, type[ApiEnum]] = {
    "direction": Direction,
    "status": CallStatus,
    "agent_details.status": AgentStatus,
}
_WORD = re.compile("[A-Za-z][A-Za-z_-]{0,23}")
_WAITING = frozenset({CallStatus.QUEUED, CallStatus.RINGING})
_SPREAD = 2.6  # seconds: two times that are rounded down, and a little
_RINGING = 5.0  # seconds after which a duration of 0 shows that ringing doesn't count
_FEWEST = 10
_FEWEST_GROWING = 3
_APART = 5.0  # seconds between two sights of a call
_LEAST_GROWTH = 0.5
_DAY = 86_400.0  # seconds
_ZONES = 900.0  # seconds that zones differ by, or a multiple of it


def judge_fields(rows: Iterable[Any]) -> Told[Mapping[str, str]]:
    """Return the types of each field of the API's page that any row has."""
    types: dict[str, set[str]] = {}
    count = agents = 0
    for row in rows:
        if not isinstance(row, dict):
            continue
        count += 1
        for name in FIELDS:
            if (found := _type(row, name)) is not None:
                types.setdefault(name, set()).add(found)
        agents += isinstance(row.get("agent_details"), dict)
    if not count:
        return Told(None, "no row was seen")
    return Told({name: _joined(types[name]) for name in FIELDS if name in types}, f"{count} rows")


def judge_missing(rows: Sequence[Any], fields: Mapping[str, str]) -> Told[tuple[str, ...]]:
    """Return the fields of the API's page that no row has, sorted; those of agents only if one was seen."""
    if not fields:
        return Told(None, "no row was seen")
    has_agents = "object" in fields.get("agent_details", "")
    wanted = [name for name in FIELDS if has_agents or "." not in name]
    return Told(tuple(sorted(name for name in wanted if name not in fields)), f"{len(rows)} rows")


def _type(row: Mapping[str, Any], name: str) -> str | None:
    """Return the type of a field; None where the row doesn't have it."""
    outer, _, inner = name.partition(".")
    holder = row.get(outer) if inner else row
    if not isinstance(holder, dict) or (inner or outer) not in holder:
        return None
    value = holder[inner or outer]
    if isinstance(value, bool):
        return "bool"
    return next((word for word, kinds in _TYPES if isinstance(value, kinds)), "null")


def _joined(types: set[str]) -> str:
    order = [word for word, _ in _TYPES]
    return "|".join(sorted(types - {"null"}, key=order.index)) or "null"


def count_unknown(
    rows: Collection[Any], secrets: Iterable[str] = ()
) -> tuple[Mapping[str, int], Mapping[str, tuple[str, ...]]]:
    """Return how many distinct values of each enum aren't known, and those that can be shown.

    A value is shown if it is one word, two calls have it, and it stands nowhere else in the rows, where it
    could be a name, and in no secret.
    """
    found: dict[str, dict[str, set[object]]] = {name: {} for name in _ENUMS}
    elsewhere = _Texts((*secrets, *(text for row in rows for text in _texts(row))))
    for row in rows:
        for field, kind in _ENUMS.items():
            value = _value(row, field)
            if isinstance(value, str) and kind(value) == "other":
                found[field].setdefault(value.strip(), set()).add(str(member(row, "call_sid")))
    shown = {
        field: tuple(
            sorted(
                value for value, sids in values.items() if len(sids) > 1 and _can_be_shown(value, elsewhere)
            )
        )
        for field, values in found.items()
    }
    return {field: len(values) for field, values in found.items() if values}, shown


def _value(row: object, field: str) -> Any:
    for name in field.split("."):
        row = member(row, name)
    return row


def _texts(value: object, field: str = "") -> Iterator[str]:
    """Yield all texts of a row but those of enums."""
    if isinstance(value, str):
        if field not in _ENUMS:
            yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, f"{field}.{name}" if field else name)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, f"{field}[]")


class _Texts:
    """Texts as they are searched: their words, and their letters run together."""

    def __init__(self, texts: Iterable[str]) -> None:
        words = [re.findall(r"[^\W\d_]+", text.casefold()) for text in texts]
        self.words = {word for each in words for word in each}
        self.letters = "\n".join(map("".join, words))


def _can_be_shown(value: str, elsewhere: _Texts) -> bool:
    parts = [part.casefold() for part in re.split("[-_]", value)]
    is_elsewhere = not elsewhere.words.isdisjoint(parts) or "".join(parts) in elsewhere.letters
    return bool(_WORD.fullmatch(value)) and not is_elsewhere


def judge_duration(answers: Sequence[Answer]) -> Told[Literal["answer", "start"]]:
    """Return what a duration counts from.

    What ages exceed durations by differs from call to call if ringing isn't counted: within one answer no
    clock that is off and no list that is late can make it differ. Where it doesn't differ, all calls may be
    answered at once: then waiting calls, or the server's clock, tell.
    """
    if (growth := _growth(answers)) is not None and not _LEAST_GROWTH <= growth <= 1 / _LEAST_GROWTH:
        return Told(None, f"durations grow by {growth:.3g} s a second")
    spreads = [spread for answer in answers if (spread := _spread(answer)) is not None]
    if spreads and min(spreads) > _SPREAD:
        return Told("answer", f"ages exceed durations by amounts that differ by {min(spreads):.1f} s")
    if waiting := _of_waiting(answers):
        return waiting
    if spreads and (late := _lateness(answers)) is not None and abs(late) <= _SPREAD:
        return Told("start", f"ages exceed durations by {late:.1f} s")
    if spreads:
        return Told(None, "all calls were answered equally fast")
    return Told(None, "too few calls showed both a start time and a duration")


def _growth(answers: Iterable[Answer]) -> float | None:
    """Return by how much durations grow in a second, as calls show that were seen twice; None of too few."""
    first: dict[str, tuple[float, float]] = {}
    found: dict[str, float] = {}
    for answer in sorted(answers, key=lambda answer: answer.at):
        for call in answer.calls:
            if call.duration is None or call.status is not CallStatus.IN_PROGRESS:
                continue
            at, duration = first.setdefault(call.call_sid, (answer.at, call.duration))
            if answer.at - at >= _APART:
                found[call.call_sid] = (call.duration - duration) / (answer.at - at)
    return median_low(found.values()) if len(found) >= _FEWEST_GROWING else None


def _spread(answer: Answer) -> float | None:
    """Return by how much the amounts differ by which ages exceed durations; None of too few calls."""
    active = _plausible(_excesses(answer))
    if len(active) < _FEWEST:
        return None
    cuts = quantiles(active, n=10)
    return cuts[-1] - cuts[0]


def _of_waiting(answers: Iterable[Answer]) -> Told[Literal["answer", "start"]] | None:
    """Return what the durations of calls tell that have waited for a while: they grow, or are 0."""
    durations = [
        call.duration or 0.0
        for answer in answers
        for call in answer.calls
        if call.status in _WAITING
        and answer.date is not None
        and (start := start_of(call)) is not None
        and call.duration is not None
        and _RINGING <= answer.date - start < _DAY
    ]
    if not durations:
        return None
    zero = sum(duration == 0 for duration in durations)
    evidence = f"{zero} of {len(durations)} waiting calls show 0"
    return Told("answer" if zero == len(durations) else "start", evidence)


def _lateness(answers: Iterable[Answer]) -> float | None:
    """Return by how much ages exceed durations, by the server's clock; zones that aren't told don't count."""
    found = []
    for answer in answers:
        active = _plausible(_excesses(answer))
        if answer.date is not None and len(active) >= _FEWEST:
            late = answer.date + median_low(active)
            found.append((late + _ZONES / 2) % _ZONES - _ZONES / 2)
    return median_low(found) if found else None


def _excesses(answer: Answer) -> list[float]:
    calls = (call for call in answer.calls if call.status is CallStatus.IN_PROGRESS)
    return [age for call in calls if (age := _excess(call)) is not None]


def _plausible(ages: Sequence[float]) -> Sequence[float]:
    """Return ages without those that lie a day or more from most: their calls tell no real time."""
    middle = median_low(ages) if ages else 0.0
    return [age for age in ages if abs(age - middle) < _DAY]


def _excess(call: Call) -> float | None:
    """Return a call's start and duration, whose sum is the moment of the answer less what isn't counted."""
    start = start_of(call)
    return None if start is None or call.duration is None else -(start + call.duration)
