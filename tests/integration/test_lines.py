"""Lines against what the simulator knows, and telephone numbers, which never leave the process."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, get_args

import pytest
import requests

from exporter.config import Line, MetricsConfig, StreamsConfig
from exporter.simulator import EXOPHONES, Settings, Simulator
from exporter.simulator.phone_numbers import Numbers, write
from tests.serving import EAGER, account, collecting, served
from tests.waiting import GUARD

LINES = (Line("sales", EXOPHONES[:2]), Line("support", EXOPHONES[2:3]))
NOISY = replace(EAGER, agent_streams=True, streams=StreamsConfig(enabled=True, max_per_scrape=500))
EVERYTHING = MetricsConfig(per_agent=True, agent_names=True, longest_calls=500)
FORMATS = ("text/plain", "application/openmetrics-text")

CUSTOMER = "+919876543210"
"""A number that nothing but the hostile answers below tells."""


@pytest.mark.parametrize("numbers", get_args(Numbers))
def test_calls_by_line_are_the_truth_however_numbers_are_written(numbers: Numbers) -> None:
    """+91…, 091…, 0…, with spaces, or each call in another way: either end finds its line."""
    with (
        Simulator(Settings(calls=250, speed=0, numbers=numbers)) as simulator,
        collecting(account("acme", simulator.url, lines=LINES)) as collect,
    ):
        active_calls, truth = collect().active_calls, simulator.truth()
    assert active_calls is not None
    assert active_calls.lines is not None
    by_line, by_pair = Counter[str](), Counter[tuple[str, str]]()
    for (line, *pair), calls in active_calls.lines.items():
        by_line[line] += calls
        by_pair[pair[0], pair[1]] += calls
    assert by_line == {
        "sales": truth.lines[EXOPHONES[0]] + truth.lines[EXOPHONES[1]],
        "support": truth.lines[EXOPHONES[2]],
        "other": truth.lines[EXOPHONES[3]],
    }
    assert +by_pair == truth.calls
    assert all(by_line.values())


def test_the_lines_of_the_longest_calls_are_the_truth() -> None:
    """Each tells the line that the row's own numbers name."""
    lines = tuple(Line(number, (number,)) for number in EXOPHONES)
    with Simulator(Settings(calls=90, speed=0, numbers="mixed")) as simulator:
        made = account("acme", simulator.url, lines=lines, metrics=EVERYTHING)
        with collecting(made) as collect:
            active_calls, truth = collect().active_calls, simulator.truth()
    assert active_calls is not None
    assert Counter(call.line for call in active_calls.longest_calls) == truth.lines


def test_an_account_without_lines_has_no_calls_by_line() -> None:
    """Nobody asked."""
    with (
        Simulator(Settings(calls=5, speed=0)) as simulator,
        collecting(account("acme", simulator.url)) as collect,
    ):
        active_calls = collect().active_calls
    assert active_calls is not None
    assert active_calls.lines is None


def api(simulator: Simulator, path: str) -> Mapping[str, Any]:
    """Ask the API as anyone may who has the credentials."""
    url = f"{simulator.url}/v3/accounts/demo/calls/{path}"
    answer = requests.get(url, auth=("demo", "demo"), timeout=GUARD)
    response: Mapping[str, Any] = answer.json()["response"]
    return response


def numbers_of(simulator: Simulator) -> set[str]:
    """Return every number and address that the API tells of any call, and each number as others write it."""
    told = set()
    for row in api(simulator, "active?limit=1000")["active_calls"]:
        told |= {row["from"], row["to"]}
        told |= {leg["contact_uri"] for leg in api(simulator, f"{row['call_sid']}/stream")["stream"]["legs"]}
    return told | {form for number in told for form in spellings(number)}


def spellings(number: str) -> Iterator[str]:
    """Yield a number without its prefix, as E.164, and with spaces; addresses have no other spelling."""
    if not number.startswith("sip:"):
        digits = "".join(filter(str.isdigit, number))[-10:]
        yield digits
        yield write(f"+91{digits}", "e164")
        yield write(f"+91{digits}", "spaced")


