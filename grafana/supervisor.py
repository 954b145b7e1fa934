"""The Supervisor dashboard: what is going on now, and which calls and agents need attention."""

from grafana_foundation_sdk.models import dashboard as models

from grafana.agents import agents_on_call, several_calls
from grafana.board import Band, board
from grafana.capacity import share_of_limit
from grafana.load import accounts_listed, calls_by_status
from grafana.panels import counted_tile, tile
from grafana.promql import (
    CONCURRENT_CALLS,
    DETAILS_COVERAGE,
    IN_PROGRESS,
    INBOUND,
    ON_CHOSEN_LINES,
    WAITING,
    highest,
    named,
    once,
    out_of,
    select,
    total,
)
from grafana.service import abandoned, service_by_line, service_level
from grafana.style import (
    CALL_LENGTH,
    HOLD_LENGTH,
    NO_DETAILS,
    NO_HOLD,
    NO_LONGEST_CALLS,
    NONE_WANTED,
    NOT_COUNTED,
    NOT_LISTED,
    RING_LENGTH,
    Words,
)
from grafana.tables import Column, Figure, Label, columns


def supervisor() -> models.Dashboard:
    """The dashboard, ready to be written."""
    callers = [_callers_waiting(), longest_wait(), service_level(), abandoned(), agents_on_call()]
    calls = [_active(), longest_call(), longest_hold(), silent(), calls_watched(), accounts_listed()]
    return board(
        uid="exotel-supervisor",
        title="Exotel / Supervisor",
        description="Calls and agents now, and which of them need attention.",
        bands=[
            Band(4, [*callers, share_of_limit()]),
            Band(4, calls),
            Band(8, [calls_by_status(), service_by_line()], widths=[10, 14]),
            Band(8, [_held_and_silent(), several_calls()], widths=[14, 10]),
            Band(8, [_longest_calls()]),
        ],
    )


def _callers_waiting() -> models.Panel:
    words = Words(
        "Callers waiting",
        "Inbound calls that are queued or ringing now. Many while agents are free: phones are silent or "
        "unattended. Many while nobody is free: bring in agents.",
        NOT_LISTED,
    )
    return tile(words, total(select("exotel_active_calls", INBOUND, WAITING)), unit="short")


def longest_wait() -> models.Panel:
    """How long the caller who waits longest has done so."""
    words = Words(
        "Longest wait",
        "How long the inbound call that has waited longest has been seen queued or ringing. Beyond a minute "
        "callers give up: pick up, or bring in agents.",
        NOT_LISTED,
    )
    longest = highest(select("exotel_observed_longest_ring_seconds", INBOUND))
    return tile(words, longest, unit="dthms", scale=RING_LENGTH)


def _active() -> models.Panel:
    words = Words(
        "Active calls",
        "Calls now, including those that wait or ring, of all selected accounts together; as the API "
        "reports them where a listing is incomplete. Unusual for the hour? Load shows last week and which "
        "line it is.",
        NOT_COUNTED,
    )
    return tile(words, total(select(CONCURRENT_CALLS)), unit="short")


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


def calls_watched() -> models.Panel:
    """How many calls the figures of details are of."""
    words = Words(
        "Calls watched",
        "How many of the active calls are inspected: holds, silence, legs, bridges and recordings are known "
        "of these alone. Far fewer than all? Raise streams.max_per_scrape or max_age, or accept a sample.",
        NO_DETAILS,
    )
    inspected = total(select("exotel_stream_calls", 'result="inspected"'))
    return counted_tile(words, out_of(inspected, total(select("exotel_stream_calls"))))


def silent() -> models.Panel:
    """Calls in which somebody is alone."""
    words = Words(
        "Silent calls",
        "Watched calls in progress with one leg or none: somebody hears silence. One that stays for a "
        "minute: call back; many: Exotel's bridging, or the network of the phones.",
        NO_DETAILS,
    )
    calls = total(select("exotel_stream_calls_by_legs", 'legs=~"0|1"'))
    return tile(words, calls, unit="short", scale=NONE_WANTED)


def longest_hold() -> models.Panel:
    """How long somebody has been on hold."""
    words = Words(
        "Longest hold",
        "How long the watched call that has been on hold longest has been so. Beyond two minutes customers "
        "hang up: ask the agent. Nothing is shown while calls are inspected too seldom to know.",
        NO_HOLD,
    )
    longest = highest(select("exotel_stream_longest_hold_seconds"))
    return tile(words, longest, unit="dthms", scale=HOLD_LENGTH)


def _held_and_silent() -> models.Panel:
    words = Words(
        "Held and silent calls",
        "Of the watched calls, by account. A long hold: ask the agent. All muted, or one leg or none: "
        "somebody hears silence; call back.",
        NO_DETAILS,
    )
    hold = f"max by (account) ({select('exotel_stream_longest_hold_seconds')})"
    by_legs = once(select("exotel_stream_calls_by_legs", 'legs=~"0|1"'))
    shown: list[Column] = [
        Label("Account", "account"),
        Figure("On hold", once(select("exotel_stream_legs_on_hold"))),
        Figure("Longest hold", hold, "dthms", HOLD_LENGTH),
        Figure("All muted", once(select("exotel_stream_all_muted_calls")), scale=NONE_WANTED),
        Figure("One leg or none", by_legs, scale=NONE_WANTED),
        Figure("Watched", once(select(DETAILS_COVERAGE)), "percentunit"),
    ]
    return columns(words, shown, sort_by="Longest hold")


def _longest_calls() -> models.Panel:
    words = Words(
        "Longest calls: ${line:text}",
        "The longest active calls, longest first. One that goes on while its agent talks to somebody else "
        "is stuck: its SID leads to Exotel's console; end it there.",
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
