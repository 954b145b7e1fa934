"""A call, its legs and its agent, and how the API writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from exporter.simulator import phone_numbers

Direction = Literal["inbound", "outbound-api", "outbound-dial"]
Status = Literal["queued", "ringing", "in-progress", "completed", "failed", "busy", "no-answer", "canceled"]
Channels = Literal["single", "dual"]
AgentStatus = Literal["available", "on-call", "busy", "after-call-work", "offline"]
LegDirection = Literal["inbound", "outbound"]
LegStatus = Literal["ringing", "answered", "connected", "completed", "failed"]
NetworkType = Literal["pstn", "voip"]
Document = dict[str, Any]

_VOICE_BOT = "sip:bot@voice.example"
_SUPERVISOR = "sip:supervisor@voice.example"


@dataclass(frozen=True, slots=True)
class Script:
    """How a call goes if an agent is always free; times in seconds."""

    direction: Direction
    queued: float
    ringing: float
    talking: float
    outcome: Status
    needs_agent: bool
    bridging: float
    """From the answer to the bridge."""
    legs: int
    """While talking: 1 is a caller hearing silence, 3 includes a supervisor."""
    recorded: bool
    channels: Channels
    recorder_errs: bool
    """Listed as recorded, but the recording never starts; or the reverse."""

    @property
    def answered(self) -> bool:
        """Whether the call is answered."""
        return self.talking > 0

    @property
    def length(self) -> float:
        """Seconds from the start of the call to its end."""
        return self.queued + self.ringing + self.talking


@dataclass(slots=True, eq=False)
class Agent:
    """A person who takes calls."""

    user_id: str
    name: str
    contact_uri: str
    signed_in: bool
    """Agents who aren't take calls by phone, and show as offline."""
    wrapping_up: bool = False
    calls: list[Call] = field(default_factory=list)
    """The listed calls that name this agent."""

    @property
    def on_a_call(self) -> bool:
        """Whether the agent has a call that is ringing or in progress."""
        return any(call.ended is None for call in self.calls)

    @property
    def status(self) -> AgentStatus:
        """The agent's status as the API reports it."""
        if not self.signed_in:
            return "offline"
        statuses = {call.status for call in self.calls if call.ended is None}
        if "in-progress" in statuses:
            return "on-call"
        if statuses:
            return "busy"
        return "after-call-work" if self.wrapping_up else "available"

    def details(self) -> Document:
        """Return `agent_details` of a row."""
        return {"user_id": self.user_id, "name": self.name, "status": self.status}

    def changed(self) -> None:
        """Discard the cached rows that show this agent."""
        for call in self.calls:
            call.changed()


@dataclass(frozen=True, slots=True)
class Leg:
    """The leg of the agent (or a voice bot), of the customer, or of a supervisor."""

    who: Literal["agent", "customer", "supervisor"]
    contact_uri: str
    direction: LegDirection
    status: LegStatus
    muted: bool = False
    on_hold: bool = False

    @property
    def network_type(self) -> NetworkType:
        """The network that carries the leg."""
        return "voip" if self.contact_uri.startswith("sip:") else "pstn"

    def document(self, call_sid: str) -> Document:
        """Return the leg as the API writes it in a call's stream."""
        return {
            "leg_sid": f"leg_{self.who}_{call_sid}",
            "contact_uri": self.contact_uri,
            "direction": self.direction,
            "status": self.status,
            "network_type": self.network_type,
            "audio_status": {"muted": self.muted, "hold": self.on_hold},
        }