@contextmanager
def everything_said(simulator: Simulator, caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Scrape with all switched on, in either format, twice; look at the page; give all texts and the log."""
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    made = account("acme", simulator.url, timeout=1, collection=NOISY, lines=LINES, metrics=EVERYTHING)
    with served([made]) as url:
        for accept in FORMATS * 2:
            said.append(requests.get(f"{url}/metrics", headers={"Accept": accept}, timeout=GUARD).text)
            said.append(requests.get(url, timeout=GUARD).text)
    said += [repr(vars(record)) + record.getMessage() for record in caplog.records]
    yield said


def leaked(said: list[str], numbers: set[str]) -> set[str]:
    """Return the numbers that anything said holds."""
    return {number for number in numbers if any(number in text for text in said)}


@pytest.mark.parametrize("numbers", ["e164", "mixed"])
def test_no_number_leaves_the_process(numbers: Numbers, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a row's nor a leg's, in no spelling: not in metrics, on the page, or in the log at debug."""
    with Simulator(Settings(calls=60, speed=0, numbers=numbers)) as simulator:
        secret = numbers_of(simulator)
        with everything_said(simulator, caplog) as said:
            assert leaked(said, secret) == set()
    assert len(secret) > 200
    assert 'exotel_line_calls{account="acme"' in said[0]
    assert "exotel_agent_info{" in said[0]
    assert "exotel_stream_legs{" in said[0]


def row(number: int, **fields: object) -> dict[str, object]:
    """Return a row whose numbers are the customer's."""
    return {"call_sid": f"call-{number}", "from": CUSTOMER, "to": CUSTOMER, "status": "ringing", **fields}


def page(*rows: object) -> str:
    """Return the fault that answers with these rows."""
    return "calls/other_json:" + json.dumps({"response": {"active_calls": rows, "total_active": len(rows)}})


MISPLACED: Mapping[str, object] = {
    "direction": CUSTOMER,
    "status": CUSTOMER,
    "start_time": CUSTOMER,
    "duration": CUSTOMER,
    "recording_enabled": CUSTOMER,
    "queue": CUSTOMER,
}
WORDS = dict.fromkeys(["status", "direction", "network_type", "contact_uri", "leg_sid"], CUSTOMER)
STREAM = {
    "status": CUSTOMER,
    "duration": CUSTOMER,
    "legs": [WORDS | {"audio_status": {"muted": CUSTOMER, "hold": CUSTOMER}}, CUSTOMER],
    "bridge": dict.fromkeys(["bridge_sid", "status", "created_at"], CUSTOMER),
    "recording": dict.fromkeys(["enabled", "channels", "duration"], CUSTOMER),
}
FAILURE = {
    "request_id": CUSTOMER,
    "http_code": 400,
    "response": {"code": 400, "error_data": {"code": CUSTOMER, "message": CUSTOMER}, "status": "failure"},
}
V1_FAILURE = {"RestException": {"Status": 400, "Message": f"no call to {CUSTOMER}", "Code": CUSTOMER}}


@pytest.mark.parametrize(
    "faults",
    [
        [page(*(row(number, **{field: value}) for number, (field, value) in enumerate(MISPLACED.items())))],
        [page(row(1, agent_details={"user_id": "a", "status": CUSTOMER}), {"from": CUSTOMER}, CUSTOMER)],
        [f"stream/stream:{json.dumps(STREAM)}"],
        [f"stream/stream:{json.dumps({'call_sid': CUSTOMER})}"],
        [f"stream/other_json:{json.dumps(FAILURE)}"],
        [f"agent_streams/other_json:{json.dumps(V1_FAILURE)}"],
        [f"agent_streams/other_json:{json.dumps({'active_streams': CUSTOMER, 'account_sid': CUSTOMER})}"],
        [f"calls/other_json:{json.dumps(FAILURE)}"],
        [f"calls/other_json:{json.dumps(V1_FAILURE)}"],
        [f"redirect:http://127.0.0.1:9/{CUSTOMER}"],
        [f"calls/total:{json.dumps(CUSTOMER)}"],
    ],
    ids=lambda faults: faults[0][:40],
)
def test_no_number_leaves_the_process_by_what_is_out_of_place(
    faults: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """In fields that become labels, in answers that tell a failure, in the wrong places of any of them."""
    with Simulator(Settings(calls=8, speed=0)) as simulator:
        simulator.set_faults(faults)
        with everything_said(simulator, caplog) as said:
            assert leaked(said, {CUSTOMER, *spellings(CUSTOMER)}) == set()
    assert "exotel_up" in said[0]


@pytest.mark.parametrize(
    "fault", ["rows", "details", "status:401", "status:404", "status:500", "bad_json", "truncate"]
)
def test_no_number_leaves_the_process_when_collections_fail(
    fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever request it befalls: errors tell reasons, and nothing of an answer."""
    with Simulator(Settings(calls=8, speed=0, numbers="mixed")) as simulator:
        secret = numbers_of(simulator) | {"+910000000000", "+911100000000", "918000000001"}
        for befallen in ("calls", "stream"):
            simulator.set_faults([f"{befallen}/{fault}"])
            with everything_said(simulator, caplog) as said:
                assert leaked(said, secret) == set()
