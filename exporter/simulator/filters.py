"""What a server makes of the list's filters, `direction` and `agent_id`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Filter = Literal["works", "ignored", "refused"]
Outbound = Literal["both", "api", "literal"]

_OUTBOUND: dict[Outbound, frozenset[str]] = {
    "both": frozenset({"outbound", "outbound-api", "outbound-dial"}),
    "api": frozenset({"outbound-api"}),
    "literal": frozenset({"outbound"}),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What filters select; None where they select everything."""

    directions: frozenset[str] | None = None
    agent_id: str | None = None

    @property
    def is_whole(self) -> bool:
        """Return whether it is the whole list."""
        return self.directions is None and self.agent_id is None

    def selects(self, direction: str, agent_id: str | None) -> bool:
        """Return whether it has calls of this direction and agent."""
        return (self.directions is None or direction in self.directions) and (
            self.agent_id is None or self.agent_id == agent_id
        )


WHOLE_LIST = Selection()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """How a server filters."""

    direction: Filter = "works"
    outbound: Outbound = "both"
    """What `outbound` selects: both kinds, those that the API started, or rows that say just that (none)."""
    agent_id: Filter = "works"
    total: Literal["filter", "account"] = "filter"
    """What total_active counts with a filter."""

    def read(self, query: Mapping[str, str]) -> Selection:
        """Return what a query selects; raise ValueError saying why it is refused."""
        direction = _asked(query, "direction", self.direction)
        if direction not in {None, "inbound", "outbound"}:
            raise ValueError("direction must be inbound or outbound")
        agent_id = _asked(query, "agent_id", self.agent_id)
        if direction is None:
            return Selection(None, agent_id)
        directions = _OUTBOUND[self.outbound] if direction == "outbound" else frozenset({direction})
        return Selection(directions, agent_id)


def _asked(query: Mapping[str, str], name: str, filter_: Filter) -> str | None:
    if filter_ == "refused" and name in query:
        raise ValueError(f"unknown parameter {name}")
    return None if filter_ == "ignored" else query.get(name)
