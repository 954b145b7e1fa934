"""The last answer to a probe of each account: the same again, for as long as nothing has changed.

To write it takes several times as long as to see that. Where the exporter is overloaded, and most probes get
a snapshot that was exported before, this is what leaves time for collections.
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer depends on beside the account."""

    selection: Selection
    accept: tuple[str, ...]
    accept_encoding: tuple[str, ...]

    @classmethod
    def of(cls, selection: Selection, headers: Headers) -> Asked:
        """Return what a request asks for."""
        return cls(selection, tuple(headers.getlist("accept")), tuple(headers.getlist("accept-encoding")))


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and what it told; nothing of its account, which would never be let go."""

    asked: Asked
    snapshot: Snapshot
    live: LiveValues
    answer: Response


class Written:
    """Keeps the last answer of each account for as long as there is the account; on the event loop."""

    def __init__(self) -> None:
        self._last: WeakKeyDictionary[Account, _Kept] = WeakKeyDictionary()

    def again(self, account: Account, snapshot: Snapshot, asked: Asked, *, is_busy: bool) -> Response | None:
        """Return the last answer, if it is byte for byte the one that would be written now.

        While the exporter `is_busy`, it may tell the budget as it was when the answer was written.
        """
        kept = self._last.get(account)
        if kept is None or kept.snapshot is not snapshot or kept.asked != asked:
            return None
        live, known = account.live_values(), kept.live
        is_same = (live.counts, live.lives) == (known.counts, known.lives)
        return kept.answer if is_same and (is_busy or live == known) else None

    def keep(
        self, account: Account, snapshot: Snapshot, asked: Asked, live: LiveValues, answer: Response
    ) -> None:
        """Keep an answer, unless it is long, or something has changed since there were these live values."""
        if len(answer.body) <= _LONGEST and live == account.live_values():
            self._last[account] = _Kept(asked, snapshot, live, answer)
