"""The shape of a text: its classes of characters, and other texts of the same shape, drawn with a key.

Digits become digits, hexadecimal digits such, letters letters of the same case, other letters some that take
as many bytes in UTF-8. What is neither letter nor digit stays, and so does a zero that begins a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from hashlib import shake_256
from itertools import groupby, islice

from exporter.capture.words import WORDS
from exporter.exotel.classify import FAILED

DIGIT, LOWER, UPPER, SEPARATOR, SYMBOL = "0aA-."
RUN = 6  # digits in a row that a telephone number can be told by
_ALPHABETS = {
    **{DIGIT: "0123456789", LOWER: "abcdefghijklmnopqrstuvwxyz", UPPER: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    "2": "".join(map(chr, range(0x400, 0x482))),  # Cyrillic
    "3": "".join(map(chr, range(0x4E00, 0x9FA6))),  # Chinese
    "4": "".join(map(chr, range(0x20000, 0x2A6D7))),  # Chinese
}
_TABLES = {
    kind: bytes(ord(letters[byte % len(letters)]) for byte in range(256))
    for kind, letters in _ALPHABETS.items()
    if kind in (DIGIT, LOWER, UPPER)
}
_HEX_TABLE = bytes(ord("0123456789abcdef"[byte % 16]) for byte in range(256))
_HEXADECIMAL = re.compile("(?=.*[0-9])(?=.*[a-f])[0-9a-f]{4,}")
_POWER = re.compile("[0-9]+[eE][0-9]+")  # what would be a number
_DIGITS = re.compile(f"{DIGIT}++(?:{SEPARATOR}{{1,3}}+{DIGIT}++)*+")
_WORD = re.compile(r"[^\W_]{3,}")
_ONE_DRAWN = 3  # parts of a text: one that was drawn, between what stays
_TRIES = 24
_STEPS = 2_000  # to the next free text, where there are few of a shape
_LONG = 65_536  # characters


class _Classes(dict[int, str]):
    """The class of each character, for `str.translate`."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _class_of(chr(code))
        return found


def _class_of(character: str) -> str:
    if character.isascii() and character.isalnum():
        return DIGIT if character.isdigit() else LOWER if character.islower() else UPPER
    category = unicodedata.category(character)
    if category[0] in "LMN":
        return str(len(character.encode()))
    if character in ".()/" or category in {"Zs", "Pd", "Cf"}:
        return SEPARATOR
    return SYMBOL


_classes = _Classes()


def classes(text: str) -> str:
    """Return a text with each character replaced by its class."""
    return text.translate(_classes)


