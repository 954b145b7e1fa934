"""Pseudonyms of what an API answers: nothing of anybody's is left, and decoders find the same in it."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from bench.capture import Sampler, problems
from exporter.capture.pseudonyms import Pseudonyms
from exporter.capture.words import WORDS, Kind, parts
from exporter.exotel.decode import read_page
from exporter.exotel.enums import ApiEnum
from exporter.exotel.models import Agent, Bridge, HasState, Leg, PersonalCall, Recording, Stream, read_time
from exporter.simulator.malformed import BORDERLINE_ROWS, INVALID_ROWS, MALFORMED_ROWS, MALFORMED_STREAMS
from tests.offenders import for_each

FIT_FOR_A_PATH = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}")  # a call_sid that is asked for
KEY = b"a key of the tests"
ROW = {
    "call_sid": "call_active_001",
    "direction": "outbound-api",
    "status": "in-progress",
    "from": "+919876543210",
    "to": "09876543210",
    "start_time": "2024-06-15T10:30:00.000Z",
    "duration": 120,
    "agent_details": {"user_id": "agent_uuid_001", "name": "John Agent", "status": "on-call"},
    "recording_enabled": True,
}


def replaced(document: object, pseudonyms: Pseudonyms | None = None) -> Any:
    """Return a document as it is in the pseudonyms' body."""
    body = (pseudonyms or Pseudonyms(KEY)).body(json.dumps(document).encode())
    return json.loads(body)


# Nothing is left, and the same is told


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**64))
def test_nothing_of_anybody_is_left_of_a_body_and_decoders_find_the_same(seed: int) -> None:
    """Bodies of every kind, malformed and spoilt, with numbers, names and ids anywhere in them."""
    assert list(problems(Sampler(Random(seed)).sample())) == []  # noqa: S311  # hypothesis gives the seed


@settings(deadline=None)
@given(st.binary(max_size=200), st.sampled_from(("", "application/json", "text/xml", "text/html")))
def test_any_bytes_have_pseudonyms(body: bytes, content_type: str) -> None:
    """Whether they are JSON, XML, text or nothing of these."""
    for start in (b"", b"{", b'["', b"<?xml"):
        Pseudonyms(KEY).body(start + body, content_type)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=127), max_size=200))
def test_only_letters_and_digits_are_replaced(text: str) -> None:
    """All else, and so every fault in the body's form, stays in its place."""
    body = ("{" + text).encode()
    shape = re.compile(rb"[A-Za-z0-9]")
    assert shape.sub(b"x", Pseudonyms(KEY).body(body)) == shape.sub(b"x", body)


@for_each((f"row {number}", row) for number, row in enumerate((*BORDERLINE_ROWS, *INVALID_ROWS)))
def test_a_spoilt_row_stays_as_unreadable_as_it_was(row: bytes) -> None:
    """What can be repaired still can, and nothing else."""
    body = b'{"response":{"active_calls":[%b]}}' % row
    assert read_page(Pseudonyms(KEY).body(body)).unreadable == read_page(body).unreadable


def test_types_nulls_and_the_order_of_fields_stay() -> None:
    """For each row and stream that the simulator malforms."""

    def form(value: object) -> object:
        if isinstance(value, dict):
            return [form(each) for each in value.values()]
        return [form(each) for each in value] if isinstance(value, list) else type(value)

    before = json.loads(
        json.dumps(
            [*MALFORMED_ROWS, *(each for each in MALFORMED_STREAMS if each != {"legs": ...})], default=str
        )
    )
    assert form(replaced(before)) == form(before)


# What is replaced by what


def test_a_number_has_the_same_other_digits_in_each_spelling() -> None:
    """So that calls can still be counted by line; what is no one's own stays."""
    spellings = (
        *("+919812345678", "09812345678", "091 98123 45678", "919812345678", "9812345678"),
        *("+91 98 1234 5678", "(+91) 98-1234-5678", "sip:+919812345678@voice.example", "tel98123 45678"),
    )
    numbers = replaced([*spellings, 919812345678])
    nationals = {re.sub(r"\D", "", str(number))[-10:] for number in numbers[:7]}
    assert len(nationals) == 1
    national = nationals.pop()
    assert national != "9812345678"
    assert numbers[:2] == [f"+91{national}", f"0{national}"]
    assert numbers[5] == f"+91 {national[:2]} {national[2:6]} {national[6:]}"
    assert f"+91{national}@" in numbers[7]
    assert numbers[9] == int(f"91{national}")


