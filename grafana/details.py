"""The part of Call quality that needs the details of calls: legs, mute and hold, bridges, recordings."""

from collections.abc import Sequence

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band
from grafana.panels import Query, graph, tile
from grafana.promql import DETAILS_COVERAGE, RECORDED_SHARE, highest, lowest, once, quantile, select, total
from grafana.style import (
    BRIDGE_SETUP,
    COVERAGE,
    HOLD_LENGTH,
    NO_CALL,
    NO_DETAILS,
    NONE_WANTED,
    RECORDED,
    RECORDING_LAG,
    Words,
)
from grafana.supervisor import recorded_share

_WIDTHS = (4, 10, 10)


def bands_of_details() -> Sequence[Band]:
    """One row for each subject; each begins with the share of calls inspected."""
    return [
        Band(8, [(_coverage(), _silent()), _by_network(), _by_status()], _WIDTHS, "Legs"),
        Band(8, [(_coverage(), _longest_hold()), _muted_and_held(), _by_legs()], _WIDTHS, "Mute and hold"),
        Band(8, [(_coverage(), _missing()), _bridges(), _bridge_setup()], _WIDTHS, "Bridges"),
        Band(8, [(_coverage(), recorded_share()), _recorded(), _channels()], _WIDTHS, "Recordings"),
        Band(8, [(_coverage(), _mismatch()), _mismatches(), _lag()], _WIDTHS),
    ]


def _coverage() -> models.Panel:
    words = Words(
        "Calls inspected",
        "Share of the active calls that are inspected, on the account with the lowest: the figures for "
        "legs, bridges and recordings cover only these. Low? Raise streams.max_per_scrape or max_age.",
        NO_DETAILS,
    )
    return tile(words, lowest(select(DETAILS_COVERAGE)), unit="percentunit", scale=COVERAGE)


def _silent() -> models.Panel:
    words = Words(
        "One leg or none",
        "Calls in progress with fewer than two legs: somebody hears silence. One that stays for a minute: "
        "call back; many: Exotel's bridging, or the network of the phones.",
        NO_DETAILS,
    )
    silent = total(select("exotel_stream_calls_by_legs", 'legs=~"0|1"'))
    return tile(words, silent, unit="short", scale=NONE_WANTED)


def _by_network() -> models.Panel:
    words = Words(
        "Legs by network",
        "Which networks the legs use. One network drops to nothing while the other stays: its carrier, or "
        "the VoIP of your office, is out.",
        NO_DETAILS,
    )
    legs = total(select("exotel_stream_legs"), "network_type")
    return graph(words, [Query(legs, "{{network_type}}")], unit="short", stacked=True)


def _by_status() -> models.Panel:
    words = Words(
        "Legs by status",
        "Two connected legs make a conversation. Ringing grows: agents don't pick up. Failed or no-answer "
        "grow: wrong numbers, or phones that can't be reached.",
        NO_DETAILS,
    )
    legs = total(select("exotel_stream_legs"), "status")
    return graph(words, [Query(legs, "{{status}}")], unit="short", stacked=True)


def _longest_hold() -> models.Panel:
    words = Words(
        "Longest hold",
        "How long the leg that has been on hold longest has been seen on hold. Beyond two minutes customers "
        "hang up: ask the agent.",
        NO_DETAILS,
    )
    longest = highest(select("exotel_stream_longest_hold_seconds"))
    return tile(words, longest, unit="s", scale=HOLD_LENGTH)


def _muted_and_held() -> models.Panel:
    words = Words(
        "Muted and held",
        "Legs that are muted or on hold, and calls in which everybody is muted. Everybody muted is silence: "
        "call back. Holds that grow: agents wait for an answer from elsewhere.",
        NO_DETAILS,
    )
    queries = [
        Query(total(select("exotel_stream_legs_muted")), "muted"),
        Query(total(select("exotel_stream_legs_on_hold")), "on hold"),
        Query(total(select("exotel_stream_all_muted_calls")), "all muted"),
    ]
    return graph(words, queries, unit="short")