class Shapes:
    """Other texts for texts: always the same one for one text, and never one for two, as long as there are.

    None holds six digits in a row, or is a word, of what was met before it was drawn.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._drawn: dict[str, str] = {}
        self._joined: dict[str, str] = {}
        self._taken: set[str] = set()
        self._words: set[str] = set()
        self._runs = bytearray(10**RUN)  # which runs of six digits were met
        self._met = 0  # how many of them

    def meet(self, text: str) -> None:
        """Take note of the digits and the words of a text."""
        self._words.update(map(str.lower, _WORD.findall(text)))
        shape = classes(text)
        for found in _DIGITS.finditer(shape):
            if found.end() - found.start() >= RUN:
                for run in _runs(text[found.start() : found.end()]):
                    self._met += not self._runs[run]
                    self._runs[run] = 1

    def draw(self, text: str, before: str = "", fits: Callable[[str], bool] | None = None) -> str:
        """Return the other text; it follows the digits `before`; `fits` tells what else must hold."""
        if (known := self._drawn.get(text)) is not None:
            return known
        drawn = self._draw(text, before, fits)
        self._drawn[text] = drawn
        self._taken.add(drawn)
        return drawn

    def _draw(self, text: str, before: str, fits: Callable[[str], bool] | None) -> str:
        shape = classes(text)
        if not shape.strip(SEPARATOR + SYMBOL) or (len(text) < RUN and not text.strip("0")):
            return text
        candidate = text
        if len(text) > _LONG:
            return self._long(text, shape)
        for attempt in range(_TRIES):
            candidate = self._candidate(text, shape, attempt, before)
            is_free = candidate not in self._taken and (fits is None or fits(candidate))
            if is_free and self._is_good(text, candidate, before):
                return candidate
        free = (each for each in islice(_following(candidate), _STEPS) if each not in self._taken)
        return next(free, candidate)

    def _is_good(self, text: str, candidate: str, before: str) -> bool:
        if candidate == text or (text.isdigit() and not candidate.strip("0")) or _POWER.fullmatch(candidate):
            return False
        if candidate in {"e", "E"}:  # between digits it would make a number
            return False
        if self._avoids_runs and any(self._runs[run] for run in _runs(before + candidate)):
            return False
        if _HEXADECIMAL.fullmatch(text):
            return _HEXADECIMAL.fullmatch(candidate) is not None
        lower = candidate.lower()
        if lower in WORDS or FAILED.search(lower):
            return False
        return self._words.isdisjoint(_WORD.findall(lower))

    def join(self, parts: Sequence[str], old: str) -> str:
        """Return parts joined, some of them drawn; with other digits where two make a run that was met.

        It is the same for the same `old` text, whatever is met later.
        """
        text = "".join(parts)
        if len(parts) <= _ONE_DRAWN or sum(map(str.isdigit, text)) < RUN:
            return text
        if (known := self._joined.get(old)) is None:
            self._joined[old] = known = self._apart(parts)
        return known

    def _apart(self, parts: Sequence[str]) -> str:
        """Return parts joined, with another digit where those of two would end a run that was met."""
        written: list[str] = []
        window = length = inside = 0  # digits in a row, and those of them that the part at hand has
        for part in parts:
            inside = 0
            for letter in part:
                if "0" <= letter <= "9":
                    digit = int(letter)
                    if inside < RUN - 1 and length > inside:
                        digit = self._digit("", digit, window, length, is_first=False)
                    window, length, inside = (window * 10 + digit) % 10**RUN, length + 1, inside + 1
                    written.append(str(digit))
                else:
                    length, inside = (0, 0) if letter.isalpha() else (length, inside)
                    written.append(letter)
        return "".join(written)

    @property
    def _avoids_runs(self) -> bool:
        """Return whether fewer than half of all runs were met: among the rest each number finds its place."""
        return self._met < len(self._runs) // 2

    def _long(self, text: str, shape: str) -> str:
        """Return another text for one that is too long to be anybody's number or name."""
        stream = self._stream(text, 0, len(text))
        written, at = [], 0
        for kind, run in groupby(shape):
            end = at + sum(1 for _ in run)
            table = _TABLES.get(kind)
            letters = _ALPHABETS.get(kind, "")
            if table:
                written.append(stream[at:end].translate(table).decode())
            else:
                others = (
                    (letters[byte % len(letters)] for byte in stream[at:end]) if letters else text[at:end]
                )
                written.append("".join(others))
            at = end
        drawn = "".join(written)
        return "1" + drawn[1:] if shape[0] == DIGIT and text[0] != "0" else drawn

    def _stream(self, text: str, attempt: int, size: int) -> bytes:
        seed = self._key + attempt.to_bytes(4) + text.encode("utf-8", "surrogatepass")
        return shake_256(seed).digest(size)

    def _candidate(self, text: str, shape: str, attempt: int, before: str) -> str:
        stream = self._stream(text, attempt, 3 * len(text))
        if _HEXADECIMAL.fullmatch(text):
            return stream[: len(text)].translate(_HEX_TABLE).decode()
        if shape in (LOWER * len(text), UPPER * len(text)):
            return stream[: len(text)].translate(_TABLES[shape[0]]).decode()
        written: list[str] = []
        window, length = int(before or "0"), len(before)
        for index, kind in enumerate(shape):
            number = int.from_bytes(stream[3 * index : 3 * index + 3])
            if kind == DIGIT:
                first = index == 0 or shape[index - 1] != DIGIT
                digit = self._digit(text[index], number, window, length, is_first=first)
                window, length = (window * 10 + digit) % 10**RUN, length + 1
                written.append(str(digit))
            elif kind in (SEPARATOR, SYMBOL):
                written.append(text[index])
                length = length if kind == SEPARATOR else 0
            else:
                letters = _ALPHABETS[kind]
                written.append(letters[number % len(letters)])
                length = 0
        return "".join(written)

    def _digit(self, old: str, number: int, window: int, length: int, *, is_first: bool) -> int:
        """Return a digit that ends no run that was met, if there is one: 0 for a first 0."""

        def is_free(digit: int) -> bool:
            is_run = length >= RUN - 1 and self._avoids_runs
            return not is_run or not self._runs[(window * 10 + digit) % 10**RUN]

        if is_first and old == "0" and is_free(0):
            return 0
        least = 1 if is_first else 0
        digits = [least + (number + step) % (10 - least) for step in range(10 - least)]
        return next(filter(is_free, digits), digits[-1])


def _runs(text: str) -> Iterator[int]:
    """Yield each run of six digits, without what separates them."""
    window = length = 0
    for character in text:
        if "0" <= character <= "9":
            window, length = (window * 10 + ord(character) - 48) % 10**RUN, length + 1
            if length >= RUN:
                yield window
        elif character.isalpha():
            length = 0


def _following(text: str) -> Iterator[str]:
    """Yield the texts of the same classes that follow one, as a counter goes on."""
    shape, letters = classes(text), list(text)
    places = [index for index, kind in enumerate(shape) if kind not in (SEPARATOR, SYMBOL)]
    while True:
        for place in reversed(places):
            alphabet = _ALPHABETS[shape[place]]
            if shape[place] == DIGIT and (place == 0 or shape[place - 1] != DIGIT):
                alphabet = "0" if text[place] == "0" else alphabet[1:]
            at = (alphabet.find(letters[place]) + 1) % len(alphabet)
            letters[place] = alphabet[at]
            if at:
                break
        yield "".join(letters)
