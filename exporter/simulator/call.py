"""A call and the agent on it, and how the API writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from exporter.simulator import numbers
from exporter.simulator.leg import Leg, LegDirection, LegStatus

Direction = Literal["inbound", "outbound-api", "outbound-dial"]
Status = Literal["queued", "ringing", "in-progress", "completed", "failed", "busy", "no-answer", "canceled"]
Channels = Literal["single", "dual"]
AgentStatus = Literal["available", "on-call", "busy", "after-call-work", "offline"]
Document = dict[str, Any]

_VOICE_BOT = "sip:bot@voice.example"
_SUPERVISOR = "sip:supervisor@voice.example"


@dataclass(frozen=True, slots=True)
class Script:
    """How a call would go if an agent were always free; times in seconds."""

    direction: Direction
    queued: float
    ringing: float
    talking: float
    outcome: Status
    needs_agent: bool
    bridging: float
    """From the answer to the bridge."""
    legs: int
    """When talking: 1 is somebody hearing silence, 3 has a supervisor in."""
    recorded: bool
    channels: Channels
    recorder_errs: bool
    """Listed as recorded, but the recording never starts; or the reverse."""

    @property
    def answered(self) -> bool:
        """Whether somebody takes the call."""
        return self.talking > 0

    @property
    def length(self) -> float:
        """From the first ring to the end, in seconds."""
        return self.queued + self.ringing + self.talking


@dataclass(slots=True, eq=False)
class Agent:
    """Somebody who takes calls."""

    user_id: str
    name: str
    contact_uri: str
    signed_in: bool
    """Those who aren't take calls on their phone, and show as offline."""
    wrapping_up: bool = False
    calls: list[Call] = field(default_factory=list)
    """The calls in the list that name this agent."""

    @property
    def on_a_call(self) -> bool:
        """Whether a call that rings or goes on is with this agent."""
        return any(call.ended is None for call in self.calls)

    @property
    def status(self) -> AgentStatus:
        """What the API says the agent is doing."""
        if not self.signed_in:
            return "offline"
        statuses = {call.status for call in self.calls if call.ended is None}
        if "in-progress" in statuses:
            return "on-call"
        if statuses:
            return "busy"
        return "after-call-work" if self.wrapping_up else "available"

    def details(self) -> Document:
        """Tell of the agent what a row of the list tells."""
        return {"user_id": self.user_id, "name": self.name, "status": self.status}

    def changed(self) -> None:
        """Have the rows that show this agent written anew."""
        for call in self.calls:
            call.changed()


@dataclass(slots=True, eq=False)
class Call:
    """One call; times are Unix seconds of the centre's own clock."""

    sid: str
    script: Script
    started: float
    customer: str
    exophone: str
    status: Status = "queued"
    agent: Agent | None = None
    answered: float | None = None
    ended: float | None = None
    muted: bool = False
    """By the agent."""
    customer_muted: bool = False
    on_hold: bool = False
    form: numbers.Form = "e164"
    """How the list writes the numbers."""
    _row: tuple[bytes, bytes] | None = None

    @property
    def direction(self) -> Direction:
        """Who called whom, and how."""
        return self.script.direction

    def changed(self) -> None:
        """Have the row written anew when it is next asked for."""
        self._row = None

    def duration(self, now: float) -> int:
        """Whole seconds since the answer; 0 before it."""
        if self.answered is None:
            return 0
        return int((now if self.ended is None else self.ended) - self.answered)

    def row(self, now: float) -> bytes:
        """Write the call as a row of the list, in JSON."""
        before, after = self._row or self._write_row()
        return b"%b%d%b" % (before, self.duration(now), after)

    def _write_row(self) -> tuple[bytes, bytes]:
        """All of a row but the duration, which alone changes from request to request."""
        customer, exophone = (numbers.write(each, self.form) for each in (self.customer, self.exophone))
        inbound = self.direction == "inbound"
        before = {
            "call_sid": self.sid,
            "direction": self.direction,
            "status": self.status,
            "from": customer if inbound else exophone,
            "to": exophone if inbound else customer,
            "start_time": timestamp(self.started),
        }
        agent = self.agent
        after = {
            "agent_details": None if agent is None else agent.details(),
            "recording_enabled": self.script.recorded,
        }
        encode = msgspec.json.encode
        self._row = encode(before)[:-1] + b',"duration":', b"," + encode(after)[1:]
        return self._row

    def bridged(self, now: float) -> float | None:
        """When the legs were joined, if they are by now."""
        if self.answered is None or self.script.legs < 2:
            return None
        bridged = self.answered + self.script.bridging
        return bridged if bridged <= (now if self.ended is None else self.ended) else None

    def recording(self, now: float) -> float | None:
        """When the recording began, if it has by now: with the bridge, unless the recorder errs."""
        return self.bridged(now) if self.script.recorded != self.script.recorder_errs else None

    def legs(self, now: float) -> list[Leg]:
        """The agent's leg (or a voice bot's), the customer's, and a supervisor's if one is in."""
        inbound = self.direction == "inbound"
        joined = self.bridged(now) is not None
        near, far = self._leg_statuses(joined=joined)
        legs = []
        if self.status != "queued" and (self.answered is None or self.script.legs > 1):
            contact = self.agent.contact_uri if self.agent else _VOICE_BOT
            legs.append(Leg("agent", contact, "outbound", near, muted=self.muted))
        if self.status != "queued" or inbound:
            way: LegDirection = "inbound" if inbound else "outbound"
            customer = Leg("customer", self.customer, way, far, self.customer_muted, self.on_hold)
            legs.append(customer)
        if joined and self.script.legs > 2:
            legs.append(Leg("supervisor", _SUPERVISOR, "outbound", near, muted=True))
        return legs

    def _leg_statuses(self, *, joined: bool) -> tuple[LegStatus, LegStatus]:
        """The agent's, and the customer's."""
        if self.ended is not None:
            return ("failed", "failed") if self.answered is None else ("completed", "completed")
        if self.answered is not None:
            return ("connected", "connected") if joined else ("answered", "answered")
        # whoever called is on the line already
        return ("ringing", "connected") if self.direction == "inbound" else ("connected", "ringing")

    def stream(self, now: float) -> Document:
        """Tell what the API tells of this call alone: legs, bridge, recording."""
        bridged = self.bridged(now)
        return {
            "call_sid": self.sid,
            "status": self.status,
            "duration": self.duration(now),
            "legs": [leg.document(self.sid) for leg in self.legs(now)],
            "bridge": None if bridged is None else self._bridge(bridged),
            "recording": self._recording(now),
        }

    def _bridge(self, created: float) -> Document:
        status = "active" if self.ended is None else "ended"
        return {"bridge_sid": f"bridge_{self.sid}", "status": status, "created_at": timestamp(created)}

    def _recording(self, now: float) -> Document:
        began = self.recording(now)
        if began is None:
            return {"enabled": False, "channels": None, "duration": 0}
        duration = int((now if self.ended is None else self.ended) - began)
        return {"enabled": True, "channels": self.script.channels, "duration": duration}


def timestamp(at: float) -> str:
    """Write a Unix time as the API does: 2024-06-15T10:30:00.000Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
