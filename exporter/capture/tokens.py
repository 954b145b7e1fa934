"""The tokens of a text in JSON or XML, however broken it is, and how they write their characters.

Nothing is parsed: a body that is cut or spoilt has tokens too. All that lies between them stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from string import hexdigits
from typing import NamedTuple

from exporter.capture.words import API_WORD

_JSON = re.compile(
    r'"(?P<string>(?:[^"\\]++|\\.)*+)"?'
    r"|(?P<bare>[^\s\"\[\]{},:][^\"\[\]{},:]*+)|(?P<end>[\]}][\]}\s]*+)",
    re.DOTALL,
)
_COLON = re.compile(r"\s*+:")
_XML = re.compile(r"<!\[CDATA\[|\]\]>|(?P<tag><[^<>]*+>?)|(?P<text>(?:[^<\]]|\](?!\]>))++)")
_DECLARATION = re.compile(
    r"""<\?xml version=["']1\.[01]["'](?: encoding=["'](?:utf-?(?:8|16)|us-ascii|iso-8859-[0-9]{1,2})["'])?"""
    r"""(?: standalone=["'](?:yes|no)["'])?\s*\?>""",
    re.IGNORECASE,
)
_IN_TAG = re.compile(r"""=\s*+(?:"(?P<double>[^"]*+)|'(?P<single>[^']*+))|(?P<name>[^\s="'<>/?!]++)""")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")

_JSON_CHARACTER = re.compile(
    rf"{API_WORD}|\\u[0-9a-fA-F]{{3}}{API_WORD}"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.",
    re.DOTALL,
)
_XML_CHARACTER = re.compile(r"&#[0-9]{1,7};|&#x[0-9a-fA-F]{1,6};|&(?:amp|lt|gt|quot|apos|nbsp);|.", re.DOTALL)
_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4}){1,2}")
_STAYS = "\0"  # stands for what is never replaced
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Role(Enum):
    """What a token is."""

    KEY = auto()
    TEXT = auto()
    NUMBER = auto()
    BARE = auto()
    """Outside of quotes, and no number: true, null, or what has lost its quotes."""


class Token(NamedTuple):
    """A part of a text; `key` is the one that it stands under, as written, or empty."""

    start: int
    end: int
    role: Role
    key: str = ""


def json_tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of JSON: a value stands under the nearest key before it in its object or array."""
    key = ""
    for found in _JSON.finditer(text):
        kind = found.lastgroup or "end"
        if kind == "end":
            key = ""
            continue
        start, end = found.span(kind)
        if kind == "bare":
            end = start + len(text[start:end].rstrip())
            is_number = _NUMBER.fullmatch(text, start, end) is not None
            yield Token(start, end, Role.NUMBER if is_number else Role.BARE, key)
            if text.startswith(":", found.end()):
                key = ""
        elif _COLON.match(text, found.end()):
            key = text[start:end]
            yield Token(start, end, Role.KEY)
        elif start < end:
            yield Token(start, end, Role.TEXT, key)


def xml_tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of XML: a text stands under the element before it, unless that has ended."""
    key = ""
    for found in _XML.finditer(text):
        if found.lastgroup == "text":
            yield Token(*found.span(), Role.TEXT, key)
        elif found.lastgroup == "tag" and not _DECLARATION.fullmatch(text, *found.span()):
            key = ""
            for token in _in_tag(text, *found.span()):
                if token.role is Role.KEY and not key and not found[0].startswith(("</", "<!", "<?")):
                    key = text[token.start : token.end]
                yield token


def _in_tag(text: str, start: int, end: int) -> Iterator[Token]:
    name = ""
    for found in _IN_TAG.finditer(text, start, end):
        kind = found.lastgroup or ""
        if kind == "name":
            yield Token(*found.span(), Role.BARE if name else Role.KEY)
            name = found[0]
        else:
            yield Token(*found.span(kind), Role.TEXT, name)


class Characters:
    """A text as written, and as read: both as many characters, one for one."""

    def __init__(self, written: list[str], text: str) -> None:
        self._written = written
        self.text = text

    def write(self, text: str) -> str:
        """Return another text of the same length, each character written as the one in its place was."""
        places = zip(self._written, self.text, text, strict=True)
        return "".join(written if old == new else _written_as(written, new) for written, old, new in places)


def json_characters(written: str) -> Characters:
    """Return the characters of a string in JSON, without its quotes."""
    pieces = _JSON_CHARACTER.findall(written)
    characters = [*map(_read_json, pieces)]
    for place, piece in enumerate(pieces):
        if piece == "\\u" and (wrong := _wrong(pieces, place + 1)) is not None:
            characters[wrong] = _STAYS
    return Characters(pieces, "".join(characters))


def _wrong(pieces: Sequence[str], start: int) -> int | None:
    """Return the place of what breaks an escape, which must go on breaking it; None if that is sure to.

    The end is, and so is another escape, whatever it stands for.
    """
    places = range(start, min(start + 4, len(pieces)))
    wrong = next((place for place in places if pieces[place] not in hexdigits), None)
    return None if wrong is None or pieces[wrong].startswith("\\") else wrong


def xml_characters(written: str) -> Characters:
    """Return the characters of a text or an attribute in XML."""
    pieces = _XML_CHARACTER.findall(written)
    return Characters(pieces, "".join(map(_read_xml, pieces)))


def _read_json(piece: str) -> str:
    if len(piece) == 1:
        return piece
    if not _ESCAPE.fullmatch(piece):
        return _SHORT.get(piece[1:], _STAYS)
    if len(piece) == 6:
        return chr(int(piece[2:], 16))
    return chr(0x10000 + (int(piece[2:6], 16) - 0xD800) * 0x400 + int(piece[8:], 16) - 0xDC00)


def _read_xml(piece: str) -> str:
    if not piece.startswith("&#"):
        return piece if len(piece) == 1 else _STAYS
    code = int(piece[3:-1], 16) if piece[2] == "x" else int(piece[2:-1])
    return chr(code) if 0 < code < 0x110000 else _STAYS


def _written_as(written: str, new: str) -> str:
    """Return a character in the manner of another: as itself, \\u0039, &#57; or &#x39;."""
    if len(written) == 1:
        return new
    if written.startswith("&#x"):
        return f"&#x{ord(new):x};"
    if written.startswith("&#"):
        return f"&#{ord(new)};"
    units = new.encode("utf-16-be")
    codes = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    upper = written != written.lower()
    return "".join(f"\\u{code.upper() if upper else code}" for code in codes)
