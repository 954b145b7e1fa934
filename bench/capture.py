"""Pseudonymises bodies of every kind, and looks for what is left of them: `python -m bench.capture`.

Each body has telephone numbers, names and ids planted anywhere in it, is malformed as the simulator's faults
do it, and then spoilt byte by byte. Nothing of it may be left, and decoders must find the same in the other.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from html import unescape
from itertools import count
from random import Random
from typing import Any

from exporter.capture.pseudonyms import Pseudonyms
from exporter.exotel.decode import read_agent_streams, read_page, read_stream, refuse_failure
from exporter.exotel.errors import ApiError
from exporter.exotel.models import PersonalCall, read_time
from exporter.simulator.fault_kinds import KINDS
from exporter.simulator.messages import Response, failure, json_response, success, xml_response

_FIRST = ("Asha", "Meera", "Arjun", "Kiran", "Vikram", "Farhana", "Zubair", "Priyanka", "Élodie", "उदयन")
_LAST = ("Iyer", "Mehta", "Joshi", "Bhattacharya", "Qureshi", "Fernandes", "Çelik", "शर्मा", "O'Brien")
_SPELLINGS = (
    "+91{0}",
    "0{0}",
    "091{0}",
    "91{0}",
    "{0}",
    "+91 {1} {2} {3}",
    "0{1}-{2}-{3}",
    "(+91) {1}.{2}.{3}",
)
_FAULTS = (
    *("rows", "spoilt", "details", "endings", "empty_page", "bad_json", "html", "other_json"),
    *("total:null", 'total:"many"', "total:1000000000", "total:-5", "inside:401", "inside:503"),
    *("status:429,body=v1", "status:404", "status:502,body=html", 'stream:{"legs": null}'),
)
_DIRECTIONS = ("inbound", "outbound-api", "outbound-dial", "outbound", "INCOMING", "sideways", None)
_STATUSES = ("queued", "ringing", "in-progress", "In_Progress", "completed", "pondering", "", None)
_DURATIONS: tuple[Any, ...] = (
    0,
    1,
    59,
    120,
    120.5,
    "120",
    "120.5",
    -5,
    None,
    86399,
    12345,
    10**30,
    [],
    "Asha",
)
_STARTS = (
    *("2026-11-29T03:30:00.000Z", "2026-11-29 09:00:00+05:30", "2026-11-29T03:30:00.123456789Z"),
    *("2026-11-29T03:30:00", "1970-01-01 05:30:00+05:30", "0001-01-01T00:00:00Z", 1795922994, 1795922994123),
    *("yesterday", None),
)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9:]{5})?)?"
)
_EPOCH = re.compile(r"(?<![0-9])1[0-9]{9}(?:[0-9]{3})?(?![0-9])")
_GROUP = re.compile(r"[0-9]+(?:[ ().-]{1,3}[0-9]+)*")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_RUN = 6
_SMALL = 100_000


@dataclass(frozen=True, slots=True)
class Sample:
    """A body, and what of it must not be left."""

    status: int
    content_type: str
    body: bytes
    call_sid: str
    secrets: tuple[str, ...]


class Sampler:
    """Makes bodies of what a source of randomness draws."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._secrets: list[str] = []
        self._ids = [self._new_id() for _ in range(4)]

    def sample(self) -> Sample:
        """Return a body of any kind."""
        self._secrets = []
        random = self._random
        call_sid = self._id()
        make = random.choice(
            (self._page, self._page, self._page, self._stream, self._sessions, self._failure)
        )
        response = make(call_sid)
        faults = random.sample(_FAULTS, random.choice((0, 0, 1, 1, 2)))
        for fault in sorted(faults, key=lambda fault: fault != "endings"):  # it takes no malformed rows
            kind, _, argument = fault.partition(":")
            response = KINDS[kind].prepare(argument)(response)
        body = self._escaped(response.body) if random.random() < 0.3 else response.body
        if random.random() < 0.4:
            body = self._spoilt(body)
        return Sample(response.status, response.content_type, body, call_sid, tuple(self._secrets))

    # What is planted

    def _secret(self, text: str) -> str:
        self._secrets.append(text)
        return text

    def _number(self) -> str:
        digits = self._secret(f"{self._random.randrange(6 * 10**9, 10**10)}")
        return self._random.choice(_SPELLINGS).format(digits, digits[:2], digits[2:6], digits[6:])

    def _name(self) -> str:
        return self._secret(f"{self._random.choice(_FIRST)} {self._random.choice(_LAST)}")

    def _new_id(self) -> str:
        random = self._random
        long = f"{random.getrandbits(128):032x}"
        return random.choice(
            (
                long,
                f"call_{random.randrange(10**8):08d}",
                f"{long[:8]}-{long[8:12]}-{long[12:16]}",
                long[:10].upper(),
            )
        )

    def _id(self) -> str:
        return self._secret(self._random.choice(self._ids))

    def _text(self) -> str:
        plants = (self._number, self._name, self._id)
        words = ("call", "to", "not found:", "agent", "±", "\n", "<b>", "&amp;", "\\", '"', "{", "]")
        each = (
            self._random.choice(plants)() if self._random.random() < 0.5 else self._random.choice(words)
            for _ in range(5)
        )
        return " ".join(each)

    def _extra(self) -> dict[str, Any]:
        """Return fields that nobody knows."""
        random = self._random
        number = int(
            self._number().strip("+").replace(" ", "").replace("-", "").lstrip("0").partition("(")[0] or 0
        )
        fields: tuple[dict[str, Any], ...] = (
            {},
            {},
            {"queue": self._name(), "custom_field": self._text()},
            {self._name(): 1, self._number(): {"id": self._id()}},
            {"phone": number, "ratio": 0.98765, "extension": 4711},
            {"tags": [self._text(), self._number(), number, True, None], "leg": [[self._name()]]},
        )
        return random.choice(fields)

    # Bodies

    def _row(self) -> dict[str, Any]:
        random = self._random
        agent = {
            "user_id": self._id(),
            "name": self._name(),
            "status": random.choice(("on-call", "busy", "X")),
        }
        row = {
            "call_sid": self._id(),
            "direction": random.choice(_DIRECTIONS),
            "status": random.choice(_STATUSES),
            "from": self._number(),
            "to": self._number(),
            "start_time": random.choice(_STARTS),
            "duration": random.choice(_DURATIONS),
            "agent_details": random.choice((agent, agent, None)),
            "recording_enabled": random.choice((True, False, "true", "no", None)),
        }
        return row | self._extra()

    def _page(self, _: str) -> Response:
        rows = [self._row() for _ in range(self._random.randrange(6))]
        total = {"total_active": self._random.choice((len(rows), str(len(rows)), 99_999, None))}
        return success(self._id(), {"active_calls": rows} | total | self._extra())

    def _stream(self, call_sid: str) -> Response:
        random = self._random
        leg = {
            "leg_sid": f"leg_agent_{call_sid}",
            "contact_uri": f"sip:{self._number()}@voice.example",
            "direction": random.choice(("inbound", "outbound")),
            "status": "connected",
            "network_type": "voip",
            "audio_status": {"muted": False, "hold": random.choice((True, 1, "true"))},
        }
        stream = {
            "call_sid": call_sid,
            "status": random.choice(_STATUSES),
            "duration": random.choice(_DURATIONS),
            "legs": [leg, leg | self._extra()],
            "bridge": {
                "bridge_sid": f"bridge_{call_sid}",
                "status": "active",
                "created_at": random.choice(_STARTS),
            },
            "recording": {"enabled": True, "channels": random.choice(("dual", "Single", 2)), "duration": 5},
        }
        return success(self._id(), {"stream": stream})

    def _sessions(self, _: str) -> Response:
        if self._random.random() < 0.5:
            fields = {"ActiveStreamCount": self._random.randrange(_SMALL), "ThrottleLimit": 100}
            return xml_response(
                200, "Stream", **fields, From=self._number(), Name=self._name(), Text=self._text()
            )
        sessions = {"status": "success", "active_streams": 12, "max_allowed_streams": 100}
        return json_response(200, sessions | {"account_sid": self._id()} | self._extra())

    def _failure(self, _: str) -> Response:
        status, code = self._random.choice(((401, 1010), (404, 10744), (429, 10724), (500, 10715), (400, 7)))
        return failure(self._id(), status, code, self._text())

    def _escaped(self, body: bytes) -> bytes:
        """Return JSON that writes some digits and letters as \\u0039."""
        text = body.decode(errors="surrogateescape")
        escaped = re.sub(r'(?<=[0-9a-z])[a-z0-9](?=[^"{}\[\]:,]*"\s*[,}\]])', self._escape, text)
        return escaped.encode(errors="surrogateescape")

    def _escape(self, found: re.Match[str]) -> str:
        return f"\\u{ord(found[0]):04x}" if self._random.random() < 0.1 else found[0]

    def _spoilt(self, body: bytes) -> bytes:
        random = self._random
        for _ in range(random.randrange(1, 4)):
            at, end = sorted((random.randrange(len(body) + 1), random.randrange(len(body) + 1)))
            body = random.choice(
                (
                    body[:at],
                    body[:at] + body[at + 1 :],
                    body[:at] + body[at : at + 40] + body[at:],
                    body[:at] + bytes((random.randrange(256),)) + body[at:],
                    body[:at]
                    + random.choice((b'"', b"\\", b"{", b"]", b",", b"\xef\xbb\xbf", b"<"))
                    + body[at:],
                    body[:at] + body[min(end, at + 300) :],
                )
            )
        return body


