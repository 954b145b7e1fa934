"""Why an answer isn't what was asked for, in words that hold nothing of its body."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from exporter.doctor.asker import Reply
from exporter.exotel.client import BODY_LIMITS
from exporter.exotel.decode import read_agent_streams, read_page, read_stream, refuse_failure
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Failure, Reason, unexpected
from exporter.exotel.remediation import remediation_of


def failure_of(reply: Reply) -> ApiError | None:
    """Return why a reply isn't what the exporter could use; None of one that is."""
    if reply.error or reply.status is None:
        return reply.error
    try:
        _read(reply.question.endpoint, reply)
    except Exception as error:  # noqa: BLE001  # a hostile body must not end the examination
        return unexpected(error)
    return None


def told(error: ApiError) -> str:
    """Return what an error says; a code that is a text could be anything, and is left out."""
    return f"HTTP {error.status}" if isinstance(error.code, str) else error.detail


def remedy(error: ApiError) -> str:
    """Return what to do about an error."""
    return remediation_of(Failure.of(error)).sentence


def _read(endpoint: Endpoint, reply: Reply) -> None:
    status, body = reply.status or 0, reply.body
    if is_too_long := len(body) > BODY_LIMITS[endpoint]:
        body = b""
    if status != 200:
        refuse_failure(status, body)
    if is_too_long:
        most = BODY_LIMITS[endpoint] // 2**20
        raise ApiError(Reason.BAD_RESPONSE, f"the answer is longer than {most} MiB", status=status)
    match endpoint:
        case Endpoint.CALLS:
            read_page(body)
        case Endpoint.STREAMS:
            read_stream(body, unquote(urlsplit(reply.question.url).path.split("/")[-2]))
        case Endpoint.AGENT_STREAMS:
            read_agent_streams(body)
