"""The API responds as its documentation says, and reports the truth."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest
import requests

from exporter.simulator import Settings, Simulator
from exporter.simulator.phone_numbers import Format
from exporter.simulator.rate_limit import RateLimit
from exporter.simulator.truth import SETTLING
from tests.unit.simulator.ask import AUTH, EPOCH, calls, every_row, get, page
from tests.waiting import GUARD

LIVE = {"queued", "ringing", "in-progress"}


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    """Yield a contact centre of 250 calls whose clock is stopped."""
    with Simulator(Settings(calls=250, speed=0, epoch=EPOCH, linger=30, second_calls=0.1)) as simulator:
        simulator.advance(60)
        yield simulator


def test_pages_agree_with_the_truth(simulator: Simulator) -> None:
    """Counts over the rows of all pages equal the contact centre's own."""
    rows, truth = every_row(simulator), simulator.truth()
    kinds = [(row["direction"], row["status"]) for row in rows]
    agents = {row["agent_details"]["user_id"]: row["agent_details"] for row in rows if row["agent_details"]}
    live = [row for row in rows if row["status"] in LIVE]
    on_line = Counter(row["agent_details"]["user_id"] for row in live if row["agent_details"])
    assert {row["call_sid"] for row in rows} == truth.call_sids
    assert len(rows) == truth.total
    assert Counter(kinds) == truth.calls
    assert truth.recorded == Counter(
        kind for kind, row in zip(kinds, rows, strict=True) if row["recording_enabled"]
    )
    assert truth.without_agent == Counter(
        kind for kind, row in zip(kinds, rows, strict=True) if not row["agent_details"]
    )
    for kind, longest in truth.longest.items():
        assert longest == max(
            row["duration"] for found, row in zip(kinds, rows, strict=True) if found == kind
        )
    assert truth.longest_duration == max(row["duration"] for row in rows)
    assert Counter(agent["status"] for agent in agents.values()) == truth.agents
    assert truth.agents_on_call == truth.agents["on-call"] > 0
    assert truth.agents_with_several_calls == sum(count > 1 for count in on_line.values()) > 0


def test_the_envelope_is_that_of_the_api(simulator: Simulator) -> None:
    """It has request_id, method, http_code, response with active_calls and total_active; the type is JSON."""
    answer = calls(simulator)
    document = answer.json()
    assert list(document) == ["request_id", "method", "http_code", "response"]
    assert (document["method"], document["http_code"]) == ("GET", 200)
    assert list(document["response"]) == ["active_calls", "total_active"]
    assert answer.headers["Content-Type"] == "application/json"


def test_a_page_has_20_rows_by_default(simulator: Simulator) -> None:
    """limit and offset select rows; a limit above the maximum is reduced; past the end there are none."""
    total, rows = simulator.truth().total, every_row(simulator)
    assert page(simulator)["active_calls"] == rows[:20]
    assert page(simulator, limit=7, offset=5) == {"active_calls": rows[5:12], "total_active": total}
    assert len(page(simulator, limit=5000)["active_calls"]) == 100
    assert page(simulator, offset=total - 1)["active_calls"] == rows[-1:]
    assert page(simulator, offset=total)["active_calls"] == []


def test_filters_apply_to_rows_and_total(simulator: Simulator) -> None:
    """`outbound` means both kinds, agent_id selects an agent's calls, total_active counts the selection."""
    rows = every_row(simulator)
    for direction in ("inbound", "outbound"):
        selected = [row for row in rows if row["direction"].startswith(direction)]
        assert every_row(simulator, direction=direction) == selected
        assert page(simulator, direction=direction, limit=1)["total_active"] == len(selected)
    agent_id = next(row["agent_details"]["user_id"] for row in rows if row["agent_details"])
    named = [row for row in rows if (row["agent_details"] or {}).get("user_id") == agent_id]
    assert page(simulator, agent_id=agent_id) == {"active_calls": named, "total_active": len(named)}
    assert page(simulator, agent_id="nobody") == {"active_calls": [], "total_active": 0}


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=many", "offset=-1", "direction=sideways"])
def test_an_invalid_query_is_a_bad_request(simulator: Simulator, query: str) -> None:
    """It gets 400 with a v3 error body."""
    answer = get(simulator, f"/v3/accounts/demo/calls/active?{query}")
    assert (answer.status_code, answer.json()["response"]["status"]) == (400, "failure")


