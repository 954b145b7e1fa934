"""Faults on demand: which requests they befall, and how they are written."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, cast

from exporter.simulator.bending import Apply
from exporter.simulator.fault_kinds import KINDS
from exporter.simulator.reply import Reply

Endpoint = Literal["calls", "stream", "agent_streams", "any"]
Page = Literal["first", "middle", "any"]

SYNTAX = "[ENDPOINT/]KIND[:ARGUMENT][@first|@middle][*TIMES]"
_WRITTEN = re.compile(
    r"(?:(?P<endpoint>calls|stream|agent_streams|any)/)?(?P<kind>[^/:@*]+)(?::(?P<argument>.*?))?"
    r"(?:@(?P<page>first|middle|any))?(?:\*(?P<times>\d+))?",
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with some requests. ValueError if there is no such thing."""

    kind: str
    argument: str = ""
    endpoint: Endpoint = "any"
    page: Page = "any"
    """`first` is offset 0, `middle` any other; both are pages of the list of calls."""
    times: int | None = None
    """How many requests it befalls; for ever unless set."""
    _apply: Apply = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}: expected one of {', '.join(KINDS)}")
        if self.times is not None and self.times < 1:
            raise ValueError(f"fault {self.kind!r} can't befall {self.times} requests: expected 1 or more")
        if self.page != "any" and self.endpoint not in {"any", "calls"}:
            raise ValueError(f"fault {self.kind!r}: only the list of calls has pages, not {self.endpoint}")
        try:
            object.__setattr__(self, "_apply", KINDS[self.kind].prepare(self.argument))
        except ValueError as error:
            raise ValueError(f"fault {self.kind!r}: {error}") from None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Read a fault written as SYNTAX says; ValueError says what is wrong."""
        written = _WRITTEN.fullmatch(text)
        if not written:
            raise ValueError(f"{text!r} is not a fault: expected {SYNTAX}")
        times = written["times"]
        return cls(
            kind=written["kind"],
            argument=written["argument"] or "",
            endpoint=cast(Endpoint, written["endpoint"] or "any"),
            page=cast(Page, written["page"] or "any"),
            times=int(times) if times else None,
        )

    def __str__(self) -> str:
        endpoint = "" if self.endpoint == "any" else f"{self.endpoint}/"
        argument = self.argument and f":{self.argument}"
        page = "" if self.page == "any" else f"@{self.page}"
        return f"{endpoint}{self.kind}{argument}{page}" + (f"*{self.times}" if self.times else "")

    def befalls(self, endpoint: str, offset: int) -> bool:
        """Whether a request for this endpoint, at this offset, is one of those."""
        if self.page != "any" and (endpoint != "calls" or (self.page == "first") != (offset == 0)):
            return False
        return self.endpoint in {"any", endpoint}

    def apply(self, reply: Reply) -> Reply:
        """Bend a reply."""
        return self._apply(reply)


class Faults:
    """The faults in force. Safe for threads."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Forget those in force, and take these."""
        left = [(fault, float(fault.times or "inf")) for fault in faults]
        with self._lock:
            self._left = left

    def listed(self) -> list[Fault]:
        """Return which are in force; those that were used up are gone."""
        with self._lock:
            return [fault for fault, _ in self._left]

    def bend(self, reply: Reply, endpoint: str, offset: int) -> Reply:
        """Apply to the reply every fault that befalls this request, in their order, and count them."""
        with self._lock:
            befalling = [fault for fault, _ in self._left if fault.befalls(endpoint, offset)]
            if befalling:
                self._left = [
                    (fault, left - (fault in befalling))
                    for fault, left in self._left
                    if left > 1 or fault not in befalling
                ]
        for fault in befalling:
            reply = fault.apply(reply)
        return reply
