"""What is asked of /calls: which calls, in which order, as a table or as a wallboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from exporter.collect.live import LiveCall
from exporter.exotel.enums import CallStatus, Direction

WAITING = "waiting"
"""What `status` accepts beside each status: queued and ringing calls."""

_DURATION = re.compile(r"(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")
_LONGEST = 128  # characters of a text: those of a name or an id that are shown
_SHOWN = 60  # characters of what is rejected
_NAMES_SHOWN = 20
_YES = ("1", "true", "yes", "on")
_NO = ("", "0", "false", "no")
_FILTERS = ("direction", "status", "agent", "held", "longer_than")  # of the table alone


class Sort(StrEnum):
    """What calls are sorted by; among equals those come first that have waited or lasted longest."""

    STATUS = "status"
    ACCOUNT = "account"
    DIRECTION = "direction"
    LINE = "line"
    AGENT = "agent"
    LENGTH = "length"
    RECORDED = "recorded"
    HOLD = "hold"


_RANKS = {status: rank for rank, status in enumerate(CallStatus)}
_KEYS: dict[Sort, Callable[[LiveCall], Any]] = {
    Sort.STATUS: lambda call: _RANKS[call.status],
    Sort.ACCOUNT: lambda call: call.account.casefold(),
    Sort.DIRECTION: lambda call: call.direction.value,
    Sort.LINE: lambda call: call.line,
    Sort.AGENT: lambda call: (call.agent_name or call.agent_id or "").casefold() or None,
    Sort.LENGTH: lambda call: call.seconds,
    Sort.RECORDED: lambda call: call.recorded,
    Sort.HOLD: lambda call: call.details and call.details.on_hold_seconds,
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A parameter that can't be meant so."""

    name: str
    found: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.name}: found {self.found}; accepted: {self.accepted}"


