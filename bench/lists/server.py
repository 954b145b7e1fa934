"""A server in virtual time: pages are asked for as the client does it, and come without HTTP."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field
from random import Random

from bench.lists.population import EPOCH, Population
from exporter.exotel.decode import refuse_failure
from exporter.exotel.enums import CallStatus, Direction
from exporter.exotel.errors import ApiError
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import Agent, Call, Page
from exporter.simulator.backend import Backend, ListPage
from exporter.simulator.orders import Row
from exporter.simulator.profile import Profile

LATENCY = 0.05  # seconds
_CONCURRENCY, _PREFETCHED = 8, 4  # as the client has them
_RETRIES = 0.6  # seconds that the client spends on asking again what failed on the server's side
_STATUSES = {status.value: status for status in CallStatus}
_AGENT = Agent("agent")


@dataclass(order=True, slots=True)
class _Request:
    read: float
    """When the server reads the page."""
    done: float
    ask: Ask
    page: Page | ApiError | None = field(default=None, compare=False)


class Server:
    """Serves a population as a profile has it, on a clock of its own, which moves as pages come."""

    def __init__(self, profile: Profile, population: Population, seed: str) -> None:
        self.now = EPOCH
        """Unix seconds."""
        self.spent = 0.0
        """Seconds that passed in here, and not with who asks."""
        self._backend = Backend(profile, Random(f"backend {seed}"))  # noqa: S311  # seeded
        self._random = Random(f"latency {seed}")  # noqa: S311  # seeded
        self._changes = population.changes
        self._told = 0
        self._starts: dict[tuple[int, float], str | None] = {}

    def fetch(self, asks: Iterable[Ask]) -> Generator[Page, None, None]:
        """Yield pages in the order asked, several of them under way at a time."""
        workers = [self.now] * _CONCURRENCY
        under_way: deque[_Request] = deque()
        unread: list[_Request] = []
        for ask in asks:
            began = time.perf_counter()
            request = self._begin(ask, self.start(max(self.now, heapq.heappop(workers))))
            heapq.heappush(workers, request.done)
            under_way.append(request)
            heapq.heappush(unread, request)
            page = (
                self._await(under_way.popleft(), unread)
                if len(under_way) == _CONCURRENCY + _PREFETCHED
                else None
            )
            self.spent += time.perf_counter() - began
            if page is not None:
                yield page
        while under_way:
            began = time.perf_counter()
            page = self._await(under_way.popleft(), unread)
            self.spent += time.perf_counter() - began
            yield page

    def start(self, at: float) -> float:
        """Return when a request begins that could at a moment."""
        return at

    def _begin(self, ask: Ask, starts: float) -> _Request:
        takes = LATENCY * self._random.uniform(0.6, 1.4)
        return _Request(starts + takes * self._random.uniform(0.3, 0.7), starts + takes, ask)

    def _await(self, request: _Request, unread: list[_Request]) -> Page:
        """Advance to when a page comes; what the server reads meanwhile, it reads in its order."""
        while unread and unread[0].read <= max(self.now, request.done):
            each = heapq.heappop(unread)
            each.page = self._read(each)
        self.now = max(self.now, request.done)
        assert request.page is not None
        if isinstance(request.page, ApiError):
            raise request.page
        return request.page

    def _read(self, request: _Request) -> Page | ApiError:
        changes, told, update = self._changes, self._told, self._backend.update
        while told < len(changes) and changes[told][0] <= request.read:
            update(*changes[told])
            told += 1
        self._told = told
        offset, limit = request.ask
        answer = self._backend.page(request.read, limit, offset)
        if answer.status == 200:
            return self._page(answer)
        if answer.status >= 500:
            request.done += _RETRIES
        try:
            refuse_failure(answer.status, b"")
        except ApiError as error:
            return error
        raise AssertionError(answer.status)

    def _page(self, answer: ListPage) -> Page:
        calls = [self._call(row, answer.at) for row in answer.rows if row is not None]
        return Page(tuple(calls), len(answer.rows) - len(calls), answer.total)

    def _call(self, row: Row, at: float) -> Call:
        key = row.number, row.started
        if key not in self._starts:
            self._starts[key] = self._backend.start_time(row)
        return Call(
            row.sid,
            Direction.INBOUND if row.inbound else Direction.OUTBOUND_API,
            _STATUSES[row.status],
            float(self._backend.duration(row, at)),
            None if row.status == "queued" else _AGENT,
            recording_enabled=False,
            start_time=self._starts[key],
        )
