"""Records each request of an account and what came of it, pseudonymised as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from urllib.parse import urlsplit, urlunsplit

import requests

from exporter.archive import ABANDONED, Exchange
from exporter.capture.pseudonyms import Pseudonyms
from exporter.config import CollectionConfig
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.transport import Answer, Transport
from exporter.exotel.worker_pool import WorkerPool

_MOST_BYTES = 2**26
"""Of all answers together. The list of 10,000 calls takes 5 MB."""


@dataclass(slots=True)
class _Request:
    """A request that was sent, and what is known of its answer; times on the monotonic clock."""

    number: int
    url: str
    asked_at: float = field(default_factory=time.monotonic)
    headers_at: float | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Recorder:
    """Records up to `most` requests, and lets no more be sent. Thread-safe.

    Answers are pseudonymised as they come, in a thread of their own: a long one would use up the time of the
    collection that waits for it.
    """

    def __init__(self, most: int, pseudonyms: Pseudonyms, *, raw_errors: bool = False) -> None:
        self._began = time.monotonic()
        self._most = most
        self._pseudonyms = pseudonyms
        self._raw_errors = raw_errors
        self._exchanges: list[Future[Exchange] | None] = []  # in the order asked; None while under way
        self._bytes = 0
        self._is_closed = False
        self._lock = Lock()
        self._worker = WorkerPool("pseudonyms", 1)

    @property
    def made(self) -> int:
        """Return how many requests were made."""
        return len(self._exchanges)

    @property
    def left(self) -> int:
        """Return how many requests may still be made."""
        return 0 if self.is_full else self._most - self.made

    @property
    def is_full(self) -> bool:
        """Return whether the answers are as long as a capture's may be."""
        return self._bytes > _MOST_BYTES

    def transport(self, collection: CollectionConfig) -> Transport:
        """Return what sends requests and has them recorded."""
        return _RecordingTransport(collection, self)

    def close(self) -> list[Future[Exchange]]:
        """Return what was recorded, in the order asked; from now on nothing is sent.

        Those that came last may still be pseudonymised. What is still under way isn't part of it: that it is
        broken off is none of the API's doing.
        """
        with self._lock:
            self._is_closed = True
            return [exchange for exchange in self._exchanges if exchange is not None]

    def begin(self, url: str) -> _Request:
        """Take note that a request is sent; raise ApiError when it must not be."""
        with self._lock:
            if self._is_closed or not self.left:
                raise ApiError(Reason.BUDGET, "this capture may hold no more requests")
            self._exchanges.append(None)
            return _Request(self.made - 1, url)

    def end(self, request: _Request, body: bytes = b"", failure: str | None = None) -> None:
        """Take note of how a request ended."""
        seconds = time.monotonic() - request.asked_at
        with self._lock:
            if not self._is_closed:
                self._bytes += len(body)
                exchange = self._worker.submit(self._exchange, request, seconds, body, failure)
                self._exchanges[request.number] = exchange

    def _exchange(self, request: _Request, seconds: float, body: bytes, failure: str | None) -> Exchange:
        url, headers_at = urlsplit(request.url), request.headers_at
        content_type = request.headers.get("Content-Type", "")
        return Exchange(
            endpoint=_endpoint(url.path),
            target=self._pseudonyms.target(urlunsplit(("", "", url.path, url.query, ""))),
            asked_at=request.asked_at - self._began,
            first_byte=None if headers_at is None else headers_at - request.asked_at,
            seconds=seconds,
            status=request.status,
            headers=self._pseudonyms.headers(request.headers),
            body=self._pseudonyms.body(body, content_type, raw_errors=self._raw_errors),
            failure=failure,
        )


class _RecordingTransport(Transport):
    def __init__(self, collection: CollectionConfig, recorder: Recorder) -> None:
        super().__init__(collection)
        self._recorder = recorder

    def get(
        self,
        request: requests.PreparedRequest,
        body_limit: int,
        on_headers: Callable[[int, Mapping[str, str]], None],
    ) -> Answer:
        """Return the answer, recorded; raise ApiError, recorded as well, or `budget` of what isn't sent."""
        recorded = self._recorder.begin(request.url or "")

        def noting(status: int, headers: Mapping[str, str]) -> None:
            recorded.headers_at, recorded.status, recorded.headers = time.monotonic(), status, headers
            on_headers(status, headers)

        try:
            answer = super().get(request, body_limit, noting)
        except ApiError as error:
            self._recorder.end(recorded, failure=ABANDONED if self.was_abandoned else error.reason)
            raise
        self._recorder.end(recorded, answer.body)
        return answer


def _endpoint(path: str) -> Endpoint:
    if path.endswith("/ActiveStreams"):
        return Endpoint.AGENT_STREAMS
    return Endpoint.STREAMS if path.endswith("/stream") else Endpoint.CALLS
