"""From the body of an answer to what it tells: one odd field costs only itself.

A page is decoded straight into its types; where anything in it is odd it is read field by field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, get_args

import msgspec
from msgspec import Struct, UnsetType
from msgspec.structs import fields

from exporter.exotel.body import is_bulk, parse
from exporter.exotel.classify import refuse
from exporter.exotel.enums import BridgeStatus, CallState, coerce, coercer, member
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import (
    Agent,
    AgentStreams,
    Bridge,
    Call,
    Leg,
    NamedAgent,
    Page,
    PersonalCall,
    Stream,
    settle,
)

_C = TypeVar("_C", bound=Call)
_S = TypeVar("_S", bound=Struct)
_Stated = TypeVar("_Stated", Call, Stream)

_TERMINAL = CallState.TERMINAL  # looked up once: to ask an enum for each row costs a fifth of its decoding
_LARGEST_COUNT = 10_000_000  # at a time; a larger number is a mistake, or stands for no limit
_MOST_LEGS = 10_000  # more take seconds to read, and are no call


class _SuccessEnvelope(Struct):
    """What a page without a failure says beside its rows; of one that says anything else all is looked at."""

    http_code: Literal[200] | None = None
    status: Literal["success", "ok", 200] | None = None
    code: Literal[0, 200] | None = None
    success: bool | None = None  # msgspec knows no Literal[True]
    error: None = None
    errors: None = None
    error_data: None = None
    RestException: None = None


class _Response(_SuccessEnvelope, Generic[_C], kw_only=True):
    active_calls: list[_C]
    total_active: Any = None


class _Body(_SuccessEnvelope, Generic[_C], kw_only=True):
    response: _Response[_C]


# What is there, whatever it is like.
_UNREADABLE: dict[type[Struct], Struct] = {
    **{Agent: Agent(), NamedAgent: NamedAgent()},
    Bridge: Bridge(BridgeStatus.OTHER),
}
_decoders: dict[type[Call], Callable[[bytes], _Body[Any]]] = {
    Call: msgspec.json.Decoder(_Body[Call]).decode,
    PersonalCall: msgspec.json.Decoder(_Body[PersonalCall]).decode,
}


def read_page(body: bytes, kind: type[Call] = Call) -> Page:
    """Return the page in the body of a 200 to `GET /v3/accounts/<account_sid>/calls/active`; rows as `kind`.

    Raises ApiError when it isn't a page: by a failure told inside, or by its shape.
    """
    try:
        decoded = _decoders[kind](body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_page_loosely(body, kind)
    response = decoded.response
    if False in (decoded.success, response.success):
        return _read_page_loosely(body, kind)
    calls = [settle(call) if call.state is _TERMINAL else call for call in response.active_calls]
    return Page(tuple(calls), 0, _count(response.total_active))


def read_stream(body: bytes, call_sid: str) -> Stream:
    """Return the details in the body of a 200 to `GET /v3/accounts/<account_sid>/calls/<call_sid>/stream`.

    Raises ApiError when it holds none, or those of another call.
    """
    stream = member(_read_object(body).get("response"), "stream")
    if not isinstance(stream, dict):
        raise _odd("the answer has no object response.stream")
    if coerce(str, stream.get("call_sid")) not in {None, call_sid}:
        raise _odd("the answer is about another call")
    return _read_settled(Stream, stream)


def read_agent_streams(body: bytes) -> AgentStreams:
    """Return the sessions in the body of a 200 to `GET /v1/Accounts/<account_sid>/ActiveStreams`.

    Raises ApiError when it doesn't tell how many there are.
    """
    answer = _read_object(body)
    stream = member(answer, "Stream")
    active = _count(member(stream, "ActiveStreamCount"), answer.get("active_streams"))
    if active is None:
        raise _odd("the answer has no number active_streams or ActiveStreamCount")
    return AgentStreams(active, _count(member(stream, "ThrottleLimit"), answer.get("max_allowed_streams")))


def refuse_failure(status: int, body: bytes) -> None:
    """Raise the ApiError that an answer other than 200 stands for."""
    refuse(status, parse(body))


# Field by field


def _read_page_loosely(body: bytes, kind: type[Call]) -> Page:
    if is_bulk(body):
        raise _odd("the answer has more values than any page")
    response = _read_object(body).get("response")
    rows = member(response, "active_calls")
    if not isinstance(response, dict) or "active_calls" not in response or not isinstance(rows, list | None):
        raise _odd("the answer has no list response.active_calls")
    readable = (row for row in rows or () if coerce(str, member(row, "call_sid")))
    calls = tuple(_read_settled(kind, row) for row in readable)
    return Page(calls, len(rows or ()) - len(calls), _count(response.get("total_active")))


def _read_object(body: bytes) -> dict[str, Any]:
    """Return the object in the body of a 200; raise ApiError when it isn't one, or tells a failure."""
    answer = parse(body)
    refuse(200, answer)
    if not isinstance(answer, dict):
        raise _odd(f"the answer is {'JSON, but not an object' if answer is not None else _kind(body)}")
    return answer


def _kind(body: bytes) -> str:
    start = body.lstrip()[:15].lower()
    if not start:
        return "empty"
    if start.startswith((b"<!doctype html", b"<html")):
        return "HTML, not JSON"
    return (
        "XML, not JSON" if start.startswith(b"<") else f"not JSON, or was cut short after {len(body)} bytes"
    )


def _odd(detail: str) -> ApiError:
    return ApiError(Reason.BAD_RESPONSE, detail, status=200)


def _read_settled(kind: type[_Stated], found: Mapping[str, object]) -> _Stated:
    read = _read(kind, found)
    return settle(read) if read.state is _TERMINAL else read


def _read(kind: type[_S], found: Mapping[str, object]) -> _S:
    """Return an object with each field that can be understood; others are None."""
    return kind(**{name: read(found[key]) for name, key, read in _readers(kind) if key in found})


@cache
def _readers(kind: type[Struct]) -> list[tuple[str, str, Callable[[Any], Any]]]:
    """Return for each field its name here, its name in JSON, and what reads it."""
    return [(field.name, field.encode_name, _reader(field.type)) for field in fields(kind)]


def _reader(annotation: Any) -> Callable[[Any], Any]:
    """Return what reads a field of a type that is told beside None, UNSET, metadata and parameters."""
    if isinstance(annotation, UnionType):
        [annotation] = {*get_args(annotation)} - {NoneType, UnsetType}
    kind = getattr(annotation, "__origin__", annotation)
    if kind is tuple:
        return _legs
    return partial(_read_member, kind) if issubclass(kind, Struct) else coercer(kind)


def _read_member(kind: type[_S], value: object) -> Struct | None:
    if isinstance(value, dict):
        return _read(kind, value)
    return None if value is None else _UNREADABLE.get(kind)


def _legs(legs: object) -> tuple[Leg | None, ...] | None:
    return tuple(map(_leg, legs)) if isinstance(legs, list) and len(legs) <= _MOST_LEGS else None


def _leg(leg: Any) -> Leg | None:
    if not isinstance(leg, dict):
        return None
    audio = leg.get("audio_status")
    return _read(Leg, {**leg, "muted": member(audio, "muted"), "on_hold": member(audio, "hold")})


def _count(*values: object) -> int | None:
    """Return the first number of calls or sessions, also from a text; more than ten million are none."""
    numbers = (number for value in values if (number := coerce(int, value)) is not None)
    return next((number for number in numbers if 0 <= number <= _LARGEST_COUNT), None)
