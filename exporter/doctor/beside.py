"""What the API has beside the list: details of calls and their legs, AgentStream, rate limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median_low
from urllib.parse import urlsplit

from exporter.doctor import limits
from exporter.doctor.asker import Asker, OutOfRequests, Reply
from exporter.doctor.failures import failure_of, remedy, told
from exporter.doctor.finding import Check, Finding, Value, Verdict
from exporter.exotel.client import voice_host
from exporter.exotel.decode import read_agent_streams, read_stream
from exporter.exotel.errors import ApiError, Reason

_AT_FIRST = 2  # calls of each direction
_CLEAR = 5.0  # seconds within which counts are compared: the minute must not end meanwhile
_ROUNDING = 1.0  # seconds by which a reset may be told too early
_NOT_ENABLED = {Reason.NOT_FOUND, Reason.FORBIDDEN}
_REFUSED = {*_NOT_ENABLED, Reason.AUTH}
_REVOKED = {Reason.AUTH, Reason.FORBIDDEN}


@dataclass(frozen=True, slots=True)
class BesideFacts:
    """What there is beside the list; None is what couldn't be told."""

    has_streams: bool | None = None
    has_agent_streams: bool | None = None
    agent_streams_host: str | None = None
    """The URL of the host that answers; None where none does."""
    requests_a_minute: int | None = None
    details_a_minute: int | None = None
    """What the API allows of them, where that is another limit than the list's."""
    legs: Mapping[str, int] = field(default_factory=dict)
    """The usual number of legs of calls in progress, by direction."""


def examine(
    asker: Asker,
    in_progress: Mapping[str, Sequence[str]],
    say: Callable[[str], None],
    *,
    is_list_read: bool = True,
) -> tuple[BesideFacts, list[Finding]]:
    """Return what there is beside the list; `in_progress` are call_sids by direction."""
    say("asking for details of calls")
    first = {direction: sids[:_AT_FIRST] for direction, sids in in_progress.items()}
    before, details, after = _look_at_details(asker, [sid for sids in first.values() for sid in sids])
    if after and (error := failure_of(after)) and error.reason in _REVOKED:
        asker.give_up()
    why_none = asker.why_short if in_progress or not is_list_read else "no call was in progress"
    has_streams, streams = _judge_streams(details, why_none)
    legs = _legs(_with_more(asker, in_progress, _count_legs(first, details)))
    own = limits.has_own_bucket(before, details, after) if before and after and details else None
    say("asking for AgentStream sessions")
    host, agent_streams = _look_for_agent_streams(asker)
    has_agent_streams = None if agent_streams.verdict is Verdict.NOT_TOLD else host is not None
    configured = asker.account.collection.requests_per_minute
    allowed = limits.requests_a_minute(asker.replies)
    of_details = limits.details_a_minute(details) if own else limits.least_of_details(details)
    facts = BesideFacts(has_streams, has_agent_streams, host, allowed, of_details, legs)
    findings = [streams, _judge_legs(legs, details), agent_streams, limits.judge(asker.replies, configured)]
    return facts, [*findings, _judge_bucket(own)]


def _look_at_details(
    asker: Asker, call_sids: Sequence[str]
) -> tuple[Reply | None, list[Reply], Reply | None]:
    """Return the details of calls, between two answers of the list that say what remains of its limit."""
    if not call_sids:
        return None, [], None
    to_reset = limits.until_reset(asker.replies, asker.monotonic())
    if to_reset is not None and 0 <= to_reset < _CLEAR:
        asker.sleep(to_reset + _ROUNDING)
    before, details = None, list[Reply]()
    try:
        before = asker.page(limit=1).reply
        details = asker.streams(call_sids)
        return before, details, asker.page(limit=1).reply
    except OutOfRequests:
        return before, details, None


def _judge_streams(details: Sequence[Reply], why_none: str) -> tuple[bool | None, Finding]:
    errors = [error for reply in details if (error := failure_of(reply))]
    answered = len(details) - len(errors)
    evidence = f"{answered} of {len(details)} calls in progress were answered"
    if not details:
        text = f"Whether a call's details can be had isn't known: {why_none}."
        return None, Finding(Check.STREAMS, Verdict.NOT_TOLD, None, text)
    if answered and (refused := sum(reply.status == 429 for reply in details)):
        text = f"Details of calls can be had, but {refused} of {len(details)} were refused with 429."
        return True, Finding(Check.STREAMS, Verdict.WORKS, value=True, text=text, evidence=evidence)
    if answered:
        text = "Details of calls (legs, bridge, recording) can be had."
        return True, Finding(Check.STREAMS, Verdict.GOOD, value=True, text=text, evidence=evidence)
    status = errors[0].effective_status
    if all(error.reason in _NOT_ENABLED for error in errors) and len(errors) > 1:
        text = f"/stream answers {status} for every call: leave streams off, or ask Exotel to enable it."
        return False, Finding(Check.STREAMS, Verdict.WORKS, status, text, evidence)
    text = f"No details could be had: {told(errors[0])}. {remedy(errors[0])}"
    return None, Finding(Check.STREAMS, Verdict.NOT_TOLD, None, text, evidence)