@for_each([(text, text) for text in ("+6591234567", "+14155550123", "+971501234567", "006591234567")])
def test_the_country_of_a_number_stays(number: str) -> None:
    """It says which numbers are possible."""
    code = re.match(r"(\+65|\+1|\+971|0065)", number)
    found = Pseudonyms(KEY).text(number, "from")
    assert code
    assert found.startswith(code[0])
    assert len(found) == len(number)
    assert found != number


def test_an_id_is_the_same_other_one_wherever_it_stands() -> None:
    """In fields, inside of other ids, in texts, and in paths."""
    pseudonyms = Pseudonyms(KEY)
    sid = "c0ffee00d15ea5e00123456789abcdef"
    document = [{"call_sid": sid}, {"leg_sid": f"leg_agent_{sid}"}, {"message": f"call {sid} not found"}]
    other, leg, message = (next(iter(each.values())) for each in replaced(document, pseudonyms))
    assert other != sid
    assert leg.endswith(f"_{other}")
    assert f" {other} " in message
    assert pseudonyms.target(f"/v3/accounts/acme1/calls/{sid}/stream").endswith(f"/calls/{other}/stream")


def test_two_captures_have_nothing_in_common() -> None:
    """Each has a key of its own, which none can ask for."""
    first, second = (replaced(ROW, Pseudonyms()) for _ in range(2))
    for name in ("call_sid", "from", "to", "start_time"):
        assert first[name] != second[name]


def test_many_ids_of_few_digits_stay_as_many() -> None:
    """Nothing is drawn twice while there is anything left."""
    ids = [f"call_{number}" for number in range(10, 100)]
    others = replaced(ids)
    assert len(set(others)) == len(ids)
    assert all(re.fullmatch("[a-z]{4}_[1-9][0-9]", each) for each in others)


@settings(deadline=None)
@given(st.text(alphabet="aZ09._~-é/ \u0660", min_size=1, max_size=140))
def test_a_call_sid_fits_into_a_path_if_it_did(call_sid: str) -> None:
    """Only those that fit are asked for."""
    other = Pseudonyms(KEY).text(call_sid, "call_sid")
    assert bool(FIT_FOR_A_PATH.fullmatch(other)) == bool(FIT_FOR_A_PATH.fullmatch(call_sid))


def test_letters_of_any_script_take_as_many_bytes_and_marks_go_with_them() -> None:
    """The vowels of उदयन् are marks, and would tell the name."""
    name = "उदयन् Élodie O'Brien ٣"
    other = Pseudonyms(KEY).text(name, "name")
    assert [len(each.encode()) for each in other] == [len(each.encode()) for each in name]
    assert not set("उदयन्É٣") & set(other)


# What stays


def test_what_the_api_itself_says_stays() -> None:
    """Its fields, states and small numbers."""
    found = replaced({"http_code": 200, "response": {"active_calls": [ROW], "total_active": 1}})
    row = found["response"]["active_calls"][0]
    assert found["http_code"] == 200
    assert found["response"]["total_active"] == 1
    assert row.keys() == ROW.keys()
    assert [row[name] for name in ("direction", "status", "duration", "recording_enabled")] == [
        "outbound-api",
        "in-progress",
        120,
        True,
    ]
    assert row["agent_details"]["status"] == "on-call"
    assert row["agent_details"].keys() == {"user_id", "name", "status"}


