"""What can go wrong between the exporter and the API, typed, and what another try can mend."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from random import Random
from typing import Self

from exporter.exotel.enums import Endpoint
from exporter.log import place
from exporter.web.files import os_message


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

    MOVING = "moving"  # the list moves faster than it is read
    TIME = "time"  # or requests ran out before open seams could be asked for again
    ORDER = "order"  # the server's list has no stable order
    PAGES = "pages"  # the server's pages don't join, though its list stands still
    TOTAL = "total"  # the server reports more calls than it lists, though its list stands still
    WINDOW = "window"  # the server lists no calls behind some place


class ApiError(Exception):
    """A request that brought no usable answer: facts for programs, and a text for people.

    The text names hosts, and of a body or a header nothing but numbers and identifiers of the API's own: its
    error texts may hold telephone numbers.
    """

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
        self.status = status  # of HTTP, if there was an answer
        self.inside = inside  # what its body tells in place of HTTP's
        self.code = code
        self.request_id = request_id

    @property
    def effective_status(self) -> int | None:
        """Return the status of the failure: the body's, where it tells one."""
        return self.inside or self.status

    def without_traceback(self) -> Self:
        """Return the error without the frames it came through, which would keep bodies and requests alive."""
        self.__context__ = self.__cause__ = None
        return self.with_traceback(None)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a collector's run failed: what an error told, without the frames and bodies that it would keep."""

    reason: Reason
    detail: str
    cause: Cause | None = None
    """What is behind the reason, where that changes what is to be done."""
    status: int | None = None
    code: int | str | None = None
    request_id: str | None = None

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return what an exception tells; one that nothing foresaw is a lack of resources, or a bug."""
        told = unexpected(error)
        return cls(told.reason, told.detail, status=told.status, code=told.code, request_id=told.request_id)


# Descriptors, memory, local ports.
_SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL}


def unexpected(error: BaseException) -> ApiError:
    """Return the ApiError for an exception that nothing foresaw: a lack of resources, or a fault."""
    if isinstance(error, ApiError):
        return error.without_traceback()
    if found := exhausted_resource(error):
        return ApiError(Reason.RESOURCES, found)
    return ApiError(Reason.INTERNAL, place(error))


def exhausted_resource(error: BaseException) -> str | None:
    """Return what the exporter ran out of, if that is what an exception, or one under it, says."""
    for cause in causes(error):
        if isinstance(cause, MemoryError):
            return "out of memory"
        if isinstance(cause, RuntimeError) and "can't start new thread" in str(cause):
            return "no more threads can be started"
        if isinstance(cause, OSError) and cause.errno in _SCARCE:
            return os_message(cause)
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


_TRIES = 3
_FIRST_WAIT = {Reason.CONNECTION: 0.1, Reason.SERVER_ERROR: 0.2, Reason.RATE_LIMITED: 1.0}  # seconds
RETRIED: Mapping[Endpoint, tuple[Reason, ...]] = {
    **dict.fromkeys(Endpoint, (Reason.CONNECTION,)),
    Endpoint.CALLS: tuple(_FIRST_WAIT),
}
"""What isn't the list can wait for the next collection, unless a kept connection broke."""


def wait_before_retry(
    endpoint: Endpoint, error: ApiError, tries: int, random: Random, *, was_kept: bool = False
) -> float | None:
    """Return the seconds to wait after so many failed tries, or None when another can't help.

    A connection that `was_kept` may have been closed since the request before: GET is safe to repeat (RFC
    9110, 9.2.2), and is, at once. Other waits double with each try, and vary by half so that many clients
    don't come back as one.
    """
    if was_kept and error.reason is Reason.CONNECTION:
        return 0.0
    if endpoint is not Endpoint.CALLS or error.reason not in _FIRST_WAIT or tries >= _TRIES:
        return None
    if error.effective_status == HTTPStatus.NOT_IMPLEMENTED:
        return None  # nor will it be in a moment
    return _FIRST_WAIT[error.reason] * float(2 ** (tries - 1)) * random.uniform(0.5, 1.5)
