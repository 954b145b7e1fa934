"""What doctor finds: for each check a verdict, a value for programs, and words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Value = None | bool | int | float | str | Sequence["Value"] | Mapping[str, "Value"]
"""As JSON writes it; None where it can't be told."""


class Verdict(StrEnum):
    """What a finding means for the exporter."""

    GOOD = "good"
    WORKS = "works, but"
    MUST_CHANGE = "must change"
    NOT_TOLD = "not told"  # this account, or this many requests, can't show it


class Check(StrEnum):
    """What is tested. The values, as JSON has them, stand beside each."""

    NAME = "access.name"
    """Number of addresses that base_url's host name has."""
    ADDRESSES = "access.addresses"
    """{address: seconds to connect, or null where it failed}."""
    TLS = "access.tls"
    """"verified", "off" (http) or "refused"."""
    FIRST_BYTE = "access.first_byte"
    """Seconds from a request to its answer's headers, the median."""
    PROXY = "access.proxy"
    """Host and port of proxy_url; false without."""
    CLOCK = "access.clock"
    """Seconds by which the API's clock (`Date`) is ahead of ours; negative where behind."""
    CREDENTIALS = "access.credentials"
    """"accepted" or "refused"."""
    REGION = "access.region"
    """true where base_url is the account's region; else the URL that answered."""
    ACCOUNT = "access.account"
    """"known" or "unknown"."""

    PAGE_SIZE = "list.page_size"
    """The most rows that a page had."""
    LARGER_LIMIT = "list.larger_limit"
    """What a limit above the largest page gets: "cut", "ignored" (pages have one size whatever the limit),
    "whole list", an HTTP status such as 400, or "honoured" (no largest page was found)."""
    OFFSET = "list.offset"
    """"honoured", "rounded" (down to a multiple of the limit), "ignored", "from one", "pages"."""
    WINDOW = "list.window"
    """The last row that is served although there are more; false where the list's end was reached."""
    PAST_END = "list.past_end"
    """The HTTP status of a page behind the last row."""
    ORDER = "list.order"
    """"oldest first", "newest first", "by status", "stable" (nothing that rows show, but rows keep their
    places), "moving" (calls change places as they change), "none" (another one with each answer)."""
    TOTAL = "list.total"
    """What total_active is without a filter: "rows" (of the list), "page" (rows of this page), "so far" (rows
    up to this page's end), "pages", "absent", "lags" (the list's of a moment before), "not ended" (leaves out
    ended calls that linger), "other"."""
    FILTERED_TOTAL = "list.filtered_total"
    """What it is with a direction filter: "filter" or "account"."""
    DOUBLED = "list.doubled"
    """Share of calls with two rows or more."""
    LINGERING = "list.lingering"
    """Seconds for which ended calls stay in the list, [least, most]; most is null where it wasn't seen; false
    where none stays."""
    FIELDS = "list.fields"
    """{field: type} of every field of the API's page that rows have: "text", "number", "bool", "object",
    "null" (never anything else), or several joined with "|" in this order."""
    MISSING = "list.missing"
    """The fields of the API's page that no row has, sorted."""
    VALUES = "list.values"
    """{field: number of distinct values that aren't known}, of direction, status and agent status."""
    DURATION = "list.duration"
    """What duration counts from: "answer" or "start"."""
    DIRECTION_FILTER = "list.direction_filter"
    """"works", "ignored", or an HTTP status."""
    OUTBOUND = "list.outbound"
    """The directions that direction=outbound selects, sorted."""
    AGENT_FILTER = "list.agent_filter"
    """"works", "ignored", or an HTTP status."""

    STREAMS = "beside.streams"
    """Whether /stream answers: true, or the HTTP status that all calls got."""
    AGENT_STREAMS = "beside.agent_streams"
    """{"url": ..., "format": "json" or "xml", "limit": ...}, or the HTTP status of the last refusal."""
    RATE_LIMIT = "beside.rate_limit"
    """Requests a minute, as the headers tell; false where none tell it."""
    DETAILS_BUCKET = "beside.details_bucket"
    """Whether /stream has a limit of its own: true or false."""
    LEGS = "beside.legs"
    """{direction: the usual number of legs of calls in progress}."""

    LISTING = "listing"
    """How the exporter's own listing went: "complete", "uncertain" (another may not be), or why not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. No text holds a telephone number, a name, a credential or a call_sid."""

    check: Check
    verdict: Verdict
    value: Value
    text: str
    """One or two sentences in an operator's words: what it is like, and what to do where something is."""
    evidence: str = ""
    """What was seen, in figures."""
