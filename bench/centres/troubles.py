"""Centres in which something goes wrong once or twice a day, and the alerts that tell it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.centres.kinds import FLEET, moment
from bench.centres.model import HOUR, MINUTE, MONDAY, OFFICE, WORKDAYS, Event, Kind, Trouble
from exporter.exotel.errors import Reason

_SLOTS = (10.25, 14.5)  # hours of a day at which something goes wrong
_LONG = 150 * MINUTE  # what lasts longer takes the day

# What follows from others, and is true as well.
_WAITS = "RingingTooLong AnsweredShareLow ManyCallsUnanswered NobodyAnswers"
_MANY = "CallsFarAboveLastWeek CallLimitWithinTheHour CallsNearLimit"
_ALONE = "CallsWithOneLeg BridgesMissing CallsWithoutAgent"
_RECORDINGS = "RecordingCoverageLow RecordingMismatch"
_FAILING = "CollectionFailing CollectionIncomplete RateLimited"
_FEW = "CallsFarBelowLastWeek"
_OVERLOAD = f"{_MANY} {_WAITS} {_ALONE}"


@dataclass(frozen=True, slots=True)
class _Plan:
    """Something that can go wrong, and for how long in seconds."""

    name: str
    lasts: float
    effects: Mapping[str, Any]
    """Of the event."""
    told_by: str
    """Alerts, without the Exotel that all begin with; as the next ones."""
    also: str = ""
    pages: bool = False
    within: float | None = None

    def at(self, start: float, impossible: str) -> tuple[Event, Trouble]:
        """Return what happens, and what is to be told of it, from some moment on."""
        end = start + self.lasts
        told_by, also = _alerts(self.told_by), _alerts(self.also)
        trouble = Trouble(self.name, start, end, told_by, also, self.pages, self.within, impossible)
        return Event(start, end, **({} if impossible else self.effects)), trouble


def _alerts(names: str) -> frozenset[str]:
    return frozenset(f"Exotel{name}" for name in names.split())


def _plans(surge: float, rise: float) -> Iterator[_Plan]:
    """Yield what can go wrong; with so many times as many calls a limit is reached, or nearly so."""
    more, stop = {"inbound": surge, "outbound": surge}, {"inbound": 0.0, "outbound": 0.0, "bots": 0.0}
    yield _Plan("limit hit", 60 * MINUTE, more, "CallsAtLimit CallsNearLimit", _OVERLOAD, pages=True)
    yield _Plan("recorder down", 75 * MINUTE, {"is_unrecorded": True}, "RecordingMismatch", _RECORDINGS)
    down = {"fault": Reason.SERVER_ERROR}
    yield _Plan("API down", 50 * MINUTE, down, "CollectionFailing", _FAILING, pages=True)
    yield _Plan("a forgotten hold", 26 * MINUTE, {"forgotten": 25 * MINUTE}, "HoldTooLong")
    follows = f"{_WAITS} {_ALONE} {_RECORDINGS} {_FEW} {_MANY}"
    nobody, pages_in = "NobodyAnswers CallsWithoutAgent", 4 * MINUTE
    yield _Plan(
        "all agents leave", 40 * MINUTE, {"agents": 0.0}, nobody, follows, pages=True, within=pages_in
    )
    yield _Plan("one leg on 10 %", 90 * MINUTE, {"one_leg": 0.1}, "CallsWithOneLeg BridgesMissing", _ALONE)
    yield _Plan("a stuck call", 5 * HOUR, {"stuck": 5 * HOUR}, "StuckCall LongCall")
    limited = {"fault": Reason.RATE_LIMITED, "fault_share": 0.7}
    yield _Plan("429s", 60 * MINUTE, limited, "RateLimited CollectionFailing", _FAILING, pages=True)
    more, also = {"inbound": rise, "outbound": rise}, f"{_OVERLOAD} CallsAtLimit"
    yield _Plan("limit approached", 90 * MINUTE, more, "CallsNearLimit CallLimitWithinTheHour", also)
    stopped, pages_in = "InboundStopped OutboundStopped CallsFarBelowLastWeek", 12 * MINUTE
    yield _Plan("calls stop at peak", 50 * MINUTE, stop, stopped, pages=True, within=pages_in)
    refused = {"fault": Reason.AUTH}
    yield _Plan("credentials revoked", 40 * MINUTE, refused, "CredentialsRefused", _FAILING, pages=True)
    yield _Plan("everyone muted", 45 * MINUTE, {"is_muted": True}, "EveryoneMuted")
    half = dict.fromkeys(stop, 0.5)
    yield _Plan("half the calls gone", 120 * MINUTE, half, _FEW)
    yield _Plan("recording flag lost", 60 * MINUTE, {"lacks_flag": True}, "RecordingCoverageLow", _RECORDINGS)
    dead = {"stops_exporters": 1}
    yield _Plan("exporter down", 45 * MINUTE, dead, "ExporterDown AccountUnwatched", pages=True)
    inbound = {"inbound": 0.0, "bots": 0.0}
    yield _Plan(
        "inbound alone stops", 60 * MINUTE, inbound, "InboundStopped", _FEW, pages=True, within=pages_in
    )
    flaky = {"fault": Reason.TIMEOUT, "fault_share": 0.6}
    yield _Plan("60 % of listings fail", 60 * MINUTE, flaky, "CollectionFailing", _FAILING, pages=True)
    also = f"{_MANY} {_ALONE} {_RECORDINGS}"
    yield _Plan("bots at their limit", 60 * MINUTE, {"bots": 5.0}, "AgentStreamsNearLimit", also)


@dataclass(frozen=True, slots=True)
class Troubled:
    """A centre of a kind, and what goes wrong in it."""

    kind: Kind
    surge: float
    """How many times as many calls reach its limit."""
    rise: float
    """How many come near it."""
    impossible: Mapping[str, str] = field(default_factory=dict)
    """Why it can't show some of the troubles, by their names."""

    def troubles(self) -> Iterator[tuple[Event, Trouble]]:
        """Yield what goes wrong, in order of time."""
        moments = self._moments()
        for plan in _plans(self.surge, self.rise):
            yield plan.at(next(moments), self.impossible.get(plan.name, ""))
            if plan.lasts > _LONG:
                next(moments)

    def _moments(self) -> Iterator[float]:
        for day in range(self.kind.judged):
            if self.kind.week[day % 7]:
                yield from (moment(self.kind.history + day, hour) for hour in _SLOTS)