# What is left


def leaks(sample: Sample, replaced: bytes) -> list[str]:
    """Return what of a body is left in another: runs of six digits, numbers, names and ids."""
    before, after = _read(sample.body), _read(replaced)
    found = [f"digits {run}" for run in _runs(before) & _runs(after)]
    digits, there = _joined(after), _joined(before)
    lower = after.lower()
    for secret in sample.secrets:
        if secret.isdigit():
            parts = [secret[at : at + _RUN] for at in range(len(secret) - _RUN + 1)]
            found += [f"number {part}" for part in parts if part in there and part in digits]
        elif secret.lower() in lower:
            found.append(f"secret {secret}")
        elif " " in secret:
            found += [
                f"name {part}" for part in secret.split() if re.search(rf"\b{re.escape(part)}\b", after)
            ]
    return found


def _joined(text: str) -> str:
    return re.sub(r"(?<=[0-9])[ ().-]{1,3}(?=[0-9])", "", text)


def _read(body: bytes) -> str:
    """Return a body as a person reads it: nothing escaped, and no times."""
    text = body.decode(errors="surrogateescape")
    text = unescape(_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text))
    return _EPOCH.sub("@", _TIME.sub("@", text))


def _runs(text: str) -> set[str]:
    groups = ("".join(filter(str.isdigit, group)) for group in _GROUP.findall(text))
    return {group[at : at + _RUN] for group in groups for at in range(len(group) - _RUN + 1)}


