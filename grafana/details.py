"""The part of Call quality that needs the details of calls: legs, mute and hold, bridges, recordings."""

from collections.abc import Sequence

from grafana_foundation_sdk.models import dashboard as models

from grafana.board import Band
from grafana.panels import Query, graph, tile
from grafana.promql import RECORDED_SHARE, lowest, once, quantile, select, total
from grafana.style import (
    BRIDGE_SETUP,
    NO_CALL,
    NO_DETAILS,
    NONE_WANTED,
    RECORDED,
    RECORDING_LAG,
    Words,
)

#: How legs end that nobody took.
_LOST = "failed|busy|no-answer|canceled"


def bands_of_details() -> Sequence[Band]:
    """One row for each subject."""
    return [
        Band(8, [_by_network(), _by_status(), _lost()], title="Legs of the calls watched"),
        Band(8, [_by_legs(), _silence(), _muted_and_held()], title="Silence, mute and hold"),
        Band(8, [_bridges(), _bridge_setup()], title="Bridges"),
        Band(8, [_recorded(), _channels()], title="Recordings"),
        Band(8, [_mismatches(), _lag()]),
    ]


def bridges_missing() -> models.Panel:
    """Calls whose sides can't hear each other."""
    words = Words(
        "Bridges missing",
        "Calls in progress whose legs were never joined. A few seconds are normal after an answer; calls "
        "that stay that way: both sides hear silence, report them to Exotel.",
        NO_DETAILS,
    )
    missing = total(select("exotel_stream_bridges", 'status="none"'))
    return tile(words, missing, unit="short", scale=NONE_WANTED)


def recorded_share() -> models.Panel:
    """How many calls are to be recorded."""
    words = Words(
        "Recording share",
        "Calls in progress with recording enabled, on the account with the lowest share. Below your target: "
        "a call flow or a campaign was set up without recording.",
        NO_CALL,
    )
    return tile(words, lowest(select(RECORDED_SHARE)), unit="percentunit", scale=RECORDED)


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
        "Two connected legs make a conversation. Ringing grows: agents don't pick up. Legs that were not "
        "reached are shown alongside.",
        NO_DETAILS,
    )
    legs = total(select("exotel_stream_legs", f'status!~"{_LOST}"'), "status")
    return graph(words, [Query(legs, "{{status}}")], unit="short", stacked=True)


def _lost() -> models.Panel:
    words = Words(
        "Legs not reached",
        "Legs that failed, were busy, gave no answer or were cancelled, in calls that go on. They grow: "
        "wrong numbers, or phones that can't be reached.",
        NO_DETAILS,
    )
    legs = total(select("exotel_stream_legs", f'status=~"{_LOST}"'), "status")
    return graph(words, [Query(legs, "{{status}}")], unit="short")


def _by_legs() -> models.Panel:
    words = Words(
        "Conversations by number of legs",
        "Calls in progress by their legs that are not over: two is a conversation, three or more a "
        "conference or a transfer. Fewer than two are shown alongside.",
        NO_DETAILS,
    )
    calls = total(select("exotel_stream_calls_by_legs", 'legs!~"0|1"'), "legs")
    return graph(words, [Query(calls, "{{legs}}")], unit="short", stacked=True)


def _silence() -> models.Panel:
    words = Words(
        "Silence",
        "Calls in progress with one leg, with none, or without a bridge between the legs: somebody hears "
        "silence. A level that stays: call back, and look at what these calls have in common.",
        NO_DETAILS,
    )
    queries = [
        Query(total(select("exotel_stream_calls_by_legs", 'legs="1"')), "one leg"),
        Query(total(select("exotel_stream_calls_by_legs", 'legs="0"')), "no leg"),
        Query(total(select("exotel_stream_bridges", 'status="none"')), "no bridge"),
    ]
    return graph(words, queries, unit="short")


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


def _bridges() -> models.Panel:
    words = Words(
        "Bridges by status",
        "Active: both sides talk. Ended grows beside calls in progress: one side hung up and the other is "
        "left on the line. Calls without a bridge are shown under silence.",
        NO_DETAILS,
    )
    bridges = total(select("exotel_stream_bridges", 'status!="none"'), "status")
    return graph(words, [Query(bridges, "{{status}}")], unit="short", stacked=True)


def _bridge_setup() -> models.Panel:
    words = Words(
        "From start to bridge",
        "How long the calls that are bridged now had waited for it, ringing included. It rises with "
        "ringing: bring in agents. It rises alone: bridging is slow, report it to Exotel.",
        NO_DETAILS,
    )
    buckets = select("exotel_stream_bridge_setup_seconds_bucket")
    return graph(words, _quantiles(buckets), unit="dthms", scale=BRIDGE_SETUP)


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


def _mismatches() -> models.Panel:
    words = Words(
        "Recording mismatch",
        "Calls in progress listed as recorded that have no recording under way, or the reverse, by "
        "account. Short peaks are calls whose recording is about to begin. A constant level: recordings "
        "that the law or a customer requires may be lost; report the SIDs to Exotel.",
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
