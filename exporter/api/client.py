"""HTTP to one Exotel account."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from http import HTTPStatus
from itertools import count
from random import Random
from typing import Protocol
from urllib.parse import quote

import requests
import urllib3.exceptions
from requests.auth import HTTPBasicAuth

from exporter import __version__
from exporter.api.answers import Page, read_page, refuse_failure
from exporter.api.budget import Budget
from exporter.api.connection import connection_error
from exporter.api.deadline import Deadline
from exporter.api.errors import ApiError, Reason
from exporter.api.listing import Ask
from exporter.api.retry import wait_before_retry
from exporter.api.transport import cuttable
from exporter.config import AccountConfig, SecretUnreadable

CALLS = "calls"
"""The endpoint of the list of active calls, as the label `endpoint` names it."""

BODY_LIMIT = 8 * 1024 * 1024  # bytes: a page of 10,000 rows takes 5 MB
_AHEAD = 4  # requests that wait for a thread, so that no thread waits for the page before to be decoded
_LEAST_TIMEOUT = 0.001  # seconds; a socket takes 0 for no waiting at all
_LAST_WAIT = 0.2  # seconds for requests that are cut to end; only the look-up of a host's name takes longer


class Observer(Protocol):
    """Whoever wants to be told of each request."""

    def request(self, endpoint: str, code: str, seconds: float) -> None:
        """Hear of a request: its HTTP status, or the reason why there was none, and how long it took."""

    def retry(self, endpoint: str, reason: str) -> None:
        """Hear that a request is made again, for this reason."""


class Client:
    """One account's pooled HTTP session, its threads and its budget.

    Credentials travel in the Authorization header alone; redirects are not followed; the environment's
    proxies and .netrc are not read. One collection at a time.
    """

    def __init__(self, account: AccountConfig, observer: Observer) -> None:
        self._account = account
        self._observer = observer
        base = account.base_url.rstrip("/")
        self._calls_url = f"{base}/v3/accounts/{quote(account.account_sid, safe='')}/calls/active"
        self._concurrency = account.collection.concurrency
        self._session = _session(account)
        self._connections = cuttable(self._session, self._concurrency)
        self._threads = ThreadPoolExecutor(self._concurrency, f"{account.name}-request")
        self._random = Random()  # noqa: S311  # it spreads retries, it guards nothing
        self._used: HTTPBasicAuth | None = None
        self.budget = Budget(account.collection.requests_per_minute)

    def pages(self, asks: Iterable[Ask], deadline: Deadline) -> Generator[Page, None, None]:
        """Give pages of the active calls in the order asked, up to `concurrency` of them under way at a time.

        Pages are decoded here, in the thread that consumes them: workers would fight it for the interpreter.
        Whatever is under way when this generator ends is cut off.

        Raises ApiError. Source: `GET /v3/accounts/<account_sid>/calls/active?limit=&offset=`.
        """
        deadline = deadline.part()
        first_of_all = self._prepared(self._calls_url)
        under_way: deque[Future[bytes]] = deque()
        try:
            for offset, limit in asks:
                request = first_of_all.copy()  # to prepare each anew would cost as much as to decode it
                request.url = f"{self._calls_url}?limit={limit}&offset={offset}"
                under_way.append(self._threads.submit(self._get, CALLS, request, deadline))
                if len(under_way) == self._concurrency + _AHEAD:
                    yield self._next_page(under_way, deadline)
            while under_way:
                yield self._next_page(under_way, deadline)
        finally:
            if under_way:
                self._abandon(under_way, deadline)

    def has_new_credentials(self) -> bool:
        """Tell whether the secrets are others than those last used, or can't be read any more."""
        try:
            return self._credentials() != self._used
        except ApiError:
            return True

    def cut(self) -> None:
        """Break off every request that is under way."""
        self._connections.cut()

    def close(self) -> None:
        """Close the connections and end the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _next_page(self, under_way: deque[Future[bytes]], deadline: Deadline) -> Page:
        wait([under_way[0]], timeout=deadline.left())
        if not under_way[0].done():
            raise ApiError(Reason.TIMEOUT, "no whole answer in the time that was left")
        return read_page(under_way.popleft().result())

    def _abandon(self, under_way: Iterable[Future[bytes]], deadline: Deadline) -> None:
        deadline.end()
        running = [future for future in under_way if not future.cancel()]
        if not all(future.done() for future in running):
            self.cut()
            wait(running, timeout=_LAST_WAIT)

    def _get(self, endpoint: str, request: requests.PreparedRequest, deadline: Deadline) -> bytes:
        """Give the body of a 200; ask again where that can help."""
        for tries in count(1):
            self.budget.take(deadline)
            if not deadline.left():
                raise ApiError(Reason.TIMEOUT, "no time was left to ask")
            try:
                return self._ask(endpoint, request, deadline)
            except ApiError as error:
                pause = wait_before_retry(error, tries, self._random)
                if pause is None or max(pause, self.budget.closed_for()) >= deadline.left():
                    raise
                self._observer.retry(endpoint, error.reason)
            deadline.wait(pause)
        raise AssertionError("count has no end")

    def _ask(self, endpoint: str, request: requests.PreparedRequest, deadline: Deadline) -> bytes:
        started = time.monotonic()
        code: str = Reason.INTERNAL
        try:
            status, body = self._exchange(request, deadline)
            code = str(status)
        except ApiError as error:
            code = error.reason
            raise
        finally:
            self._observer.request(endpoint, code, time.monotonic() - started)
        if status != HTTPStatus.OK:
            refuse_failure(status, body)
        if len(body) > BODY_LIMIT:
            detail = f"the answer is longer than {BODY_LIMIT // 2**20} MiB"
            raise ApiError(Reason.BAD_RESPONSE, detail, status=status)
        return body

    def _exchange(self, request: requests.PreparedRequest, deadline: Deadline) -> tuple[int, bytes]:
        self._connections.hold_to(deadline)
        try:
            timeout = max(deadline.left(), _LEAST_TIMEOUT)
            with self._session.send(request, timeout=timeout, allow_redirects=False) as response:
                self.budget.heed(response.status_code, response.headers)
                return response.status_code, _body(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            if not deadline.left():  # it was cut, whatever that looks like from below
                raise ApiError(Reason.TIMEOUT, "no whole answer in the time that was left") from None
            raise connection_error(error) from None

    def _prepared(self, url: str) -> requests.PreparedRequest:
        ca_file = self._account.collection.tls_config.ca_file
        if ca_file is not None and not ca_file.is_file():
            raise ApiError(Reason.TLS, f"tls_config.ca_file {ca_file}: no such file")
        self._used = self._credentials()
        return self._session.prepare_request(requests.Request("GET", url, auth=self._used))

    def _credentials(self) -> HTTPBasicAuth:
        try:
            key, token = self._account.api_key.reveal(), self._account.api_token.reveal()
        except SecretUnreadable as error:
            raise ApiError(Reason.AUTH, str(error)) from None
        return HTTPBasicAuth(key.encode(), token.encode())


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Lead nowhere: to offer a next step, requests would read a redirect's body, whatever its size."""


def _session(account: AccountConfig) -> requests.Session:
    collection = account.collection
    session = _Session()
    session.trust_env = False
    session.stream = True
    session.headers["User-Agent"] = f"exotel-exporter/{__version__}"
    session.headers["Accept"] = "application/json"
    session.headers["Accept-Encoding"] = "gzip"  # the one encoding that every installation can decode
    if collection.proxy_url:
        session.proxies = {"http": collection.proxy_url.reveal(), "https": collection.proxy_url.reveal()}
    if collection.tls_config.ca_file:
        session.verify = str(collection.tls_config.ca_file)
    return session


def _body(response: requests.Response) -> bytes:
    """Read a body whole, but no more than is bearable: requests' own .content reads in 10 kB pieces."""
    told = response.headers.get("Content-Length", "")
    is_bearable = told.isdigit() and int(told) <= BODY_LIMIT and "Content-Encoding" not in response.headers
    body: bytes = response.raw.read(None if is_bearable else BODY_LIMIT + 1, decode_content=True)
    return body
