"""The body of an answer: read whole but bounded, and parsed as tolerantly as it can be done.

JSON that is spoilt inside of rows is repaired; AgentStream, an older API, may answer in XML.
"""

from __future__ import annotations

import json
import re
from typing import Any

import requests

from exporter.exotel.errors import ApiError, Reason

_PIECE = 2**18  # bytes read at a time: in smaller ones the threads fight for the interpreter
_LENGTH = re.compile("[0-9]{1,18}")

# A string, closed or not, or a bracket. Its quantifiers give nothing back: no text is read twice.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)
_ROW = 4  # levels down: {"response": {"active_calls": [{…
_DEEPEST = 16  # levels down; nothing that is read lies as deep
_MOST_ROWS = 100_000  # more than a body holds of real ones; each takes its time to look at
_SMALL = 2**19  # bytes; what isn't longer can't have too many values
_MOST_VALUES = 600_000  # three times as many as a page of 10,000 rows has
_MOST_TOKENS = 1_000_000  # four times as many as a page of 10,000 rows has
_decoder = json.JSONDecoder(
    parse_int=lambda digits: int(digits) if len(digits) < 300 else float(digits),  # Python refuses thousands
    strict=False,  # strings may hold control characters
)


def read_body(response: requests.Response, limit: int) -> bytes:
    """Return a body of at most `limit` bytes, or of a longer one its start: one byte more.

    Raises ApiError when nobody can tell where it ends.
    """
    length = response.headers.get("Content-Length")
    if length is not None and "Transfer-Encoding" not in response.headers:  # RFC 9112, 6.3
        told = {each.strip() for each in length.split(",")}
        if len(told) > 1 or not all(map(_LENGTH.fullmatch, told)):
            detail = "the Content-Length header isn't one number"
            raise ApiError(Reason.BAD_RESPONSE, detail, status=response.status_code)
    pieces, left = [], limit + 1
    while left and (piece := response.raw.read(min(_PIECE, left), decode_content=True)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def is_bulk(body: bytes) -> bool:
    """Return whether a body has so many values that reading it would cost more than any page does."""
    return len(body) > _SMALL and sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES


def parse(body: bytes) -> Any:
    """Return what JSON, or else the XML of Exotel's, holds; None where it is neither, or has too many values.

    A row that is no JSON is null, and so is what is nested too deeply in a row: neither costs the others.
    """
    if is_bulk(body):
        return None
    text = body.decode("utf-8-sig", "replace")
    if (parsed := _parse_json(text)) is not None:
        return parsed
    if not text.lstrip().startswith("<"):
        return _parse_json(_repaired(text))
    from exporter.exotel.xml_body import parse_xml  # noqa: PLC0415  # few accounts are answered in XML

    return parse_xml(text)


def _parse_json(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        return None


def _repaired(text: str) -> str:
    """Return JSON without what spoils it, as far as that is inside of rows."""
    kept: list[str] = []
    copied = level = row = rows = 0
    for number, token in enumerate(_TOKEN.finditer(text)):
        if number == _MOST_TOKENS:
            return text
        mark = text[token.start()]
        if mark in "[{":
            level += 1
            if level in {_ROW, _DEEPEST}:
                kept.append(text[copied : token.start()])
                copied = token.start()
            if level == _ROW:
                row, rows = len(kept), rows + 1
                if rows > _MOST_ROWS:
                    return text
        elif mark in "]}":
            if level == _DEEPEST:
                kept.append("null")
                copied = token.end()
            elif level == _ROW:
                written = "".join((*kept[row:], text[copied : token.end()]))
                kept[row:] = [_repaired_row(written)]
                copied = token.end()
            level -= 1
    return "".join((*kept, text[copied:]))


def _repaired_row(row: str) -> str:
    if row.count("call_sid") > 1:
        return row  # a quote is missing, and nobody knows how many rows these are
    return "null" if _parse_json(row) is None else row
