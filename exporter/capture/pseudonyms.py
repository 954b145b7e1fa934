"""Pseudonyms: what an API answers, with nothing left in it that is somebody's own.

A body keeps its length, its white space and punctuation, and every fault; letters and digits are replaced,
equal ones by equal ones wherever they stand. What stays is what the API itself says: its fields, its states,
numbers of fewer than six digits in fields whose meaning is known. Times move, all by the same.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import phonenumbers

from exporter.capture.shapes import DIGIT, RUN, SEPARATOR, Shapes, classes
from exporter.capture.times import move_epoch, move_text
from exporter.capture.tokens import (
    Characters,
    Role,
    Token,
    json_characters,
    json_tokens,
    xml_characters,
    xml_tokens,
)
from exporter.capture.words import API_WORD, WORDS, Field, Kind, field_of, parts
from exporter.exotel.classify import FAILED

_LETTERS = "aA234"
_RUNS = re.compile(  # of digits that could be one number, of letters and digits
    f"(?P<digits>{DIGIT}++(?![{_LETTERS}])(?:{SEPARATOR}{{1,3}}+{DIGIT}++(?![{_LETTERS}]))*+)"
    f"|[{DIGIT}{_LETTERS}]++"
)
_TELEPHONE = re.compile("[0-9]{7,}")
_FAILURE = "failed"
_ALONE = re.compile("[0-9]+")
_MIXED = re.compile("[0-9]{7,}|(?:[^0-9]|[0-9]{1,6}(?![0-9]))+")
_HEXADECIMAL = re.compile("[0-9a-f]{16,}")
_NUMBER = re.compile(r"([+-]?)([0-9]+)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_SCALAR = re.compile(
    r'\s*+(?:"(?:[^"\\]++|\\.)*+"|-?[0-9]++(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+|true|false|null|NaN|-?Infinity)\s*+',
    re.DOTALL,
)
_KEPT_DIGITS = RUN - 1
_KEPT_IN_NAMES = 2  # of fields: line2
_SPACE = "\ufeff \t\r\n\f\v"
_COUNTRY_CODES = {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}
_INDIA = "91"
_NATIONAL = 10  # digits of an Indian number
_MARKUP = ("<?xml", "<twilioresponse", "<restexception")
_HEADERS = re.compile(
    "date|content-type|retry-after|location|(?:x-)?ratelimit(?P<what>(?:-[a-z]{1,20}){0,4})"
)
_NOTHING = re.compile(b"(?!)")
_OFFSETS = range(30 * 24 * 60, 1_000 * 24 * 60)  # minutes


class Pseudonyms:
    """The pseudonyms of one capture, of a random key that is stored nowhere: those of another are others.

    `credentials` are the API key and token, which raw errors must not have either.
    """

    def __init__(self, key: bytes | None = None, credentials: tuple[str, str] | None = None) -> None:
        self._key = secrets.token_bytes(32) if key is None else key
        self._shapes = Shapes(self._secret("shapes", 32))
        offset = int.from_bytes(self._secret("offset", 8)) % len(_OFFSETS)
        self._minutes = _OFFSETS[offset] // 5 * 5 + 1  # no multiple of what would leave last digits alone
        self._secrets = _searched(credentials)
        self._counts: Counter[Kind] = Counter()
        self._fields: dict[str, Field] = {"": Field()}
        self._known: dict[tuple[Role, str, str], tuple[Kind, str]] = {}  # of the body at hand

    @property
    def counts(self) -> Mapping[Kind, int]:
        """Return how many of each kind were replaced."""
        return dict(self._counts)

    def body(self, body: bytes, content_type: str = "", *, raw_errors: bool = False) -> bytes:
        """Return a body with pseudonyms; one that is neither JSON nor XML as what it was, or raw if asked."""
        text = body.decode("utf-8", "surrogateescape")
        start = text.lstrip(_SPACE)[:512].lower()
        if not start:
            return body
        self._known.clear()
        if _is_json(text, start):
            replaced = self._json(text)
        elif _is_xml(start, content_type):
            replaced = self._xml(text)
        elif raw_errors:
            return self._secrets.sub(_masked, body)
        else:
            return self._placeholder(body, start)
        return replaced.encode("utf-8", "surrogateescape")

    def text(self, text: str, key: str = "") -> str:
        """Return the pseudonym of a text, as one under this key in a body has it."""
        self._shapes.meet(text)
        kind, new = self._value(text, self._field(key))
        return self._counted(kind, text, new)

    def target(self, target: str) -> str:
        """Return the path and query of a request with pseudonyms."""
        path, mark, query = target.partition("?")
        segments = path.split("/")
        written = [self._segment(segments, place) for place in range(len(segments))]
        return "/".join(written) + mark + "&".join(map(self._parameter, query.split("&")))

    def headers(self, headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return the headers that matter to a client, their times moved."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        return tuple((name, self._header(name, value)) for name, value in pairs if _matters(name.lower()))

    def moment(self, seconds: float) -> float:
        """Return a moment, in seconds since 1970, moved as all times are."""
        return seconds - 60 * self._minutes

    def _json(self, text: str) -> str:
        return self._rewritten(text, json_tokens, json_characters, "\\")

    def _xml(self, text: str) -> str:
        return self._rewritten(text, xml_tokens, xml_characters, "&")

    def _rewritten(
        self,
        text: str,
        tokens: Callable[[str], Iterator[Token]],
        characters: Callable[[str], Characters],
        escape: str,
    ) -> str:
        """Return a text with its tokens replaced, after all of it was met: nothing drawn resembles any."""

        def read(token: Token) -> Characters | str:
            part = text[token.start : token.end]
            return characters(part) if escape in part else part

        for written_part in {text[token.start : token.end] for token in tokens(text)}:
            self._shapes.meet(characters(written_part).text if escape in written_part else written_part)
        written: list[str] = []
        copied = 0
        for token in tokens(text):
            part = read(token)
            if isinstance(part, str):
                new = self._token(token, part)
            else:
                new = part.write(self._token(token, part.text))
            written += text[copied : token.start], new
            copied = token.end
        return "".join((*written, text[copied:]))

    def _token(self, token: Token, text: str) -> str:
        place = token.role, token.key, text
        if (known := self._known.get(place)) is None:
            self._known[place] = known = self._read(token, text)
        return self._counted(known[0], text, known[1])

    def _read(self, token: Token, text: str) -> tuple[Kind, str]:
        """Return the pseudonym of a token, and what it is one of."""
        if token.role is Role.KEY:
            return Kind.FIELDS, self._plain(text, _KEPT_IN_NAMES)
        if token.role is Role.BARE:
            return Kind.TEXTS, self._plain(text, 0)
        field = self._field(token.key)
        if token.role is Role.NUMBER:
            moved = move_epoch(text, self._minutes) if field.is_moment else None
            return (Kind.NUMBERS, self._number(text, field)) if moved is None else (Kind.TIMES, moved)
        return self._value(text, field)

    def _placeholder(self, body: bytes, start: str) -> bytes:
        """Return what a body was, in as many bytes, and of the same kind to whoever looks at it."""
        self._counts[Kind.BODIES] += 1
        kind = "HTML" if start.startswith("<") else "binary" if "\0" in start else "text"
        digest = blake2b(body, key=self._secret("bodies", 64), digest_size=8).hexdigest()
        fingerprint = digest.translate(str.maketrans("0123456789", "ghijklmnop"))
        told = f"{kind}, {len(body)} bytes, fingerprint {fingerprint}"
        if kind == "HTML":
            told = f"<!doctype html><title>{told}</title>"
        return told.encode()[: len(body)].ljust(len(body))

    # Fields and values

    def _field(self, key: str) -> Field:
        if (field := self._fields.get(key)) is None:
            self._fields[key] = field = field_of(json_characters(key).text if "\\" in key else key)
        return field

    def _value(self, text: str, field: Field) -> tuple[Kind, str]:
        """Return the pseudonym of a text that stands in a field, and what it is one of."""
        moved = move_text(text, self._minutes)
        if moved is None and field.is_moment:
            moved = move_epoch(text, self._minutes)
        if moved is not None:
            return Kind.TIMES, moved
        if field.keeps:
            is_number = _NUMBER.fullmatch(text) is not None
            new = self._number(text, field) if is_number else self._plain(text, _KEPT_DIGITS)
        elif field.kind is Kind.NAMES and not any(map(str.isdigit, text)):
            new = self._shapes.draw(text)  # as a whole: names don't tell who shares a part of them
        else:
            new = self._strange(text)
        return field.kind, new

    def _number(self, text: str, field: Field) -> str:
        """Return a number of the same form; one that says nothing of anybody as it is."""
        found = _NUMBER.fullmatch(text)
        if found is None:
            return self._strange(text)
        sign, whole, fraction, exponent = (part or "" for part in found.groups())
        is_id = exponent and len(whole) + len(fraction) + len(exponent) > _KEPT_DIGITS  # such as 61739E2785
        if not field.keeps or len(whole) > _KEPT_DIGITS or is_id:
            whole = self._telephone(whole, has_plus=sign == "+")
        if fraction and (not field.keeps or len(whole) + len(fraction) - 1 > _KEPT_DIGITS):
            fraction = "." + self._shapes.draw(fraction[1:], whole[-_KEPT_DIGITS:])
        if is_id:
            exponent = _ALONE.sub(self._drawn, exponent)
        return sign + whole + fraction + exponent

    def _counted(self, kind: Kind, old: str, new: str) -> str:
        if new != old:
            self._counts[kind] += 1
        return new

    # Texts

    def _strange(self, text: str) -> str:
        """Return a text of which every letter and digit is replaced."""
        return self._replaced(text, lambda _: False)

    def _plain(self, text: str, digits: int) -> str:
        """Return a text that keeps plain words, those of a failure, and numbers of so few digits.

        Where it has more than a telephone number can be told by, it keeps no digit.
        """
        if sum(map(str.isdigit, text)) >= RUN:
            digits = 0

        def is_plain(run: str) -> bool:
            known = (part.lower() in WORDS or (part.isdigit() and len(part) <= digits) for part in parts(run))
            return run.lower() in WORDS or all(known)

        return self._replaced(text, is_plain)

    def _replaced(self, text: str, stays: Callable[[str], bool]) -> str:
        if API_WORD in text:
            return API_WORD.join(self._replaced(part, stays) for part in text.split(API_WORD))
        if text.isascii():
            return self._replaced_ascii(text, stays)
        plain = "".join(str(unicodedata.decimal(each, each)) for each in text)  # digits of any script
        return "".join(map(_in_script, text, plain, self._replaced_ascii(plain, stays)))

    def _replaced_ascii(self, text: str, stays: Callable[[str], bool]) -> str:
        written: list[str] = []
        copied = 0
        for found in _RUNS.finditer(classes(text)):
            start, end = found.span()
            run = text[start:end]
            written.append(text[copied:start])
            if found.lastgroup and sum(map(str.isdigit, run)) >= RUN:
                written.append(self._spaced(run, has_plus=text[start - 1 : start] == "+"))
            elif found.lastgroup:
                written.append(_ALONE.sub(lambda each: each[0] if stays(each[0]) else self._drawn(each), run))
            else:
                written.append(run if stays(run) else self._run(run, stays))
            copied = end
        return self._shapes.join((*written, text[copied:]), text)

    def _run(self, run: str, stays: Callable[[str], bool]) -> str:
        """Return the pseudonym of letters, or letters and digits; words of a failure stay where any may."""
        if not stays(_FAILURE):
            return self._letters(run)
        written: list[str] = []
        copied = 0
        for told in FAILED.finditer(run):
            written += self._letters(run[copied : told.start()]), told[0]
            copied = told.end()
        return "".join((*written, self._letters(run[copied:])))

    def _letters(self, run: str) -> str:
        if _HEXADECIMAL.fullmatch(run) or not _TELEPHONE.search(run):
            return self._shapes.draw(run)
        return _MIXED.sub(lambda each: self._part(each[0]), run)

    def _part(self, part: str) -> str:
        return self._telephone(part, has_plus=False) if part.isdigit() else self._shapes.draw(part)

    def _drawn(self, found: re.Match[str]) -> str:
        return self._shapes.draw(found[0])

    def _spaced(self, written: str, *, has_plus: bool) -> str:
        """Return a number with others for its digits, and what separates them."""
        digits = "".join(filter(str.isdigit, written))
        others = iter(self._telephone(digits, has_plus=has_plus))
        return "".join(next(others) if each.isdigit() else each for each in written)

    def _telephone(self, digits: str, *, has_plus: bool) -> str:
        """Return other digits; of what may be a telephone number the same ones in each spelling."""
        length = _prefix(digits, has_plus=has_plus)
        prefix, national = digits[:length], digits[length:]
        if len(digits) < RUN:
            return self._shapes.draw(digits)
        fits = lambda drawn: _prefix(prefix + drawn, has_plus=has_plus) == length  # noqa: E731
        return prefix + self._shapes.draw(national, prefix or "0" + _INDIA, fits)

    # Requests and headers

    def _segment(self, segments: list[str], place: int) -> str:
        segment, before = segments[place], segments[place - 1].lower() if place else ""
        is_last = place == len(segments) - 1
        if before == "accounts":
            key = "account_sid"
        elif before == "calls" and not (is_last and segment == "active"):
            key = "call_sid"
        else:
            return self._plain(segment, _KEPT_IN_NAMES)
        new = self.text(unquote(segment, errors="surrogateescape"), key)
        return quote(new, safe="", errors="surrogateescape") if "%" in segment else new

    def _parameter(self, parameter: str) -> str:
        name, mark, value = parameter.partition("=")
        if name in {"limit", "offset"} and _ALONE.fullmatch(value):
            return parameter  # the exporter's own
        new = self.text(unquote_plus(value, errors="surrogateescape"), name)
        if "%" in value or "+" in value:
            new = quote_plus(new, errors="surrogateescape")
        return self._plain(name, _KEPT_IN_NAMES) + mark + new

    def _header(self, name: str, value: str) -> str:
        lower = name.lower()
        self._shapes.meet(value)
        if lower == "location":
            scheme, mark, _ = value.partition("://")
            return (
                f"{scheme}://elsewhere.invalid/"
                if mark and scheme.lower() in {"http", "https"}
                else "/elsewhere"
            )
        moved = move_text(value, self._minutes)
        if moved is not None:
            return self._counted(Kind.TIMES, value, moved)
        if lower in {"content-type", "date"}:
            return self._counted(Kind.TEXTS, value, self._plain(value, _KEPT_DIGITS))
        return ",".join(map(self._limit, value.split(",")))

    def _limit(self, written: str) -> str:
        """Return one of the numbers that a header of a rate limit tells."""
        moved = move_epoch(written.strip(), self._minutes)
        if moved is not None:
            return self._counted(Kind.TIMES, written, written.replace(written.strip(), moved))
        return self._counted(Kind.TEXTS, written, self._plain(written, _KEPT_DIGITS))

    def _secret(self, use: str, size: int) -> bytes:
        return blake2b(use.encode(), key=self._key[:64], digest_size=size).digest()


def _matters(header: str) -> bool:
    """Return whether a client goes by a header, and its name can't be one that names somebody."""
    found = _HEADERS.fullmatch(header)
    return found is not None and WORDS.issuperset((found["what"] or "").split("-")[1:])


