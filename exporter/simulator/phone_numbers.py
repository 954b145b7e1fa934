"""Indian telephone numbers, all fictional, and the formats in which the API may write them."""

import zlib
from collections.abc import Callable
from random import Random
from typing import Literal, get_args

Format = Literal["e164", "spaced", "national", "trunk"]
Numbers = Literal[Format, "mixed"]

#: The contact centre's own numbers. No number begins with 0 after a city's area code (11, 22, 33, 44).
EXOPHONES = ("+912200000001", "+912200000002", "+913300000001", "+914400000001")

_FORMATS: tuple[Format, ...] = get_args(Format)
_WRITE: dict[Format, Callable[[str], str]] = {  # from the ten digits after +91
    "e164": lambda digits: f"+91{digits}",
    "spaced": lambda digits: f"+91 {digits[:2]} {digits[2:6]} {digits[6:]}",
    "national": lambda digits: f"0{digits}",
    "trunk": lambda digits: f"091{digits}",
}


def customer(random: Random) -> str:
    """Return a random customer's number."""
    return f"+9111{random.randrange(100_000_000) // 10:08d}"


def format_of(numbers: Numbers, call_sid: str) -> Format:
    """Return the format of a call's numbers: with `mixed` it depends on the call, and never changes."""
    return _FORMATS[zlib.crc32(call_sid.encode()) % len(_FORMATS)] if numbers == "mixed" else numbers


def write(number: str, format_: Format) -> str:
    """Return a number, given as +912200000001, in a format."""
    return _WRITE[format_](number.removeprefix("+91"))
