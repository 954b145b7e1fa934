"""What one account of the API is asked, and how often a question is repeated."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from functools import partial
from http import HTTPStatus
from random import Random
from typing import Protocol, TypeVar
from urllib.parse import quote

import requests
from requests.auth import HTTPBasicAuth

from exporter.config import AccountConfig, CollectionConfig, SecretUnreadable
from exporter.exotel.classify import failed_proxy, timed_out
from exporter.exotel.connection import tls_context
from exporter.exotel.deadline import Deadline
from exporter.exotel.decode import read_agent_streams, read_page, read_stream, refuse_failure
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason, exhausted_resource, unexpected, wait_before_retry
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import AgentStreams, Call, Page, Stream
from exporter.exotel.rate_limiter import RateLimiter
from exporter.exotel.server_clock import ServerClock
from exporter.exotel.transport import Answer, Transport, host_of
from exporter.exotel.worker_pool import WorkerPool

_T = TypeVar("_T")
_Key = TypeVar("_Key")

BODY_LIMITS = {  # bytes: a page of 10,000 rows takes 5 MB, the details of a call with 10,000 legs 2 MB
    Endpoint.CALLS: 8 * 2**20,
    Endpoint.STREAMS: 4 * 2**20,
    Endpoint.AGENT_STREAMS: 2**20,
}
_PREFETCHED = 4  # requests that wait for a thread, so that no thread waits for the page before to be decoded
_ABANDONED = "abandoned"  # in place of a reason: the answer was not wanted any more
_LAST_CHANCE = 0.1  # seconds for answers that nobody waits for any more
_LAST_WAIT = 0.2  # seconds for requests that are aborted to end; only the look-up of a name takes longer
_VOICE_HOSTS = {  # AgentStream is an API of the older hosts, one beside each of the newer
    "https://ccm-api.exotel.com": "https://api.exotel.com",
    "https://ccm-api.in.exotel.com": "https://api.in.exotel.com",
}


class Observer(Protocol):
    """Whoever wants to be told of each request."""

    def request(self, endpoint: str, code: str, seconds: float) -> None:
        """Hear of a request: its HTTP status, or the reason why there was none, and how long it took."""

    def retry(self, endpoint: str, reason: str) -> None:
        """Hear that a request is made again, for this reason."""


class Client:
    """Asks one account, within a rate limit that others of the same account share; one collection at a time.

    Credentials travel in the Authorization header alone. Rows of the list are read as `kind`.
    """

    def __init__(
        self,
        account: AccountConfig,
        observer: Observer,
        kind: type[Call] = Call,
        rate_limiter: RateLimiter | None = None,
        transport: Callable[[CollectionConfig], Transport] = Transport,
    ) -> None:
        self._account = account
        self._observer = observer
        self._kind = kind
        base, account_sid = account.base_url.rstrip("/"), quote(account.account_sid, safe="")
        self._calls_url = f"{base}/v3/accounts/{account_sid}/calls"
        self._agent_streams_url = f"{voice_host(account)}/v1/Accounts/{account_sid}/ActiveStreams"
        self._transport = transport(account.collection)
        self._worker_pool = WorkerPool(f"{account.name}-request", account.collection.concurrency)
        self._random = Random()  # noqa: S311  # it spreads retries, it guards nothing
        self._credentials: HTTPBasicAuth | None = None
        self._used: HTTPBasicAuth | None = None
        self.server_clock = ServerClock()
        self.rate_limiter = rate_limiter or RateLimiter(account.collection.requests_per_minute)

    def pages(self, asks: Iterable[Ask], deadline: Deadline) -> Generator[Page, None, None]:
        """Yield pages of the active calls in the order asked, `concurrency` of them under way at a time.

        Pages are decoded in the thread that consumes them: workers would fight it for the interpreter.
        Whatever is under way when this generator ends is aborted. Raises ApiError.
        Source: `GET /v3/accounts/<account_sid>/calls/active?limit=&offset=`.
        """
        urls = ((None, f"{self._calls_url}/active?limit={limit}&offset={offset}") for offset, limit in asks)
        with closing(self._answers(Endpoint.CALLS, urls, deadline)) as answers:
            for _, answer in answers:
                yield self._decoded(Endpoint.CALLS, answer, partial(read_page, kind=self._kind))

    def streams(
        self, call_sids: Iterable[str], deadline: Deadline
    ) -> Generator[tuple[str, Stream | ApiError], None, None]:
        """Yield the details of these calls as they come, or the error where they can't be had.

        One that never answers keeps no other waiting. Raises ApiError when the time is over.
        Source: `GET /v3/accounts/<account_sid>/calls/<call_sid>/stream`.
        """
        urls = ((sid, f"{self._calls_url}/{quote(sid, safe='')}/stream") for sid in call_sids)
        with closing(self._answers(Endpoint.STREAMS, urls, deadline, in_order=False)) as answers:
            for sid, answer in answers:
                try:
                    yield sid, self._decoded(Endpoint.STREAMS, answer, partial(read_stream, call_sid=sid))
                except Exception as error:  # noqa: BLE001  # one call's details must not cost the others'
                    yield sid, unexpected(error)

    def agent_streams(self, deadline: Deadline) -> AgentStreams:
        """Return the AgentStream sessions.

        Raises ApiError. Source: `GET /v1/Accounts/<account_sid>/ActiveStreams`.
        """
        url = self._agent_streams_url
        with closing(self._answers(Endpoint.AGENT_STREAMS, [(None, url)], deadline)) as answers:
            _, answer = next(answers)
            try:
                return self._decoded(Endpoint.AGENT_STREAMS, answer, read_agent_streams)
            except ApiError as error:
                raise _naming(url, error) from None

    def has_new_credentials(self) -> bool:
        """Read the credentials for the requests that follow; return whether others were used last, if any.

        So they are where they can't be read: a request will tell why.
        """
        self._credentials = None
        try:
            self._credentials = read_credentials(self._account)
        except ApiError:
            return True
        return self._credentials != self._used

    def abort(self) -> None:
        """Break off every request that is under way."""
        self._transport.abort()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _answers(
        self,
        endpoint: Endpoint,
        urls: Iterable[tuple[_Key, str]],
        deadline: Deadline,
        *,
        in_order: bool = True,
    ) -> Generator[tuple[_Key, Future[Answer]], None, None]:
        """Yield what the URLs answered, in order or as it comes; raise ApiError when the time is over."""
        deadline, began = deadline.child(), time.monotonic()
        template = self._template()
        under_way: dict[Future[Answer], tuple[_Key, str]] = {}
        most = self._account.collection.concurrency + (_PREFETCHED if in_order else 0)

        def next_answer() -> tuple[_Key, Future[Answer]]:
            awaited = [next(iter(under_way))] if in_order else under_way
            done, _ = wait(awaited, timeout=deadline.remaining(), return_when=FIRST_COMPLETED)
            if not done:
                _, url = next(iter(under_way.values()))
                raise timed_out(host_of(url), time.monotonic() - began, deadline)
            answer = done.pop()
            return under_way.pop(answer)[0], answer

        try:
            for key, url in urls:
                request = template.copy()  # to prepare each anew would cost as much as to decode it
                request.url = url
                under_way[self._worker_pool.submit(self._get, endpoint, request, deadline)] = key, url
                if len(under_way) == most:
                    yield next_answer()
            while under_way:
                yield next_answer()
        finally:
            if under_way:
                self._abandon(under_way, deadline)

    def _abandon(self, under_way: Iterable[Future[Answer]], deadline: Deadline) -> None:
        """Let answers come that were about to, so that connections are kept; break off the others."""
        patience = min(_LAST_CHANCE, deadline.remaining())
        deadline.end()
        running = [future for future in under_way if not future.cancel()]
        wait(running, timeout=patience)
        if not all(future.done() for future in running):
            self.abort()
            wait(running, timeout=_LAST_WAIT)

    def _template(self) -> requests.PreparedRequest:
        context = tls_context(self._account.collection.tls_config.ca_file)
        self._used = self._credentials or read_credentials(self._account)
        return self._transport.prepare(self._calls_url, self._used, context)

    def _decoded(self, endpoint: Endpoint, answer: Future[Answer], decode: Callable[[bytes], _T]) -> _T:
        """Return what an answer tells; that there were too many requests may be told inside a 200 as well."""
        found = answer.result()
        try:
            return decode(found.body)
        except ApiError as error:
            if error.reason is Reason.RATE_LIMITED:
                self.rate_limiter.update_from(HTTPStatus.TOO_MANY_REQUESTS, found.headers, endpoint)
            raise

    def _get(self, endpoint: Endpoint, request: requests.PreparedRequest, deadline: Deadline) -> Answer:
        """Return the answer to a request, with status 200; ask again where that can help."""
        was_kept, tries = False, 0
        while True:
            self._transport.hold_to(deadline, fresh=was_kept)
            try:
                with self.rate_limiter.request(deadline, endpoint):
                    return self._ask(endpoint, request, deadline)
            except ApiError as error:
                tries += 1
                was_kept = error.status is None and self._transport.has_kept
                pause = wait_before_retry(endpoint, error, tries, self._random, was_kept=was_kept)
                closed = self.rate_limiter.retry_after(endpoint)
                if pause is None or max(pause, closed) >= deadline.remaining():
                    raise
                self._observer.retry(endpoint, error.reason)
            deadline.wait(pause)

    def _ask(self, endpoint: Endpoint, request: requests.PreparedRequest, deadline: Deadline) -> Answer:
        if not deadline.remaining():
            raise ApiError(Reason.TIMEOUT, "no time was left for a request")
        started, asked = time.monotonic(), time.time()
        code: str = Reason.INTERNAL
        try:
            on_headers = partial(self.rate_limiter.update_from, endpoint=endpoint)
            answer = self._transport.get(request, BODY_LIMITS[endpoint], on_headers)
            code = str(answer.status)
            if endpoint is Endpoint.CALLS:
                self.server_clock.update_from(answer.headers, asked, time.time())
        except ApiError as error:
            code = _ABANDONED if self._transport.was_abandoned else error.reason
            raise
        finally:
            self._observer.request(endpoint, code, time.monotonic() - started)
        proxy = self._transport.proxy if (request.url or "").startswith("http://") else None
        if proxy and (refusal := failed_proxy(answer.status, answer.body, proxy)):
            raise refusal
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._transport.renew()  # the host may have moved, or another of its machines be well
        is_too_long = len(answer.body) > BODY_LIMITS[endpoint]
        if answer.status != HTTPStatus.OK:
            refuse_failure(answer.status, b"" if is_too_long else answer.body)
        if is_too_long:
            detail = f"the answer is longer than {BODY_LIMITS[endpoint] // 2**20} MiB"
            raise ApiError(Reason.BAD_RESPONSE, detail, status=answer.status)
        return answer


def voice_host(account: AccountConfig) -> str:
    """Return the URL of the host that AgentStream is asked at."""
    base = account.base_url.rstrip("/")
    return account.collection.agent_streams_url or _VOICE_HOSTS.get(base.lower(), base)


def read_credentials(account: AccountConfig) -> HTTPBasicAuth:
    """Return the key and token of an account, read from their files anew; raise ApiError."""
    try:
        key, token = account.api_key.reveal(), account.api_token.reveal()
    except SecretUnreadable as error:
        raise ApiError(Reason.RESOURCES if exhausted_resource(error) else Reason.SECRET, str(error)) from None
    return HTTPBasicAuth(key.encode(), token.encode())


def _naming(url: str, error: ApiError) -> ApiError:
    """Return an answer's error with where AgentStream was asked: it may be a wrong host, or a wrong path."""
    if error.status is None or error.reason is Reason.CONNECTION:
        return error  # whoever answered, it wasn't AgentStream
    detail = f"AgentStream at {url} (see agent_streams_url): {error.detail}"
    return ApiError(error.reason, detail, status=error.status, code=error.code, request_id=error.request_id)
