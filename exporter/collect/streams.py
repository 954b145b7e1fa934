"""The collector of stream details: a few calls each time, and what is held of all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from math import inf

from exporter.collect.counters import Counters
from exporter.collect.details import Details, read_details
from exporter.collect.stream_tally import StreamTally, tally_streams
from exporter.config import StreamsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import CallStatus
from exporter.exotel.errors import ApiError, Reason, unexpected
from exporter.exotel.models import Call, Stream

_FIT_FOR_A_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")
_HOPELESS = {Reason.AUTH, Reason.FORBIDDEN, Reason.RATE_LIMITED, Reason.BUDGET, Reason.TLS, Reason.REDIRECT}
"""What would befall the next request as well."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """When a call was asked for, on the monotonic clock, and the status it was listed with."""

    at: float
    status: CallStatus | None

    def is_of(self, call: Call | None) -> bool:
        """Tell whether the call is still listed, and with that status."""
        return call is not None and call.status is self.status


@dataclass(frozen=True, slots=True)
class _Inspection:
    """What a look at a call found."""

    asked: _Asked
    details: Details
    on_hold_since: float | None
    """The first of the looks in a row that saw it on hold, on the monotonic clock."""


class StreamsCollector:
    """Looks at calls one by one, those never asked for first, then those asked for longest ago.

    What is held is forgotten after `max_age`, when its call leaves the list, and when it is listed with
    another status: what was seen of it ringing isn't true of it talking. It is then like one never asked for;
    of these the calls in progress come first, whose details last. A call that can't be looked at waits for
    its turn like the others, and doesn't keep them waiting.
    """

    def __init__(self, config: StreamsConfig, client: Client, counters: Counters) -> None:
        self._config = config
        self._client = client
        self._counters = counters
        self._looks: Mapping[str, _Inspection] = {}
        self._asked: Mapping[str, _Asked] = {}

    def collect(
        self, calls: Sequence[Call], most: int, deadline: Deadline
    ) -> tuple[StreamTally, ApiError | None]:
        """Look at so many of the calls that were just listed, and at no more than configured.

        Gives what is held then, and the first error there was: what is held from before still holds.
        """
        listed = _going_on(calls)
        self._asked = {
            call_sid: asked for call_sid, asked in self._asked.items() if asked.is_of(listed.get(call_sid))
        }
        error = self._look_at(self._next(listed, min(most, self._config.max_per_scrape)), deadline)
        return self.held(calls), error

    def held(self, calls: Sequence[Call]) -> StreamTally:
        """Give what is held of the calls that were just listed."""
        listed, now = _going_on(calls), time.monotonic()
        self._looks = {
            call_sid: look for call_sid, look in self._looks.items() if look.asked.is_of(listed.get(call_sid))
        }
        fresh = [look for look in self._looks.values() if look.asked.at > now - self._config.max_age]
        holds = (look.asked.at - look.on_hold_since for look in fresh if look.on_hold_since is not None)
        details = [look.details for look in fresh]
        return tally_streams(details, len(listed) - len(details), max(holds, default=0.0))

    def _next(self, listed: Mapping[str, Call], most: int) -> list[Call]:
        fit = (call for call_sid, call in listed.items() if _FIT_FOR_A_PATH.fullmatch(call_sid))
        return nsmallest(most, fit, key=self._turn)

    def _turn(self, call: Call) -> tuple[float, bool]:
        asked = self._asked.get(call.call_sid)
        return asked.at if asked else -inf, call.status is not CallStatus.IN_PROGRESS

    def _look_at(self, calls: Sequence[Call], deadline: Deadline) -> ApiError | None:
        first_error: ApiError | None = None
        looks, asked = dict(self._looks), dict(self._asked)
        by_sid = {call.call_sid: call for call in calls}

        def call_sids() -> Iterator[str]:
            for call in calls:
                if first_error and first_error.reason in _HOPELESS:
                    return
                asked[call.call_sid] = _Asked(time.monotonic(), call.status)
                yield call.call_sid

        try:
            for call_sid, stream in self._client.streams(call_sids(), deadline):
                look = self._look(by_sid[call_sid], stream)
                if isinstance(look, _Inspection):
                    looks[call_sid] = look
                elif look is None:
                    looks.pop(call_sid, None)  # it ended since it was listed
                else:
                    first_error = first_error or look
        except ApiError as over:
            first_error = first_error or over.bare()
        self._looks, self._asked = looks, asked
        return first_error

    def _look(self, call: Call, stream: Stream | ApiError) -> _Inspection | ApiError | None:
        """Give what is to be held of a call: None where it is over, or why nothing can be."""
        if isinstance(stream, ApiError):
            return None if stream.reason is Reason.NOT_FOUND else stream
        if stream.status and stream.status.is_over:
            return None
        try:
            return self._read(call, stream)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other calls' details are to be held
            return unexpected(error)

    def _read(self, call: Call, stream: Stream) -> _Inspection:
        details = read_details(call, stream)
        tally_streams([details], 0, 0.0)  # what can't be counted isn't held, or it would fail every tally
        self._counters.unknown(details.unknown)
        now, before = time.monotonic(), self._looks.get(call.call_sid)
        is_in_a_row = before is not None and before.asked.at > now - self._config.max_age
        since = before.on_hold_since if before and is_in_a_row else None
        on_hold_since = (now if since is None else since) if details.legs.on_hold else None
        return _Inspection(_Asked(now, call.status), details, on_hold_since)


def _going_on(calls: Iterable[Call]) -> dict[str, Call]:
    return {call.call_sid: call for call in calls if not (call.status and call.status.is_over)}
