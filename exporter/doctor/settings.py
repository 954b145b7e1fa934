"""The settings that fit what was found of an account: pure functions from facts to keys and values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from math import ceil
from typing import Literal

from exporter.config import AccountConfig, CollectionConfig, StreamsConfig
from exporter.doctor.beside import BesideFacts
from exporter.doctor.inquiry import Told
from exporter.doctor.trial import Trial
from exporter.exotel.client import voice_host
from exporter.output import counted
from exporter.web.sections import written

_INTERVALS = (15, 30, 60, 120, 300)  # seconds
_MINUTE = 60  # seconds
_SHARE = 0.9  # of the limit: other programs need some of it
_FOR_LISTINGS = 0.8  # of what is allowed, at most
_FOR_ALL = 0.9  # of it: the rest is for requests that have to be repeated
_LARGEST_PAGE = 1000
_MOST_DETAILS = 1000  # a scrape
_LEAST_AGE, _MOST_AGE = 60, 3600  # seconds
_LONGEST_ROUND = 900  # seconds until each call has been inspected; after longer, details are of the past
_LONG = 2.0  # seconds for all pages
_NO_STREAMS = "{enabled: false}"
_FEW = 10  # calls of an account that had none
_DEFAULTS = CollectionConfig()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the configuration depends on."""

    accepted: int | None
    """The largest limit that is known to be served."""
    trial: Trial
    beside: BesideFacts
    first_byte: float | None
    duration: Told[Literal["answer", "start"]]
    """What durations count from."""
    calls: int
    """How many the account had, about."""
    listing: int
    """Requests that a listing takes, about."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A key, its value as YAML has it, why, and what it was if that was another value."""

    key: str
    value: str
    why: str
    was: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a minute's requests allow; times in seconds."""

    requests_per_minute: int
    interval: int
    details: int
    """Requests for details that a scrape may make."""


def page_size(accepted: int | None, configured: int) -> int:
    """Return the page size to ask for: the largest that is known to be served, within reason."""
    return min(accepted, _LARGEST_PAGE) if accepted else configured


def budget(limit: int | None, configured: int, listing: int, others: int) -> Budget:
    """Return what may be asked, if a listing takes so many requests, and all else beside details `others`.

    `limit` is what the API says it allows a minute; without it what is configured is kept to, and what the
    operator has set lower than usual is never exceeded.
    """
    allowed = max(1, int(limit * _SHARE)) if limit else configured
    if configured < _DEFAULTS.requests_per_minute:
        allowed = min(allowed, configured)
    fits = (each for each in _INTERVALS if listing * _MINUTE / each <= allowed * _FOR_LISTINGS)
    interval = next(fits, _INTERVALS[-1])
    left = int(allowed * _FOR_ALL * min(interval, _MINUTE) / _MINUTE) - listing - others
    return Budget(allowed, interval, max(0, left))


def max_age(calls: int, details: int, interval: int) -> int:
    """Return the seconds for which details have to be kept, so that each call is inspected before."""
    rounds = ceil(calls / max(1, details))
    return min(_MOST_AGE, max(_LEAST_AGE, ceil(rounds * interval * 1.5)))


def settings(account: AccountConfig, facts: Facts) -> Iterable[Setting]:
    """Yield what fits, in the order in which it is printed."""
    collection, beside = account.collection, facts.beside
    listing, host = facts.listing, beside.agent_streams_host
    allowed = budget(beside.requests_a_minute, collection.requests_per_minute, listing, int(host is not None))
    yield _page_size(facts, collection.page_size)
    yield _concurrency(facts, collection.concurrency)
    yield _requests_per_minute(facts, allowed, collection.requests_per_minute)
    yield _timeout(facts, allowed, collection.timeout)
    interval = max(allowed.interval, ceil(collection.min_interval))
    yield Setting(
        "min_interval",
        written(collection.min_interval),
        f"as it was; set scrape_interval: {interval}s in Prometheus",
    )
    yield _duration_counts_from(facts.duration, collection.duration_counts_from)
    yield _streams(collection.streams, facts, allowed, interval)
    yield from _agent_streams(account, beside)
    yield from _call_slots(collection.call_slots, beside.legs)


def _page_size(facts: Facts, was: int) -> Setting:
    size, is_known = page_size(facts.accepted, was), facts.accepted is not None
    why = "the largest page that is served" if is_known else "as it was: the largest page isn't known"
    return Setting("page_size", str(size), why, str(was))


