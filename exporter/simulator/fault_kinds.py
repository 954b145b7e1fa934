"""The table of what can go wrong: each kind of fault reads its argument once, then bends replies."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from exporter.simulator import bending
from exporter.simulator.bending import Apply
from exporter.simulator.durations import parse_duration
from exporter.simulator.reply import HTML, Delivery, Reply, failure

_PAGE = (
    b"<!DOCTYPE html><html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>"
)
_REQUEST_ID = "req_fault"
#: The application's own code for an HTTP status, where its page tells one.
_CODES = {401: 1010, 404: 1017, 429: 10724, 500: 10715, 503: 10743}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault."""

    help: str
    prepare: Callable[[str], Apply]
    """Reads the argument; ValueError says what is wrong with it."""


def _status(argument: str) -> Apply:
    first, *options = argument.split(",")
    code = _whole(first, "an HTTP status", 200, 599)
    given = dict(option.partition("=")[::2] for option in options)
    retry_after, body = given.pop("retry-after", ""), given.pop("body", "v3")
    if given:
        raise ValueError(f"unknown option {next(iter(given))!r}: expected retry-after or body")
    bodies: dict[str, Apply] = {
        "v3": lambda _: failure(_REQUEST_ID, code, _CODES.get(code, code), "fault on demand"),
        "v1": lambda reply: replace(reply, body=_v1_body(code), content_type="application/json"),
        "html": lambda reply: replace(reply, body=_PAGE, content_type=HTML),
        "empty": lambda reply: replace(reply, body=b""),
    }
    if body not in bodies:
        raise ValueError(f"unknown body {body!r}: expected one of {', '.join(bodies)}")
    if not _is_header(retry_after):
        raise ValueError(f"{retry_after!r} can't be a header")
    headers = (("Retry-After", retry_after),) if retry_after else ()

    def apply(reply: Reply) -> Reply:
        bent = bodies[body](reply)
        return replace(
            reply,
            status=code,
            body=bent.body,
            content_type=bent.content_type,
            headers=reply.headers + headers,
        )

    return apply


def _v1_body(code: int) -> bytes:
    named = {429: "RATE_LIMIT_EXCEEDED"}.get(code, str(code))
    return msgspec.json.encode(
        {"RestException": {"Status": code, "Message": "fault on demand", "Code": named}}
    )


def _inside(argument: str) -> Apply:
    code = _whole(argument or "401", "an HTTP status", 400, 599)
    body = failure(_REQUEST_ID, code, _CODES.get(code, code), "fault on demand").body
    return lambda reply: replace(reply, status=200, body=body)


def _delivery(delivery: Delivery) -> Callable[[str], Apply]:
    return _plain(lambda reply: replace(reply, delivery=delivery))


def _slow(argument: str) -> Apply:
    delay = parse_duration(argument)
    return lambda reply: replace(reply, delay=reply.delay + delay)


def _huge(argument: str) -> Apply:
    size = _whole(argument or "100", "a number of megabytes", 1, 100_000) * 1_000_000
    return lambda reply: replace(reply, padding=size)


def _redirect(argument: str) -> Apply:
    if not argument or not _is_header(argument):
        raise ValueError(f"{argument!r} is no place to redirect to: expected a URL")
    return lambda reply: replace(
        reply, status=302, body=b"", headers=(*reply.headers, ("Location", argument))
    )


def _other_json(argument: str) -> Apply:
    text = argument or '{"data": {"items": []}, "count": 0}'
    bending.read_json(text)
    body = text.encode()
    return lambda reply: replace(reply, body=body)


def _details(argument: str) -> Apply:
    return _plain(bending.details())(argument)  # each fault begins the table anew


def _plain(apply: Apply) -> Callable[[str], Apply]:
    """Make a kind that takes no argument."""

    def prepare(argument: str) -> Apply:
        if argument:
            raise ValueError(f"takes no argument, found {argument!r}")
        return apply

    return prepare


def _whole(text: str, what: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise ValueError(f"{text!r} is not {what}: expected a whole number from {least} to {most}")
    return int(text)


def _is_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


KINDS = {
    "status": Kind("CODE[,retry-after=30][,body=v3|v1|html|empty]: this HTTP status", _status),
    "inside": Kind("[CODE]: HTTP 200 with an error (401) in the body", _inside),
    "slow": Kind("DURATION: answers later", _slow),
    "hang": Kind("never answers", _delivery("hang")),
    "reset": Kind("resets the connection", _delivery("reset")),
    "close": Kind("closes the connection without an answer", _delivery("close")),
    "drip": Kind("sends the body one byte a second", _delivery("drip")),
    "truncate": Kind("sends half of the body that Content-Length tells, and closes", _delivery("truncate")),
    "garbage": Kind("answers something that isn't HTTP", _delivery("garbage")),
    "bad_json": Kind(
        "half of the JSON", _plain(lambda reply: replace(reply, body=reply.body[: len(reply.body) // 2]))
    ),
    "html": Kind("a page for people", _plain(lambda reply: replace(reply, body=_PAGE, content_type=HTML))),
    "other_json": Kind("[JSON]: JSON of another shape", _other_json),
    "empty_page": Kind("no rows, under the total", _plain(bending.empty_page)),
    "total": Kind("JSON: total_active says this", bending.total),
    "rows": Kind("hostile rows mixed into the true ones", _plain(bending.rows)),
    "endings": Kind("which calls have ended, as v3 tells it", _plain(bending.endings)),
    "spoilt": Kind("rows that are barely JSON before the true ones", _plain(bending.spoilt)),
    "stream": Kind("JSON: these fields of a call's stream, an object, are so", bending.stream),
    "details": Kind("a hostile stream of a call, each time the next of a table", _details),
    "huge": Kind("[MEGABYTES]: so much white space (100) before the body, streamed", _huge),
    "redirect": Kind("URL: 302 to there", _redirect),
}
