"""How a server writes a call's row, where that isn't as the API's page has it."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from exporter.simulator.call import Agent, Call, Document

_ONE_IN = 5
_EXTRA = {"account_region": "in", "queue": {"name": "sales", "position": None}, "tags": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Which fields rows have, of which types, with which values."""

    missing: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """Numbers and truth values that are written as text."""
    numeric_agents: bool = False
    """Whether an agent's user_id is a number."""
    statuses: tuple[str, ...] = ()
    """New ones, each shown by one in five calls in progress, or fewer."""
    directions: tuple[str, ...] = ()
    """New ones, shown by all calls that are outbound-dial."""
    extra: bool = False
    """Whether rows have fields that the API's page doesn't mention."""

    def direction(self, call: Call) -> str:
        """Return the direction that a call shows."""
        if call.direction == "outbound-dial" and self.directions:
            return self.directions[_hash(call) % len(self.directions)]
        return call.direction

    def status(self, call: Call) -> str:
        """Return the status that a call shows."""
        number = _hash(call) % _ONE_IN
        if call.status == "in-progress" and number < len(self.statuses):
            return self.statuses[number]
        return call.status

    def user_id(self, agent: Agent) -> str | int:
        """Return the user_id that an agent shows."""
        return int(agent.user_id.rpartition("_")[2]) if self.numeric_agents else agent.user_id

    def write(self, row: Document, call: Call) -> Document:
        """Return a row as the server writes it."""
        row = row | {"direction": self.direction(call), "status": self.status(call)}
        if call.agent:
            row["agent_details"] = row["agent_details"] | {"user_id": self.user_id(call.agent)}
        for name in self.texts:
            row[name] = msgspec.json.encode(row[name]).decode()
        if self.extra:
            row |= _EXTRA
        return {name: value for name, value in row.items() if name not in self.missing}


def _hash(call: Call) -> int:
    return int(call.sid[8:16], 16)
