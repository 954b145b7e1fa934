"""The collector of stream details: inspects a few calls each time, and keeps what it found of all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from heapq import nsmallest
from itertools import chain, cycle, islice
from math import inf

from exporter.collect.counters import Counters
from exporter.collect.details import Details, StreamTally, read_details, tally_streams
from exporter.collect.holds import Hold, longest_hold
from exporter.collect.tallies import has_ended, is_plausible
from exporter.config import StreamsConfig
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import CallStatus
from exporter.exotel.errors import ApiError, Failure, Reason
from exporter.exotel.models import Call, Stream

_FIT_FOR_A_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")
_HOPELESS = {Reason.AUTH, Reason.FORBIDDEN, Reason.RATE_LIMITED, Reason.BUDGET, Reason.TLS, Reason.REDIRECT}
"""What would befall the next request as well."""
_WAITING = {CallStatus.QUEUED, CallStatus.RINGING}
"""Nobody has been put on hold yet."""
_FOLLOWED_EVERY = 25.0
"""Seconds after which a call on hold is inspected again; where `max_age` is under a minute, so much less."""
_SHARES = 4
"""Of so many inspections one is for a call on hold, one for a new one, two for those that wait longest."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """A call that is listed, and what was last found of it; moments on the monotonic clock."""

    call_sid: str
    status: CallStatus | None
    """That it is listed with."""
    hold: Hold
    asked_at: float | None = None
    found_at: float = -inf
    details: Details | None = None

    @property
    def waits_since(self) -> float:
        """Return when it was last asked for, or else since when it can have been as it is."""
        return self.hold.not_before if self.asked_at is None else self.asked_at

    @property
    def may_be_on_hold(self) -> bool:
        """Return whether it has been answered, as far as is known, or was seen on hold all the same."""
        return self.status not in _WAITING or self.hold.since < inf


class StreamsCollector:
    """Inspects calls one by one: some that are on hold, some never asked for, and those that wait longest.

    Up to a quarter of the inspections follow calls on hold, the longest hold first, so that it is known
    however many calls there are, and many holds don't keep others waiting. Half of them are of the calls that
    were asked for longest ago, so that each has its turn however many come. The rest are of those never asked
    for; of these the calls in progress come first, whose details last.

    What was found of a call is forgotten after `max_age`, when it leaves the list, and when it is listed with
    another status: what was seen of it ringing isn't true of it talking. It is then like one never asked for.
    Since when it has been on hold is kept for as long as it is listed with the same status and isn't seen to
    be otherwise. A call that can't be inspected waits for its turn like the others.
    """

    def __init__(self, config: StreamsConfig, client: Client, counters: Counters) -> None:
        self._config = config
        self._client = client
        self._counters = counters
        self._inspections: dict[str, Inspection] = {}
        self._listed_at = -inf
        self._turns = cycle(range(_SHARES))

    def collect(
        self, calls: Mapping[str, Call], most: int, deadline: Deadline
    ) -> tuple[StreamTally, Failure | None]:
        """Inspect so many of the calls that were just listed, by call_sid, and no more than configured.

        Return what is known then, and the first failure: what was found before still holds.
        """
        self._follow(calls)
        failure = self._inspect(self._next(calls, min(most, self._config.max_per_scrape)), deadline)
        return self._tally(), failure

    def tally(self, calls: Mapping[str, Call]) -> StreamTally:
        """Count what is known of the calls that were just listed, by call_sid."""
        self._follow(calls)
        return self._tally()

    @property
    def inspections(self) -> Mapping[str, Inspection]:
        """Return what is known of each call that was listed last and hasn't ended, by call_sid."""
        return {**self._inspections}

    def _tally(self) -> StreamTally:
        now, max_age, known = time.monotonic(), self._config.max_age, self._inspections.values()
        fresh = [each for each in known if each.found_at > now - max_age]
        details = [each.details for each in fresh if each.details is not None]
        holds = [each.hold for each in known if each.may_be_on_hold]
        return tally_streams(details, len(known) - len(details), longest_hold(holds, now, max_age))

    def _follow(self, calls: Mapping[str, Call]) -> None:
        """Forget calls that are no longer listed, or with another status; take note of those that are new."""
        now, known = time.monotonic(), self._inspections
        self._inspections = {
            call_sid: before
            if (before := known.get(call_sid)) is not None and before.status is call.status
            else self._new(call, now)
            for call_sid, call in calls.items()
            if not has_ended(call)
        }
        self._listed_at = now

    def _new(self, call: Call, now: float) -> Inspection:
        """Return that nothing was found yet of a call that wasn't listed like this in the listing before."""
        began = now - call.duration if is_plausible(call.duration) else -inf
        return Inspection(call.call_sid, call.status, Hold(max(began, self._listed_at)))

    def _next(self, calls: Mapping[str, Call], most: int) -> Iterator[Call]:
        """Yield the calls to ask for; what one share doesn't need, the next gets."""
        fit = [each for each in self._inspections.values() if _FIT_FOR_A_PATH.fullmatch(each.call_sid)]
        due = time.monotonic() - _FOLLOWED_EVERY * min(1.0, self._config.max_age / 60)
        on_hold = (each for each in fit if each.hold.since < inf and each.waits_since < due)
        never_asked = (each for each in fit if each.asked_at is None)
        held = iter(nsmallest(most, on_hold, key=lambda each: each.hold.since))
        new = iter(nsmallest(most, never_asked, key=lambda each: each.status is not CallStatus.IN_PROGRESS))
        others = iter(nsmallest(most, fit, key=lambda each: each.waits_since))
        queues = chain(held, new, others), others, chain(new, others), others
        chosen: set[str] = set()
        for share in islice(self._turns, most):
            for each in queues[share]:
                if each.call_sid not in chosen:
                    chosen.add(each.call_sid)
                    yield calls[each.call_sid]
                    break

    def _inspect(self, calls: Iterator[Call], deadline: Deadline) -> Failure | None:
        first_failure: Failure | None = None
        asked: dict[str, Call] = {}

        def call_sids() -> Iterator[str]:
            while not (first_failure and first_failure.reason in _HOPELESS) and (call := next(calls, None)):
                known = self._inspections[call.call_sid]
                self._inspections[call.call_sid] = replace(known, asked_at=time.monotonic())
                asked[call.call_sid] = call
                yield call.call_sid

        try:
            for call_sid, stream in self._client.streams(call_sids(), deadline):
                failure = self._take_in(asked[call_sid], stream)
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
            gone = known.hold.gone(time.monotonic())
            self._inspections[call.call_sid] = Inspection(call.call_sid, call.status, gone, known.asked_at)
            return None
        try:
            self._inspections[call.call_sid] = self._read(call, stream, known)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other calls are to be kept
            return Failure.of(error)
        return None

    def _read(self, call: Call, stream: Stream, before: Inspection) -> Inspection:
        details = read_details(call, stream)
        tally_streams([details], 0, 0.0)  # what can't be counted isn't kept, or it would fail every tally
        self._counters.unknown(details.unknown)
        now = time.monotonic()
        hold = before.hold.after(now, is_on_hold=details.legs.any_on_hold)
        return replace(before, hold=hold, found_at=now, details=details)