def _searched(credentials: tuple[str, str] | None) -> re.Pattern[bytes]:
    """Return what finds credentials, as they are, in Basic authentication, and percent-encoded."""
    if not credentials:
        return _NOTHING
    key, token = credentials
    texts = [f"{key}:{token}", b64encode(f"{key}:{token}".encode()).decode(), token, key]
    forms = dict.fromkeys(form for text in texts for form in (text, quote(text, safe=""), quote_plus(text)))
    longest_first = sorted(forms, key=len, reverse=True)
    return re.compile(b"|".join(re.escape(form.encode()) for form in longest_first), re.IGNORECASE)


def _masked(found: re.Match[bytes]) -> bytes:
    return b"*" * len(found[0])


def _is_json(text: str, start: str) -> bool:
    is_nested = start[0] in "{[" and text.count("\0") * 4 < len(text)  # in UTF-16 every other byte is 0
    return is_nested or _SCALAR.fullmatch(text.lstrip("\ufeff")) is not None


def _is_xml(start: str, content_type: str) -> bool:
    is_html = "<html" in start or "<!doctype html" in start
    is_named = start.startswith(_MARKUP) or "xml" in content_type.lower()
    return start.startswith("<") and is_named and not is_html and "\0" not in start  # as UTF-16 has it


def _prefix(digits: str, *, has_plus: bool) -> int:
    """Return how many of the first digits of a telephone number are no one's own: 0, 91, 091, +65, 00971.

    That is none where too few digits are left, or it is too long to be a telephone number.
    """
    national = digits.lstrip("0")
    zeros = len(digits) - len(national)
    if not 8 <= len(digits) <= 17 or zeros > 3:
        return 0
    country = 0
    if has_plus or zeros == 2:
        country = next((size for size in (3, 2, 1) if national[:size] in _COUNTRY_CODES), 0)
    elif len(national) == len(_INDIA) + _NATIONAL and national.startswith(_INDIA):
        country = len(_INDIA)
    trunk = country and national[country : country + 1] == "0"
    prefix = min(zeros + country + trunk, _KEPT_DIGITS)
    return prefix if len(digits) - prefix >= RUN else 0


def _in_script(old: str, plain: str, new: str) -> str:
    """Return a digit in the script of the one that it replaces, any other character as it is."""
    if old == plain:
        return new
    digit = int(new) if new.isdigit() else ord(new) % 10  # among hexadecimal digits it became a letter
    return chr(ord(old) - int(plain) + digit)
