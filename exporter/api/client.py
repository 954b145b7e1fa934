"""HTTP to one Exotel account."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth

from exporter import __version__
from exporter.api.answers import Page, read_page
from exporter.api.connection import connection_error
from exporter.api.deadline import Deadline
from exporter.api.errors import ApiError, Reason
from exporter.config import AccountConfig, SecretUnreadable

BODY_LIMIT = 16 * 1024 * 1024  # bytes: a page of 1,000 rows takes 0.5 MB

RequestHook = Callable[[str, str, float], None]
"""Told of each request: its endpoint, its HTTP status or the reason for there being none, its seconds."""


class Client:
    """One account's pooled HTTP session. Thread-safe: it asks for several pages at once.

    Credentials travel in the Authorization header alone; redirects are not followed; the environment's
    proxies and .netrc are not read.
    """

    def __init__(self, account: AccountConfig, on_request: RequestHook) -> None:
        self._account = account
        self._on_request = on_request
        base = account.base_url.rstrip("/")
        self._calls_url = f"{base}/v3/accounts/{quote(account.account_sid, safe='')}/calls/active"
        self._session = _session(account)

    def active_calls(self, offset: int, limit: int, deadline: Deadline) -> Page:
        """Ask for a page of the active calls; at most `limit` rows, of which the server may send fewer.

        Raises ApiError. Source: `GET /v3/accounts/<account_sid>/calls/active`.
        """
        parameters = {"limit": str(limit), "offset": str(offset)}
        status, body = self._get("calls", self._calls_url, parameters, deadline)
        return read_page(status, body)

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()

    def _get(
        self, endpoint: str, url: str, parameters: dict[str, str], deadline: Deadline
    ) -> tuple[int, bytes]:
        started = time.monotonic()
        code = Reason.INTERNAL.value
        try:
            status, body = self._exchange(url, parameters, deadline)
            code = str(status)
        except ApiError as error:
            code = str(error.status or error.reason)
            raise
        finally:
            self._on_request(endpoint, code, time.monotonic() - started)
        return status, body

    def _exchange(self, url: str, parameters: dict[str, str], deadline: Deadline) -> tuple[int, bytes]:
        left = deadline.left()
        if not left:
            raise ApiError(Reason.TIMEOUT, "no time was left to ask")
        try:
            with self._session.get(
                url,
                params=parameters,
                auth=self._credentials(),
                timeout=left,
                stream=True,
                allow_redirects=False,
            ) as response:
                # One read of the whole body: requests' own .content reads in 10 kB pieces.
                body: bytes = response.raw.read(BODY_LIMIT + 1, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise connection_error(error) from None
        if len(body) > BODY_LIMIT and response.status_code == HTTPStatus.OK:
            detail = f"the answer is longer than {BODY_LIMIT // 2**20} MiB"
            raise ApiError(Reason.BAD_RESPONSE, detail, status=response.status_code)
        return response.status_code, body

    def _credentials(self) -> HTTPBasicAuth:
        try:
            key, token = self._account.api_key.reveal(), self._account.api_token.reveal()
        except SecretUnreadable as error:
            raise ApiError(Reason.AUTH, str(error)) from None
        return HTTPBasicAuth(key.encode(), token.encode())


def _session(account: AccountConfig) -> requests.Session:
    collection = account.collection
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(pool_maxsize=collection.concurrency))
    session.mount("https://", HTTPAdapter(pool_maxsize=collection.concurrency))
    session.headers["User-Agent"] = f"exotel-exporter/{__version__}"
    session.headers["Accept"] = "application/json"
    session.headers["Accept-Encoding"] = "gzip"  # the one encoding that every installation can decode
    if collection.proxy_url:
        session.proxies = {"http": collection.proxy_url.reveal(), "https": collection.proxy_url.reveal()}
    if collection.tls_config.ca_file:
        session.verify = str(collection.tls_config.ca_file)
    return session
