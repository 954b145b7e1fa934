"""The Supervisor dashboard: what is going on now, and which calls and agents need attention."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.agents import agents_on_call, several_calls
from grafana.board import Band, board
from grafana.load import calls_by_status
from grafana.panels import Column, Figure, Label, columns, tile
from grafana.promql import (
    CONCURRENT_CALLS,
    COUNTED,
    DETAILS_COVERAGE,
    IN_PROGRESS,
    ON_CHOSEN_LINES,
    RECORDED_SHARE,
    RINGING,
    highest,
    lowest,
    named,
    once,
    select,
    total,
)
from grafana.style import (
    CALL_LENGTH,
    COVERAGE,
    HOLD_LENGTH,
    NO_CALL,
    NO_DETAILS,
    NO_LONGEST_CALLS,
    NONE_WANTED,
    NOT_COUNTED,
    NOT_LISTED,
    RECORDED,
    RING_LENGTH,
    Words,
)


def supervisor() -> models.Dashboard:
    """The dashboard, ready to be written."""
    tiles = [_active(), _ringing(), agents_on_call(), longest_call(), longest_ring(), recorded_share()]
    return board(
        uid="exotel-supervisor",
        title="Exotel / Supervisor",
        description="Calls and agents now, and which of them need attention.",
        bands=[
            Band(4, tiles),
            Band(7, [calls_by_status(), _held_and_silent()], widths=[11, 13]),
            Band(8, [_longest_calls(), several_calls()], widths=[15, 9]),
        ],
        by_line=True,
    )


def _active() -> models.Panel:
    words = Words(
        "Active calls",
        "Calls now, including those that wait or ring, of all selected accounts together; as the API "
        "reports them where a listing is incomplete. Unusual for the hour? Load shows last week and which "
        "line it is.",
        NOT_COUNTED,
    )
    return tile(words, total(select(CONCURRENT_CALLS), of=COUNTED), unit="short")


def _ringing() -> models.Panel:
    words = Words(
        "Ringing",
        "Calls ringing now. Many while agents are free: phones are silent or unattended. Many while nobody "
        "is free: bring in agents.",
        NOT_LISTED,
    )
    return tile(words, total(select("exotel_active_calls", RINGING)), unit="short")


def longest_call() -> models.Panel:
    """How long the longest call has lasted."""
    words = Words(
        "Longest call",
        "How long the longest call in progress has lasted. Beyond an hour, ask its agent; beyond four it is "
        "stuck, costs money and counts against the limit: end it.",
        NOT_LISTED,
    )
    longest = highest(select("exotel_longest_call_duration_seconds", IN_PROGRESS))
    return tile(words, longest, unit="dthms", scale=CALL_LENGTH)


def longest_ring() -> models.Panel:
    """How long the call that waits longest has done so."""
    words = Words(
        "Longest ring",
        "How long the call that has waited longest has been queued or ringing, as seen from listing to "
        "listing. Beyond a minute callers give up: pick up, or bring in agents.",
        NOT_LISTED,
    )
    longest = highest(select("exotel_observed_longest_ring_seconds"))
    return tile(words, longest, unit="s", scale=RING_LENGTH)


def recorded_share() -> models.Panel:
    """How many calls are to be recorded."""
    words = Words(
        "Recording share",
        "Calls in progress with recording enabled, on the account with the lowest share. Below your target: "
        "a call flow or a campaign was set up without recording.",
        NO_CALL,
    )
    return tile(words, lowest(select(RECORDED_SHARE)), unit="percentunit", scale=RECORDED)


def _held_and_silent() -> models.Panel:
    words = Words(
        "Held and silent calls",
        "Of the inspected calls, whose share is shown alongside. A long hold: ask the agent. All muted, or "
        "one leg or none: somebody hears silence; call back.",
        NO_DETAILS,
    )
    silent = once(select("exotel_stream_calls_by_legs", 'legs=~"0|1"'))
    hold = f"max by (account) ({select('exotel_stream_longest_hold_seconds')})"
    shown: list[Column] = [
        Label("Account", "account"),
        Figure("On hold", once(select("exotel_stream_legs_on_hold"))),
        Figure("Longest hold", hold, "s", HOLD_LENGTH),
        Figure("All muted", once(select("exotel_stream_all_muted_calls")), scale=NONE_WANTED),
        Figure("One leg or none", silent, scale=NONE_WANTED),
        Figure("Calls inspected", once(select(DETAILS_COVERAGE)), "percentunit", COVERAGE),
    ]
    return columns(words, shown, sort_by="Longest hold")


def _longest_calls() -> models.Panel:
    words = Words(
        "Longest calls",
        "The longest active calls, longest first. One that goes on while its agent talks to somebody else "
        "is stuck: look up its SID at Exotel and end it.",
        NO_LONGEST_CALLS,
    )
    calls = once(
        select("exotel_call_duration_seconds", ON_CHOSEN_LINES),
        *("call_sid", "agent_id", "direction", "status", "line"),
    )
    shown: list[Column] = [
        Label("Agent", "agent_id"),
        Label("Name", "agent_name"),
        Label("Direction", "direction"),
        Label("Status", "status"),
        Figure("Duration", named(calls, "call_sid"), "dthms", CALL_LENGTH),
        Label("Line", "line"),
        Label("Account", "account"),
        Label("Call SID", "call_sid"),
    ]
    return columns(words, shown, sort_by="Duration")
