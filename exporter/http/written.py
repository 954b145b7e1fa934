"""The last answer to a probe of each account: the same again, for as long as nothing has changed.

To write it takes ten times as long as to see that. Where the exporter is overloaded, and most probes get a
snapshot that was exported before, this is what leaves time for collections.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from starlette.datastructures import Headers
from starlette.responses import Response

from exporter.collect.account import Account, LiveValues
from exporter.collect.snapshot import Snapshot
from exporter.metrics.exposition import Selection

_LONGEST = 65536  # bytes of an answer that is kept: hundreds are


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """All that an answer depends on: an equal one has the same answer, byte for byte."""

    account: Account
    snapshot: Snapshot
    live: LiveValues
    asked: tuple[Selection, list[str], list[str]]

    @classmethod
    def of(cls, account: Account, snapshot: Snapshot, selection: Selection, headers: Headers) -> Question:
        """Return the question that a request asks now."""
        asked = selection, headers.getlist("accept"), headers.getlist("accept-encoding")
        return cls(account, snapshot, account.live_values(), asked)

    def has_answer_of(self, other: Question) -> bool:
        """Return whether the other's answer is the one to this."""
        return (self.snapshot is other.snapshot) and (self.live, self.asked) == (other.live, other.asked)


class Written:
    """Keeps the last answer of each account for as long as there is the account; on the event loop."""

    def __init__(self) -> None:
        self._last: WeakKeyDictionary[Account, tuple[Question, Response]] = WeakKeyDictionary()

    def again(self, question: Question) -> Response | None:
        """Return the last answer, if it is the one to this question."""
        kept = self._last.get(question.account)
        return kept[1] if kept is not None and question.has_answer_of(kept[0]) else None

    def keep(self, question: Question, answer: Response) -> None:
        """Keep an answer, unless it is long, or something changed while it was written."""
        if len(answer.body) <= _LONGEST and question.live == question.account.live_values():
            self._last[question.account] = question, answer
