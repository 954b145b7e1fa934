"""The kinds of centres in which nothing goes wrong, so that next to nothing should be told."""

from __future__ import annotations

from collections.abc import Iterator

from bench.centres.model import DAY, HOUR, MONDAY, OFFICE, WORKDAYS, Event, Kind
from exporter.exotel.errors import Reason

_JUDGED = 21  # days after the beginning


def moment(day: int, hour: float) -> float:
    """Return when it is so many days and hours after the beginning."""
    return MONDAY + day * DAY + hour * HOUR


def _holiday() -> Iterator[Event]:
    """Yield a Wednesday on which next to nobody calls, and the day after, on which all do who couldn't."""
    yield Event(moment(_JUDGED + 2, 0), moment(_JUDGED + 3, 0), inbound=0.05, outbound=0.0)
    yield Event(moment(_JUDGED + 3, 0), moment(_JUDGED + 4, 0), inbound=1.4)


def _restarts() -> Iterator[Event]:
    """Yield a restart of one exporter each day."""
    for day in range(_JUDGED + 7):
        yield Event(moment(day, 11.0), moment(day, 11.0) + 90.0, stops_exporters=1)


def _gaps() -> Iterator[Event]:
    """Yield times in which Prometheus doesn't run: some minutes, or an hour."""
    for day, hour, minutes in (
        (-3, 15.0, 60),
        (0, 10.5, 3),
        (1, 14.0, 10),
        (2, 9.0, 60),
        (4, 16.0, 25),
        (5, 3.0, 60),
    ):
        yield Event(
            moment(_JUDGED + day, hour), moment(_JUDGED + day, hour) + 60.0 * minutes, stops_prometheus=True
        )


FLEET = Kind(
    "fleet",
    inbound=3,
    hours=OFFICE,
    week=WORKDAYS,
    interval=60,
    accounts=50,
    history=2,
    judged=1,
    events=(Event(MONDAY, moment(3, 0), account="fleet-07", fault=Reason.AUTH),),
)
"""Many small accounts, of which one always fails; a day of them shows as much as weeks of one."""

KINDS = (
    Kind("around-the-clock-20", inbound=20),
    Kind("around-the-clock-200", inbound=200, call_limit=300, has_streams=True),
    Kind("around-the-clock-600", inbound=600),
    Kind("office", inbound=30, outbound=10, hours=OFFICE, week=WORKDAYS, call_limit=80, has_streams=True),
    Kind("hardly-any", inbound=2, outbound=1, hours=OFFICE, week=WORKDAYS, has_streams=True),
    Kind("dialler", diallers=40, inbound=5, hours=OFFICE, week=WORKDAYS, talk=150, has_streams=True),
    Kind("dialler-now-and-then", diallers=30, has_fixed_campaigns=False, talk=150, recorded=0.5),
    Kind("bots", bots=50, bot_limit=100, has_streams=True),
    Kind("menu", inbound=60, menu=40, has_streams=True),
    Kind("growing", inbound=60, growth=0.05, call_limit=150),
    Kind("holiday", inbound=40, outbound=10, hours=OFFICE, week=WORKDAYS, events=tuple(_holiday())),
    Kind("outage-last-week", inbound=80, events=(Event(moment(16, 11), moment(16, 13), inbound=0.0),)),
    Kind("understaffed", inbound=50, staffing=-1.2, patience=240, has_streams=True),
    Kind("tight-limit", inbound=40, call_limit=56),
    Kind("pair", inbound=40, exporters=2, events=tuple(_restarts())),
    Kind("prometheus-gaps", inbound=40, events=tuple(_gaps())),
    Kind("every-30s", inbound=60, interval=30),
    Kind("every-60s", inbound=60, interval=60, has_streams=True),
    Kind("short-talks", inbound=40, talk=40, wrap_up=10, has_streams=True),
    Kind("options-off", inbound=50, outbound=20, recorded=0.0, tells_agents=False),
    Kind(
        "options-on",
        inbound=25,
        outbound=10,
        bots=10,
        bot_limit=30,
        call_limit=90,
        has_streams=True,
        has_breakdowns=True,
    ),
    Kind("new", inbound=50, call_limit=120, history=1),
    Kind("night-shift", inbound=40, hours=(*OFFICE[12:], *OFFICE[:12]), call_limit=90),
    Kind("weekend", inbound=50, week=(0.4, 0.3, 0.3, 0.4, 0.7, 1.0, 1.0), menu=20),
    Kind("agents-call", outbound=40, hours=OFFICE, week=WORKDAYS),
    Kind("bots-and-agents", inbound=60, bots=25, bot_limit=60, call_limit=160, has_streams=True),
    Kind("half-recorded", inbound=50, outbound=20, recorded=0.5, has_streams=True),
)
