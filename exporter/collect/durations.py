"""Whether durations count from the answer, as the configuration says: the first calls that wait tell."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from exporter.collect.waits import WAITING
from exporter.config import CountsFrom
from exporter.exotel.models import Call

_ENOUGH = 50  # calls seen waiting, the same one each time it is listed
_DOUBTFUL = 0.9  # of them with a duration: a call that is transferred may have one too
_SETTLED = 500  # calls seen waiting, after which the rest are believed

_log = structlog.stdlib.get_logger(__name__)


class DurationCheck:
    """Warns, once, where calls that wait have a duration though it is said to count from their answer.

    Waits would be told as 0 then, and the service level as 100%.
    """

    def __init__(self, account: str, counts_from: CountsFrom) -> None:
        self._account = account
        self._is_on = counts_from is CountsFrom.ANSWER
        self._waiting = 0
        self._with_duration = 0

    def add(self, calls: Iterable[Call]) -> None:
        """Take in the calls of a complete listing."""
        if not self._is_on:
            return
        durations = [call.duration for call in calls if call.status in WAITING]
        self._waiting += len(durations)
        self._with_duration += sum(map(bool, durations))
        is_wrong = self._waiting >= _ENOUGH and self._with_duration >= _DOUBTFUL * self._waiting
        if is_wrong:
            _log.warning(
                "duration_counts_from: answer seems to be wrong: calls that still wait have a duration. "
                "Unless a menu answers them first, durations count from the start of the call, and waits and "
                "service levels are told too good. To find out, run exotel-exporter doctor",
                account=self._account,
                seen_waiting=self._waiting,
                with_duration=self._with_duration,
            )
        self._is_on = not is_wrong and self._waiting < _SETTLED
