"""Where a capture goes, and what is said meanwhile: into a file or, as `-`, to standard output."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Protocol

import click

from exporter import signals
from exporter.archive import Capture, packed, write
from exporter.flags import file
from exporter.log import write_all
from exporter.output import cannot_write, complain, show_at_once
from exporter.web.files import os_message

_OUT = 1


class Output(Protocol):
    """Takes a capture; its text is what people know it by."""

    @property
    def in_a_shell(self) -> str:
        """Return the file as a shell takes it."""

    def check(self, *, overwrite: bool) -> None:
        """Raise click.ClickException where a capture could not be written, or would overwrite a file."""

    def write(self, capture: Capture, readme: str, *, overwrite: bool) -> int:
        """Write a capture and return its bytes; raise click.ClickException."""

    def say(self, text: str) -> None:
        """Tell people something, which is no part of the capture."""


def output(text: str) -> Output:
    """Return where a capture goes; raise ValueError of what can't be meant."""
    return _StandardOutput() if text == "-" else _File(file(text))


@dataclass(frozen=True, slots=True)
class _File:
    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def in_a_shell(self) -> str:
        return shlex.quote(str(self.path))

    def check(self, *, overwrite: bool) -> None:
        path = self.path
        try:
            if path.exists() and not path.is_file():
                raise click.ClickException(f"{path} isn't a regular file: choose another --output")
            if os.path.lexists(path) and not overwrite:
                raise self._exists()
            NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.").close()
        except OSError as error:
            raise self._cannot_write(error) from None

    def write(self, capture: Capture, readme: str, *, overwrite: bool) -> int:
        try:
            content = packed(capture, readme)
            write(self.path, content, overwrite=overwrite)
        except FileExistsError:
            raise self._exists() from None
        except OSError as error:
            raise self._cannot_write(error) from None
        return len(content)

    def say(self, text: str) -> None:
        show_at_once(f"{text}\n".encode(errors="backslashreplace"))

    def _exists(self) -> click.ClickException:
        return click.ClickException(f"{self.path} exists: choose another --output, or add --force")

    def _cannot_write(self, error: OSError) -> click.ClickException:
        return click.ClickException(f"can't write {self.path}: {os_message(error)}")


class _StandardOutput:
    in_a_shell = "FILE.zip"

    def __str__(self) -> str:
        return "standard output"

    def check(self, *, overwrite: bool) -> None:  # noqa: ARG002  # whoever redirects it overwrites
        if os.isatty(_OUT):
            raise click.ClickException(
                "--output=- writes a zip to standard output, which is a terminal here: add >capture.zip"
            )
        try:
            os.write(_OUT, b"")  # fails if it is closed
        except OSError as error:
            raise cannot_write(error) from None

    def write(self, capture: Capture, readme: str, *, overwrite: bool) -> int:  # noqa: ARG002  # as above
        signals.take()  # a stop ends it at once, as nobody may ever read this
        try:
            content = packed(capture, readme)
            write_all(_OUT, content)
        except OSError as error:
            raise cannot_write(error) from None
        return len(content)

    def say(self, text: str) -> None:
        complain(text)