_NO_BOTS = {"bots at their limit": "it has no bots"}
_NO_INBOUND = {"inbound alone stops": "it has no inbound calls"}

TROUBLED = (
    Troubled(
        Kind(
            "troubled-hotline",
            inbound=120,
            outbound=12,
            bots=20,
            bot_limit=40,
            call_limit=220,
            has_streams=True,
            judged=12,
        ),
        surge=2.5,
        rise=1.75,
    ),
    Troubled(
        Kind(
            "troubled-office",
            inbound=30,
            outbound=10,
            hours=OFFICE,
            week=WORKDAYS,
            call_limit=60,
            has_streams=True,
            judged=12,
        ),
        surge=2.5,
        rise=2.2,
        impossible=_NO_BOTS,
    ),
    Troubled(
        Kind(
            "troubled-dialler",
            diallers=40,
            hours=OFFICE,
            week=WORKDAYS,
            talk=150,
            call_limit=80,
            has_streams=True,
            judged=12,
        ),
        surge=3.5,
        rise=2.3,
        impossible=_NO_BOTS | _NO_INBOUND,
    ),
)

FLEET_TROUBLE = Trouble(
    name="one account always fails",
    start=MONDAY,
    end=moment(FLEET.history + FLEET.judged, 0),
    told_by=_alerts("CredentialsRefused"),
    also=_alerts("CollectionFailing"),
    pages=True,
    within=None,
)
