"""A configuration that fits what was found of an account: pure functions from facts to YAML."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from exporter.config import AccountConfig, Secret, StreamsConfig
from exporter.doctor.beside import BesideFacts
from exporter.doctor.facts import PageFacts
from exporter.doctor.trial import Trial
from exporter.exotel.client import voice_host
from exporter.web.sections import written

_INTERVALS = (15, 30, 60, 120, 300)  # seconds
_SHARE = 0.9  # of the limit: other programs need some of it
_FOR_LISTINGS = 0.8  # of that, at most
_LARGEST_PAGE = 1000
_LEAST_AGE, _MOST_AGE = 60, 3600  # seconds
_LONG = 2.0  # seconds for all pages
_FEW = 10  # calls of an account that had none


@dataclass(frozen=True, slots=True)
class Facts:
    """What the configuration depends on."""

    base_url: str
    pages: PageFacts
    trial: Trial
    beside: BesideFacts
    first_byte: float | None
    calls: int
    """How many the account had, about."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A key, its value as YAML has it, and why."""

    key: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Budget:
    """What a minute's requests allow; times in seconds."""

    requests_per_minute: int
    interval: int
    details: int
    """Requests for details that a scrape may make."""


def page_size(facts: PageFacts, configured: int) -> int:
    """Return the page size to ask for: the largest that is known to be served, within reason."""
    return min(facts.accepted, _LARGEST_PAGE) if facts.accepted else configured


def budget(limit: int | None, configured: int, listing: int, others: int) -> Budget:
    """Return what may be asked, if a listing takes so many requests, and all else beside details `others`.

    `limit` is what the API says it allows a minute; without it what is configured is kept to.
    """
    allowed = max(1, int(limit * _SHARE)) if limit else configured
    fits = (each for each in _INTERVALS if listing * 60 / each <= allowed * _FOR_LISTINGS)
    interval = next(fits, _INTERVALS[-1])
    left = int(allowed * _SHARE * interval / 60) - listing - others
    return Budget(allowed, interval, max(0, left))


def max_age(calls: int, details: int, interval: int) -> int:
    """Return the seconds for which details have to be kept, so that each call is inspected before."""
    rounds = ceil(calls / max(1, details))
    return min(_MOST_AGE, max(_LEAST_AGE, ceil(rounds * interval * 1.5)))


def configuration(account: AccountConfig, facts: Facts) -> str:
    """Return the account's part of a configuration file in YAML, a reason beside each line."""
    lines = [
        f"  - name: {json.dumps(account.name)}",
        f"    account_sid: {json.dumps(account.account_sid)}",
        f"    base_url: {facts.base_url}",
        *_secret("api_key", account.api_key),
        *_secret("api_token", account.api_token),
        *_kept(account),
    ]
    return "\n".join([*lines, *map(_line, _settings(account, facts))]) + "\n"


def _line(setting: Setting) -> str:
    text = f"    {setting.key}: {setting.value}"
    return f"{text:<40}  # {setting.why}"


def _secret(key: str, secret: Secret) -> list[str]:
    if secret.file:
        return [f"    {key}_file: {json.dumps(str(secret.file))}"]
    return [f"    {key}: ${{EXOTEL_{key.upper()}}}"]


def _kept(account: AccountConfig) -> list[str]:
    """Return what only the operator knows."""
    collection = account.collection
    kept = []
    if account.call_limit is not None:
        kept.append(f"    call_limit: {account.call_limit}")
    if collection.allow_http:
        kept.append("    allow_http: true")
    if collection.tls_config.ca_file:
        kept.append(f"    tls_config: {{ca_file: {json.dumps(str(collection.tls_config.ca_file))}}}")
    if collection.proxy_url:
        kept.append("    # keep your proxy_url here")
    if account.lines:
        kept.append("    # keep your lines here: telephone numbers have no place in this report")
    return kept


def _settings(account: AccountConfig, facts: Facts) -> Iterable[Setting]:
    collection, trial, beside = account.collection, facts.trial, facts.beside
    size = page_size(facts.pages, collection.page_size)
    listing, host = trial.requests or 1, beside.agent_streams_host
    allowed = budget(beside.requests_a_minute, collection.requests_per_minute, listing, int(host is not None))
    known = facts.pages.accepted is not None
    yield Setting(
        "page_size", str(size), "the largest page that is served" if known else "not told: as it was"
    )
    yield Setting("concurrency", str(_concurrency(facts)), f"a listing takes {_counted(listing, 'request')}")
    yield Setting("requests_per_minute", str(allowed.requests_per_minute), _why_limit(beside))
    yield Setting("timeout", written(float(_timeout(facts, allowed))), "of a scrape; scrape_timeout: no less")
    yield Setting("min_interval", "5s", f"set scrape_interval: {allowed.interval}s in Prometheus")
    yield from _streams(collection.streams, facts, allowed)
    yield Setting(
        "agent_streams", json.dumps(host is not None), "it answers" if host else "it doesn't answer"
    )
    if host and host != voice_host(account):
        yield Setting("agent_streams_url", host, "where it answers")
    if slots := {name: 2 for name, legs in beside.legs.items() if name.startswith("outbound-") and legs > 1}:
        shown = ", ".join(f"{name}: {count}" for name, count in slots.items())
        yield Setting("call_slots", f"{{{shown}}}", "these calls show two legs")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _why_limit(beside: BesideFacts) -> str:
    if beside.requests_a_minute:
        return f"nine tenths of the {beside.requests_a_minute} that the API allows"
    return "no header tells the limit: as it was"


def _concurrency(facts: Facts) -> int:
    """Return how many pages to ask for at once: more than eight where they are many and slow."""
    pages, seconds = facts.trial.requests or 1, facts.first_byte or 0.0
    return 8 if pages / 8 * seconds <= _LONG else min(32, pages)


def _timeout(facts: Facts, allowed: Budget) -> int:
    """Return three times what a listing took, at least ten seconds, within the scrape interval."""
    return max(10, min(allowed.interval - 2, ceil(3 * (facts.trial.seconds or 0.0))))


def _streams(configured: StreamsConfig, facts: Facts, allowed: Budget) -> Iterable[Setting]:
    if facts.beside.has_streams is None:
        yield Setting("streams", f"{{enabled: {json.dumps(configured.enabled)}}}", "not told: as it was")
        return
    if not facts.beside.has_streams or not allowed.details:
        why = "no request is left for them" if facts.beside.has_streams else "details can't be had"
        yield Setting("streams", "{enabled: false}", why)
        return
    calls = facts.calls or _FEW
    details = min(allowed.details, 1000, ceil(calls * 1.2) + 10)
    age = max_age(calls, details, allowed.interval)
    value = f"{{enabled: true, max_per_scrape: {details}, max_age: {age}s}}"
    yield Setting("streams", value, _why_details(facts.calls, ceil(calls / details)))


def _why_details(calls: int, scrapes: int) -> str:
    if not calls:
        return "no call was seen that it could be fitted to"
    return "each call is inspected " + ("at every scrape" if scrapes == 1 else f"once in {scrapes} scrapes")
