"""Secrets: values that show themselves only when asked to, and follow their file when it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from exporter.config.textfile import Unreadable, read_text

_LONGEST = 65536  # characters


class SecretUnreadable(Exception):
    """The file of a secret can't be read, or holds no credential."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"secret file {path}: {why}")
        self.path = path
        self.why = why


def unfit(text: str) -> str | None:
    """Say why a text can't be a credential; None when it can."""
    if not text:
        return "empty"
    return None if text.isprintable() else "not one line of printable text"


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, as text or as the file that holds it; its repr shows neither."""

    text: str = field(default="", repr=False)
    file: Path | None = None

    def reveal(self) -> str:
        """Give the secret, read from its file anew, without the white space around it.

        Raises SecretUnreadable.
        """
        if self.file is None:
            return self.text
        try:
            text = read_text(self.file, _LONGEST)
        except Unreadable as error:
            raise SecretUnreadable(self.file, error.why) from error
        if why := unfit(text):
            raise SecretUnreadable(self.file, why)
        return text
