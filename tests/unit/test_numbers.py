"""Numbers of any size and shape: none that can't be true gets in, and none costs another's."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.exotel.decode import read_agent_streams, read_page, read_stream
from exporter.exotel.errors import ApiError
from exporter.exotel.models import AgentStreams, Call
from exporter.metrics.exposition import expose
from tests.snapshots import everything, inspect, life, shown, snapshot

MOST = 10_000_000  # calls or sessions of an account
#: Numbers as a body may hold them; each also as a text.
WRITTEN = [
    *("0", "7", "7.0", "1e5", "120.5", "-1", "-0", "true", "false", "null", '""', "[]", "{}"),
    *(str(MOST), str(MOST + 1), f"-{MOST}", str(2**31 - 1), str(2**53 + 1), str(2**63), str(10**20)),
    *("604800", "604801", "1700000000", "1700000000000"),
    *("1" * 309, "1" * 310, "9" * 5000, "-" + "9" * 5000, "1e308", "1e400", "-1e400"),
    *("Infinity", "-Infinity", "NaN"),
]
NUMBERS = st.sampled_from([*WRITTEN, *(f'"{each}"' for each in WRITTEN if '"' not in each)])
EXACT = {"0": 0, "7": 7, "7.0": 7, "1e5": 10**5, "-0": 0, str(MOST): MOST, "604800": 604800, "604801": 604801}
"""What may be a number of calls, as it is written."""

totals = pytest.mark.parametrize("written", WRITTEN)


def page(total: str, duration: str = "1") -> bytes:
    """Write a page of one call."""
    row = f'{{"call_sid":"a","status":"in-progress","direction":"inbound","duration":{duration}}}'
    return f'{{"http_code":200,"response":{{"active_calls":[{row}],"total_active":{total}}}}}'.encode()


@pytest.mark.parametrize("duration", ["1", '"1"'])  # the second has the page read value by value
@totals
def test_a_total_is_known_only_up_to_ten_million(written: str, duration: str) -> None:
    """As a number or as a text; any other is unknown, and costs the row nothing."""
    for total in {written, f'"{written}"'.replace('""""', '""')}:
        read = read_page(page(total, duration))
        assert read.total == EXACT.get(written)
        assert [call.duration for call in read.calls] == [1]


@totals
def test_sessions_are_known_only_up_to_ten_million(written: str) -> None:
    """Their limit too; either costs only itself."""
    for number in {written, f'"{written}"'.replace('""""', '""')}:
        limited = f'{{"active_streams":3,"max_allowed_streams":{number}}}'.encode()
        assert read_agent_streams(limited) == AgentStreams(3, EXACT.get(written))
        active = f'{{"active_streams":{number},"max_allowed_streams":5}}'.encode()
        if written in EXACT:
            assert read_agent_streams(active) == AgentStreams(EXACT[written], 5)
        else:
            with pytest.raises(ApiError):
                read_agent_streams(active)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4), NUMBERS)
def test_no_number_that_an_account_tells_spoils_the_exposition(
    told: list[tuple[str, str]], total: str
) -> None:
    """Durations of calls and of recordings, totals, sessions, codes: whatever they are, the text is written.

    Every sample is finite and no larger than what can be true; another account's are what they are.
    """
    rows = ",".join(
        f'{{"call_sid":"{n}","status":"in-progress","direction":"inbound","duration":{duration},'
        f'"agent_details":{{"user_id":"x","status":"on-call"}}}}'
        for n, (duration, _) in enumerate(told)
    )
    response = f'{{"active_calls":[{rows}],"total_active":{total}}}'
    read = read_page(f'{{"response":{response}}}'.encode())
    calls: list[Call] = list(read.calls)
    streams = [
        json.loads("{}") | {"duration": duration, "recording": {"enabled": True, "duration": recorded}}
        for duration, recorded in ((_loaded(one), _loaded(other)) for one, other in told)
    ]
    assert all(inspect(call, stream) is not None for call, stream in zip(calls, streams, strict=True))
    odd = everything(calls, streams, life([], calls, [], [])).but(reported=read.total)
    sane = snapshot([])
    for accept in ("application/openmetrics-text", "text/plain"):
        text, _ = expose(shown({"odd": odd, "sane": sane}), accept)
        alone, _ = expose(shown({"sane": sane}), accept)
        samples = {line for line in text.decode().splitlines() if 'account="sane"' in line}
        assert samples == {line for line in alone.decode().splitlines() if 'account="sane"' in line}
    text, _ = expose(shown({"odd": odd}), "application/openmetrics-text")
    for family in text_string_to_metric_families(text.decode()):  # type: ignore[no-untyped-call]  # untyped
        for sample in family.samples:
            assert math.isfinite(sample.value), sample
            if not sample.name.endswith("_timestamp_seconds"):
                assert abs(sample.value) <= MOST, sample


def _loaded(written: str) -> object:
    return json.loads(written, parse_int=lambda digits: int(digits) if len(digits) < 4000 else float(digits))


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_no_code_is_too_odd_to_be_told_of(http_code: str, code: str, own: str, status: str) -> None:
    """An error's text stays short, whatever number stands where a code should be."""
    data = f'{{"code":{own},"message":"x"}}'
    body = f'{{"http_code":{http_code},"response":{{"code":{code},"status":{status},"error_data":{data}}}}}'
    with pytest.raises(ApiError) as caught:
        read_stream(body.encode(), "a")
    assert len(caught.value.detail) < 200
    assert not isinstance(caught.value.code, int) or abs(caught.value.code) < 10**6