@dataclass(frozen=True, slots=True)
class Choices:
    """The accounts and lines that there are to choose from."""

    accounts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """Return what tells them from any others."""
        return sha256(repr(self).encode(errors="replace")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Query:
    """Which calls are wanted, and how; what is None, empty or False limits nothing."""

    account: str | None = None
    line: str | None = None
    direction: Direction | None = None
    status: str | None = None
    agent: str = ""
    """A part of the agent's id or name, in any case."""
    held: bool = False
    longer_than: float | None = None
    """Seconds."""
    sort: Sort = Sort.STATUS
    descending: bool = False
    wallboard: bool = False
    rejected: tuple[Rejected, ...] = ()

    @classmethod
    def parse(cls, parameters: Iterable[tuple[str, str]], choices: Choices) -> Query:
        """Read the parameters of a URL, of which others than these say nothing here.

        What is rejected limits nothing, except that an account or a line which there isn't has no calls. A
        wallboard is of an account, a line, or all.
        """
        given: dict[str, list[str]] = {}
        for name, value in parameters:
            given.setdefault(name, []).append(value)
        return _Reader(given).query(choices)

    def wants(self, call: LiveCall) -> bool:
        """Return whether a call is one of those wanted."""
        return (
            (self.account is None or call.account == self.account)
            and (self.line is None or call.line == self.line)
            and (self.direction is None or call.direction is self.direction)
            and (self.status is None or _has_status(call, self.status))
            and (not self.held or call.is_on_hold)
            and (self.longer_than is None or _is_longer(call, self.longer_than))
            and (not self.agent or _has_agent(call, self.agent.casefold()))
        )

    def choose(self, calls: Iterable[LiveCall]) -> list[LiveCall]:
        """Return the calls that are wanted, sorted; those of which it isn't known come last."""
        chosen = sorted(filter(self.wants, calls), key=_longest_first)
        key = _KEYS[self.sort]
        known = sorted((call for call in chosen if key(call) is not None), key=key, reverse=self.descending)
        return known + [call for call in chosen if key(call) is None]

    @property
    def scope(self) -> Query:
        """Return the account and the line that it is of: what figures are of, however calls are filtered."""
        return Query(account=self.account, line=self.line)

    @property
    def has_no_calls(self) -> bool:
        """Return whether it is of an account or a line that there isn't, or a wallboard that is filtered."""
        return any(self.wallboard or each.name in {"account", "line"} for each in self.rejected)

    @property
    def is_filtered(self) -> bool:
        """Return whether any calls are left out."""
        return replace(self, sort=Sort.STATUS, descending=False, wallboard=False, rejected=()) != Query()

    def url(self, **changes: Any) -> str:
        """Return what stands behind the path to ask for the same, with these changes."""
        return _encoded(replace(self, **changes, rejected=()))


def _encoded(query: Query) -> str:
    written = {
        "sort": ("-" if query.descending else "") + query.sort,
        "longer_than": duration(query.longer_than) if query.longer_than is not None else "",
    }
    plain = {"sort": Sort.STATUS.value}
    values = {
        each.name: written.get(each.name, getattr(query, each.name))
        for each in fields(query)
        if each.name not in {"descending", "rejected"}
    }
    given = {
        name: 1 if value is True else value
        for name, value in values.items()
        if value and value != plain.get(name)
    }
    return f"?{urlencode(given, errors='replace')}" if given else ""


def duration(seconds: float) -> str:
    """Return seconds as a URL has them: 1h30m, 90s is 1m30s."""
    whole = int(seconds)
    parts = (whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


def _longest_first(call: LiveCall) -> float:
    return -call.seconds if call.seconds is not None else 1.0


def _has_status(call: LiveCall, status: str) -> bool:
    return call.is_waiting if status == WAITING else call.status == status


def _is_longer(call: LiveCall, seconds: float) -> bool:
    return call.seconds is not None and call.seconds > seconds


def _has_agent(call: LiveCall, part: str) -> bool:
    return part in (call.agent_id or "").casefold() or part in (call.agent_name or "").casefold()


class _Reader:
    """Reads parameters, and notes which are rejected."""

    def __init__(self, given: dict[str, list[str]]) -> None:
        self._given = given
        self._rejected: list[Rejected] = []

    def query(self, choices: Choices) -> Query:
        account, line = self._name("account", choices.accounts), self._name("line", choices.lines)
        if self._is_on("wallboard"):
            for name in _FILTERS:
                if (found := self._text(name)) and not (name == "held" and found.lower() in _NO):
                    self._reject(name, found, ["nothing: a wallboard is of an account, a line, or all"])
            return Query(account, line, wallboard=True, rejected=tuple(self._rejected))
        sort, descending = self._sort()
        return Query(
            account=account,
            line=line,
            direction=self._one_of("direction", {each.value: each for each in Direction}),
            status=self._one_of("status", {each: each for each in (WAITING, *map(str, CallStatus))}),
            agent=self._agent(),
            held=self._is_on("held"),
            longer_than=self._longer_than(),
            sort=sort,
            descending=descending,
            rejected=tuple(self._rejected),
        )

    def _text(self, name: str) -> str:
        values = self._given.get(name, [""])
        if len(values) == 1:
            return values[0]
        self._rejected.append(Rejected(name, f"{len(values)} values", "one"))
        return ""

    def _reject(self, name: str, found: str, accepted: Iterable[str]) -> None:
        shown = ascii(found[:_SHOWN]) + "…" * (len(found) > _SHOWN)
        self._rejected.append(Rejected(name, shown, ", ".join(accepted)))

    def _name(self, name: str, known: Sequence[str]) -> str | None:
        found = self._text(name)
        if found and found not in known:
            more = ["…"] if len(known) > _NAMES_SHOWN else []
            self._reject(name, found, [*known[:_NAMES_SHOWN], *more] or ["nothing: there is none"])
        return found[: 2 * _LONGEST] or None

    def _one_of(self, name: str, known: dict[str, Any]) -> Any:
        found = self._text(name)
        if found and found not in known:
            self._reject(name, found, known)
        return known.get(found)

    def _agent(self) -> str:
        found = self._text("agent").strip()
        if len(found) <= _LONGEST:
            return found
        self._reject("agent", found, [f"up to {_LONGEST} characters of an agent's id or name"])
        return ""

    def _is_on(self, name: str) -> bool:
        found = self._text(name).lower()
        if found not in _YES + _NO:
            self._reject(name, found, [*_YES[:1], *_NO[1:2]])
        return found in _YES

    def _longer_than(self) -> float | None:
        found = self._text("longer_than").strip()
        if not found:
            return None
        match = _DURATION.fullmatch(found)
        if match is None:
            self._reject("longer_than", found, ["a duration like 90s, 5m or 1h30m"])
            return None
        return float(sum(int(number) * unit for number, unit in _parts(match.groups())))

    def _sort(self) -> tuple[Sort, bool]:
        found = self._text("sort")
        name = found.removeprefix("-")
        if found and name not in [*Sort]:
            self._reject("sort", found, [*Sort, "each also with - before it"])
            return Sort.STATUS, False
        return Sort(name or Sort.STATUS), found.startswith("-")


def _parts(numbers: Sequence[str | None]) -> Iterator[tuple[str, int]]:
    return ((number, unit) for number, unit in zip(numbers, (3600, 60, 1), strict=True) if number)