def _count_legs(calls: Mapping[str, Sequence[str]], details: Sequence[Reply]) -> Mapping[str, list[int]]:
    """Return the numbers of legs by direction, of details in the order of the calls."""
    seen: dict[str, list[int]] = {direction: [] for direction in calls}
    named = [(direction, sid) for direction, sids in calls.items() for sid in sids]
    for (direction, sid), reply in zip(named, details, strict=False):
        if failure_of(reply) is None and (legs := read_stream(reply.body, sid).legs) is not None:
            seen[direction].append(len(legs))
    return seen


def _with_more(
    asker: Asker, calls: Mapping[str, Sequence[str]], seen: Mapping[str, list[int]]
) -> Mapping[str, list[int]]:
    """Return the numbers of legs, of more calls where two calls disagree."""
    unclear = {name: calls[name][_AT_FIRST:] for name, counts in seen.items() if len({*counts}) > 1}
    try:
        details = asker.streams([sid for sids in unclear.values() for sid in sids])
    except OutOfRequests:
        return seen
    more = _count_legs(unclear, details)
    return {name: counts + more.get(name, []) for name, counts in seen.items()}


def _legs(seen: Mapping[str, list[int]]) -> Mapping[str, int]:
    """Return the usual number of legs by direction: a third one is a supervisor's, as a rule."""
    return {direction: median_low(counts) for direction, counts in sorted(seen.items()) if counts}


def _judge_legs(legs: Mapping[str, int], details: Sequence[Reply]) -> Finding:
    if not legs:
        text = "How many legs calls have isn't known: no details were seen."
        return Finding(Check.LEGS, Verdict.NOT_TOLD, None, text)
    shown = ", ".join(f"{direction}: {count}" for direction, count in legs.items())
    text = f"The usual number of legs of a call in progress: {shown}."
    if any(count > 1 for direction, count in legs.items() if direction.startswith("outbound")):
        text += " By Exotel's rule, outbound calls that connect two parties take two slots of the limit."
    return Finding(Check.LEGS, Verdict.GOOD, legs, text, f"{len(details)} calls in progress")


def _look_for_agent_streams(asker: Asker) -> tuple[str | None, Finding]:
    """Return the host of AgentStream: the configured or derived one, or else that of base_url."""
    untold, refused = "", ("", 0)
    for host in dict.fromkeys((voice_host(asker.account), asker.account.base_url.rstrip("/"))):
        try:
            reply = asker.agent_streams(host)
        except OutOfRequests:
            untold = asker.why_short
            break
        if (error := failure_of(reply)) is None:
            return host, _judge_agent_streams(host, reply.body)
        failure = f"{urlsplit(host).netloc}: {told(error)}"
        if (status := error.effective_status) is not None and _is_refusal(error):
            refused = failure, status
        else:
            untold = failure
    if untold:
        text = f"Whether AgentStream can be had isn't known: {untold}."
        return None, Finding(Check.AGENT_STREAMS, Verdict.NOT_TOLD, None, text)
    text = f"AgentStream isn't there for this account ({refused[0]}): leave agent_streams off."
    return None, Finding(Check.AGENT_STREAMS, Verdict.GOOD, refused[1], text)


def _judge_agent_streams(host: str, body: bytes) -> Finding:
    found = read_agent_streams(body)
    form = "xml" if body.lstrip().startswith(b"<") else "json"
    value: Value = {"url": host, "format": form, "limit": found.limit}
    of_limit = f" of {found.limit}" if found.limit is not None else ""
    text = f"AgentStream answers at {host}: {found.active}{of_limit} sessions."
    if found.limit is None or found.active < found.limit:
        return Finding(Check.AGENT_STREAMS, Verdict.GOOD, value, text, f"in {form.upper()}")
    text += " The limit is reached: further sessions are refused."
    return Finding(Check.AGENT_STREAMS, Verdict.WORKS, value, text, f"in {form.upper()}")


def _is_refusal(error: ApiError) -> bool:
    """Return whether an error says that there is nothing, and not that it went wrong for once."""
    status = error.effective_status or 0
    return error.reason in _REFUSED or (error.reason is Reason.BAD_RESPONSE and 400 <= status < 500)


def _judge_bucket(own: bool | None) -> Finding:  # noqa: FBT001  # it is the fact itself
    if own is None:
        text = "Whether details count against a limit of their own isn't known: no header tells."
        return Finding(Check.DETAILS_BUCKET, Verdict.NOT_TOLD, None, text)
    what = "a limit of their own" if own else "the same limit as the list"
    text = f"Details of calls count against {what}."
    return Finding(Check.DETAILS_BUCKET, Verdict.GOOD, own, text)
