"""A command line that can't be meant: a flag given twice, flags that exclude one another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO
from typing import NoReturn

import click

from exporter.output import cannot_write, give_up, leave, warn

_NO_THREAD = "can't start new thread"  # as Python says it

#: Flags that exclude one another, and why; `--web` stands for every flag that begins so.
_EXCLUSIVE = (
    ("--demo", "--config.file", "the demo brings its own configuration"),
    ("--demo", "--config.check", "the demo brings its own configuration"),
    ("--once", "--config.check", "one asks the API, the other doesn't"),
    ("--once", "--web", "what collects once doesn't serve"),
)


class Command(click.Command):
    """A command that takes a flag once, unless it is repeatable, and no two that exclude one another."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; what can't be meant is raised as click.UsageError."""
        given = [*args]
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            message = f"{error.message} Flags have two dashes."
            raise click.NoSuchOption(error.option_name, message, ctx=ctx) from None
        _, _, options = self.make_parser(ctx).parse_args(given)
        mistake = _repeated(options) or _contradiction(options)
        if mistake:
            raise click.UsageError(mistake, ctx)
        return rest


def run(command: click.Command, name: str) -> NoReturn:
    """Run a command by the arguments of the program, and end the program.

    click does the same, but fails over a standard output or error that is closed or full.
    """
    try:
        context = command.make_context(name, sys.argv[1:])
    except click.exceptions.Exit as end:
        leave(end.exit_code)
    except click.ClickException as error:
        said = StringIO()
        error.show(said)
        warn(said.getvalue().rstrip())
        leave(error.exit_code)
    except OSError as error:  # --help and --version write
        cannot_write(error)
    try:
        with context:
            command.invoke(context)
    except RuntimeError as error:
        if str(error) != _NO_THREAD:
            raise
        give_up("no further thread can be started")
    except MemoryError:
        give_up("out of memory")
    leave(0)


def _repeated(options: Sequence[click.Parameter]) -> str | None:
    twice = (each.opts[0] for each in options if options.count(each) > 1 and not each.multiple)
    return next((f"{flag} is given more than once." for flag in twice), None)


def _contradiction(options: Sequence[click.Parameter]) -> str | None:
    given = [each.opts[0] for each in options]
    for one, other, why in _EXCLUSIVE:
        for flag in given:
            if one in given and (flag == other or flag.startswith(f"{other}.")):
                return f"{one} and {flag} exclude one another: {why}."
    return None
