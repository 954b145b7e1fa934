"""Faults on demand: how they are written, and which requests they affect."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, cast

from exporter.simulator.fault_kinds import KINDS, Apply
from exporter.simulator.messages import Response

Endpoint = Literal["calls", "stream", "agent_streams", "any"]
Page = Literal["first", "middle", "any"]

SYNTAX = "[ENDPOINT/]KIND[:ARGUMENT][@first|@middle][+AFTER][*TIMES]"
_PATTERN = re.compile(
    r"(?:(?P<endpoint>calls|stream|agent_streams|any)/)?(?P<kind>[^/:@*]+)(?::(?P<argument>.*?))?"
    r"(?:@(?P<page>first|middle|any))?(?:(?<![eE])\+(?P<after>\d+))?(?:\*(?P<times>\d+))?",  # no 1e+5
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that affects some requests; raises ValueError if it isn't valid."""

    kind: str
    argument: str = ""
    endpoint: Endpoint = "any"
    page: Page = "any"
    """Of the list of calls: `first` is offset 0, `middle` any other."""
    times: int | None = None
    """How many requests it affects; unlimited if None."""
    after: int = 0
    """How many requests it spares before."""
    apply: Apply = field(init=False, repr=False, compare=False)
    """Returns a response with the fault."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown fault {self.kind!r}: expected one of {', '.join(KINDS)}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"fault {self.kind!r} can't affect {self.times} requests: expected 1 or more")
        if self.page != "any" and self.endpoint not in {"any", "calls"}:
            raise ValueError(f"fault {self.kind!r}: only the list of calls has pages, not {self.endpoint}")
        try:
            object.__setattr__(self, "apply", KINDS[self.kind].prepare(self.argument))
        except ValueError as error:
            raise ValueError(f"fault {self.kind!r}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Return a fault written in SYNTAX; raise ValueError if it isn't valid."""
        match = _PATTERN.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not a fault: expected {SYNTAX}")
        times = match["times"]
        return cls(
            kind=match["kind"],
            argument=match["argument"] or "",
            endpoint=cast(Endpoint, match["endpoint"] or "any"),
            page=cast(Page, match["page"] or "any"),
            times=int(times) if times else None,
            after=int(match["after"] or 0),
        )

    def __str__(self) -> str:
        endpoint = "" if self.endpoint == "any" else f"{self.endpoint}/"
        argument = self.argument and f":{self.argument}"
        page = "" if self.page == "any" else f"@{self.page}"
        after = f"+{self.after}" if self.after else ""
        return f"{endpoint}{self.kind}{argument}{page}{after}" + (f"*{self.times}" if self.times else "")

    def affects(self, endpoint: str, offset: int) -> bool:
        """Return whether the fault affects a request for this endpoint and offset."""
        if self.page != "any" and (endpoint != "calls" or (self.page == "first") != (offset == 0)):
            return False
        return self.endpoint in {"any", endpoint}


@dataclass(slots=True)
class _Left:
    """How many requests a fault still spares, and then affects."""

    fault: Fault
    spared: int
    affected: float

    def takes_request(self) -> bool:
        """Count a request; return whether the fault affects it."""
        if self.spared:
            self.spared -= 1
            return False
        self.affected -= 1
        return True


class Faults:
    """The active faults. Thread-safe."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Replace the active faults."""
        left = [_Left(fault, fault.after, fault.times or math.inf) for fault in faults]
        with self._lock:
            self._left = left

    def active(self) -> list[Fault]:
        """Return the active faults, without those that are used up."""
        with self._lock:
            return [each.fault for each in self._left]

    def apply(self, response: Response, endpoint: str, offset: int) -> Response:
        """Return the response with every fault that affects this request, in order, and count them."""
        with self._lock:
            affecting = [
                each.fault
                for each in self._left
                if each.fault.affects(endpoint, offset) and each.takes_request()
            ]
            self._left = [each for each in self._left if each.affected]
        for fault in affecting:
            response = fault.apply(response)
        return response
