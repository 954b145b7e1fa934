"""Why there was no HTTP answer: a reason and a line for what requests, urllib3 or the system raised."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import requests
import urllib3.exceptions

from exporter.api.errors import ApiError, Reason


def connection_error(error: BaseException) -> ApiError:
    """Give the ApiError for an exception that came instead of an answer; no URL or header is in its text."""
    causes = tuple(_causes(error))
    for kinds, reason, text in _KINDS:
        if any(isinstance(cause, kinds) for cause in causes):
            return ApiError(reason, text.format(why=_why(causes)))
    return ApiError(Reason.CONNECTION, _why(causes))


_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")

_KINDS: tuple[tuple[tuple[type[BaseException], ...], Reason, str], ...] = (
    ((requests.exceptions.ProxyError, urllib3.exceptions.ProxyError), Reason.CONNECTION, "proxy: {why}"),
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError),
        Reason.TLS,
        "TLS failed: {why}",
    ),
    (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        Reason.CONNECTION,
        "the host has no address: {why}",
    ),
    # before ConnectTimeoutError, which it inherits from for the sake of old code
    ((urllib3.exceptions.NewConnectionError,), Reason.CONNECTION, "{why}"),
    ((urllib3.exceptions.ConnectTimeoutError,), Reason.TIMEOUT, "no connection in the time that was left"),
    (
        (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        Reason.TIMEOUT,
        "no whole answer in the time that was left",
    ),
    (
        (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError),
        Reason.BAD_RESPONSE,
        "the body can't be decompressed",
    ),
    ((urllib3.exceptions.IncompleteRead, IncompleteRead), Reason.CONNECTION, "the answer was cut short"),
    ((RemoteDisconnected,), Reason.CONNECTION, "the connection was closed without an answer"),
    ((HTTPException,), Reason.CONNECTION, "the answer was not HTTP that can be read"),
)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and what lies under it, outermost first: the libraries nest in three ways."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        current = pending.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        pending += [getattr(current, "reason", None), *current.args, current.__cause__, current.__context__]


def _why(causes: tuple[BaseException, ...]) -> str:
    for cause in reversed(causes):
        if refusal := _TUNNEL_REFUSED.match(str(cause)):
            return f"it refused the tunnel with HTTP {refusal[1]}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror.lower()
    return f"{type(causes[-1]).__name__}"
