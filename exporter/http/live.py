"""What /calls shows of each account at one moment, and the answer of /calls.json."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from exporter.collect.account import MOST_AGE, Account
from exporter.collect.history import Callers
from exporter.collect.live import LiveCall, LiveCalls
from exporter.exotel.errors import Failure
from exporter.http.live_query import Query

OLD = 300.0
"""Seconds after which calls are no longer shown, as Prometheus no longer shows a series."""
MOST_DRAWN = 200
"""Rows of the page."""
_MOST_WRITTEN = 10_000  # rows of /calls.json


class State(StrEnum):
    """How an account is doing."""

    LISTED = "listed"
    FAILED = "failed"  # its last collection
    STALE = "stale"  # nobody has scraped it for two minutes
    NOT_SCRAPED = "not_scraped"


@dataclass(frozen=True, slots=True)
class LiveAccount:
    """An account at one moment."""

    name: str
    state: State
    collected_at: float | None
    """When its last collection ended, in seconds since 1970."""
    failure: Failure | None
    """Of that collection's listing."""
    listed_at: float | None
    """When its last complete listing ended."""
    calls: LiveCalls | None
    """Those of that listing; None without one, and once it is too old to be shown."""
    call_limit: int | None
    callers: Callers | None
    """Those of the last hour."""

    @classmethod
    def of(cls, account: Account, now: float) -> LiveAccount:
        """Return how an account is at `now`, in seconds since 1970."""
        last, calls = account.live
        age = abs(now - last.ended_at) if last else 0.0  # a clock that was put back tells nothing
        if last is None:
            state = State.NOT_SCRAPED
        elif last.failure:
            state = State.FAILED
        else:
            state = State.LISTED if age < MOST_AGE else State.STALE
        return cls(
            account.name,
            state,
            last.ended_at if last else None,
            last.failure if last else None,
            calls.listed_at if calls else None,
            calls if calls and abs(now - calls.listed_at) < OLD else None,
            account.config.call_limit,
            account.history.callers(time.monotonic()),
        )

    @property
    def is_aged(self) -> bool:
        """Return whether its calls are those of a listing before the last collection, or of long ago."""
        return self.calls is not None and self.state is not State.LISTED

    @property
    def key(self) -> Hashable:
        """Return what changes with what is shown of it; it keeps no calls in memory."""
        number = self.calls.number if self.calls else None
        return (
            *(self.name, self.state, self.collected_at, self.failure, self.listed_at, number),
            *(self.call_limit, self.callers),
        )


@dataclass(frozen=True, slots=True)
class Chosen:
    """The calls that a query wants, sorted, and how many there are in all."""

    calls: Sequence[LiveCall]
    total: int | None
    """None where the calls of no account are known."""

    @classmethod
    def of(cls, query: Query, accounts: Iterable[LiveAccount]) -> Chosen:
        """Choose among the calls of all accounts."""
        rows = [each.calls.rows for each in accounts if each.calls]
        total = sum(map(len, rows)) if rows else None
        return cls(query.choose(chain.from_iterable(rows)), total)

    @property
    def matching(self) -> int | None:
        """Return how many are wanted."""
        return None if self.total is None else len(self.calls)


class FailureDocument(Struct, frozen=True):
    """Why the account's last listing failed."""

    reason: str
    detail: str


class AccountDocument(Struct, frozen=True):
    """An account, and which of its listings the calls are from."""

    name: str
    state: Annotated[
        State,
        Meta(
            description="listed; failed: the last collection; stale: not scraped for two minutes; "
            "not_scraped since the exporter started, or the account's configuration changed."
        ),
    ]
    listed_at: Annotated[datetime | None, Meta(description="The end of its last complete listing.")]
    collected_at: Annotated[datetime | None, Meta(description="The end of its last collection.")]
    failure: FailureDocument | None
    calls: Annotated[
        int | None,
        Meta(description="Its active calls; null if they aren't known, or are five minutes old."),
    ]


class Document(Struct, frozen=True):
    """The answer of /calls.json."""

    accounts: Annotated[list[AccountDocument], Meta(description="Those asked for: one, or all.")]
    total: Annotated[
        int | None, Meta(description="Calls of these accounts, as far as they are known; null if none are.")
    ]
    matching: Annotated[int | None, Meta(description="Those of them that the parameters choose.")]
    shown: Annotated[int, Meta(description="Those of them that are in `calls`: 10,000 at most.")]
    calls: list[LiveCall]


def document(query: Query, accounts: Sequence[LiveAccount]) -> bytes:
    """Return the answer of /calls.json."""
    chosen = Chosen.of(query, accounts)
    shown = list(chosen.calls[:_MOST_WRITTEN])
    told = [
        AccountDocument(
            name=each.name,
            state=each.state,
            listed_at=_time(each.listed_at),
            collected_at=_time(each.collected_at),
            failure=FailureDocument(each.failure.reason, each.failure.detail) if each.failure else None,
            calls=len(each.calls.calls) if each.calls else None,
        )
        for each in accounts
    ]
    return msgspec.json.encode(Document(told, chosen.total, chosen.matching, len(shown), shown)) + b"\n"


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