def test_a_call_has_a_stream(simulator: Simulator) -> None:
    """It is in the envelope under `stream`, and belongs to the requested call."""
    row = page(simulator, limit=1)["active_calls"][0]
    document = get(simulator, f"/v3/accounts/demo/calls/{row['call_sid']}/stream").json()
    assert list(document["response"]) == ["stream"]
    stream = document["response"]["stream"]
    assert [stream[key] for key in ("call_sid", "status", "duration")] == [
        row[key] for key in ("call_sid", "status", "duration")
    ]


def test_streams_agree_with_the_truth(simulator: Simulator) -> None:
    """Legs, bridges and recordings counted from the streams of active calls equal the truth."""
    rows, truth = [row for row in every_row(simulator) if row["status"] in LIVE], simulator.truth()
    streams = [
        get(simulator, f"/v3/accounts/demo/calls/{row['call_sid']}/stream").json()["response"]["stream"]
        for row in rows
    ]
    legs = [leg for stream in streams for leg in stream["legs"]]
    assert truth.legs == Counter((leg["direction"], leg["status"], leg["network_type"]) for leg in legs)
    assert truth.legs_muted == sum(leg["audio_status"]["muted"] for leg in legs) > 0
    assert truth.legs_on_hold == sum(leg["audio_status"]["hold"] for leg in legs) > 0
    talking = [stream for stream in streams if stream["status"] == "in-progress"]
    settled = [stream for stream in talking if stream["duration"] >= SETTLING]
    assert truth.calls_by_legs == Counter(["0", "1", "2", "3+"][len(stream["legs"])] for stream in settled)
    muted = [[leg["audio_status"]["muted"] for leg in stream["legs"]] for stream in settled]
    assert truth.all_muted == sum(map(all, muted))
    assert truth.bridges["active"] == sum(stream["bridge"] is not None for stream in talking) > 0
    assert truth.bridges["none"] == sum(stream["bridge"] is None for stream in settled)
    recordings = [stream["recording"] for stream in streams]
    assert truth.recordings == Counter(each["channels"] for each in recordings if each["enabled"])
    assert set(truth.recordings) == {"single", "dual"}
    listed = {row["call_sid"]: row["recording_enabled"] for row in rows}
    differing = [each for each in settled if listed[each["call_sid"]] != each["recording"]["enabled"]]
    assert truth.recording_mismatch == len(differing) > 0


def test_agent_streams_have_the_shape_of_v1(simulator: Simulator) -> None:
    """They have status, active_streams, max_allowed_streams and account_sid, without an envelope."""
    document = get(simulator, "/v1/Accounts/demo/ActiveStreams").json()
    active = document["active_streams"]
    assert list(document.items()) == [
        ("status", "success"),
        ("active_streams", active),
        ("max_allowed_streams", 100),
        ("account_sid", "demo"),
    ]
    bots = [
        row for row in every_row(simulator) if row["status"] == "in-progress" and not row["agent_details"]
    ]
    assert active == len(bots) == simulator.truth().agent_streams > 0


def test_agent_streams_can_be_xml() -> None:
    """As the newer edition of the documentation shows them, including errors."""
    settings = Settings(calls=250, speed=0, stream_limit=3, agent_streams_format="xml")
    path = "/v1/Accounts/demo/ActiveStreams"
    with Simulator(settings) as simulator:
        accepted, refused = get(simulator, path), requests.get(simulator.url + path, timeout=GUARD)
    assert accepted.headers["Content-Type"] == refused.headers["Content-Type"] == "application/xml"
    assert accepted.text.endswith(
        "<TwilioResponse><Stream><ActiveStreamCount>3</ActiveStreamCount><ThrottleLimit>3</ThrottleLimit>"
        "</Stream></TwilioResponse>"
    )
    assert refused.status_code == 401
    assert "<RestException><Status>401</Status>" in refused.text


