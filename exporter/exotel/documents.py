"""From a body to plain values, as tolerantly as it can be done: JSON, or the XML of Exotel's older API."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree

# A string, closed or not, or a bracket. Its quantifiers give nothing back: no text is read twice.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{\]}]', re.DOTALL)
_ROW = 4  # levels down: {"response": {"active_calls": [{…
_DEEPEST = 16  # levels down; nothing that is read lies as deep
_MOST_ROWS = 100_000  # more than a body holds of real ones; each takes its time to look at
_SMALL = 2**19  # bytes; what isn't longer can't have too many values
_MOST_VALUES = 600_000  # three times as many as a page of 10,000 rows has
_MOST_TOKENS = 1_000_000  # four times as many as a page of 10,000 rows has
_LONGEST_XML = 2**16  # characters; a tree takes a hundred times the memory of its text


def _parse_int(digits: str) -> int | float:
    return int(digits) if len(digits) < 300 else float(digits)  # Python refuses an int of thousands of digits


_decoder = json.JSONDecoder(parse_int=_parse_int, strict=False)


def is_bulk(body: bytes) -> bool:
    """Tell whether a body has so many values that reading it would cost more than any page does."""
    return len(body) > _SMALL and sum(map(body.count, (b",", b"[", b"{"))) > _MOST_VALUES


def parse(body: bytes) -> Any:
    """Parse JSON, or else the XML of Exotel's; None where it is neither, or has too many values.

    A row that is no JSON is null, and so is what is nested too deeply in a row: neither costs the others.
    """
    if is_bulk(body):
        return None
    text = body.decode("utf-8-sig", "replace")
    try:
        return _parse_json(text)
    except ValueError:
        return _parse_xml(text) if text.lstrip().startswith("<") else _parse_mended(text)


def _parse_json(text: str) -> Any:
    """Parse JSON whose strings may hold control characters. Raises ValueError."""
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _parse_mended(text: str) -> Any:
    try:
        return _parse_json(_mended(text))
    except ValueError:
        return None


def _mended(text: str) -> str:
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
                kept[row:] = [_mended_row(written)]
                copied = token.end()
            level -= 1
    return "".join((*kept, text[copied:]))


def _mended_row(row: str) -> str:
    if row.count("call_sid") > 1:
        return row  # a quote is missing, and nobody knows how many rows these are
    try:
        _parse_json(row)
    except ValueError:
        return "null"
    return row


def _parse_xml(text: str) -> dict[str, Any] | None:
    """Parse `<TwilioResponse>` as JSON would tell it: two levels of objects, then texts."""
    if "<!DOCTYPE" in text or len(text) > _LONGEST_XML:  # without a DOCTYPE only XML's own entities exist
        return None
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  # what makes it unsafe needs a DOCTYPE
    except (ElementTree.ParseError, ValueError):
        return None
    if _name(root) != "TwilioResponse":
        return None
    return {_name(part): {_name(each): _text(each) for each in part} or _text(part) for part in root}


def _text(element: ElementTree.Element) -> str:
    return "" if len(element) else (element.text or "").strip()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]  # without its namespace
