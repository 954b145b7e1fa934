"""Why there was no HTTP answer: a reason and a line for what requests, urllib3 or the system raised."""

from __future__ import annotations

import re
import socket
import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import requests
import urllib3.exceptions

from exporter.exotel.errors import ApiError, Reason, causes, lack


def connection_error(error: BaseException, host: str, proxy: str | None, seconds: float) -> ApiError:
    """Return the ApiError for an exception that came instead of an answer; no URL or header is in its text.

    `host` and `proxy`, each with its port, are who was asked, and what lay between if anything did; `seconds`
    is how long that took.
    """
    found = tuple(causes(error))
    facts = {"why": _why(found), "host": host, "proxy": proxy or host, "seconds": f"{seconds:.1f}"}
    if lacking := lack(error):
        return ApiError(Reason.RESOURCES, f"{host}: {lacking}")
    for kinds, reason, text in _KINDS:
        if any(isinstance(cause, kinds) for cause in found):
            return ApiError(reason, text.format_map(facts))
    return ApiError(Reason.CONNECTION, f"{host}: {facts['why']}")


def proxy_error(status: int, body: bytes, proxy: str) -> ApiError | None:
    """Return the ApiError for an answer that a proxy gave in the API's stead, None for one that is the API's.

    Over plain HTTP both look alike, but the API writes JSON.
    """
    if status != _CREDENTIALS_WANTED and (status not in _GATEWAY or body.lstrip().startswith(b"{")):
        return None
    detail = f"the proxy {proxy}: it answered HTTP {status}{_meaning(status)}"
    return ApiError(Reason.CONNECTION, detail, status=status)


def timed_out(host: str, seconds: float) -> ApiError:
    """Return the ApiError for a request that its deadline has ended after so many seconds."""
    return ApiError(Reason.TIMEOUT, f"{host}: no whole answer within {seconds:.1f} s")


_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: (\d{3})")
_CREDENTIALS_WANTED = 407
_GATEWAY = {502, 503, 504}

_KINDS: tuple[tuple[tuple[type[BaseException], ...], Reason, str], ...] = (
    (
        (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError),
        Reason.CONNECTION,
        "the proxy {proxy}: {why}",
    ),
    (
        (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError),
        Reason.TLS,
        "{host}: TLS failed: {why}",
    ),
    (
        (socket.gaierror, urllib3.exceptions.NameResolutionError),
        Reason.CONNECTION,
        "{host}: no address was found: {why}",
    ),
    # before ConnectTimeoutError, which it inherits from for the sake of old code
    ((urllib3.exceptions.NewConnectionError,), Reason.CONNECTION, "{host}: {why}"),
    (
        (urllib3.exceptions.ConnectTimeoutError,),
        Reason.TIMEOUT,
        "{host}: no connection within {seconds} s",
    ),
    (
        (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError),
        Reason.TIMEOUT,
        "{host}: no whole answer within {seconds} s",
    ),
    (
        (requests.exceptions.ContentDecodingError, urllib3.exceptions.DecodeError),
        Reason.BAD_RESPONSE,
        "the body can't be decompressed",
    ),
    (
        (requests.exceptions.InvalidHeader, urllib3.exceptions.InvalidHeader),
        Reason.BAD_RESPONSE,
        "the answer's Content-Length is not one number of bytes",
    ),
    (
        (urllib3.exceptions.IncompleteRead, IncompleteRead),
        Reason.CONNECTION,
        "{host}: the answer was cut short",
    ),
    ((RemoteDisconnected,), Reason.CONNECTION, "{host}: the connection was closed without an answer"),
    ((HTTPException,), Reason.CONNECTION, "{host}: the answer was not HTTP that can be read"),
)


def _why(found: tuple[BaseException, ...]) -> str:
    for cause in reversed(found):
        if refusal := _TUNNEL_REFUSED.match(str(cause)):
            return f"it refused the tunnel with HTTP {refusal[1]}{_meaning(int(refusal[1]))}"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.lower().replace("_", " ")
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, requests.RequestException):
            return cause.strerror.lower()
    return type(found[-1]).__name__


def _meaning(status: int) -> str:
    if status == _CREDENTIALS_WANTED:
        return ": it wants other credentials in proxy_url"
    return ": it can't reach the API" if status in _GATEWAY else ""
