"""What of the API is asked."""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import quote

from exporter.config import AccountConfig

_VOICE_HOSTS = {  # AgentStream is an API of the older hosts, one beside each of the newer
    "https://ccm-api.exotel.com": "https://api.exotel.com",
    "https://ccm-api.in.exotel.com": "https://api.in.exotel.com",
}


class Endpoint(StrEnum):
    """A value of the label `endpoint`, and of `collector` too: each collector asks one endpoint."""

    CALLS = "calls"
    """The list of active calls: `GET /v3/accounts/<account_sid>/calls/active`."""
    STREAMS = "streams"
    """The details of one call: `GET /v3/accounts/<account_sid>/calls/<call_sid>/stream`."""
    AGENT_STREAMS = "agent_streams"
    """Voice-bot sessions and their limit: `GET /v1/Accounts/<account_sid>/ActiveStreams`."""


def agent_streams_url(account: AccountConfig) -> str:
    """Return where the AgentStream sessions of an account are asked for."""
    base = account.base_url.rstrip("/")
    host = account.collection.agent_streams_url or _VOICE_HOSTS.get(base.lower(), base)
    return f"{host}/v1/Accounts/{quote(account.account_sid, safe='')}/ActiveStreams"