def test_every_known_field_and_value_is_made_of_words() -> None:
    """Or a capture would lose what the exporter reads."""
    kinds = (PersonalCall, Agent, Leg, Bridge, Recording, Stream, HasState)
    names = {field.encode_name for kind in kinds for field in fields(kind)}
    values = {str(value) for enum in ApiEnum.__subclasses__() for value in enum}
    for text in (
        names | values | {"RestException", "TwilioResponse", "ActiveStreamCount", "from_leg_cancelled"}
    ):
        assert text.lower() in WORDS or {part.lower() for part in parts(text)} <= WORDS, text


@for_each([(str(value), value) for value in ("Asha is busy", "98123 45678", 123456, "a1b2c3")])
def test_a_known_field_keeps_nothing_but_known_words_and_small_numbers(value: object) -> None:
    """Whoever writes a name or a number into it."""
    for name in ("status", "duration", "code"):
        assert replaced({name: value})[name] != value


@for_each([(key, key) for key in ("Asha Rao", "+919812345678", "queue_of_asha", "98")])
def test_an_unknown_field_keeps_its_name_only_if_it_is_made_of_words(key: str) -> None:
    """A name may be that of a person."""
    kept = list(replaced({key: 1, "custom_field_2": 1}))
    assert (kept[0] == key) == (key == "98")
    assert kept[1] == "custom_field_2"


# Times


def test_times_keep_their_differences_and_forms() -> None:
    """In each of the forms that the API writes, and as numbers."""
    pseudonyms = Pseudonyms(KEY)
    moment = 1718447400
    texts = (
        *("2024-06-15T10:30:00.000Z", "2024-06-15 16:00:00+05:30", "2024-06-15T10:30:00.123456789Z"),
        *("20240615T103000Z", "2024-06-15T10:30:60Z"),
    )
    offset = moment - pseudonyms.moment(moment)
    assert offset >= 30 * 86400
    assert offset % 60 == 0
    for text in texts:
        other = pseudonyms.text(text, "start_time")
        assert re.sub("[0-9]", "0", other) == re.sub("[0-9]", "0", text)
        if (at := read_time(text)) is not None:
            found = read_time(other)
            assert found is not None
            assert at - found == pytest.approx(offset)
    numbers = replaced(
        {"created_at": moment, "start_time": moment * 1000 + 123, "ended_at": str(moment)}, pseudonyms
    )
    assert numbers == {
        "created_at": moment - offset,
        "start_time": (moment - offset) * 1000 + 123,
        "ended_at": str(int(moment - offset)),
    }


@for_each(
    (text, text)
    for text in (
        "1970-01-01 05:30:00+05:30",
        "0001-01-01T00:00:00Z",
        "0000-00-00 00:00:00",
        "1970-01-01T00:00:00Z",
    )
)
def test_a_time_that_is_not_set_stays(text: str) -> None:
    """It says that something hasn't happened."""
    assert Pseudonyms(KEY).text(text, "created_at") == text


@settings(deadline=None)
@given(st.datetimes(), st.binary(min_size=1, max_size=8))
def test_a_time_that_is_set_stays_set(moment: Any, key: bytes) -> None:
    """However the key moves it."""
    text = moment.isoformat() + "Z"
    other = Pseudonyms(key).text(text, "start_time")
    assert (read_time(other) is None) == (read_time(text) is None)
    assert len(other) == len(text)


# Other bodies, requests, headers


def test_a_page_of_html_says_no_more_than_its_length_and_fingerprint() -> None:
    """It stays one of HTML, of the same length."""
    body = b"<!DOCTYPE html><html><body>Asha Rao, +919812345678 " + b"x" * 100 + b"</body></html>"
    other = Pseudonyms(KEY).body(body, "text/html")
    assert other.startswith(b"<!doctype html><title>HTML, %d bytes, fingerprint " % len(body))
    assert len(other) == len(body)
    assert Pseudonyms(KEY).body(body, "text/html", raw_errors=True) == body
    assert Pseudonyms(b"another").body(body, "text/html") != other


@for_each([(repr(body), body) for body in (b"", b" \n", b"\xef\xbb\xbf", b" " * 100_000)])
def test_an_empty_body_stays(body: bytes) -> None:
    """White space isn't anybody's."""
    assert Pseudonyms(KEY).body(body) == body


