"""Profiles of whole servers: what differs beside how the list is kept."""

from __future__ import annotations

from exporter.simulator.filters import Filters
from exporter.simulator.profile import Beside, Pages, Profile
from exporter.simulator.written import Fields

SLIM = ("direction", "agent_details")
"""The fields that one edition of the API's page doesn't have."""

SERVERS = {
    # Pages
    "limit-422": Profile(
        "by start; a limit above 50 gets 422", pages=Pages(max_limit=50, limits="rejected", rejection=422)
    ),
    "window-100": Profile(
        "by start; no rows past row 100, but the total is correct", pages=Pages(window=100)
    ),
    "window-100-refused": Profile(
        "newest first; 400 for a page that reaches past row 100",
        order="newest",
        pages=Pages(max_limit=50, window=100, past_window=400),
    ),
    # Filters
    "filters-ignored": Profile(
        "direction and agent_id select nothing: the whole list is served",
        filters=Filters(direction="ignored", agent_id="ignored"),
    ),
    "filters-refused": Profile(
        "400 for direction and agent_id", filters=Filters(direction="refused", agent_id="refused")
    ),
    "outbound-api": Profile(
        "direction=outbound selects rows that say outbound-api", filters=Filters(outbound="api")
    ),
    "outbound-literal": Profile(
        "direction=outbound selects rows that say outbound, which none does",
        filters=Filters(outbound="literal"),
    ),
    "filters-count-all": Profile(
        "the total counts all calls, whatever the filter", filters=Filters(total="account")
    ),
    # Rows
    "slim": Profile(
        "rows have no direction and no agent_details, and filters are ignored",
        fields=Fields(missing=SLIM),
        filters=Filters(direction="ignored", agent_id="ignored"),
    ),
    "start-missing": Profile("rows have no start_time", fields=Fields(missing=("start_time",))),
    "recording-missing": Profile(
        "rows have no recording_enabled", fields=Fields(missing=("recording_enabled",))
    ),
    "agents-missing": Profile("rows have no agent_details", fields=Fields(missing=("agent_details",))),
    "texts": Profile(
        "duration and recording_enabled are text, user_id is a number",
        fields=Fields(texts=("duration", "recording_enabled"), numeric_agents=True),
    ),
    "new-values": Profile(
        "some calls in progress are on-hold or transferred, and callback stands for outbound-dial",
        fields=Fields(statuses=("on-hold", "transferred"), directions=("callback",)),
    ),
    "extra-fields": Profile(
        "rows have fields that the API's page doesn't mention", fields=Fields(extra=True)
    ),
    "duration-from-start": Profile("durations count from the start of a call", from_start=True),
    # Beside the list
    "streams-404": Profile("404 for every call's /stream", beside=Beside(streams=404)),
    "streams-403": Profile("403 for every call's /stream", beside=Beside(streams=403)),
    "one-leg": Profile("outbound calls show one leg", beside=Beside(outbound_legs=1)),
    "agent-streams-xml": Profile("AgentStream answers XML", beside=Beside(agent_streams="xml")),
    "agent-streams-404": Profile("404 for AgentStream", beside=Beside(agent_streams=404)),
    "agent-streams-403": Profile("403 for AgentStream", beside=Beside(agent_streams=403)),
    "limited": Profile("120 requests a minute, told in headers", beside=Beside(rate_limit=120)),
    "limited-apart": Profile(
        "120 requests a minute, and as many for /stream", beside=Beside(rate_limit=120, streams_apart=True)
    ),
    "clock-ahead": Profile("the server's clock is 7 s ahead", clock=7.0),
    "clock-behind": Profile("the server's clock is 2 minutes behind", clock=-120.0),
}
