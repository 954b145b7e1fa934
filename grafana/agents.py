"""The Agents dashboard: who is on a call, on several, for how long, and what share of the time."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band, board
from grafana.load import accounts_listed
from grafana.panels import Query, bars, graph, tile
from grafana.promql import IN_PROGRESS, POINT_INTERVAL, SHOWN_RANGE, named, once, select, total
from grafana.style import (
    CALL_LENGTH,
    CALLS_OF_AGENT,
    NO_AGENT,
    NOT_LISTED,
    WARNING,
    Scale,
    Words,
)
from grafana.tables import Column, Figure, Label, columns

_ON_CALL = select("exotel_agents_on_call")
_AGENTS = select("exotel_agents")
_LONGEST = f"max by (account, agent_id) ({select('exotel_agent_longest_call_duration_seconds')})"
_AGENT = "{{agent_id}} {{agent_name}} {{account}}"

#: Agents without a call aren't listed: of those who are, so many are free or busy otherwise.
_BUSY = Scale(steps={0.95: WARNING})


def agents() -> models.Dashboard:
    """The dashboard, ready to be written."""
    return board(
        uid="exotel-agents",
        title="Exotel / Agents",
        description="Agents seen in active calls. Figures of each agent need metrics.per_agent, their names "
        "metrics.agent_names.",
        bands=[
            Band(
                4,
                [agents_on_call(), _seen(), _without(), _share_now(), _share_shown(), accounts_listed()],
            ),
            Band(8, [_by_status(), _beside_calls(), _several_over_time()]),
            Band(9, [_each(), _longest()], widths=[14, 10], title="Each agent"),
            Band(8, [several_calls(), _busiest()], widths=[10, 14]),
        ],
    )


def agents_on_call() -> models.Panel:
    """How many agents are on a call."""
    words = Words(
        "Agents on call",
        "Agents who are on a call now. Far below the calls in progress? Callers wait, or talk to a bot: "
        "compare agents and calls on Agents.",
        NOT_LISTED,
    )
    return tile(words, total(_ON_CALL), unit="short")


def several_calls() -> models.Panel:
    """Agents who are on more than one call."""
    words = Words(
        "Agents on several calls",
        "Nobody can talk on two calls: one is on hold, was left open, or the status is out of date. Ask the "
        "agent to end it; check whether their phone hangs up.",
        f"Nobody. {NO_AGENT}",
    )
    calls = f"{once(select('exotel_agent_calls'), 'agent_id')} > 1"
    shown: list[Column] = [
        Label("Agent", "agent_id"),
        Label("Name", "agent_name"),
        Figure("Calls", named(calls, "agent_id"), scale=CALLS_OF_AGENT),
        Label("Account", "account"),
    ]
    return columns(words, shown, sort_by="Calls")


def _seen() -> models.Panel:
    words = Words(
        "Agents seen",
        "Distinct agents in active calls, whatever their status; those without a call aren't listed. Fewer "
        "than are on shift: they have no calls, or aren't logged in.",
        NOT_LISTED,
    )
    return tile(words, total(_AGENTS), unit="short")


def _share_now() -> models.Panel:
    words = Words(
        "On call now",
        "Share of the agents seen who are on a call; the others are ringing, wrapping up or away. Above "
        "95%, the next caller waits: bring in agents.",
        "No agent seen",
    )
    return tile(words, f"{total(_ON_CALL)} / ({total(_AGENTS)} > 0)", unit="percentunit", scale=_BUSY)


def _share_shown() -> models.Panel:
    words = Words(
        "Time on call",
        "Share of the agents' time on a call over the shown range: agents on call against agents seen, "
        "summed over all listings. Agents without a call aren't seen, so idle time is not included.",
        "No agent seen",
    )
    on_call = total(f"sum_over_time({_ON_CALL}[{SHOWN_RANGE}])")
    # Sums, not means: a status that nobody has may be absent from a listing.
    seen = total(f"sum_over_time({_AGENTS}[{SHOWN_RANGE}])")
    return tile(words, f"{on_call} / ({seen} > 0)", unit="percentunit", scale=_BUSY)


def _without() -> models.Panel:
    words = Words(
        "Calls without agent",
        "Calls in progress without an assigned agent: they are with a bot, a menu or nobody. More than your "
        "bots and menus explain: callers wait for an agent.",
        NOT_LISTED,
    )
    return tile(words, total(select("exotel_calls_without_agent", IN_PROGRESS)), unit="short")


def _by_status() -> models.Panel:
    words = Words(
        "Agents by status",
        "As the API reports it, for agents in active calls. Busy or offline in a call: the status is out of "
        "date, have the agent log in again. After-call-work grows: wrapping up takes long.",
        NOT_LISTED,
    )
    return graph(words, [Query(total(_AGENTS, "status"), "{{status}}")], unit="short", stacked=True)


def _beside_calls() -> models.Panel:
    words = Words(
        "Agents and calls in progress",
        "When calls in progress rise and the agents on call don't, callers wait: bring in agents. Calls far "
        "above agents all day: bots and menus handle them.",
        NOT_LISTED,
    )
    calls = total(select("exotel_active_calls", IN_PROGRESS))
    queries = [Query(calls, "calls"), Query(total(_ON_CALL), "agents on call")]
    return graph(words, queries, unit="short")


def _several_over_time() -> models.Panel:
    words = Words(
        "On several calls over time",
        "Agents on more than one active call, by account. A short rise is a transfer; one that stays is a "
        "call left open: find the agent in the table below.",
        NOT_LISTED,
    )
    return graph(words, [Query(once(select("exotel_agents_multiple_calls")), "{{account}}")], unit="short")


def _each() -> models.Panel:
    words = Words(
        "Agents on a call",
        "Each agent who has a call now, longest call first. Two calls or more: one was left open. A longest "
        "call beyond an hour: ask the agent. No names: set metrics.agent_names.",
        NO_AGENT,
    )
    calls = named(once(select("exotel_agent_calls"), "agent_id"), "agent_id")
    shown: list[Column] = [
        Label("Agent", "agent_id"),
        Label("Name", "agent_name"),
        Figure("Calls", calls, scale=CALLS_OF_AGENT),
        Figure("Longest call", named(_LONGEST, "agent_id"), "dthms", CALL_LENGTH),
        Label("Account", "account"),
    ]
    return columns(words, shown, sort_by="Longest call")


def _longest() -> models.Panel:
    words = Words(
        "Longest calls by agent",
        "The ten agents with the longest call. Beyond an hour, ask whether they need help; beyond four hours "
        "the call is stuck: end it.",
        NO_AGENT,
    )
    query = Query(f"sort_desc(topk(10, {named(_LONGEST, 'agent_id')}))", _AGENT)
    return bars(words, query, unit="dthms", scale=CALL_LENGTH)


def _busiest() -> models.Panel:
    words = Words(
        "Share of the time on call, by agent",
        "The ten agents with the largest share: of the listings in the shown range, those that saw them on "
        "a call. Much above the others: spread the calls, make sure they get breaks.",
        NO_AGENT,
    )
    # Looked at a hundred times, not at every scrape: there are many agents.
    window = f"[{SHOWN_RANGE}:{POINT_INTERVAL}]"
    seen = once(f"count_over_time({select('exotel_agent_calls')}{window})", "agent_id")
    listings = once(f"sum_over_time({select('exotel_up')}{window})")
    share = f"{seen} / on (account) group_left () {listings}"
    query = Query(f"sort_desc(topk(10, {named(share, 'agent_id')}))", _AGENT)
    panel = bars(words, query, unit="percentunit", scale=_BUSY)
    panel.max_data_points = 100
    return panel
