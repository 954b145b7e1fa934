"""What of the API is asked."""

from __future__ import annotations

from enum import StrEnum


class Endpoint(StrEnum):
    """A value of the label `endpoint`, and of `collector` too: each collector asks one endpoint."""

    CALLS = "calls"
    """The list of active calls: `GET /v3/accounts/<account_sid>/calls/active`."""
    STREAMS = "streams"
    """The details of one call: `GET /v3/accounts/<account_sid>/calls/<call_sid>/stream`."""
    AGENT_STREAMS = "agent_streams"
    """Voice-bot sessions and their limit: `GET /v1/Accounts/<account_sid>/ActiveStreams`."""
