"""Asks one account's API, no more often than was said, and keeps each answer as it came."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, Timer
from typing import Any
from urllib.parse import quote, urlencode

from requests import PreparedRequest

from exporter.config import AccountConfig
from exporter.exotel.body import parse
from exporter.exotel.classify import failed_proxy, timed_out
from exporter.exotel.client import BODY_LIMITS, read_credentials, voice_host
from exporter.exotel.connection import tls_context
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint, member
from exporter.exotel.errors import ApiError
from exporter.exotel.rate_limiter import RateLimiter
from exporter.exotel.transport import Answer, Transport, host_of

_LONGEST_WAIT = 75.0  # seconds for the rate limit, which is that of a minute
_GRACE = 0.2  # seconds after a deadline: what is still under way then comes byte by byte


class OutOfRequests(Exception):
    """All the requests that were announced have been made, or no more are wanted."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: an endpoint and the URL."""

    endpoint: Endpoint
    url: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a question got: a status, headers and a body, or the error where there was no answer.

    `asked_at` and `answered_at` are on the monotonic clock, `received` is the second one in seconds since
    1970, `first_byte` is in seconds.
    """

    question: Question
    asked_at: float
    answered_at: float
    first_byte: float | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    error: ApiError | None = None
    received: float = 0.0

    @property
    def document(self) -> Any:
        """Return what the body holds, JSON or XML; None where it can't be read."""
        return parse(self.body)


@dataclass(frozen=True, slots=True)
class ListReply:
    """A page of the list as it was asked for and as it came, in JSON's types."""

    limit: int | None
    offset: int | None
    reply: Reply
    rows: Sequence[Any]
    """Each of them, whatever it is; empty where the answer has no list."""
    total: Any
    is_page: bool
    """Whether the answer has status 200 and a list."""