def test_json_in_utf_16_is_no_text_of_single_digits() -> None:
    """Its every other byte is 0, and digits one by one would be a cipher for children."""
    body = '{"from": "+919812345678"}'.encode("utf-16")
    assert Pseudonyms(KEY).body(body).startswith(b"binary, ")


def test_xml_keeps_its_elements_and_numbers() -> None:
    """And escapes what was escaped."""
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    written = f"{declaration}<TwilioResponse><Stream><ActiveStreamCount>1&#50;</ActiveStreamCount>"
    other = Pseudonyms(KEY).body(
        f"{written}<From>+919812345678&#49;</From></Stream>".encode(), "application/xml"
    )
    assert other.decode().startswith(written + "<From>+91")
    assert re.search(rb"<From>\+91[0-9]{10}&#[0-9]+;</From></Stream>", other)
    assert b"98123" not in other


def test_a_request_has_the_pseudonyms_of_the_bodies() -> None:
    """What the exporter chooses itself stays."""
    pseudonyms = Pseudonyms(KEY)
    agent = pseudonyms.text("agent_uuid_001", "user_id")
    target = "/v3/accounts/acme1/calls/active?limit=100&offset=200000&direction=outbound&agent_id="
    account = pseudonyms.text("acme1", "account_sid")
    assert pseudonyms.target(target + "agent_uuid_001") == target.replace("acme1", account) + agent
    assert pseudonyms.target("/v1/Accounts/acme1/ActiveStreams") == f"/v1/Accounts/{account}/ActiveStreams"
    assert pseudonyms.target("/v3/accounts/demo/calls/active/stream").count("active") == 0


def test_headers_that_matter_are_kept_with_their_times_moved() -> None:
    """All at once, as a client compares them; others aren't kept."""
    pseudonyms = Pseudonyms(KEY)
    headers = {
        "Date": "Sat, 15 Jun 2024 10:30:00 GMT",
        "Content-Type": "application/json; charset=utf-8",
        "Retry-After": "30",
        "X-RateLimit-Reset": "1718447430",
        "X-RateLimit-Remaining": "7, 8",
        "Location": "https://asha.example/+919812345678",
        "Set-Cookie": "session=Asha",
        "X-RateLimit-Owner": "Asha",
        "X-RateLimit-Asha-Traders": "7",
    }
    found = dict(pseudonyms.headers(headers))
    assert found["Content-Type"] == headers["Content-Type"]
    assert (found["Retry-After"], found["X-RateLimit-Remaining"]) == ("30", "7, 8")
    assert float(found["X-RateLimit-Reset"]) == pseudonyms.moment(1718447430)
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:00 GMT", found["Date"])
    assert found["Location"] == "https://elsewhere.invalid/"
    assert "Set-Cookie" not in found
    assert found["X-RateLimit-Owner"] != "Asha"
    assert "X-RateLimit-Asha-Traders" not in found


def test_what_was_replaced_is_counted() -> None:
    """By kind, for a summary that holds nothing of it."""
    pseudonyms = Pseudonyms(KEY)
    replaced({"response": {"active_calls": [ROW, ROW | {"call_sid": "call_active_002"}]}}, pseudonyms)
    assert pseudonyms.counts == {
        Kind.CALL_SIDS: 2,
        Kind.TELEPHONE_NUMBERS: 4,
        Kind.TIMES: 2,
        Kind.AGENT_IDS: 2,
        Kind.NAMES: 2,
    }


@for_each(
    (name, body)
    for name, body in {
        "words": b'{"status":"' + b"fail" * 50_000,
        "brackets": b"[" * 200_000,
        "quotes": b"{" + b'"' * 200_000,
        "escapes": b'{"' + b"\\" * 200_000,
        "digits": b'["' + b"1 " * 100_000 + b"a",
        "tags": b"<?xml" + b"<a " * 70_000,
    }.items()
)
def test_no_body_is_too_deep_or_too_long(body: bytes) -> None:
    """None needs recursion."""
    assert len(Pseudonyms(KEY).body(body, "application/xml")) == len(body)
