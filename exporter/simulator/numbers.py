"""The ways in which the API may write a telephone number of India."""

import zlib
from collections.abc import Callable
from typing import Literal, get_args

Form = Literal["e164", "spaced", "national", "trunk"]
Numbers = Literal[Form, "mixed"]

_FORMS: tuple[Form, ...] = get_args(Form)
_WRITE: dict[Form, Callable[[str], str]] = {  # from the ten digits after +91
    "e164": lambda digits: f"+91{digits}",
    "spaced": lambda digits: f"+91 {digits[:2]} {digits[2:6]} {digits[6:]}",
    "national": lambda digits: f"0{digits}",
    "trunk": lambda digits: f"091{digits}",
}


def form_of(numbers: Numbers, call_sid: str) -> Form:
    """Return how the numbers of a call are written: mixed gives each call one way, always the same."""
    return _FORMS[zlib.crc32(call_sid.encode()) % len(_FORMS)] if numbers == "mixed" else numbers


def write(number: str, form: Form) -> str:
    """Write a number that is given as +912200000001."""
    return _WRITE[form](number.removeprefix("+91"))
