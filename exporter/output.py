"""What commands write: results on standard output, whole or not at all; the rest on standard error."""

from __future__ import annotations

from contextlib import suppress

import click

from exporter.log import write_all
from exporter.web.files import os_message

_OUT, _ERR = 1, 2
_PATIENCE = 1.0  # second for whoever reads standard error


def show(text: bytes) -> None:
    """Write on standard output; raise click.ClickException where that can't be."""
    try:
        write_all(_OUT, text)
    except OSError as error:
        raise cannot_write(error) from None


def cannot_write(error: OSError) -> click.ClickException:
    """Return what is said where standard output can't be written."""
    return click.ClickException(f"can't write to standard output: {os_message(error)}")


def show_at_once(text: bytes) -> None:
    """Write on standard output what can be written without waiting; nothing depends on it."""
    with suppress(OSError):
        write_all(_OUT, text, patience=0)


def complain(message: str) -> None:
    """Write a line on standard error, if that can be."""
    with suppress(OSError):
        write_all(_ERR, f"{message}\n".encode(errors="backslashreplace"), _PATIENCE)


def counted(number: int, what: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {what if number == 1 else what + 's'}"