def test_agent_streams_are_reported_up_to_the_limit() -> None:
    """At the limit, the API and the truth agree."""
    with Simulator(Settings(calls=250, speed=0, stream_limit=3)) as simulator:
        document = get(simulator, "/v1/Accounts/demo/ActiveStreams").json()
        reported = (
            document["active_streams"],
            document["max_allowed_streams"],
            simulator.truth().agent_streams,
        )
    assert reported == (3, 3, 3)


@pytest.mark.parametrize(
    ("path", "auth", "status", "code"),
    [
        ("/v3/accounts/demo/calls/active", ("demo", "wrong"), 401, 1010),
        ("/v3/accounts/demo/calls/active", None, 401, 1010),
        ("/v1/Accounts/demo/ActiveStreams", ("wrong", "demo"), 401, 1010),
        ("/v3/accounts/other/calls/active", AUTH, 404, 1017),
        ("/v3/accounts/demo/calls/nothing/stream", AUTH, 404, 10744),
        ("/v3/accounts/demo/calls", AUTH, 404, 404),
        ("/", AUTH, 404, 404),
    ],
)
def test_refusals_have_a_v3_error_body(
    simulator: Simulator, path: str, auth: tuple[str, str] | None, status: int, code: int
) -> None:
    """Wrong or no credentials, another account, an unknown call, any other path."""
    answer = requests.get(simulator.url + path, auth=auth, timeout=GUARD)
    document = answer.json()
    assert (answer.status_code, document["http_code"], document["response"]["code"]) == (status,) * 3
    assert document["response"]["error_data"]["code"] == code
    assert list(document["response"]) == ["code", "error_data", "status", "data"]


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic ?", "Basic ZGVtbw==", "Basic /w==", "Bearer demo:demo"]
)
def test_malformed_credentials_are_wrong(simulator: Simulator, authorization: str) -> None:
    """They get 401, whatever the header says."""
    path = simulator.url + "/v3/accounts/demo/calls/active"
    assert requests.get(path, headers={"Authorization": authorization}, timeout=GUARD).status_code == 401


def test_a_limit_above_the_maximum_can_be_rejected() -> None:
    """With over_limit=reject it gets 400, and the maximum itself is accepted."""
    with Simulator(Settings(calls=60, speed=0, max_limit=50, over_limit="reject")) as simulator:
        assert calls(simulator, limit=51).status_code == 400
        assert len(page(simulator, limit=50)["active_calls"]) == 50


def test_paging_can_be_ignored() -> None:
    """Altogether (always the whole list), or only the offset (always the first page)."""
    with Simulator(Settings(calls=60, speed=0, ignore_paging=True)) as simulator:
        assert len(page(simulator, limit=10, offset=30)["active_calls"]) == 60
    with Simulator(Settings(calls=60, speed=0, ignore_offset=True)) as simulator:
        assert page(simulator, limit=10, offset=30) == page(simulator, limit=10)


def test_the_order_can_be_chosen() -> None:
    """Newest first is oldest first reversed; shuffled differs each time, with no call twice on a page."""
    settings = Settings(calls=90, speed=0, epoch=EPOCH)
    with Simulator(settings) as simulator:
        oldest = every_row(simulator)
    with Simulator(replace(settings, order="newest")) as simulator:
        assert every_row(simulator) == oldest[::-1]
        assert page(simulator, limit=10, offset=85)["active_calls"] == oldest[4::-1]
    with Simulator(replace(settings, order="shuffled")) as simulator:
        one, two = (page(simulator, limit=90)["active_calls"] for _ in range(2))
        assert one != two
        assert {row["call_sid"] for row in one} == {row["call_sid"] for row in oldest}
        assert len(page(simulator, limit=20, offset=80)["active_calls"]) == 10


