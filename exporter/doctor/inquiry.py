"""The share of doctor's requests that goes to the list: asked, repeated where they fail, and kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from exporter.doctor.asker import Asker, ListReply, OutOfRequests
from exporter.exotel.decode import read_page
from exporter.exotel.enums import member
from exporter.exotel.errors import ApiError
from exporter.exotel.models import Call
from exporter.exotel.rate_limiter import read_date

_CREDENTIALS = {401, 403}
_PASSING = {408, 429}  # what says more about the moment than about the question, as 5xx do
_T = TypeVar("_T")
_LONGEST = 1e8  # seconds, three years


@dataclass(frozen=True, slots=True)
class Told(Generic[_T]):
    """What an experiment told, and the figures behind it; or None, and why it can't be told."""

    value: _T | None
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of the list, decoded; `at` is on the monotonic clock, `date` the server's in Unix seconds."""

    limit: int
    offset: int
    calls: tuple[Call, ...] = ()
    """Those rows that have a call_sid."""
    rows: int = 0
    total: int | None = None
    at: float = 0.0
    date: float | None = None
    status: int | None = 200
    """The HTTP status, or the one that the body tells; None where there was no answer."""
    is_page: bool = True
    raw: tuple[Any, ...] = ()
    """The rows as they came."""

    @property
    def call_sids(self) -> tuple[str, ...]:
        """Return the call_sid of each readable row."""
        return tuple(call.call_sid for call in self.calls)

    @property
    def row_sids(self) -> tuple[str | None, ...]:
        """Return the call_sid of each row, None for those that can't be read."""
        if not self.raw:
            return self.call_sids
        readable = {*self.call_sids}
        named = (str(member(row, "call_sid")) for row in self.raw)
        return tuple(sid if sid in readable else None for sid in named)

    @property
    def is_refusal(self) -> bool:
        """Return whether the server refuses the question as such."""
        status = self.status or 0
        return not self.is_page and 400 <= status < 500 and status not in _CREDENTIALS | _PASSING

    @property
    def has_failed(self) -> bool:
        """Return whether it has no page, for a reason that may be gone in a moment."""
        return not self.is_page and not self.is_refusal


class Inquiry:
    """Asks for pages of the list and leaves `kept_back` requests to others."""

    def __init__(self, asker: Asker, kept_back: int) -> None:
        self.answers: list[Answer] = []
        """All pages that came, without those of filters."""
        self.refused: list[Answer] = []
        """All questions for a page that were refused, without those of filters."""
        self._asker = asker
        self._kept_back = kept_back

    @property
    def left(self) -> int:
        """Return how many pages may still be asked for."""
        return max(0, self._asker.left - self._kept_back)

    def keep_back(self, requests: int) -> None:
        """Leave so many requests to others from now on."""
        self._kept_back = requests

    @property
    def now(self) -> float:
        """Return the time on the monotonic clock."""
        return self._asker.monotonic()

    def wait_until(self, at: float) -> None:
        """Sleep until a time on the monotonic clock."""
        if (seconds := at - self._asker.monotonic()) > 0:
            self._asker.sleep(seconds)

    def pages(self, asks: Iterable[tuple[int, int]], **filters: str) -> list[Answer]:
        """Return pages by limit and offset, all asked at once; those that fail are asked for once more.

        Raises OutOfRequests where there are more than are left.
        """
        asked = list(asks)
        answers = self._ask(asked, filters)
        failed = [index for index, answer in enumerate(answers) if answer.has_failed]
        if failed and len(failed) <= self.left:
            again = self._ask([asked[index] for index in failed], filters)
            for index, answer in zip(failed, again, strict=True):
                answers[index] = answer
        if not filters:
            self.answers += [answer for answer in answers if answer.is_page]
            self.refused += [answer for answer in answers if answer.is_refusal]
        return answers

    def page(self, limit: int, offset: int = 0, **filters: str) -> Answer:
        """Return one page."""
        [answer] = self.pages([(limit, offset)], **filters)
        return answer

    def _ask(self, asks: list[tuple[int, int]], filters: dict[str, str]) -> list[Answer]:
        if len(asks) > self.left:
            raise OutOfRequests
        answers = [read_answer(reply) for reply in self._asker.pages(asks, **filters)]
        if self.answers and any(answer.status in _CREDENTIALS for answer in answers):
            self._give_up_if_revoked()
        return answers

    def _give_up_if_revoked(self) -> None:
        """Ask for nothing any more if a page that was answered before is refused now."""
        if read_answer(self._asker.page(1, 0)).status in _CREDENTIALS:
            self._asker.give_up()
            raise OutOfRequests


def read_answer(found: ListReply) -> Answer:
    """Return a page, decoded."""
    limit, offset, reply = found.limit or 0, found.offset or 0, found.reply
    at = (reply.asked_at + reply.answered_at) / 2
    date = read_date((reply.headers or {}).get("Date", ""))
    if reply.status != 200:
        return Answer(limit, offset, at=at, date=date, status=reply.status, is_page=False)
    try:
        page = read_page(reply.body)
    except ApiError as error:  # a failure that the body tells, or no page at all
        return Answer(limit, offset, at=at, date=date, status=error.effective_status, is_page=False)
    calls = tuple(map(_with_real_duration, page.calls))
    return Answer(limit, offset, calls, page.rows, page.total, at, date, raw=tuple(found.rows))


def _with_real_duration(call: Call) -> Call:
    """Return a call without a duration that can't be one: not a number, say, which JSON can't tell either."""
    if call.duration is None or 0 <= call.duration < _LONGEST:
        return call
    return replace(call, duration=None)
