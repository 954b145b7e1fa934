"""Breakdowns of active calls that are opt-in: by agent, by line, and the longest calls one by one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import repeat
from typing import cast

from exporter.collect.tallies import KNOWN_PAIRS, has_ended, is_plausible, pair_of
from exporter.config import Line
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Agent, Call, NamedAgent, PersonalCall

OTHER = "other"
"""The line of a call that is on none of the account's."""
_NO_AGENT, _UNKNOWN = "none", "unknown"
_MOST_CHARACTERS = 128
_NO_DIGIT = re.compile("[^0-9]+")
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_BEHIND_A_NUMBER = re.compile("[@;]")  # in a SIP URI: the host, parameters

LineTally = Mapping[tuple[str, Direction, CallStatus], int]
"""Calls by line, direction and status."""


def printable(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return a text of others, fit to be shown: bounded, without control characters.

    Joiners stay: names in Indian scripts are spelt with them.
    """
    if text.isprintable():
        return text[:most]
    return "".join(
        each if each.isprintable() or each in _JOINERS else "\N{REPLACEMENT CHARACTER}"
        for each in text[:most]
    )


@dataclass(frozen=True, slots=True)
class AgentCalls:
    """One agent: how many calls, and how long the longest has lasted, in seconds."""

    agent_id: str
    calls: int
    longest: float | None
    """None where the API tells no duration."""


def each_agent(calls: Iterable[Call]) -> tuple[AgentCalls, ...]:
    """Gather the active calls by agent."""
    durations: defaultdict[str, list[float | None]] = defaultdict(list)
    for call, agent in _with_agent(calls):
        durations[printable(agent.user_id or "")].append(call.duration)
    return tuple(
        AgentCalls(agent_id, len(its), max(filter(is_plausible, its), default=None))
        for agent_id, its in sorted(durations.items())
    )


def agent_names(calls: Iterable[Call]) -> Mapping[str, str]:
    """Return the agents' names by agent id: of several names of one agent, the first by the alphabet."""
    names: dict[str, str] = {}
    for _, agent in _with_agent(calls):
        if isinstance(agent, NamedAgent) and agent.name:
            agent_id, name = printable(agent.user_id or ""), printable(agent.name)
            names[agent_id] = min(name, names.get(agent_id, name))
    return names


def _with_agent(calls: Iterable[Call]) -> Iterator[tuple[Call, Agent]]:
    """Yield the calls that have an agent with an id; calls that have ended don't count."""
    for call in calls:
        agent = call.agent_details
        if isinstance(agent, Agent) and agent.user_id and not has_ended(call):
            yield call, agent


@dataclass(frozen=True, slots=True)
class LongCall:
    """A call, as the labels of its series tell it, and how long it has lasted, in seconds."""

    call_sid: str
    agent_id: str
    direction: Direction
    status: CallStatus
    line: str
    duration: float


def longest_calls(calls: Iterable[Call], most: int, lines: Lines) -> tuple[LongCall, ...]:
    """Return the calls that have lasted longest; of equally long ones the first by call_sid."""
    going_on = (call for call in calls if is_plausible(call.duration) and not has_ended(call))
    longest = nsmallest(most, going_on, key=lambda call: (-cast(float, call.duration), call.call_sid))
    named: dict[str, Call] = {}
    for call in longest:
        named.setdefault(printable(call.call_sid), call)  # no series twice
    return tuple(
        LongCall(call_sid, _agent_id(call), *pair_of(call), lines.line_of(call), cast(float, call.duration))
        for call_sid, call in named.items()
    )


def _agent_id(call: Call) -> str:
    agent = call.agent_details
    if agent is None:
        return _NO_AGENT
    return printable(agent.user_id) if isinstance(agent, Agent) and agent.user_id else _UNKNOWN


class Lines:
    """The account's lines, found by a number however the API writes it; numbers never leave it."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.names = (*(line.name for line in lines), OTHER) if lines else ()
        self._with_plus: dict[str, str] = {}
        self._without_plus: dict[str, str] = {}
        if lines:
            self._learn(lines)

    def _learn(self, lines: Sequence[Line]) -> None:
        """Take in each way to write the numbers; one that two lines could have is neither's."""
        from exporter.config.telephone_numbers import full, national  # noqa: PLC0415  # as with their reading

        spellings: defaultdict[str, set[str]] = defaultdict(set)
        for line in lines:
            for number in line.numbers:
                self._with_plus.update(dict.fromkeys(full(number), line.name))
                for spelling in national(number):
                    spellings[spelling].add(line.name)
        clear = {spelling: names.pop() for spelling, names in spellings.items() if len(names) == 1}
        self._without_plus = (
            clear | self._with_plus | {"00" + full: name for full, name in self._with_plus.items()}
        )

    def line_of(self, call: Call) -> str:
        """Return the line of a call: the one it came in on, or else the one it goes out from."""
        if not isinstance(call, PersonalCall):
            return OTHER
        came_in = call.direction is Direction.INBOUND
        near, far = (call.to, call.from_) if came_in else (call.from_, call.to)
        return self._find(near) or self._find(far) or OTHER

    def of_each(self, calls: Iterable[Call]) -> Iterable[str]:
        """Return the line of each call, in their order; endless where the account has no lines."""
        return [*map(self.line_of, calls)] if self.names else repeat(OTHER)

    def _find(self, number: str | None) -> str | None:
        written = _BEHIND_A_NUMBER.split(number or "", maxsplit=1)[0]
        # With a plus it is a full number: its digits may be those of another country's national one.
        names = self._with_plus if "+" in written else self._without_plus
        return names.get(_NO_DIGIT.sub("", written))


def tally_lines(calls: Iterable[Call], of_each: Iterable[str], names: Iterable[str]) -> LineTally | None:
    """Count calls by line, direction and status, `of_each` its line; None where the account has no lines."""
    if not names:
        return None
    tally = Counter({(line, *pair): 0 for line in names for pair in KNOWN_PAIRS})
    tally.update((line, *pair_of(call)) for call, line in zip(calls, of_each, strict=True))
    return tally