def _by_legs() -> models.Panel:
    words = Words(
        "Calls by number of legs",
        "Calls in progress by their legs that are not over: two is a conversation, three or more a "
        "conference or a transfer. None or one that stays: somebody hears silence.",
        NO_DETAILS,
    )
    calls = total(select("exotel_stream_calls_by_legs"), "legs")
    return graph(words, [Query(calls, "{{legs}}")], unit="short", stacked=True)


def _missing() -> models.Panel:
    words = Words(
        "Bridges missing",
        "Calls in progress whose legs were never joined. A few seconds are normal after an answer; calls "
        "that stay that way: both sides hear silence, report them to Exotel.",
        NO_DETAILS,
    )
    missing = total(select("exotel_stream_bridges", 'status="none"'))
    return tile(words, missing, unit="short", scale=NONE_WANTED)


def _bridges() -> models.Panel:
    words = Words(
        "Bridges by status",
        "Active: both sides talk. None: a call in progress without one. Ended grows beside calls in "
        "progress: one side hung up and the other is left on the line.",
        NO_DETAILS,
    )
    bridges = total(select("exotel_stream_bridges"), "status")
    return graph(words, [Query(bridges, "{{status}}")], unit="short", stacked=True)


def _bridge_setup() -> models.Panel:
    words = Words(
        "From start to bridge",
        "How long the calls that are bridged now had waited for it, ringing included. It rises with "
        "ringing: bring in agents. It rises alone: bridging is slow, report it to Exotel.",
        NO_DETAILS,
    )
    buckets = select("exotel_stream_bridge_setup_seconds_bucket")
    return graph(words, _quantiles(buckets), unit="s", scale=BRIDGE_SETUP)


def _recorded() -> models.Panel:
    words = Words(
        "Recording share over time",
        "Calls in progress with recording enabled, by account, as listed. A sudden drop: a call flow or a "
        "campaign was set up without recording.",
        NO_CALL,
    )
    queries = [Query(once(select(RECORDED_SHARE)), "{{account}}")]
    return graph(words, queries, unit="percentunit", scale=RECORDED)


def _channels() -> models.Panel:
    words = Words(
        "Recordings by channels",
        "Dual keeps both sides apart, as transcripts need it. Single where you pay for dual: check the "
        "settings of the call flow or the campaign.",
        NO_DETAILS,
    )
    recordings = total(select("exotel_stream_recordings"), "channels")
    return graph(words, [Query(recordings, "{{channels}}")], unit="short", stacked=True)


def _mismatch() -> models.Panel:
    words = Words(
        "Recording mismatch",
        "Calls in progress listed as recorded that have no recording under way, or the reverse. Should be "
        "0: recordings that the law or a customer requires may be lost; report the SIDs to Exotel.",
        NO_DETAILS,
    )
    mismatch = total(select("exotel_stream_recording_mismatch_calls"))
    return tile(words, mismatch, unit="short", scale=NONE_WANTED)


def _mismatches() -> models.Panel:
    words = Words(
        "Recording mismatch over time",
        "By account. Short peaks are calls whose recording is about to begin; a constant level is recording "
        "that fails.",
        NO_DETAILS,
    )
    mismatches = once(select("exotel_stream_recording_mismatch_calls"))
    return graph(words, [Query(mismatches, "{{account}}")], unit="short")


def _lag() -> models.Panel:
    words = Words(
        "Recording lag",
        "How much shorter recordings are than their calls: what was said before is lost. Some of it is "
        "ringing; when it grows, recording starts late: report it to Exotel.",
        NO_DETAILS,
    )
    buckets = select("exotel_stream_recording_lag_seconds_bucket")
    return graph(words, _quantiles(buckets), unit="s", scale=RECORDING_LAG)


def _quantiles(buckets: str) -> Sequence[Query]:
    return [Query(quantile(0.5, buckets), "median"), Query(quantile(0.95, buckets), "95th percentile")]
