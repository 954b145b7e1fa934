"""What can go wrong between the exporter and the API, typed."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


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
    INTERNAL = "internal"


class ApiError(Exception):
    """A request that brought no usable answer.

    It carries facts for programs (`reason`, `status`, `inside`, `code`, `request_id`) and a text for people.
    No part of it is copied from a body, a header or a URL unless it is a number or an identifier of the API's
    own: error texts of the API may hold telephone numbers.
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
