"""Files that a configuration names: read as a whole, and noticed when they change."""

from __future__ import annotations

import os
import stat
from pathlib import Path

Fingerprint = tuple[int, ...] | None
"""What changes when a file does; None of what is no regular file, or isn't there."""


class Unreadable(Exception):
    """A file holds no text that can be read; `why` completes "the file (…)"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def fingerprint(path: Path) -> Fingerprint:
    """Return what tells whether a file has changed since."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def read(path: Path, most: int) -> bytes:
    """Return a file's bytes: all of them, or one more than `most` of a longer file.

    A pipe is not waited for, and a device not read: neither can be read again. Raise Unreadable.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise Unreadable("a directory" if stat.S_ISDIR(mode) else "not a regular file")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(most + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Unreadable((error.strerror or type(error).__name__).lower()) from error


def read_text(path: Path, longest: int) -> str:
    """Return a file's text of at most so many characters, without the white space around it.

    Raise Unreadable.
    """
    most = 4 * longest  # bytes that so many characters can take
    found = read(path, most)
    if len(found) <= most:
        try:
            text = found.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            raise Unreadable("not UTF-8 text") from None
        if len(text) <= longest:
            return text
    raise Unreadable(f"longer than {longest} characters")
