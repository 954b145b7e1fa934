"""One party's line into a call, and how the API writes it."""

from dataclasses import dataclass
from typing import Any, Literal

LegDirection = Literal["inbound", "outbound"]
LegStatus = Literal["ringing", "answered", "connected", "completed", "failed"]
NetworkType = Literal["pstn", "voip"]


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
        """What carries it."""
        return "voip" if self.contact_uri.startswith("sip:") else "pstn"

    def document(self, call_sid: str) -> dict[str, Any]:
        """Write it as one of the legs of a stream."""
        return {
            "leg_sid": f"leg_{self.who}_{call_sid}",
            "contact_uri": self.contact_uri,
            "direction": self.direction,
            "status": self.status,
            "network_type": self.network_type,
            "audio_status": {"muted": self.muted, "hold": self.on_hold},
        }