NUMBERS = {
    "e164": r"\+91\d{10}",
    "spaced": r"\+91 \d\d \d{4} \d{4}",
    "national": r"0\d{10}",
    "trunk": r"091\d{10}",
}


@pytest.mark.parametrize("numbers", get_args(Format))
def test_numbers_can_have_another_format(numbers: Format) -> None:
    """Only in rows, and without other effects: the digits, the calls and the truth are the same."""
    settings = Settings(calls=90, speed=0, epoch=EPOCH)
    with Simulator(settings) as simulator:
        plain, truth = every_row(simulator), simulator.truth()
    with Simulator(replace(settings, numbers=numbers)) as simulator:
        rows = every_row(simulator)
        assert simulator.truth() == truth
    for row, usual in zip(rows, plain, strict=True):
        for end in ("from", "to"):
            assert re.fullmatch(NUMBERS[numbers], row[end])
            assert re.sub(r"\D", "", row[end])[-10:] == usual[end][-10:]
        assert row | {"from": usual["from"], "to": usual["to"]} == usual


def test_number_formats_can_be_mixed() -> None:
    """Each call has one format for both its numbers, and keeps it; all four formats occur."""
    with Simulator(Settings(calls=90, speed=0, epoch=EPOCH, numbers="mixed")) as simulator:
        before = {row["call_sid"]: row for row in every_row(simulator)}
        simulator.advance(30)
        after = {row["call_sid"]: row for row in every_row(simulator)}
    formats = {sid: [format_of(row["from"]), format_of(row["to"])] for sid, row in before.items()}
    assert {one for one, _ in formats.values()} == set(NUMBERS)
    assert all(one == other for one, other in formats.values())
    for sid in before.keys() & after.keys():
        assert [after[sid][end] for end in ("from", "to")] == [before[sid][end] for end in ("from", "to")]


def format_of(number: str) -> str:
    """Return the format of a number."""
    return next(name for name, pattern in NUMBERS.items() if re.fullmatch(pattern, number))


def test_the_list_can_change_with_each_page() -> None:
    """With a step, each page is read that much later, reproducibly."""
    seen = []
    for _ in range(2):
        with Simulator(Settings(calls=90, speed=0, step=5, epoch=EPOCH)) as simulator:
            seen.append([calls(simulator, limit=100).content for _ in range(3)])
            assert simulator.truth().now == EPOCH + 15
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 3


def test_requests_can_be_rate_limited() -> None:
    """Above the limit they get 429 with Retry-After; headers report what remains until the minute ends."""
    with Simulator(Settings(calls=1, requests_per_minute=1)) as simulator:
        answers = [calls(simulator) for _ in range(3)]  # a minute may end among them
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["response"]["error_data"]["code"] == 10724
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["X-RateLimit-Remaining"] == "0"


def test_the_rate_limit_resets_at_the_next_minute() -> None:
    """Requests are refused until the clock's minute is over, which Retry-After points to."""
    now = 1000.0
    limit = RateLimit(2, clock=lambda: now)
    assert [limit.take().refused for _ in range(3)] == [False, False, True]
    assert dict(limit.take().headers)["Retry-After"] == "20"
    now = 1020.0
    taken = limit.take()
    assert not taken.refused
    assert dict(taken.headers)["X-RateLimit-Remaining"] == "1"
    assert not RateLimit(0).take().refused


def test_responses_are_compressed_only_if_both_sides_want_it() -> None:
    """Gzip needs the setting and the client's header; the content is the same."""
    plain = {"Accept-Encoding": "identity"}
    for switched_on in (False, True):
        with Simulator(Settings(calls=60, speed=0, gzip=switched_on)) as simulator:
            url = simulator.url + "/v3/accounts/demo/calls/active"
            asked = requests.get(url, auth=AUTH, timeout=GUARD)
            unasked = requests.get(url, auth=AUTH, headers=plain, timeout=GUARD)
        assert asked.headers.get("Content-Encoding") == ("gzip" if switched_on else None)
        assert "Content-Encoding" not in unasked.headers
        assert asked.json()["response"] == unasked.json()["response"]