@dataclass(slots=True, eq=False)
class Call:
    """A call; times are Unix seconds of the contact centre's own clock."""

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
    number_format: phone_numbers.Format = "e164"
    """The format of telephone numbers in the call's row."""
    _row: tuple[bytes, bytes] | None = None

    @property
    def direction(self) -> Direction:
        """Who called whom, and how."""
        return self.script.direction

    def changed(self) -> None:
        """Discard the cached row."""
        self._row = None

    def duration(self, now: float) -> int:
        """Return whole seconds since the answer; 0 before it."""
        return 0 if self.answered is None else int(self._last(now) - self.answered)

    def row(self, now: float) -> bytes:
        """Return the call as a row of the list, in JSON."""
        before, after = self._row or self._write_row()
        return b"%b%d%b" % (before, self.duration(now), after)

    def bridged(self, now: float) -> float | None:
        """Return when the legs were bridged; None if they aren't yet."""
        if self.answered is None or self.script.legs < 2:
            return None
        bridged = self.answered + self.script.bridging
        return bridged if bridged <= self._last(now) else None

    def recording(self, now: float) -> float | None:
        """Return when the recording began, which is with the bridge; None if it hasn't."""
        return self.bridged(now) if self.script.recorded != self.script.recorder_errs else None

    def legs(self, now: float) -> list[Leg]:
        """Return the leg of the agent or voice bot, the customer's, and a supervisor's if there is one."""
        inbound, bridged = self.direction == "inbound", self.bridged(now) is not None
        agent_status, customer_status = self._leg_statuses(bridged=bridged)
        legs = []
        if self.status != "queued" and (self.answered is None or self.script.legs > 1):
            contact = self.agent.contact_uri if self.agent else _VOICE_BOT
            legs.append(Leg("agent", contact, "outbound", agent_status, muted=self.muted))
        if self.status != "queued" or inbound:
            direction: LegDirection = "inbound" if inbound else "outbound"
            legs.append(
                Leg("customer", self.customer, direction, customer_status, self.customer_muted, self.on_hold)
            )
        if bridged and self.script.legs > 2:
            legs.append(Leg("supervisor", _SUPERVISOR, "outbound", agent_status, muted=True))
        return legs

    def stream(self, now: float) -> Document:
        """Return what the API's stream endpoint reports: legs, bridge, recording."""
        return {
            "call_sid": self.sid,
            "status": self.status,
            "duration": self.duration(now),
            "legs": [leg.document(self.sid) for leg in self.legs(now)],
            "bridge": self._bridge(now),
            "recording": self._recording(now),
        }

    def _last(self, now: float) -> float:
        """Return the end of the call, or now while it goes on."""
        return now if self.ended is None else self.ended

    def _write_row(self) -> tuple[bytes, bytes]:
        """Cache the row up to and after the duration, the only field that changes from request to request."""
        ends = [phone_numbers.write(number, self.number_format) for number in (self.customer, self.exophone)]
        from_, to = ends if self.direction == "inbound" else ends[::-1]
        before = {
            "call_sid": self.sid,
            "direction": self.direction,
            "status": self.status,
            "from": from_,
            "to": to,
            "start_time": timestamp(self.started),
        }
        agent = self.agent and self.agent.details()
        after = {"agent_details": agent, "recording_enabled": self.script.recorded}
        encode = msgspec.json.encode
        self._row = encode(before)[:-1] + b',"duration":', b"," + encode(after)[1:]
        return self._row

    def _leg_statuses(self, *, bridged: bool) -> tuple[LegStatus, LegStatus]:
        """Return the status of the agent's leg, and of the customer's."""
        if self.ended is not None:
            return ("failed", "failed") if self.answered is None else ("completed", "completed")
        if self.answered is not None:
            return ("connected", "connected") if bridged else ("answered", "answered")
        # The caller's leg is connected already.
        return ("ringing", "connected") if self.direction == "inbound" else ("connected", "ringing")

    def _bridge(self, now: float) -> Document | None:
        bridged = self.bridged(now)
        if bridged is None:
            return None
        status = "active" if self.ended is None else "ended"
        return {"bridge_sid": f"bridge_{self.sid}", "status": status, "created_at": timestamp(bridged)}

    def _recording(self, now: float) -> Document:
        began = self.recording(now)
        if began is None:
            return {"enabled": False, "channels": None, "duration": 0}
        return {"enabled": True, "channels": self.script.channels, "duration": int(self._last(now) - began)}


def timestamp(at: float) -> str:
    """Return a Unix time as the API writes it: 2024-06-15T10:30:00.000Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
