"""The kinds of faults: what each does to a response, and the argument that it takes."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from exporter.simulator.malformed import (
    BORDERLINE_ROWS,
    INVALID_ROWS,
    MALFORMED_ROWS,
    MALFORMED_STREAMS,
    changed,
)
from exporter.simulator.messages import HTML, JSON, Delivery, Response, failure

Apply = Callable[[Response], Response]

_HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>"
)
_MESSAGE = "fault on demand"
#: The application's own code for an HTTP status, where the API's documentation has one.
_CODES = {401: 1010, 404: 1017, 429: 10724, 500: 10715, 503: 10743}
_ENDINGS = {"no-answer": "to_leg_unanswered", "canceled": "from_leg_cancelled", "failed": "to_leg_no_dial"}
_LIST_START = re.compile(rb'"active_calls": ?\[')
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault."""

    help: str
    prepare: Callable[[str], Apply]
    """Parses the argument; raises ValueError saying what is wrong with it."""


def parse_duration(text: str) -> float:
    """Return a duration such as `20ms`, `1s` or `1h30m` in seconds; raise ValueError if it isn't one."""
    parts = _DURATION_PART.findall(text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: expected one like 20ms, 1s or 2m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def _refuse_argument(argument: str) -> None:
    if argument:
        raise ValueError(f"takes no argument, found {argument!r}")


def _without_argument(apply: Apply) -> Callable[[str], Apply]:
    def prepare(argument: str) -> Apply:
        _refuse_argument(argument)
        return apply

    return prepare


def _parse_int(text: str, what: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ValueError(f"{text!r} is not {what}: expected a whole number from {least} to {most}")
    return int(text)


def _parse_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{text!r} is not JSON") from None


def _is_header_value(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _status(argument: str) -> Apply:
    first, *options = argument.split(",")
    code = _parse_int(first, "an HTTP status", 200, 599)
    given = dict(option.partition("=")[::2] for option in options)
    retry_after, body = given.pop("retry-after", ""), given.pop("body", "v3")
    if given:
        raise ValueError(f"unknown option {next(iter(given))!r}: expected retry-after or body")
    v1_code = "RATE_LIMIT_EXCEEDED" if code == 429 else str(code)
    v1_body = msgspec.json.encode({"RestException": {"Status": code, "Message": _MESSAGE, "Code": v1_code}})
    bodies: dict[str, Apply] = {
        "v3": lambda response: replace(response, body=_failure_body(code), content_type=JSON),
        "v1": lambda response: replace(response, body=v1_body, content_type=JSON),
        "html": lambda response: replace(response, body=_HTML_PAGE, content_type=HTML),
        "empty": lambda response: replace(response, body=b""),
    }
    if body not in bodies:
        raise ValueError(f"unknown body {body!r}: expected one of {', '.join(bodies)}")
    if not _is_header_value(retry_after):
        raise ValueError(f"{retry_after!r} can't be a header value")
    headers = (("Retry-After", retry_after),) if retry_after else ()
    return lambda response: replace(bodies[body](response), status=code, headers=response.headers + headers)


def _failure_body(code: int) -> bytes:
    return failure("req_fault", code, _CODES.get(code, code), _MESSAGE).body


def _inside(argument: str) -> Apply:
    body = _failure_body(_parse_int(argument or "401", "an HTTP status", 400, 599))
    return lambda response: replace(response, status=200, body=body)


def _delivery(delivery: Delivery) -> Callable[[str], Apply]:
    return _without_argument(lambda response: replace(response, delivery=delivery))


def _slow(argument: str) -> Apply:
    delay = parse_duration(argument)
    return lambda response: replace(response, delay=response.delay + delay)


def _huge(argument: str) -> Apply:
    size = _parse_int(argument or "100", "a number of megabytes", 1, 100_000) * 1_000_000
    return lambda response: replace(response, padding=size)


def _redirect(argument: str) -> Apply:
    if not argument or not _is_header_value(argument):
        raise ValueError(f"{argument!r} is not a URL to redirect to")
    location = ("Location", argument)
    return lambda response: replace(response, status=302, body=b"", headers=(*response.headers, location))


def _bad_json(response: Response) -> Response:
    return replace(response, body=response.body[: len(response.body) // 2])


def _html(response: Response) -> Response:
    return replace(response, body=_HTML_PAGE, content_type=HTML)


def _other_json(argument: str) -> Apply:
    text = argument or '{"data": {"items": []}, "count": 0}'
    _parse_json(text)
    return lambda response: replace(response, body=text.encode())


def _change(response: Response, key: str, kind: type, change: Callable[[dict[str, Any]], None]) -> Response:
    """Change the `response` object of a body; leave bodies alone that have no such key of this type."""
    try:
        document = json.loads(response.body)
    except ValueError:
        return response
    inner = document.get("response") if isinstance(document, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get(key), kind):
        return response
    change(inner)
    return replace(response, body=json.dumps(document).encode())  # msgspec refuses some malformed values


def _total(argument: str) -> Apply:
    total = {"total_active": _parse_json(argument)}
    return lambda response: _change(response, "active_calls", list, lambda inner: inner.update(total))


def _empty_page(response: Response) -> Response:
    return _change(response, "active_calls", list, lambda inner: inner.update(active_calls=[]))


def _rows(response: Response) -> Response:
    """Insert a malformed row after each row while there are any, then append the rest."""

    def mix(inner: dict[str, Any]) -> None:
        rows, malformed = inner["active_calls"], list(MALFORMED_ROWS)
        mixed = [row for pair in zip(rows, malformed, strict=False) for row in pair]
        inner["active_calls"] = mixed + rows[len(malformed) :] + malformed[len(rows) :]

    return _change(response, "active_calls", list, mix)


def _endings(response: Response) -> Response:
    """Add a state to each row that has a status, and write final statuses as v3 does, or late."""

    def rewrite(inner: dict[str, Any]) -> None:
        for row in inner["active_calls"]:
            if not isinstance(row, dict) or not isinstance(status := row.get("status"), str):
                continue  # another fault has malformed it
            row["state"] = "active" if status in {"queued", "ringing", "in-progress"} else "terminal"
            row["status"] = "in-progress" if status == "completed" else _ENDINGS.get(status, status)

    return _change(response, "active_calls", list, rewrite)


def _spoilt(response: Response) -> Response:
    """Insert rows that strict JSON parsers refuse before the others."""
    if not (start := _LIST_START.search(response.body)):
        return response
    before, after = response.body[: start.end()], response.body[start.end() :]
    rows = b",".join((*BORDERLINE_ROWS, *INVALID_ROWS))
    return replace(response, body=before + rows + (b"" if after.startswith(b"]") else b",") + after)


def _stream(argument: str) -> Apply:
    changes = _parse_json(argument)
    if not isinstance(changes, dict):
        raise ValueError(f"{argument!r} is not a JSON object")  # noqa: TRY004 (the text is wrong, no type)
    return _change_streams(itertools.repeat(changes))


def _details(argument: str) -> Apply:
    _refuse_argument(argument)
    return _change_streams(itertools.cycle(MALFORMED_STREAMS))  # each fault begins at the first


def _change_streams(streams: Iterator[object]) -> Apply:
    """Apply the next changes to each stream; a value that isn't an object replaces the stream."""

    def change(inner: dict[str, Any]) -> None:
        changes = next(streams)
        inner["stream"] = changed(inner["stream"], changes) if isinstance(changes, dict) else changes

    return lambda response: _change(response, "stream", dict, change)


KINDS = {
    "status": Kind("CODE[,retry-after=30][,body=v3|v1|html|empty]: responds with this HTTP status", _status),
    "inside": Kind("[CODE]: HTTP 200 with an error (401 by default) in the body", _inside),
    "slow": Kind("DURATION: delays the response", _slow),
    "hang": Kind("never responds", _delivery("hang")),
    "reset": Kind("resets the connection", _delivery("reset")),
    "close": Kind("closes the connection without a response", _delivery("close")),
    "drip": Kind("sends the body at one byte per second", _delivery("drip")),
    "truncate": Kind("sends half of the announced Content-Length, then closes", _delivery("truncate")),
    "garbage": Kind("sends something that isn't HTTP", _delivery("garbage")),
    "bad_json": Kind("sends the first half of the JSON", _without_argument(_bad_json)),
    "html": Kind("sends an HTML page", _without_argument(_html)),
    "other_json": Kind("[JSON]: sends JSON of another shape", _other_json),
    "empty_page": Kind("removes the rows but keeps the total", _without_argument(_empty_page)),
    "total": Kind("JSON: sets total_active", _total),
    "rows": Kind("mixes malformed rows into the page", _without_argument(_rows)),
    "endings": Kind("marks ended calls as v3 does, by state and status", _without_argument(_endings)),
    "spoilt": Kind("inserts rows that are not valid JSON, or barely", _without_argument(_spoilt)),
    "stream": Kind("JSON: sets the fields of this object in a call's stream", _stream),
    "details": Kind("malforms each call's stream in the next of many ways", _details),
    "huge": Kind("[MEGABYTES]: sends so much white space (100 by default) before the body", _huge),
    "redirect": Kind("URL: redirects there with 302", _redirect),
}
