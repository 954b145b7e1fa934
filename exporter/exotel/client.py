"""HTTP to one Exotel account."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPException
from itertools import count
from random import Random
from typing import Protocol
from urllib.parse import quote, urlsplit

import requests
import urllib3.exceptions
from requests.auth import HTTPBasicAuth

from exporter.config import AccountConfig
from exporter.exotel.answers import Page, read_page, refuse_failure
from exporter.exotel.body import read_body
from exporter.exotel.connection_errors import connection_error, proxy_error, timed_out
from exporter.exotel.credentials import credentials, see_authorities
from exporter.exotel.deadline import Deadline
from exporter.exotel.endpoints import Endpoint, agent_streams_url
from exporter.exotel.errors import ApiError, Reason, unexpected
from exporter.exotel.listing.paging import Ask
from exporter.exotel.models import Call
from exporter.exotel.rate_limiter import RateLimiter
from exporter.exotel.retry import wait_before_retry
from exporter.exotel.session import open_session
from exporter.exotel.streams import AgentStreams, Stream, read_agent_streams, read_stream
from exporter.exotel.transport import cuttable
from exporter.exotel.worker_pool import WorkerPool

BODY_LIMITS = {  # bytes: a page of 10,000 rows takes 5 MB, the details of a call with 10,000 legs 2 MB
    Endpoint.CALLS: 8 * 2**20,
    Endpoint.STREAMS: 4 * 2**20,
    Endpoint.AGENT_STREAMS: 2**20,
}
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
    """One account's pooled HTTP session, and its budget, which others of the same account share.

    Credentials travel in the Authorization header alone; redirects are not followed; the environment's
    proxies and .netrc are not read. One collection at a time. Rows of the list are read as `kind`.
    """

    def __init__(
        self,
        account: AccountConfig,
        observer: Observer,
        kind: type[Call] = Call,
        budget: RateLimiter | None = None,
    ) -> None:
        self._account = account
        self._observer = observer
        self._kind = kind
        base, account_sid = account.base_url.rstrip("/"), quote(account.account_sid, safe="")
        self._calls_url = f"{base}/v3/accounts/{account_sid}/calls"
        self._agent_streams_url = agent_streams_url(account)
        self._concurrency = account.collection.concurrency
        self._session = open_session(account)
        self._connections = cuttable(self._session, self._concurrency)
        self._threads = WorkerPool(f"{account.name}-request", self._concurrency)
        proxy_url = account.collection.proxy_url
        self._proxy = _host(proxy_url.reveal()) if proxy_url else None
        self._random = Random()  # noqa: S311  # it spreads retries, it guards nothing
        self._used: HTTPBasicAuth | None = None
        self.rate_limiter = budget or RateLimiter(account.collection.requests_per_minute)

    def pages(self, asks: Iterable[Ask], deadline: Deadline) -> Generator[Page, None, None]:
        """Give pages of the active calls in the order asked, up to `concurrency` of them under way at a time.

        Pages are decoded here, in the thread that consumes them: workers would fight it for the interpreter.
        Whatever is under way when this generator ends is cut off.

        Raises ApiError. Source: `GET /v3/accounts/<account_sid>/calls/active?limit=&offset=`.
        """
        urls = (f"{self._calls_url}/active?limit={limit}&offset={offset}" for offset, limit in asks)
        with closing(self._answers(Endpoint.CALLS, urls, deadline)) as answers:
            for _, answer in answers:
                yield read_page(answer.result(), self._kind)

    def streams(
        self, call_sids: Iterable[str], deadline: Deadline
    ) -> Generator[tuple[str, Stream | ApiError], None, None]:
        """Give the details of these calls as they come, or the error where they can't be had.

        One that never answers doesn't keep the others waiting. Raises ApiError when the time is over, unless
        that is the error of a call.
        Source: `GET /v3/accounts/<account_sid>/calls/<call_sid>/stream`.
        """
        asked: dict[str, str] = {}

        def urls() -> Iterator[str]:
            for call_sid in call_sids:
                url = f"{self._calls_url}/{quote(call_sid, safe='')}/stream"
                asked[url] = call_sid
                yield url

        with closing(self._answers(Endpoint.STREAMS, urls(), deadline, in_order=False)) as answers:
            for url, answer in answers:
                call_sid = asked[url]
                try:
                    yield call_sid, read_stream(answer.result(), call_sid)
                except ApiError as error:
                    yield call_sid, error.bare()
                except Exception as error:  # noqa: BLE001  # one call's details must not cost the others'
                    yield call_sid, unexpected(error)

    def agent_streams(self, deadline: Deadline) -> AgentStreams:
        """Give the AgentStream sessions.

        Raises ApiError. Source: `GET /v1/Accounts/<account_sid>/ActiveStreams`.
        """
        urls = [self._agent_streams_url]
        with closing(self._answers(Endpoint.AGENT_STREAMS, urls, deadline)) as answers:
            url, answer = next(answers)
            try:
                return read_agent_streams(answer.result())
            except ApiError as error:
                raise _naming(url, error) from None

    def has_new_credentials(self) -> bool:
        """Tell whether the secrets are others than those last used, or can't be read any more."""
        try:
            return credentials(self._account) != self._used
        except ApiError:
            return True

    def cut(self) -> None:
        """Break off every request that is under way."""
        self._connections.cut()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _answers(
        self, endpoint: Endpoint, urls: Iterable[str], deadline: Deadline, *, in_order: bool = True
    ) -> Generator[tuple[str, Future[bytes]], None, None]:
        """Give what the URLs answered, in order or as it comes; raise ApiError when the time is over."""
        deadline, began = deadline.child(), time.monotonic()
        first_of_all = self._prepared(self._calls_url)
        under_way: dict[Future[bytes], str] = {}
        most = self._concurrency + (_AHEAD if in_order else 0)

        def next_answer() -> tuple[str, Future[bytes]]:
            awaited = [next(iter(under_way))] if in_order else under_way
            done, _ = wait(awaited, timeout=deadline.remaining(), return_when=FIRST_COMPLETED)
            if not done:
                raise timed_out(_host(next(iter(under_way.values()))), time.monotonic() - began)
            answer = done.pop()
            return under_way.pop(answer), answer

        try:
            for url in urls:
                request = first_of_all.copy()  # to prepare each anew would cost as much as to decode it
                request.url = url
                under_way[self._threads.submit(self._get, endpoint, request, deadline)] = url
                if len(under_way) == most:
                    yield next_answer()
            while under_way:
                yield next_answer()
        finally:
            if under_way:
                self._abandon(under_way, deadline)

    def _abandon(self, under_way: Iterable[Future[bytes]], deadline: Deadline) -> None:
        deadline.end()
        running = [future for future in under_way if not future.cancel()]
        if not all(future.done() for future in running):
            self.cut()
            wait(running, timeout=_LAST_WAIT)

    def _get(self, endpoint: Endpoint, request: requests.PreparedRequest, deadline: Deadline) -> bytes:
        """Give the body of a 200; ask again where that can help."""
        was_kept = False
        for tries in count(1):
            self._connections.hold_to(deadline, fresh=was_kept)
            try:
                with self.rate_limiter.request(deadline, endpoint):
                    return self._ask(endpoint, request, deadline)
            except ApiError as error:
                was_kept = error.status is None and self._connections.has_kept
                pause = wait_before_retry(endpoint, error, tries, self._random, was_kept=was_kept)
                if (
                    pause is None
                    or max(pause, self.rate_limiter.retry_after(endpoint)) >= deadline.remaining()
                ):
                    raise
                self._observer.retry(endpoint, error.reason)
            deadline.wait(pause)
        raise AssertionError("count has no end")

    def _ask(self, endpoint: Endpoint, request: requests.PreparedRequest, deadline: Deadline) -> bytes:
        if not deadline.remaining():
            raise ApiError(Reason.TIMEOUT, "no time was left to ask")
        started = time.monotonic()
        code: str = Reason.INTERNAL
        try:
            status, body = self._exchange(endpoint, request, deadline)
            code = str(status)
        except ApiError as error:
            code = error.reason
            raise
        finally:
            self._observer.request(endpoint, code, time.monotonic() - started)
        proxy = self._proxy if (request.url or "").startswith("http://") else None
        if proxy and (refusal := proxy_error(status, body, proxy)):
            raise refusal
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._connections.renew()  # the host may have moved, or another of its machines be well
        is_too_long = len(body) > BODY_LIMITS[endpoint]
        if status != HTTPStatus.OK:
            refuse_failure(status, b"" if is_too_long else body)
        if is_too_long:
            detail = f"the answer is longer than {BODY_LIMITS[endpoint] // 2**20} MiB"
            raise ApiError(Reason.BAD_RESPONSE, detail, status=status)
        return body

    def _exchange(
        self, endpoint: Endpoint, request: requests.PreparedRequest, deadline: Deadline
    ) -> tuple[int, bytes]:
        started = time.monotonic()
        try:
            timeout = max(deadline.remaining(), _LEAST_TIMEOUT)
            with self._session.send(request, timeout=timeout, allow_redirects=False) as response:
                self.rate_limiter.update_from(response.status_code, response.headers, endpoint)
                body = read_body(response, BODY_LIMITS[endpoint])
                self._connections.note_kept(was_answered=True)
                return response.status_code, body
        except (
            *(requests.RequestException, urllib3.exceptions.HTTPError),
            *(OSError, HTTPException, MemoryError),
        ) as error:
            host, seconds = _host(request.url), time.monotonic() - started
            if not deadline.remaining():  # it was cut, whatever that looks like from below
                if time.monotonic() >= deadline.at:  # else it was no longer wanted
                    self._connections.note_kept(was_answered=False)
                raise timed_out(host, seconds) from None
            raise connection_error(error, host, self._proxy, seconds) from None

    def _prepared(self, url: str) -> requests.PreparedRequest:
        ca_file = self._account.collection.tls_config.ca_file
        if ca_file is not None:
            see_authorities(ca_file)
        self._used = credentials(self._account)
        return self._session.prepare_request(requests.Request("GET", url, auth=self._used))


def _host(url: str | None) -> str:
    """Return the host and port of a URL, without the credentials that one of a proxy may hold."""
    return urlsplit(url or "").netloc.rpartition("@")[2]


def _naming(url: str, error: ApiError) -> ApiError:
    """Return an answer's error with where AgentStream was asked: it may be a wrong host, or a wrong path."""
    if error.status is None or error.reason is Reason.CONNECTION:
        return error  # whoever answered, it wasn't AgentStream
    told = error.detail.replace("base_url", "agent_streams_url")
    detail = f"AgentStream was asked at {url}, whose host agent_streams_url sets; {told}"
    return ApiError(error.reason, detail, status=error.status, code=error.code, request_id=error.request_id)
