"""How soon and how long a forgotten caller shows in the longest hold: `python -m bench.holds`.

One caller among many is put on hold and forgotten for twenty minutes. Other calls come and go, and a tenth of
them is on hold at any time, each for a minute or so. Nothing is waited for: the exporter's clock and the
centre's are moved on together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from random import Random
from statistics import mean
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import requests

from exporter.collect.account import Account
from exporter.config import AccountConfig, CollectionConfig, MetricsConfig, Secret, StreamsConfig
from exporter.exotel.deadline import Deadline
from exporter.exotel.transport import Answer, Transport
from tests.clock import moved_clock

CALLS, INTERVALS, RUNS = (40, 100, 150, 300), (15, 60), 5
"""What is compared: calls at a time, and seconds from scrape to scrape; how many centres of each."""
QUIET, HOLD, AFTER = 10, 20, 5
"""Minutes before the forgotten hold, of it, and after it."""
THRESHOLD = 5
"""Minutes after which a hold is an alert, unless it is configured otherwise."""
_TALK, _RING = 240.0, 12.0  # seconds on average: few calls are long, and some are very long
_SHORTEST_HOLD, _LONGEST_HOLD, _BETWEEN_HOLDS = 20.0, 90.0, 495.0  # seconds: a tenth of the time


@dataclass(slots=True)
class Conversation:
    """A call of the centre; times in seconds of its clock."""

    call_sid: str
    answered: float
    ends: float
    holds: Sequence[tuple[float, float]]
    """From when to when it is on hold."""

    def held_for(self, now: float) -> float:
        """Return how long it has been on hold, 0 if it isn't."""
        return max((now - begin for begin, end in self.holds if begin <= now < end), default=0.0)

    def row(self, now: float) -> Mapping[str, object]:
        """Return what the list tells of it."""
        return {
            "call_sid": self.call_sid,
            "direction": "inbound",
            "status": self._status(now),
            "duration": max(0, int(now - self.answered)),
            "recording_enabled": False,
        }

    def stream(self, now: float) -> Mapping[str, object]:
        """Return its details."""
        audio = {"muted": False, "hold": self.held_for(now) > 0}
        leg = {"direction": "inbound", "status": "connected", "network_type": "pstn", "audio_status": audio}
        return {"call_sid": self.call_sid, "status": self._status(now), "legs": [leg]}

    def _status(self, now: float) -> str:
        return "in-progress" if self.answered <= now else "ringing"


@dataclass(slots=True)
class Centre:
    """As many calls as ever: when one ends, another comes."""

    random: Random
    now: float = 0.0
    calls: dict[str, Conversation] = field(default_factory=dict)
    _number: int = 0

    def fill(self, calls: int) -> None:
        """Begin with so many, which have gone on for a while."""
        while len(self.calls) < calls:
            self._begin(-self.random.expovariate(1 / _TALK))
            self.calls = {sid: each for sid, each in self.calls.items() if each.ends > self.now}

    def forget(self, begin: float, end: float) -> None:
        """Let one more call begin, be put on hold a minute later, and go on for a while after that."""
        self._add(begin - 60, end + 180, [(begin, end)])

    def advance(self, now: float) -> None:
        """Let calls end and others begin."""
        self.now = now
        over = [each for each in self.calls.values() if each.ends <= now]
        for each in over:
            del self.calls[each.call_sid]
            self._begin(each.ends)

    def longest_hold(self) -> float:
        """Return the truth, in seconds."""
        return max(each.held_for(self.now) for each in self.calls.values())

    def _begin(self, at: float) -> None:
        answered = at + self.random.expovariate(1 / _RING)
        ends = answered + self.random.expovariate(1 / _TALK)
        self._add(answered, ends, list(self._short_holds(answered, ends)))

    def _short_holds(self, at: float, ends: float) -> Iterator[tuple[float, float]]:
        while (at := at + self.random.expovariate(1 / _BETWEEN_HOLDS)) < ends:
            begin, at = at, at + self.random.uniform(_SHORTEST_HOLD, _LONGEST_HOLD)
            yield begin, at

    def _add(self, answered: float, ends: float, holds: Sequence[tuple[float, float]]) -> None:
        self._number += 1
        call_sid = f"call{self._number}"
        self.calls[call_sid] = Conversation(call_sid, answered, ends, holds)


class Answering(Transport):
    """Answers in place of the API."""

    centre: Centre

    def get(
        self,
        request: requests.PreparedRequest,
        body_limit: int,
        on_headers: Callable[[int, Mapping[str, str]], None],
    ) -> Answer:
        """Return a page of the list, or the details of a call."""
        status, found = self._find(request.url or "")
        on_headers(status, {})
        return Answer(status, {}, msgspec.json.encode({"response": found})[:body_limit])

    def _find(self, url: str) -> tuple[int, Mapping[str, Any]]:
        if asked := re.search(r"/calls/(\w+)/stream$", url):
            call = self.centre.calls.get(asked[1])
            return (200, {"stream": call.stream(self.centre.now)}) if call else (404, {})
        query = parse_qs(urlsplit(url).query)
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        calls = list(self.centre.calls.values())
        rows = [call.row(self.centre.now) for call in calls[offset : offset + limit]]
        return 200, {"active_calls": rows, "total_active": len(calls)}


