"""Standard output and standard error, either of which may be closed, full or unread; and the end."""

from __future__ import annotations

import logging
import os
import select
from contextlib import suppress
from select import PIPE_BUF
from typing import NoReturn

_OUT, _ERR = 1, 2
_PATIENCE = 1.0  # second for whoever reads standard error


def write_all(descriptor: int, text: bytes, patience: float | None = None) -> None:
    """Write to a descriptor, which others may have set not to wait; give up after so many silent seconds.

    Raises OSError.
    """
    left = memoryview(text)
    while left and select.select([], [descriptor], [], patience)[1]:
        left = left[os.write(descriptor, left[:PIPE_BUF]) :]


def write(text: bytes) -> None:
    """Write on standard output, or end the program with the reason why that can't be."""
    try:
        write_all(_OUT, text)
    except OSError as error:
        cannot_write(error)


def mention(text: str) -> None:
    """Write a few lines on standard output if it takes them at once; nothing depends on it."""
    with suppress(OSError):
        if select.select([], [_OUT], [], 0)[1]:
            os.write(_OUT, text.encode())


def cannot_write(error: OSError) -> NoReturn:
    """End the program, which had nothing else to do than to write."""
    give_up(f"can't write to standard output: {(error.strerror or type(error).__name__).lower()}")


def give_up(message: str) -> NoReturn:
    """End the program with the reason, one line or several, on standard error."""
    warn(message)
    leave(1)


def warn(message: str) -> None:
    """Write on standard error, if that can be."""
    with suppress(OSError):
        write_all(_ERR, f"{message}\n".encode(errors="backslashreplace"), _PATIENCE)


def leave(code: int) -> NoReturn:
    """End the program at once: a thread that waits for the API is not waited for."""
    logging.shutdown()
    os._exit(code)
