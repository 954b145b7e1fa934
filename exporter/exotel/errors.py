"""What can go wrong between the exporter and the API, typed."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from enum import StrEnum
from typing import Self

from exporter.log import place


class Reason(StrEnum):
    """Why a collection failed: the values of the label `reason`."""

    AUTH = "auth"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    RATE_LIMITED = "rate_limited"
    BUDGET = "budget"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    TLS = "tls"
    REDIRECT = "redirect"
    BAD_RESPONSE = "bad_response"
    INCOMPLETE = "incomplete"
    SECRET = "secret"  # noqa: S105  # the name of a reason
    RESOURCES = "resources"
    INTERNAL = "internal"


class Cause(StrEnum):
    """Why a listing is incomplete, as far as it shows: by what is to be done about it."""

    MOVING = "moving"
    """The list moves faster than it is read."""
    TIME = "time"
    """The time, or the budget, was over before open seams could be asked for again."""
    ORDER = "order"
    """The server's list has no stable order."""
    PAGES = "pages"
    """The server's pages don't join, though its list stands still."""
    TOTAL = "total"
    """The server reports more calls than it lists, though its list stands still."""
    WINDOW = "window"
    """The server lists no calls behind some place."""


class ApiError(Exception):
    """A request that brought no usable answer.

    It carries facts for programs (`reason`, `status`, `inside`, `code`, `request_id`) and a text for people,
    which names hosts, and of a body or a header nothing but numbers and identifiers of the API's own: its
    error texts may hold telephone numbers.
    """

    cause: Cause | None = None
    """What is behind the reason, where that changes what is to be done."""

    def __init__(  # noqa: PLR0913  # each is a fact of its own
        self,
        reason: Reason,
        detail: str,
        *,
        status: int | None = None,
        inside: int | None = None,
        code: int | str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.status = status
        self.inside = inside
        self.code = code
        self.request_id = request_id

    @property
    def meant(self) -> int | None:
        """Return the status that the failure has: what the body tells, where it differs from HTTP's."""
        return self.inside or self.status

    def bare(self) -> Self:
        """Give the error without the frames it came through, which would keep bodies and requests alive."""
        self.__context__ = self.__cause__ = None
        return self.with_traceback(None)


class Incomplete(ApiError):
    """A listing from which calls could be missing."""

    def __init__(self, detail: str, cause: Cause | None) -> None:
        super().__init__(Reason.INCOMPLETE, detail)
        self.cause = cause


_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL}
"""Descriptors, memory, local ports."""


def unexpected(error: BaseException) -> ApiError:
    """Return the ApiError for an exception that nothing foresaw: a lack of resources, or a fault."""
    if isinstance(error, ApiError):
        return error.bare()
    if found := lack(error):
        return ApiError(Reason.RESOURCES, found)
    return ApiError(Reason.INTERNAL, place(error))


def lack(error: BaseException) -> str | None:
    """Return what the exporter ran out of, if that is what an exception says, or one that lies under it."""
    for cause in causes(error):
        if isinstance(cause, MemoryError):
            return "out of memory"
        if isinstance(cause, RuntimeError) and "can't start new thread" in str(cause):
            return "no further thread can be started"
        if isinstance(cause, OSError) and cause.errno in _SCARCE:
            return (cause.strerror or type(cause).__name__).lower()
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what lies under it, outermost first: libraries nest in three ways."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        current = pending.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        pending += [getattr(current, "reason", None), *current.args, current.__cause__, current.__context__]
