"""Secrets: values that show themselves only when asked to, and follow their file when it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from exporter.web.config_file import Rejected
from exporter.web.files import Unreadable, read_text
from exporter.web.sections import Accepts, InFile, not_a_text

_LONGEST = 65536  # characters


class SecretUnreadable(Exception):
    """The file of a secret can't be read, or holds no credential."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"secret file {path}: {why}")
        self.path = path
        self.why = why


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, as text or as the file that holds it; its repr shows neither."""

    text: str = field(default="", repr=False)
    file: Path | None = None

    def reveal(self) -> str:
        """Return the secret, read from its file anew, without the white space around it.

        Raise SecretUnreadable.
        """
        if self.file is None:
            return self.text
        try:
            text = read_text(self.file, _LONGEST)
        except Unreadable as error:
            raise SecretUnreadable(self.file, error.why) from error
        if why := _unfit(text):
            raise SecretUnreadable(self.file, why)
        return text


def _unfit(text: str) -> str | None:
    """Return why a text can't be a credential; None when it can."""
    if not text:
        return "empty"
    return None if text.isprintable() else "not one line of printable text"


def _secret(value: Any, info: ValidationInfo[Any]) -> Secret:
    if isinstance(value, InFile):
        secret = Secret(file=info.context.resolve(value.path))
        try:
            secret.reveal()
        except SecretUnreadable as error:
            raise Rejected(why=error.why) from None
        return secret
    if not isinstance(value, str):
        raise not_a_text(value)
    if why := _unfit(value.strip()):
        raise Rejected(why=why)
    return Secret(value.strip())


SECRET = Accepts(
    "a non-empty text",
    *(PlainValidator(_secret), WithJsonSchema({"type": "string"})),
    file="the path of a non-empty text file, relative to this file",
    hidden=True,
)
