"""What filters on the list do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from exporter.doctor.facts import Filter
from exporter.doctor.inquiry import Answer, Inquiry, Told
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.models import Agent, Call

_OUTBOUND = frozenset({Direction.OUTBOUND, Direction.OUTBOUND_API, Direction.OUTBOUND_DIAL})
_TRIES = 2  # agents whose calls are asked for: one may hang up meanwhile


@dataclass(frozen=True, slots=True)
class Filters:
    """What each filter does, what direction=outbound selects, and what total_active counts then."""

    direction: Told[Filter]
    outbound: Told[tuple[str, ...]]
    agent: Told[Filter]
    total: Told[Literal["filter", "account"]]


def measure_filters(inquiry: Inquiry, limit: int, calls: Sequence[Call], total: int | None) -> Filters:
    """Return what filters do; `calls` are those of the latest reading, `total` what the API said then.

    Raises OutOfRequests.
    """
    inbound, outbound = (inquiry.page(limit, direction=direction) for direction in ("inbound", "outbound"))
    direction = judge_direction(inbound, outbound, calls)
    return Filters(
        direction,
        judge_outbound(direction.value, outbound, calls),
        _measure_agent(inquiry, limit, calls),
        judge_filtered_total(inbound, outbound, total),
    )


def judge_direction(inbound: Answer, outbound: Answer, calls: Sequence[Call]) -> Told[Filter]:
    """Return what the direction filter does."""
    for name, answer in (("inbound", inbound), ("outbound", outbound)):
        if answer.is_refusal and answer.status is not None:
            return Told(answer.status, f"direction={name} gets status {answer.status}")
        if not answer.is_page:
            return Told(None, f"direction={name} was not answered")
    evidence = f"direction=inbound: {_directions(inbound.calls)}; outbound: {_directions(outbound.calls)}"
    if not any(call.direction for call in calls):
        return _by_calls(inbound, outbound)
    if any(call.direction in _OUTBOUND for call in inbound.calls) or any(
        call.direction is Direction.INBOUND for call in outbound.calls
    ):
        return Told("ignored", evidence)
    if inbound.rows or outbound.rows:
        return Told("works", evidence)
    return Told(None, f"nothing was selected of {len(calls)} calls")


def _by_calls(inbound: Answer, outbound: Answer) -> Told[Filter]:
    """Return what the filter does in a list whose rows tell no direction: whether it tells calls apart."""
    one, other = set(inbound.call_sids), set(outbound.call_sids)
    shared = len(one & other)
    if not one or not other:
        return Told(None, "not both directions have calls")
    evidence = f"{len(one)} inbound and {len(other)} outbound calls, {shared} of them the same"
    return Told("ignored" if shared > min(len(one), len(other)) / 2 else "works", evidence)


def judge_outbound(
    direction: Filter | None, outbound: Answer, calls: Sequence[Call]
) -> Told[tuple[str, ...]]:
    """Return the directions of calls that direction=outbound selects."""
    if direction != "works":
        return Told(
            None, "what the direction filter does isn't known" if direction is None else "it doesn't work"
        )
    there = {call.direction for call in calls if call.direction in _OUTBOUND}
    found = {call.direction for call in outbound.calls if call.direction in _OUTBOUND}
    if not there and not found:
        return Told(None, "no outbound call was listed")
    return Told(tuple(sorted(map(str, found))), f"listed without a filter: {_directions(calls)}")


def judge_filtered_total(
    inbound: Answer, outbound: Answer, total: int | None
) -> Told[Literal["filter", "account"]]:
    """Return whether total_active counts what a filter selects: both directions together are the account."""
    if inbound.total is None or outbound.total is None or not total:
        return Told(None, "there are no totals to compare")
    both = inbound.total + outbound.total
    evidence = f"{inbound.total} inbound, {outbound.total} outbound, {total} without a filter"
    tolerance = min(max(4, total // 10), total / 3)
    if abs(both - 2 * total) <= tolerance:
        return Told("account", evidence)
    return Told("filter", evidence) if both <= total + tolerance else Told(None, evidence)


def _measure_agent(inquiry: Inquiry, limit: int, calls: Sequence[Call]) -> Told[Filter]:
    told: Told[Filter] = Told(None, "no call in progress shows an agent")
    for agent_id in [*_agents_on_calls(calls)][:_TRIES]:
        if not inquiry.left:
            break
        told = judge_agent(agent_id, inquiry.page(limit, agent_id=agent_id), calls)
        if told.value is not None:
            break
    return told


def judge_agent(agent_id: str, answer: Answer, calls: Sequence[Call]) -> Told[Filter]:
    """Return what the filter by agent does."""
    if answer.is_refusal and answer.status is not None:
        return Told(answer.status, f"agent_id=… gets status {answer.status}")
    if not answer.rows:
        return Told(None, "no call of an agent who had just been on one was selected")
    others = sum(_agent_id(call) != agent_id for call in answer.calls)
    if others:
        return Told("ignored", f"{others} of {answer.rows} calls selected are other people's")
    if all(_agent_id(call) == agent_id for call in calls):
        return Told(None, "only one agent was seen")
    return Told("works", f"{answer.rows} of {len(calls)} calls were selected")


def _agents_on_calls(calls: Iterable[Call]) -> Iterator[str]:
    """Yield agents of calls in progress, those of the shortest calls first: these will last longest."""
    active = [call for call in calls if call.status is CallStatus.IN_PROGRESS]
    for call in sorted(active, key=lambda call: call.duration or 0.0):
        if (agent_id := _agent_id(call)) is not None:
            yield agent_id


def _agent_id(call: Call) -> str | None:
    return call.agent_details.user_id if isinstance(call.agent_details, Agent) else None


def _directions(calls: Iterable[Call]) -> str:
    """Return how many calls each direction has, in words."""
    counts = Counter(str(call.direction or Direction.UNKNOWN) for call in calls)
    return ", ".join(f"{count} {direction}" for direction, count in sorted(counts.items())) or "no calls"
