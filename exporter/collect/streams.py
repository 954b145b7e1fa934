"""The collector of stream details: inspects a few calls each time, and keeps what it found of all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from exporter.exotel.models import Call
from exporter.exotel.streams import Stream

_FIT_FOR_A_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")
_HOPELESS = {Reason.AUTH, Reason.FORBIDDEN, Reason.RATE_LIMITED, Reason.BUDGET, Reason.TLS, Reason.REDIRECT}
"""What would befall the next request as well."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """When a call was asked for, on the monotonic clock, and the status it was listed with."""

    at: float
    status: CallStatus | None

    def is_of(self, call: Call | None) -> bool:
        """Return whether the call is still listed, and with that status."""
        return call is not None and call.status is self.status


@dataclass(frozen=True, slots=True)
class _Inspection:
    """What was found of a call, and when."""

    asked: _Asked
    details: Details
    on_hold_since: float | None
    """The first of the inspections in a row that saw it on hold, on the monotonic clock."""


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
        self._inspections: Mapping[str, _Inspection] = {}
        self._asked: Mapping[str, _Asked] = {}

    def collect(
        self, calls: Mapping[str, Call], most: int, deadline: Deadline
    ) -> tuple[StreamTally, Failure | None]:
        """Inspect so many of the calls that were just listed, by call_sid, and no more than configured.

        Return what is known then, and the first failure: what was found before still holds.
        """
        self._asked = {sid: asked for sid, asked in self._asked.items() if asked.is_of(calls.get(sid))}
        failure = self._inspect(self._next(calls, min(most, self._config.max_per_scrape)), deadline)
        return self.tally(calls), failure

    def tally(self, calls: Mapping[str, Call]) -> StreamTally:
        """Count what is known of the calls that were just listed, by call_sid."""
        now = time.monotonic()
        self._inspections = {
            sid: found for sid, found in self._inspections.items() if found.asked.is_of(calls.get(sid))
        }
        fresh = [found for found in self._inspections.values() if found.asked.at > now - self._config.max_age]
        holds = (found.asked.at - found.on_hold_since for found in fresh if found.on_hold_since is not None)
        going_on = sum(not has_ended(call) for call in calls.values())
        details = [found.details for found in fresh]
        return tally_streams(details, going_on - len(details), max(holds, default=0.0))

    def _next(self, calls: Mapping[str, Call], most: int) -> list[Call]:
        fit = (call for sid, call in calls.items() if not has_ended(call) and _FIT_FOR_A_PATH.fullmatch(sid))
        return nsmallest(most, fit, key=self._turn)

    def _turn(self, call: Call) -> tuple[float, bool]:
        asked = self._asked.get(call.call_sid)
        return asked.at if asked else -inf, call.status is not CallStatus.IN_PROGRESS

    def _inspect(self, calls: Sequence[Call], deadline: Deadline) -> Failure | None:
        first_failure: Failure | None = None
        inspections, asked = dict(self._inspections), dict(self._asked)
        by_sid = {call.call_sid: call for call in calls}

        def call_sids() -> Iterator[str]:
            for call in calls:
                if first_failure and first_failure.reason in _HOPELESS:
                    return
                asked[call.call_sid] = _Asked(time.monotonic(), call.status)
                yield call.call_sid

        try:
            for call_sid, stream in self._client.streams(call_sids(), deadline):
                found = self._found(by_sid[call_sid], stream)
                if isinstance(found, _Inspection):
                    inspections[call_sid] = found
                elif found is None:
                    inspections.pop(call_sid, None)  # it ended since it was listed
                else:
                    first_failure = first_failure or found
        except ApiError as error:
            first_failure = first_failure or Failure.of(error)
        self._inspections, self._asked = inspections, asked
        return first_failure

    def _found(self, call: Call, stream: Stream | ApiError) -> _Inspection | Failure | None:
        """Return what is to be kept of a call: None where it is over, or why there is nothing."""
        if isinstance(stream, ApiError):
            return None if stream.reason is Reason.NOT_FOUND else Failure.of(stream)
        if stream.status and stream.status.is_over:
            return None
        try:
            return self._read(call, stream)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other calls' details are to be kept
            return Failure.of(error)

    def _read(self, call: Call, stream: Stream) -> _Inspection:
        details = read_details(call, stream)
        tally_streams([details], 0, 0.0)  # what can't be counted isn't kept, or it would fail every tally
        self._counters.unknown(details.unknown)
        now, before = time.monotonic(), self._inspections.get(call.call_sid)
        is_in_a_row = before is not None and before.asked.at > now - self._config.max_age
        since = before.on_hold_since if before and is_in_a_row else None
        on_hold_since = (now if since is None else since) if details.legs.on_hold else None
        return _Inspection(_Asked(now, call.status), details, on_hold_since)
