"""How long answered calls last from their answer, by their durations.

As last seen, a call lacks what came after: half an interval on average. In a mean, the short calls that no
listing shows make up for a part of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from exporter.collect.waits import ANSWERED, Over
from exporter.config import CountsFrom
from exporter.exotel.enums import CallStatus

_ANSWER = CountsFrom.ANSWER  # looked up once: to ask an enum for each call takes long


@dataclass(frozen=True, slots=True)
class Handling:
    """Tells how much of a call's duration is its handling: all, where durations count from the answer.

    Else that depends on when it was seen to be answered.
    """

    counts_from: CountsFrom
    before_answer: Mapping[str, float] = field(default_factory=dict, repr=False)
    """Of calls that were seen to be answered, by call_sid, the seconds of their durations until then."""

    def after(self, over: Over, ended: Iterable[str]) -> Self:
        """Return it with the calls that were answered in an interval, without those that ended."""
        if self.counts_from is _ANSWER:
            return self
        followed = dict(self.before_answer)
        for call in over.answered:
            if (seconds := over.interval.before_answer(call)) is not None:
                followed.setdefault(call.call_sid, seconds)
        for call_sid in ended:
            followed.pop(call_sid, None)
        return replace(self, before_answer=followed)

    def seconds(self, call_sid: str, status: CallStatus | None, duration: float | None) -> float | None:
        """Return how long a call had been handled that was last seen like this; None if that isn't known."""
        if duration is None:
            return None
        if self.counts_from is _ANSWER:
            return duration if duration or status in ANSWERED else None
        before_answer = self.before_answer.get(call_sid)
        return None if before_answer is None else duration - before_answer
