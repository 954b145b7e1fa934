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
    """All that an answer depends on."""

    account: Account
    snapshot: Snapshot
    live: LiveValues
    asked: tuple[Selection, list[str], list[str]]

    @classmethod
    def of(cls, account: Account, snapshot: Snapshot, selection: Selection, headers: Headers) -> Question:
        """Return the question that a request asks now."""
        asked = selection, headers.getlist("accept"), headers.getlist("accept-encoding")
        return cls(account, snapshot, account.live_values(), asked)

    def has_answer_of(self, other: Question, *, is_busy: bool) -> bool:
        """Return whether the other's answer is the one to this, byte for byte.

        While the exporter `is_busy`, what is left of the budget may be what was left then.
        """
        live, known = self.live, other.live
        return (
            self.snapshot is other.snapshot
            and self.asked == other.asked
            and (live.counts, live.lives) == (known.counts, known.lives)
            and (is_busy or live.budget_remaining == known.budget_remaining)
        )


class Written:
    """Keeps the last answer of each account for as long as there is the account; on the event loop."""

    def __init__(self) -> None:
        self._last: WeakKeyDictionary[Account, tuple[Question, Response]] = WeakKeyDictionary()

    def again(self, question: Question, *, is_busy: bool) -> Response | None:
        """Return the last answer, if it is the one to this question."""
        known, answer = self._last.get(question.account, (None, None))
        return answer if known and question.has_answer_of(known, is_busy=is_busy) else None

    def keep(self, question: Question, answer: Response) -> None:
        """Keep an answer, unless it is long, or something changed while it was written."""
        if len(answer.body) <= _LONGEST and question.live == question.account.live_values():
            self._last[question.account] = question, answer
