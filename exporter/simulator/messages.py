"""HTTP requests and responses as values: what the API answers, faults change and the server sends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

import msgspec

Delivery = Literal["whole", "reset", "close", "hang", "drip", "truncate", "garbage"]
Headers = tuple[tuple[str, str], ...]
CONTROL_PREFIX = "/_simulator/"
"""Of paths that aren't Exotel's."""
JSON, HTML = "application/json", "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A response, and how it is sent."""

    status: int
    body: bytes
    content_type: str = JSON
    """Empty for a response that doesn't tell it."""
    headers: Headers = ()
    delay: float = 0.0
    """Seconds before it is sent."""
    delivery: Delivery = "whole"
    padding: int = 0
    """Bytes of white space sent before the body."""


def json_response(status: int, document: object) -> Response:
    """Return a response with a JSON document."""
    return Response(status, msgspec.json.encode(document))


def xml_response(status: int, name: str, **fields: object) -> Response:
    """Return a response as v1 of the API writes XML: one element with these fields."""
    inside = "".join(f"<{field}>{escape(str(value))}</{field}>" for field, value in fields.items())
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse><{name}>{inside}</{name}></TwilioResponse>'
    )
    return Response(status, document.encode(), "application/xml")


def success(request_id: str, response: dict[str, Any]) -> Response:
    """Return a successful response of v3 of the API."""
    document = {"request_id": request_id, "method": "GET", "http_code": 200, "response": response}
    return json_response(200, document)


def failure(request_id: str, http_code: int, code: int, message: str, method: str = "GET") -> Response:
    """Return an error response of v3 of the API; `code` is the application's own."""
    error = {"code": code, "message": message, "description": message}
    response = {"code": http_code, "error_data": error, "status": "failure", "data": None}
    document = {"request_id": request_id, "method": method, "http_code": http_code, "response": response}
    return json_response(http_code, document)
