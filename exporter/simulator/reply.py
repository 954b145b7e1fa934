"""An answer, and how it reaches the client: the values that faults bend and the server sends."""

from dataclasses import dataclass
from typing import Any, Literal
from xml.sax.saxutils import escape

import msgspec

Delivery = Literal["whole", "reset", "close", "hang", "drip", "truncate", "garbage"]
Headers = tuple[tuple[str, str], ...]
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered to one request."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Headers = ()
    delay: float = 0.0
    """Seconds before it is sent."""
    delivery: Delivery = "whole"
    padding: int = 0
    """Bytes of white space sent before the body."""


def json_reply(status: int, document: object) -> Reply:
    """Answer a JSON document."""
    return Reply(status, msgspec.json.encode(document))


def xml_reply(status: int, name: str, **fields: object) -> Reply:
    """Answer as v1 of the API does: one element with these in it."""
    inside = "".join(f"<{field}>{escape(str(value))}</{field}>" for field, value in fields.items())
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse><{name}>{inside}</{name}></TwilioResponse>'
    )
    return Reply(status, document.encode(), "application/xml")


def success(request_id: str, response: dict[str, Any]) -> Reply:
    """Answer as v3 of the API does when all is well."""
    return json_reply(
        200, {"request_id": request_id, "method": "GET", "http_code": 200, "response": response}
    )


def failure(request_id: str, http_code: int, code: int, message: str, method: str = "GET") -> Reply:
    """Answer as v3 of the API does when it can't; `code` is the application's own."""
    error = {"code": code, "message": message, "description": message}
    response = {"code": http_code, "error_data": error, "status": "failure", "data": None}
    document = {"request_id": request_id, "method": method, "http_code": http_code, "response": response}
    return json_reply(http_code, document)