def _concurrency(facts: Facts, was: int) -> Setting:
    """Return how many pages to ask for at once: more than eight where they are many and slow."""
    pages, seconds = facts.listing, facts.first_byte or 0.0
    if was != _DEFAULTS.concurrency or pages / was * seconds <= _LONG:
        return Setting("concurrency", str(was), f"enough for the {counted(pages, 'request')} of a listing")
    return Setting("concurrency", str(min(32, pages)), "answers are slow", str(was))


def _requests_per_minute(facts: Facts, allowed: Budget, was: int) -> Setting:
    limit, listing = facts.beside.requests_a_minute, facts.listing
    if listing > allowed.requests_per_minute:
        why = f"a listing takes {listing}: ask Exotel for a higher limit"
    elif limit and allowed.requests_per_minute == max(1, int(limit * _SHARE)):
        why = f"nine tenths of the {limit} that the API allows"
    else:
        why = "as it was"
    return Setting("requests_per_minute", str(allowed.requests_per_minute), why, str(was))


def _timeout(facts: Facts, allowed: Budget, was: float) -> Setting:
    """Return as much as there was, or three times what a listing took if that is more."""
    needed = min(allowed.interval - 2, ceil(3 * (facts.trial.seconds or 0.0)))
    seconds = max(was, float(needed))
    return Setting("timeout", written(seconds), "scrape_timeout in Prometheus: no less", written(was))


def _duration_counts_from(told: Told[Literal["answer", "start"]], was: str) -> Setting:
    key = "duration_counts_from"
    if told.value is None:
        return Setting(key, was, f"as it was: {told.evidence}")
    return Setting(key, told.value, told.evidence, "" if was == _DEFAULTS.duration_counts_from else was)


def _streams(configured: StreamsConfig, facts: Facts, allowed: Budget, interval: int) -> Setting:
    was = in_yaml(configured)
    if facts.beside.has_streams is None:
        return Setting("streams", was, "as it was: whether details can be had isn't known")
    was = was if configured.enabled else ""
    if not facts.beside.has_streams:
        return Setting("streams", _NO_STREAMS, "details can't be had", was)
    if not allowed.details:
        return Setting("streams", _NO_STREAMS, "no request is left for them", was)
    calls = facts.calls or _FEW
    details = min(allowed.details, _own_limit(facts.beside, interval), ceil(calls * 1.2) + 10)
    seconds = ceil(calls / details) * interval
    if seconds > _LONGEST_ROUND:
        why = f"each call would be inspected only every {seconds // _MINUTE} minutes"
        return Setting("streams", _NO_STREAMS, why, was)
    age = float(max_age(calls, details, interval))
    value = in_yaml(StreamsConfig(enabled=True, max_per_scrape=details, max_age=age))
    why = f"each call is inspected every {seconds} s" if facts.calls else "no call was seen to fit it to"
    return Setting("streams", value, why, was)


def in_yaml(value: object) -> str:
    """Return a value of `collection` in YAML."""
    match value:
        case StreamsConfig():
            return in_yaml({each.name: getattr(value, each.name) for each in fields(value)})
        case Mapping():
            return f"{{{', '.join(f'{key}: {in_yaml(each)}' for key, each in value.items())}}}"
        case float():
            return written(value)
        case str():
            return value
    return json.dumps(value)


def _own_limit(beside: BesideFacts, interval: int) -> int:
    """Return how many details a scrape may ask for by a limit of their own."""
    if beside.details_a_minute is None:
        return _MOST_DETAILS
    return max(
        1, min(_MOST_DETAILS, int(beside.details_a_minute * _SHARE * min(interval, _MINUTE) / _MINUTE))
    )


def _agent_streams(account: AccountConfig, beside: BesideFacts) -> Iterable[Setting]:
    host, was = beside.agent_streams_host, json.dumps(account.collection.agent_streams)
    if beside.has_agent_streams is None:
        yield Setting("agent_streams", was, "as it was: it isn't known whether AgentStream answers")
        if url := account.collection.agent_streams_url:
            yield Setting("agent_streams_url", url, "as it was")
        return
    why = "it answers" if host else "it isn't there"
    yield Setting("agent_streams", json.dumps(host is not None), why, was)
    set_before = account.collection.agent_streams_url
    if host and (set_before or host != voice_host(account)):
        yield Setting("agent_streams_url", host, "where it answers", set_before or "")


def _call_slots(configured: Mapping[str, int], legs: Mapping[str, int]) -> Iterable[Setting]:
    """Return what the operator has set, or else two for outbound calls with two legs."""
    seen = {name: 2 for name, count in legs.items() if name.startswith("outbound") and count > 1}
    if slots := configured or seen:
        why = "as it was" if configured else "Exotel calls two parties; leave out directions that call one"
        yield Setting("call_slots", in_yaml(slots), why)
