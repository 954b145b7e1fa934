"""The body of an answer, read whole but never beyond what is bearable, however it is framed or compressed."""

from __future__ import annotations

import re

import requests

from exporter.exotel.errors import ApiError, Reason

_PIECE = 2**18  # bytes read at a time: in smaller ones the threads fight for the interpreter
_LENGTH = re.compile("[0-9]{1,18}")


def read_body(response: requests.Response, limit: int) -> bytes:
    """Return a body of at most `limit` bytes, or of a longer one its start: one byte more.

    Raises ApiError when nobody can tell where it ends.
    """
    _refuse_lengths(response)
    pieces, left = [], limit + 1
    while left and (piece := response.raw.read(min(_PIECE, left), decode_content=True)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _refuse_lengths(response: requests.Response) -> None:
    """Raise ApiError of a length that isn't one; of a body in chunks none counts (RFC 9112, 6.3)."""
    if "Transfer-Encoding" in response.headers or "Content-Length" not in response.headers:
        return
    told = {length.strip() for length in response.headers["Content-Length"].split(",")}
    if len(told) > 1 or not all(map(_LENGTH.fullmatch, told)):
        detail = "the answer's Content-Length is not one number of bytes"
        raise ApiError(Reason.BAD_RESPONSE, detail, status=response.status_code)
