"""AgentStream in XML, as the newer edition of the API's page tells it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exotel.decode import read_agent_streams, read_page, refuse_failure
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import AgentStreams

PHONE = "+919876543210"
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
STREAM = b"<Stream><ActiveStreamCount>%b</ActiveStreamCount><ThrottleLimit>%b</ThrottleLimit></Stream>"


def document(inside: bytes) -> bytes:
    """Return a document of the older API."""
    return b"<TwilioResponse>" + inside + b"</TwilioResponse>"


def exception(**fields: object) -> bytes:
    """Return a failure as the older API tells it; its message holds a telephone number."""
    told = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return document(f"<RestException><Message>{PHONE}</Message>{told}</RestException>".encode())


def refused(body: bytes) -> ApiError:
    """Read what holds no sessions; return the error."""
    with pytest.raises(ApiError) as caught:
        read_agent_streams(body)
    assert PHONE not in repr(vars(caught.value))
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        b"<TwilioResponse><Stream><ActiveStreamCount>12</ActiveStreamCount><ThrottleLimit>100</ThrottleLimit>"
        b"</Stream></TwilioResponse>",
        DECLARATION + document(STREAM % (b"12", b"100")),
        b"\xef\xbb\xbf" + DECLARATION + document(b"\n  " + STREAM % (b"\n 12 ", b" 100\n") + b"\n") + b"\n",
        b'<TwilioResponse xmlns="http://exotel.example/v1">'
        + STREAM % (b"12", b"100")
        + b"</TwilioResponse>",
        document(STREAM % (b"12", b"100") + b"<Note>five &lt; six &#x263a; <b>!</b></Note><!-- ok -->"),
        b'{"Stream":{"ActiveStreamCount":12,"ThrottleLimit":"100"}}',
    ],
)
def test_sessions_and_their_limit_are_read(body: bytes) -> None:
    """However it is laid out, and whatever stands beside them."""
    assert read_agent_streams(body) == AgentStreams(12, 100)


def test_no_sessions_and_none_allowed_are_zero_not_unknown() -> None:
    """Also as numbers of JSON."""
    assert read_agent_streams(b'{"Stream":{"ActiveStreamCount":0,"ThrottleLimit":0}}') == AgentStreams(0, 0)


@pytest.mark.parametrize("limit", [b"", b"unlimited", b"-1", b"9" * 400, b"<No/>"])
def test_a_limit_that_can_not_be_read_is_none(limit: bytes) -> None:
    """The sessions are known all the same, if there is none too."""
    assert read_agent_streams(document(STREAM % (b"0", limit))) == AgentStreams(0, None)


@pytest.mark.parametrize("active", [b"", b"many", b"-1", b"9" * 400, b"1<No/>2", b"1.5"])
def test_without_a_number_of_sessions_there_is_no_answer(active: bytes) -> None:
    """0 would be a lie."""
    error = refused(document(STREAM % (active, b"100")))
    assert error.reason == Reason.BAD_RESPONSE
    assert "ActiveStreamCount" in error.detail


@pytest.mark.parametrize(
    ("fields", "reason", "code"),
    [
        ({"Status": 401}, Reason.AUTH, None),
        ({"Status": 404, "Code": 1017}, Reason.NOT_FOUND, 1017),
        ({"Status": 429, "Code": "RATE_LIMIT_EXCEEDED"}, Reason.RATE_LIMITED, "RATE_LIMIT_EXCEEDED"),
        ({}, Reason.BAD_RESPONSE, None),
    ],
)
def test_a_failure_is_told_as_in_json(fields: dict[str, object], reason: Reason, code: object) -> None:
    """Inside an HTTP 200, beside sessions, or with a status of its own; whatever was asked for."""
    body = exception(**fields)
    error = refused(body)
    assert (error.reason, error.code) == (reason, code)
    assert (
        refused(body.replace(b"<RestException>", STREAM % (b"1", b"2") + b"<RestException>")).reason == reason
    )
    for read in (lambda: refuse_failure(400, body), lambda: read_page(body)):
        with pytest.raises(ApiError) as caught:
            read()
        assert (caught.value.reason, caught.value.code) == (reason, code)


ENTITIES = b"".join(b'<!ENTITY e%d "%b">' % (n + 1, b"&e%d;" % n * 10) for n in range(9))


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE x [<!ENTITY e0 "1">' + ENTITIES + b"]>" + document(STREAM % (b"&e9;", b"1")),
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + document(STREAM % (b"&a;", b"1")),
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + document(STREAM % (b"1", b"1")),
        b"<!DOCTYPE x>" + document(STREAM % (b"1", b"1")),
        (b"<!DOCTYPE x>" + document(STREAM % (b"1", b"1"))).decode().encode("utf-16"),
        document(STREAM % (b"1", b"1")).decode().encode("utf-16"),
        document(STREAM % (b"&unknown;", b"1")),
    ],
)
def test_a_document_with_a_doctype_is_not_read(body: bytes) -> None:
    """It could define entities that grow without bound, or are fetched from elsewhere."""
    assert refused(body).reason == Reason.BAD_RESPONSE


@pytest.mark.parametrize(
    "body",
    [
        document(b"<a>" * 140_000 + b"</a>" * 140_000),
        document(b"<a/>" * 250_000),
        document(b"<a " + b"b" * 10**6 + b'="1"/>'),
        b"<" * 2**20,
        document(STREAM % (b"1", b" " * 2**19)),
    ],
    ids=range(5),
)
def test_a_document_longer_than_any_of_exotels_is_not_read(body: bytes) -> None:
    """A tree takes a hundred times the memory of its text."""
    assert refused(body).reason == Reason.BAD_RESPONSE


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><body>Not Found</body></html>", "the answer is HTML"),
        (b"<html><body><Stream/></body></html>", "the answer is HTML"),
        (b"<Error><Code>AccessDenied</Code></Error>", "the answer is XML"),
        (document(STREAM % (b"1", b"1"))[:-5], "the answer is XML"),
        (document(b""), "ActiveStreamCount"),
        (b"", "the answer is empty"),
    ],
)
def test_what_is_no_answer_of_the_api_is_told(body: bytes, said: str) -> None:
    """A wrong host answers with pages of its own."""
    error = refused(body)
    assert error.reason == Reason.BAD_RESPONSE
    assert said in error.detail


@given(
    st.lists(st.sampled_from([b"<", b">", b"/", b"a", b"Stream", b"ActiveStreamCount", b"1", b"&", b"]]>"]))
)
def test_any_xml_at_all_is_sessions_or_an_error(pieces: list[bytes]) -> None:
    """And nothing else comes out."""
    with suppress(ApiError):
        assert read_agent_streams(document(b"".join(pieces))).active >= 0
