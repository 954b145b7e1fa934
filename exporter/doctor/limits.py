"""What the headers of answers say of the rate limit, and what its counts show: pure functions of replies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from exporter.doctor.asker import Reply
from exporter.doctor.finding import Check, Finding, Verdict
from exporter.exotel.enums import Endpoint
from exporter.exotel.rate_limiter import read_date

_MINUTE = 61.0  # seconds until the reset of a limit of a minute, at most: resets are told in whole seconds
_MOMENT = 1e8  # what is less are seconds from now, not seconds since 1970
_NUMBER = re.compile(r"\s*([0-9]{1,7})(?![0-9.])")  # of requests; a longer one is none
_SECONDS = re.compile(r"\s*([0-9]{1,10})(?![0-9])")
_WINDOW = re.compile(r";\s*w=([0-9]{1,7})(?![0-9])")  # seconds, as in "200, 200;w=60"
_UNREAD = ("RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_FEW_SECONDS = 10.0
_TURNS = 2  # of a limit of a minute, while doctor asks
_NOISE = 2  # requests of others that tell nothing


def requests_a_minute(replies: Iterable[Reply]) -> int | None:
    """Return the limit of the list as its headers tell it, the lowest of several; None where none does.

    Neither does one for another time than a minute.
    """
    of_list = [reply for reply in replies if _is_of_list(reply)]
    told = [limit for reply in of_list if (limit := _limit(reply)) is not None]
    is_of_other_time = any(map(_is_of_other_time, of_list)) or _is_of_seconds(of_list)
    return None if is_of_other_time else min(told, default=None)


def details_a_minute(details: Iterable[Reply]) -> int | None:
    """Return the limit of details as their headers tell it."""
    return min((limit for reply in details if (limit := _limit(reply)) is not None), default=None)


def least_of_details(details: Sequence[Reply]) -> int | None:
    """Return how many details were answered, if others were refused with 429: no more can be relied on."""
    refused = sum(reply.status == 429 for reply in details)
    return max(1, len(details) - refused) if refused else None


def judge(replies: Sequence[Reply], configured: int) -> Finding:
    """Return the finding on the headers that tell of a rate limit."""
    limit, evidence = requests_a_minute(replies), _evidence(replies)
    refused = sum(reply.status == 429 for reply in replies if _is_of_list(reply))
    others = requests_of_others(replies)
    verdict = Verdict.WORKS if refused else Verdict.GOOD
    if others > _NOISE:
        verdict = Verdict.WORKS
        text = (
            f"Other programs share this limit: it counted at least {others} requests of theirs while doctor "
            "asked. Set requests_per_minute to what they leave of it."
        )
    elif any(map(_is_of_other_time, replies)) or _is_of_seconds(list(filter(_is_of_list, replies))):
        text = "The limit isn't one of a minute: set requests_per_minute to what a minute allows."
        return Finding(Check.RATE_LIMIT, Verdict.WORKS, None, text, evidence)
    elif limit is None:
        seen = sorted({name for reply in replies for name in _UNREAD if name in (reply.headers or {})})
        also = f" ({', '.join(seen)} came, which the exporter doesn't read)" if seen else ""
        text = f"The API announces no limit{also}: the exporter keeps to requests_per_minute, {configured}."
    elif limit < configured:
        verdict = Verdict.WORKS
        text = f"The API allows {limit} requests a minute, and requests_per_minute is {configured}: lower it."
    else:
        text = f"The API allows {limit} requests a minute, and requests_per_minute is {configured}."
    return Finding(Check.RATE_LIMIT, verdict, limit or False, text, evidence)


def has_own_bucket(before: Reply, details: Sequence[Reply], after: Reply) -> bool | None:
    """Return whether requests for details count against a limit of their own; None where it doesn't show.

    `before` and `after` are answers of the list, with nothing asked between them but the details.
    """
    limits = _limit(before), next(iter(filter(None, map(_limit, details))), None)
    if limits[1] is not None and limits[0] != limits[1]:
        return True
    first, last = _remaining(before), _remaining(after)
    left = [each for reply in details if (each := _remaining(reply)) is not None]
    if first is None or last is None or not left or len(left) < len(details) or last >= first:
        return None  # not told, or the minute is another one
    return max(left) >= first or first - last <= len(details)


def until_reset(replies: Sequence[Reply], now: float) -> float | None:
    """Return the seconds until the list's limit begins anew, from a monotonic time; None if none tells."""
    for reply in reversed(replies):
        if _is_of_list(reply) and (seconds := _seconds_to_reset(reply)) is not None:
            return seconds - (now - reply.answered_at)
    return None


def requests_of_others(replies: Iterable[Reply]) -> int:
    """Return how many requests, at least, the list's limit counted beyond those of `replies`."""
    sent = list(replies)  # what wasn't answered may have been counted
    counted = [(each, left) for each in sent if _is_of_list(each) and (left := _remaining(each)) is not None]
    counted.sort(key=lambda each: each[0].answered_at)
    found = 0
    for (one, left), (other, left_then) in pairwise(counted):
        if other.asked_at < one.answered_at:
            continue  # side by side: which was counted first isn't known
        between = (
            each is not one and each.answered_at >= one.asked_at and each.asked_at <= other.answered_at
            for each in sent
        )
        found += max(0, left - left_then - sum(between))
    return found


def _evidence(replies: Sequence[Reply]) -> str:
    refused = sum(reply.status == 429 for reply in replies)
    told = sum(_remaining(reply) is not None for reply in replies)
    return f"{told} of {len(replies)} answers say what remains; refused with 429: {refused}"


def _is_of_list(reply: Reply) -> bool:
    return reply.question.endpoint is Endpoint.CALLS


def _limit(reply: Reply) -> int | None:
    return _number(_NUMBER, reply, "X-RateLimit-Limit") or None


def _remaining(reply: Reply) -> int | None:
    return _number(_NUMBER, reply, "X-RateLimit-Remaining")


def _is_of_other_time(reply: Reply) -> bool:
    """Return whether a limit is told to be for another time than a minute, or is reset later than in one."""
    windows = _WINDOW.findall((reply.headers or {}).get("X-RateLimit-Limit", ""))
    if windows and "60" not in windows:
        return True
    seconds = _seconds_to_reset(reply)
    return seconds is not None and _limit(reply) is not None and seconds > _MINUTE


def _is_of_seconds(replies: Sequence[Reply]) -> bool:
    """Return whether a limit begins anew every few seconds: again and again, and each time soon."""
    told = [(_now(reply), left) for reply in replies if (left := _seconds_to_reset(reply)) is not None]
    moments = {round(now + left) for now, left in told}
    return len(moments) > _TURNS and all(left <= _FEW_SECONDS for _, left in told)


def _seconds_to_reset(reply: Reply) -> float | None:
    reset = _number(_SECONDS, reply, "X-RateLimit-Reset")
    if reset is None:
        return None
    return reset if reset < _MOMENT else reset - _now(reply)


def _now(reply: Reply) -> float:
    """Return the server's time of a reply, or ours where it doesn't tell."""
    return read_date((reply.headers or {}).get("Date", "")) or reply.received


def _number(form: re.Pattern[str], reply: Reply, name: str) -> int | None:
    """Return the number with which a header begins."""
    found = form.match((reply.headers or {}).get(name, ""))
    return int(found[1]) if found else None