@dataclass(frozen=True, slots=True)
class Moment:
    """What a scrape shows; in seconds."""

    at: float
    """Since the forgotten hold began."""
    told: float | None
    true: float


def scrapes(calls: int, interval: int, seed: int) -> Iterator[Moment]:
    """Scrape a centre before, during and after the forgotten hold."""
    centre = Centre(Random(seed))  # noqa: S311  # seeded: the same centre each time
    centre.fill(calls - 1)
    begin = QUIET * 60 + centre.random.uniform(0, interval)
    collection = CollectionConfig(streams=StreamsConfig(enabled=True))
    with moved_clock() as clock:
        account = _account(centre, collection)
        start = clock.monotonic()
        for now in range(0, (QUIET + HOLD + AFTER) * 60, interval):
            clock.forward(start + now - clock.monotonic())
            centre.advance(now)
            if now >= begin - 60 > now - interval:
                centre.forget(begin, begin + HOLD * 60)
            snapshot = account.collect(Deadline.after(collection.timeout)).result()
            assert snapshot.active_calls is not None, snapshot.failure
            assert snapshot.streams is not None
            yield Moment(now - begin, snapshot.streams.longest_hold, centre.longest_hold())
        account.close()


def _account(centre: Centre, collection: CollectionConfig) -> Account:
    def transport(config: CollectionConfig) -> Transport:
        made = Answering(config)
        made.centre = centre
        return made

    demo = Secret("demo")
    config = AccountConfig(
        name="bench", account_sid="demo", base_url="http://127.0.0.1", api_key=demo, api_token=demo
    )
    return Account(replace(config, collection=collection), MetricsConfig(), transport=transport)


@dataclass(frozen=True, slots=True)
class Found:
    """How one forgotten hold was told; times in minutes."""

    highest: float
    alerting: float
    """For how long a hold above the threshold was told, while there was one."""
    late: float
    """From when the hold was above the threshold until that was told."""
    lingering: float
    """How long it was told after it had ended."""
    quiet_highest: float
    """What was told before it."""
    absent: float
    """The share of scrapes that told nothing."""
    wrong: float
    """The share of scrapes that told less than the threshold, and too little by more than that."""


def judged(moments: Sequence[Moment], interval: int) -> Found:
    """Judge what was told of one forgotten hold."""
    during = [each for each in moments if 0 <= each.at < HOLD * 60]
    after = [each for each in moments if each.at >= HOLD * 60]
    limit = THRESHOLD * 60
    alerting = [each.at for each in during if (each.told or 0) >= limit]
    told = [(each.told, each.true) for each in moments if each.told is not None]
    wrong = sum(figure < limit and true - figure > limit for figure, true in told)
    return Found(
        highest=max(each.told or 0.0 for each in during) / 60,
        alerting=len(alerting) * interval / 60,
        late=(min(alerting, default=HOLD * 60) - limit) / 60,
        lingering=sum((each.told or 0) >= limit for each in after) * interval / 60,
        quiet_highest=max(each.told or 0.0 for each in moments if each.at < 0) / 60,
        absent=1 - len(told) / len(moments),
        wrong=wrong / len(moments),
    )


def row(calls: int, interval: int) -> str:
    """Return how the holds of some centres were told."""
    found = [judged(list(scrapes(calls, interval, seed)), interval) for seed in range(RUNS)]
    return (
        f"{calls:>5} {interval:>7} s {min(each.highest for each in found):>9.1f}"
        f" {mean(each.highest for each in found):>6.1f} {mean(each.alerting for each in found):>9.1f}"
        f" {max(each.late for each in found):>7.1f} {max(each.lingering for each in found):>9.1f}"
        f" {max(each.quiet_highest for each in found):>7.1f} {mean(each.absent for each in found):>7.0%}"
        f" {mean(each.wrong for each in found):>6.0%}"
    )


def main() -> None:
    """Print a row for each size and each interval."""
    print(
        f"A hold of {HOLD} minutes, in {RUNS} centres of each kind; figures in minutes.\n"
        "highest: the longest hold told of it, at least and on average\n"
        f"alerting: for how long more than {THRESHOLD} minutes were told of it, on average\n"
        "late: how long after it had gone on for that long, at most\n"
        "lingering: how long after its end, at most\n"
        "before: the longest hold told before it, where none is longer than a minute and a half\n"
        "absent: scrapes without a figure\n"
        f"wrong: scrapes that told less than {THRESHOLD} minutes, and too little by more than that\n\n"
        f"{'calls':>5} {'interval':>9} {'highest':>9} {'mean':>6} {'alerting':>9} {'late':>7} "
        f"{'lingering':>9} {'before':>7} {'absent':>7} {'wrong':>6}"
    )
    for calls, interval in product(CALLS, INTERVALS):
        print(row(calls, interval), flush=True)


if __name__ == "__main__":
    main()