# What is told


def told(sample: Sample, body: bytes, call_sid: str) -> dict[str, object]:
    """Return what every decoder finds in a body, without what is replaced."""
    readers: dict[str, Callable[[], object]] = {
        "page": lambda: _page(body),
        "stream": lambda: _stream(body, call_sid),
        "sessions": lambda: _sessions(body),
        "failure": lambda: refuse_failure(sample.status, body),
    }
    return {name: _found(read) for name, read in readers.items()}


def _found(read: Callable[[], object]) -> object:
    try:
        return read()
    except ApiError as error:
        code = error.code if isinstance(error.code, int) and abs(error.code) < _SMALL else type(error.code)
        return error.reason, error.status, error.inside, code, error.request_id is None


def _page(body: bytes) -> object:
    page = read_page(body, PersonalCall)
    calls = [call for call in page.calls if isinstance(call, PersonalCall)]
    agents = [call.agent_details for call in calls]
    return (
        Counter((call.direction, call.status, call.recording_enabled) for call in calls),
        (page.unreadable, _small(page.total)),
        [_small(call.duration) for call in calls],
        [(_is_set(call.start_time), call.start_time is None) for call in calls],
        _pattern(call.call_sid for call in calls),
        _pattern(getattr(agent, "user_id", agent) for agent in agents),
        [getattr(agent, "status", None) for agent in agents],
    )


def _stream(body: bytes, call_sid: str) -> object:
    stream = read_stream(body, call_sid)
    bridge, recording = stream.bridge, stream.recording
    return (
        (stream.status, stream.state, _small(stream.duration), stream.legs),
        bridge and (bridge.status, bridge.created_at is None, _is_set(bridge.created_at)),
        recording and (recording.enabled, recording.channels, _small(recording.duration)),
    )


def _sessions(body: bytes) -> object:
    sessions = read_agent_streams(body)
    return _small(sessions.active), _small(sessions.limit)


def _is_set(time: str | None) -> bool:
    """Return whether a time is well-formed and set; Python reads some that are neither."""
    return _TIME.fullmatch(time or "") is not None and read_time(time) is not None


def _small(number: float | None) -> object:
    """Return a number's whole part; of a long one only that it is one."""
    return number if number is None else int(number) if abs(number) < _SMALL else "long"


def _pattern(values: Iterable[object]) -> list[int]:
    """Return which values are equal."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault(value, len(numbers)) for value in values]


# The run


def problems(sample: Sample) -> Iterator[str]:
    """Yield what is wrong with the pseudonyms of a body."""
    pseudonyms = Pseudonyms()
    replaced = pseudonyms.body(sample.body, sample.content_type)
    yield from leaks(sample, replaced)
    before = told(sample, sample.body, sample.call_sid)
    after = told(sample, replaced, pseudonyms.text(sample.call_sid, "call_sid"))
    for name, found in before.items():
        if found != after[name]:
            yield f"{name}: {found} became {after[name]}"


def _run(seed: int, bodies: int) -> tuple[int, list[str]]:
    random = Random(seed)  # noqa: S311  # a benchmark must be repeatable
    found: list[str] = []
    size = 0
    for number in range(bodies):
        sample = Sampler(random).sample()
        size += len(sample.body)
        found += [f"seed {seed}, body {number}: {each}" for each in problems(sample)]
    return size, found


def main() -> None:
    """Pseudonymise so many bodies; exit 1 if anything is left of one, or it tells something else."""
    parser = argparse.ArgumentParser(prog="python -m bench.capture", description=__doc__)
    parser.add_argument("--bodies", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started, share = time.monotonic(), 500
    seeds = [
        options.seed + number for number, _ in zip(count(), range(0, options.bodies, share), strict=False)
    ]
    sizes = [min(share, options.bodies - share * number) for number in range(len(seeds))]
    with ProcessPoolExecutor(options.jobs) as pool:
        results = list(pool.map(_run, seeds, sizes))
    found = [each for _, some in results for each in some]
    megabytes = sum(size for size, _ in results) / 1e6
    seconds = time.monotonic() - started
    print(f"{options.bodies} bodies, {megabytes:.0f} MB, {seconds:.0f} s: {len(found)} problems")
    print(*found[:20], sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
