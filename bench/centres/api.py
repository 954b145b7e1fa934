"""What the API shows of a centre's calls, in place of the client that asks it over a network."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from msgspec import UNSET, UnsetType

from bench.centres.draw import Call, Traffic
from bench.centres.model import Event, Kind
from exporter.config import AccountConfig, Line
from exporter.exotel import models
from exporter.exotel.client import Client, Observer
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import (
    BridgeStatus,
    CallStatus,
    Channels,
    Direction,
    Endpoint,
    LegDirection,
    LegStatus,
    NetworkType,
)
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.listing.pages import Ask
from exporter.exotel.models import (
    AgentStreams,
    Bridge,
    Leg,
    NamedAgent,
    Page,
    PersonalCall,
    Recording,
    Stream,
)

LINES = (Line("sales", ("+918012345678",)), Line("support", ("+918012345679",)))
"""Of a centre that counts by line."""

_SECONDS = {Endpoint.CALLS: 0.08, Endpoint.STREAMS: 0.05, Endpoint.AGENT_STREAMS: 0.05}
"""That an answer takes."""
STATUSES = {
    Reason.AUTH: 401,
    Reason.FORBIDDEN: 403,
    Reason.RATE_LIMITED: 429,
    Reason.SERVER_ERROR: 503,
}
_PAUSE = {"Retry-After": "30"}  # that is asked for with 429
_SETUP = 1.0  # seconds until a call that is answered is bridged, and recorded

_GOLDEN, _PLASTIC = 0.6180339887, 0.7548776662
"""Their multiples are spread evenly, and one says nothing of the other."""

_NO_RECORDING = Recording(enabled=False)


class Api:
    """Answers in place of the API, from the truth, and fails when it is to."""

    def __init__(
        self, kind: Kind, traffic: Traffic, events: Sequence[Event], clock: Callable[[], float], seed: str
    ) -> None:
        self._kind, self._traffic, self._events, self._clock = kind, traffic, events, clock
        self._random = Random(f"{seed} api")  # noqa: S311  # reproducible, nothing to guard
        self._listed_at = -1.0
        self._now: Sequence[Event] = ()
        self._rows: Sequence[models.Call] = ()
        self._by_sid: dict[str, Call] = {}

    def failure(self) -> Reason | None:
        """Return how the API fails at this moment, if it does."""
        now = self._clock()
        for event in self._events:
            if event.fault and event.start <= now < event.end and self._random.random() < event.fault_share:
                return event.fault
        return None

    def rows(self) -> Sequence[models.Call]:
        """Return the list of active calls, the newest first."""
        if self._listed_at != (now := self._clock()):
            calls = self._traffic.at(now)
            self._now = [event for event in self._events if event.start <= now < event.end]
            lacks_flag = any(event.lacks_flag for event in self._now)
            self._by_sid = {call.call_sid: call for call in calls}
            self._rows = [self._row(call, now, lacks_flag=lacks_flag) for call in reversed(calls)]
            self._listed_at = now
        return self._rows

    def stream(self, call_sid: str) -> Stream | ApiError:
        """Return the details of a call."""
        now = self._clock()
        call = self._by_sid.get(call_sid)
        if call is None or call.end <= now:
            return ApiError(Reason.NOT_FOUND, "no such call", status=404)
        status = _phase(call, now)[0]
        is_talk = now >= call.talks_from
        lacks_leg = is_talk and any(_lot(call, _GOLDEN) < event.one_leg for event in self._now)
        has_both = is_talk and not call.is_by_bot and not lacks_leg
        is_muted = has_both and any(event.is_muted for event in self._now)
        bridge = None
        if has_both:
            bridge = Bridge(BridgeStatus.ACTIVE, _written(max(call.start, call.talks_from) + _SETUP))
        return Stream(
            status=status,
            duration=_duration(call, now),
            legs=self._legs(call, now, has_both=has_both, is_muted=is_muted),
            bridge=bridge,
            recording=self._recording(call, now),
        )

    def sessions(self) -> AgentStreams:
        """Return how many bots talk, and how many may."""
        calls = self._traffic.at(self._clock())
        return AgentStreams(sum(call.is_by_bot for call in calls), self._kind.bot_limit)

    def _is_recorded(self, call: Call, now: float) -> bool:
        return now >= call.talks_from and not call.is_by_bot and _lot(call, _PLASTIC) < self._kind.recorded

    def _row(self, call: Call, now: float, *, lacks_flag: bool) -> models.Call:
        status, agent = _phase(call, now)
        shown: NamedAgent | UnsetType | None = agent if self._kind.tells_agents else UNSET
        if not call.started:
            call.started = _written(call.start)
        is_recorded = self._is_recorded(call, now) and not lacks_flag
        row = (call.call_sid, call.direction, status, _duration(call, now), shown, is_recorded, call.started)
        if not self._kind.has_breakdowns:
            return models.Call(*row)
        line = LINES[call.number % len(LINES)].numbers[0]
        is_inbound = call.direction is Direction.INBOUND
        return PersonalCall(*row, from_=None if is_inbound else line, to=line if is_inbound else None)

    def _legs(self, call: Call, now: float, *, has_both: bool, is_muted: bool) -> tuple[Leg, ...]:
        is_held = call.hold[0] <= now < call.hold[1]
        mutes = is_muted or call.mute[0] <= now < call.mute[1]
        answered = LegStatus.CONNECTED if now >= call.answered else LegStatus.RINGING
        customer = Leg(LegDirection.INBOUND, answered, NetworkType.PSTN, is_muted, is_held)
        if not has_both:
            return (customer,)
        return customer, Leg(
            LegDirection.OUTBOUND, LegStatus.CONNECTED, NetworkType.VOIP, mutes, on_hold=False
        )

    def _recording(self, call: Call, now: float) -> Recording:
        is_off = any(event.is_unrecorded or event.lacks_flag for event in self._now)
        if is_off or not self._is_recorded(call, now - _SETUP):
            return _NO_RECORDING
        return Recording(
            enabled=True, channels=Channels.DUAL, duration=float(int(now - call.talks_from - _SETUP))
        )


class ApiClient(Client):
    """A client that asks an Api, in this process."""

    def __init__(self, api: Api, account: AccountConfig, observer: Observer, *others: Any) -> None:
        super().__init__(account, observer, *others)
        self._api, self._counts = api, observer

    def pages(self, asks: Iterable[Ask], deadline: Deadline) -> Generator[Page, None, None]:
        """Yield pages of the list; raises ApiError."""
        for offset, limit in asks:
            self._request(Endpoint.CALLS, deadline)
            rows = self._api.rows()
            yield Page(tuple(rows[offset : offset + limit]), 0, len(rows))

    def streams(
        self, call_sids: Iterable[str], deadline: Deadline
    ) -> Generator[tuple[str, Stream | ApiError], None, None]:
        """Yield the details of calls; raises ApiError."""
        for call_sid in call_sids:
            self._request(Endpoint.STREAMS, deadline)
            yield call_sid, self._api.stream(call_sid)

    def agent_streams(self, deadline: Deadline) -> AgentStreams:
        """Return the AgentStream sessions; raises ApiError."""
        self._request(Endpoint.AGENT_STREAMS, deadline)
        return self._api.sessions()

    def has_new_credentials(self) -> bool:
        """Return False: nobody changes them."""
        return False

    def _request(self, endpoint: Endpoint, deadline: Deadline) -> None:
        with self.rate_limiter.request(deadline, endpoint):
            reason = self._api.failure()
            status = STATUSES.get(reason) if reason else 200
            self._counts.request(endpoint, str(status or reason), _SECONDS[endpoint])
            if reason is Reason.RATE_LIMITED:
                self.rate_limiter.update_from(429, _PAUSE, endpoint)
            if reason is not None:
                raise ApiError(reason, "as it is to be", status=status)


def _lot(call: Call, ratio: float) -> float:
    """Return a number from 0 to 1 that a call keeps."""
    return call.number * ratio % 1


def _phase(call: Call, now: float) -> tuple[CallStatus, NamedAgent | None]:
    for until, status, agent in call.phases:
        if now < until:
            return status, agent
    raise AssertionError(f"{call.call_sid} has ended")


def _duration(call: Call, now: float) -> float:
    return float(int(now - call.answered)) if now >= call.answered else 0.0


def _written(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
