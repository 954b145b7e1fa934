"""Text files that a configuration names: read as a whole, and noticed when they change."""

from __future__ import annotations

import stat
from pathlib import Path

Stamp = tuple[int, ...] | None
"""What changes when a file does; None of what is no regular file, or isn't there."""


class Unreadable(Exception):
    """A file holds no text that can be read; `why` completes "the file (…)"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def stamp(path: Path) -> Stamp:
    """Give what tells whether a file has changed since."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def is_special(path: Path) -> bool:
    """Tell whether there is something that can't be read again and again: a pipe would be waited for."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def read_text(path: Path, longest: int) -> str:
    """Give a file's text of at most so many characters, without the white space around it.

    Raises Unreadable.
    """
    try:
        if is_special(path):
            raise Unreadable("not a regular file")
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(longest + 1).strip()
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8 text") from None
    except OSError as error:
        raise Unreadable((error.strerror or type(error).__name__).lower()) from error
    if len(text) > longest:
        raise Unreadable(f"longer than {longest} characters")
    return text
