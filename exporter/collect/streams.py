"""The collector of stream details: inspects a few calls each time, and keeps what it found of all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from math import inf

from exporter.collect.counters import Counters
from exporter.collect.details import Details, StreamTally, read_details, tally_streams
from exporter.collect.tallies import has_ended
from exporter.config import StreamsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import CallStatus
from exporter.exotel.errors import ApiError, Failure, Reason
from exporter.exotel.models import Call, Stream

_FIT_FOR_A_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")
_HOPELESS = {Reason.AUTH, Reason.FORBIDDEN, Reason.RATE_LIMITED, Reason.BUDGET, Reason.TLS, Reason.REDIRECT}
"""What would befall the next request as well."""


@dataclass(frozen=True, slots=True)
class _Inspection:
    """A call that was asked for, and what was last found; moments on the monotonic clock."""

    status: CallStatus | None
    """That it was listed with."""
    asked_at: float
    found_at: float = -inf
    details: Details | None = None
    on_hold_since: float | None = None
    """The first of the inspections in a row that saw it on hold."""


class StreamsCollector:
    """Inspects calls one by one, those never asked for first, then those asked for longest ago.

    What was found of a call is forgotten after `max_age`, when it leaves the list, and when it is listed with
    another status: what was seen of it ringing isn't true of it talking. It is then like one never asked for;
    of these the calls in progress come first, whose details last. A call that can't be inspected waits for
    its turn like the others, and doesn't keep them waiting.
    """

    def __init__(self, config: StreamsConfig, client: Client, counters: Counters) -> None:
        self._config = config
        self._client = client
        self._counters = counters
        self._inspections: dict[str, _Inspection] = {}

    def collect(
        self, calls: Mapping[str, Call], most: int, deadline: Deadline
    ) -> tuple[StreamTally, Failure | None]:
        """Inspect so many of the calls that were just listed, by call_sid, and no more than configured.

        Return what is known then, and the first failure: what was found before still holds.
        """
        self._forget_others(calls)
        failure = self._inspect(self._next(calls, min(most, self._config.max_per_scrape)), deadline)
        return self.tally(calls), failure

    def tally(self, calls: Mapping[str, Call]) -> StreamTally:
        """Count what is known of the calls that were just listed, by call_sid."""
        self._forget_others(calls)
        oldest = time.monotonic() - self._config.max_age
        fresh = [each for each in self._inspections.values() if each.found_at > oldest]
        details = [each.details for each in fresh if each.details is not None]
        holds = (each.found_at - each.on_hold_since for each in fresh if each.on_hold_since is not None)
        going_on = sum(not has_ended(call) for call in calls.values())
        return tally_streams(details, going_on - len(details), max(holds, default=0.0))

    def _forget_others(self, calls: Mapping[str, Call]) -> None:
        """Forget calls that are no longer listed, or with another status."""
        self._inspections = {
            call_sid: each
            for call_sid, each in self._inspections.items()
            if (call := calls.get(call_sid)) is not None and call.status is each.status
        }

    def _next(self, calls: Mapping[str, Call], most: int) -> list[Call]:
        fit = (call for sid, call in calls.items() if not has_ended(call) and _FIT_FOR_A_PATH.fullmatch(sid))
        return nsmallest(most, fit, key=self._turn)

    def _turn(self, call: Call) -> tuple[float, bool]:
        known = self._inspections.get(call.call_sid)
        return known.asked_at if known else -inf, call.status is not CallStatus.IN_PROGRESS

    def _inspect(self, calls: Sequence[Call], deadline: Deadline) -> Failure | None:
        first_failure: Failure | None = None
        by_sid = {call.call_sid: call for call in calls}

        def call_sids() -> Iterator[str]:
            for call_sid, call in by_sid.items():
                if first_failure and first_failure.reason in _HOPELESS:
                    return
                now = time.monotonic()
                known = self._inspections.get(call_sid, _Inspection(call.status, now))
                self._inspections[call_sid] = replace(known, asked_at=now)
                yield call_sid

        try:
            for call_sid, stream in self._client.streams(call_sids(), deadline):
                failure = self._take_in(by_sid[call_sid], stream)
                first_failure = first_failure or failure
        except ApiError as error:
            first_failure = first_failure or Failure.of(error)
        return first_failure

    def _take_in(self, call: Call, stream: Stream | ApiError) -> Failure | None:
        """Keep what was found of a call, nothing where it has ended; return why it can't be known."""
        known = self._inspections[call.call_sid]
        if isinstance(stream, ApiError) and stream.reason is not Reason.NOT_FOUND:
            return Failure.of(stream)
        if isinstance(stream, ApiError) or (stream.status and stream.status.is_over):
            self._inspections[call.call_sid] = _Inspection(known.status, known.asked_at)
            return None
        try:
            self._inspections[call.call_sid] = self._read(call, stream, known)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other calls are to be kept
            return Failure.of(error)
        return None

    def _read(self, call: Call, stream: Stream, before: _Inspection) -> _Inspection:
        details = read_details(call, stream)
        tally_streams([details], 0, 0.0)  # what can't be counted isn't kept, or it would fail every tally
        self._counters.unknown(details.unknown)
        now = time.monotonic()
        is_in_a_row = before.found_at > now - self._config.max_age
        since = before.on_hold_since if is_in_a_row and before.on_hold_since is not None else now
        return replace(
            before, found_at=now, details=details, on_hold_since=since if details.legs.on_hold else None
        )