class Asker:
    """Asks within `requests` and the rate limit; `monotonic` and `sleep` are a clock's."""

    def __init__(
        self,
        account: AccountConfig,
        requests: int,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        rate_limiter: RateLimiter | None = None,
    ) -> None:
        self.account = account
        self.monotonic = monotonic
        self.sleep = sleep
        self.replies: list[Reply] = []
        """Every one, in the order in which they came."""
        self.made = 0
        """Requests so far."""
        self.has_given_up = False
        self._left = requests
        self._lock = Lock()
        self._transport = Transport(account.collection)
        self._whole = Deadline(math.inf, math.inf)  # ends when no more is wanted
        self._rate_limiter = rate_limiter or RateLimiter(account.collection.requests_per_minute)
        account_sid = quote(account.account_sid, safe="")
        self._calls_path = f"/v3/accounts/{account_sid}/calls"
        self._agent_streams_path = f"/v1/Accounts/{account_sid}/ActiveStreams"

    @property
    def left(self) -> int:
        """Return how many requests may still be made."""
        return self._left

    def page(self, limit: int | None = None, offset: int | None = None, **filters: str) -> ListReply:
        """Return a page of the list."""
        [page] = self.pages([(limit, offset)], **filters)
        return page

    def pages(self, asks: Iterable[tuple[int | None, int | None]], **filters: str) -> list[ListReply]:
        """Return pages of the list, by limit and offset, all asked at once."""
        asked = list(asks)
        replies = self.ask([self._page_question(limit, offset, filters) for limit, offset in asked])
        return [_list_reply(*ask, reply) for ask, reply in zip(asked, replies, strict=True)]

    def streams(self, call_sids: Iterable[str]) -> list[Reply]:
        """Return what /stream answers for these calls, all asked at once."""
        base = self.account.base_url.rstrip("/")
        urls = [f"{base}{self._calls_path}/{quote(sid, safe='')}/stream" for sid in call_sids]
        return self.ask([Question(Endpoint.STREAMS, url) for url in urls])

    def agent_streams(self, host: str | None = None) -> Reply:
        """Return what AgentStream answers on a host (a URL), the account's own unless given."""
        url = f"{host or voice_host(self.account)}{self._agent_streams_path}"
        [reply] = self.ask([Question(Endpoint.AGENT_STREAMS, url)])
        return reply

    def elsewhere(self, base_url: str) -> Reply:
        """Return what the list of another host answers to one row's question."""
        url = f"{base_url}{self._calls_path}/active?limit=1"
        [reply] = self.ask([Question(Endpoint.CALLS, url)])
        return reply

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Return the replies to questions, all asked at once, in their order.

        Raises OutOfRequests where there are more than are left: none is asked then; and where the asker is
        stopped meanwhile.
        """
        with self._lock:
            if len(questions) > self._left:
                raise OutOfRequests
            self._left -= len(questions)
            self.made += len(questions)
        with ThreadPoolExecutor(max(1, min(len(questions), self.account.collection.concurrency))) as pool:
            replies = list(pool.map(self._ask, questions))
        if self.is_stopped:
            raise OutOfRequests
        self.replies += replies
        return replies

    @property
    def is_stopped(self) -> bool:
        """Return whether it was stopped."""
        return not self._whole.remaining()

    def give_up(self) -> None:
        """Ask for nothing any more: the credentials are refused."""
        self.has_given_up = True
        with self._lock:
            self._left = 0

    @property
    def why_short(self) -> str:
        """Return why no more could be asked, in words."""
        if self.is_stopped:
            return "the examination was stopped"
        return "the key and token were refused" if self.has_given_up else "there were too few requests"

    def stop(self) -> None:
        """Make no more requests, and break off those under way."""
        with self._lock:
            self._left = 0
        self._whole.end()
        self._transport.abort()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _page_question(self, limit: int | None, offset: int | None, filters: Mapping[str, str]) -> Question:
        parameters: dict[str, object] = {"limit": limit, "offset": offset, **filters}
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        base = self.account.base_url.rstrip("/")
        return Question(Endpoint.CALLS, f"{base}{self._calls_path}/active" + (f"?{query}" if query else ""))

    def _ask(self, question: Question) -> Reply:
        """Return the reply to one question; one that isn't answered is not asked again."""
        asked_at = self.monotonic()
        seen: list[float] = []
        try:
            with self._rate_limiter.request(self._whole.child(most=_LONGEST_WAIT), question.endpoint):
                deadline = self._whole.child(most=self.account.collection.timeout)
                context = tls_context(self.account.collection.tls_config.ca_file)
                request = self._transport.prepare(question.url, read_credentials(self.account), context)
                asked_at = self.monotonic()

                def on_headers(status: int, headers: Mapping[str, str]) -> None:
                    seen.append(self.monotonic() - asked_at)
                    self._rate_limiter.update_from(status, headers, question.endpoint)

                answer = self._get(request, question.endpoint, deadline, on_headers)
                if (proxy := self._proxy_of(question)) and (
                    refusal := failed_proxy(answer.status, answer.body, proxy)
                ):
                    raise refusal
        except ApiError as error:
            first_byte = seen[0] if seen else None
            return Reply(question, asked_at, self.monotonic(), first_byte, error=error.without_traceback())
        return Reply(
            question,
            asked_at,
            self.monotonic(),
            seen[0],
            answer.status,
            answer.headers,
            answer.body,
            received=time.time(),
        )

    def _get(
        self,
        request: PreparedRequest,
        endpoint: Endpoint,
        deadline: Deadline,
        on_headers: Callable[[int, Mapping[str, str]], None],
    ) -> Answer:
        """Return the answer to a request; raise ApiError where it isn't whole by the deadline."""
        cut = Timer(deadline.remaining() + _GRACE, self._transport.abort)
        cut.daemon = True
        cut.start()
        try:
            self._transport.hold_to(deadline)
            answer = self._transport.get(request, BODY_LIMITS[endpoint], on_headers)
        finally:
            cut.cancel()
        if not deadline.remaining():  # a body without a length may have ended there, or have been cut
            raise timed_out(host_of(request.url), deadline.seconds, deadline)
        return answer

    def _proxy_of(self, question: Question) -> str | None:
        """Return the proxy whose own answers look like the API's: over TLS they don't."""
        return self._transport.proxy if question.url.startswith("http://") else None


def _list_reply(limit: int | None, offset: int | None, reply: Reply) -> ListReply:
    response = member(reply.document, "response") if reply.status == 200 else None
    rows = member(response, "active_calls")
    is_page = isinstance(rows, list)
    return ListReply(
        limit, offset, reply, rows if is_page else (), member(response, "total_active"), is_page=is_page
    )
