"""Flags, as every command of the program takes them: each once unless it is repeatable, with two dashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import environ
from pathlib import Path

import click

from exporter.config import AccountConfig, Config, ConfigError, from_environment, from_file


class StrictCommand(click.Command):
    """A command that takes a flag once, unless it is repeatable."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Return what stands behind the flags; raise click.UsageError of flags that can't be meant so."""
        given, rest = self._given(ctx, [*args])
        left = super().parse_args(ctx, args)
        for option in given:
            if given.count(option) > 1 and not option.multiple:
                raise click.UsageError(f"{option.opts[0]} is given more than once.", ctx)
        self.check(ctx, [option.opts[0] for option in given], rest)
        return left

    def check(self, ctx: click.Context, flags: Sequence[str], rest: Sequence[str]) -> None:
        """Raise click.UsageError of flags, or of what stands behind them, that don't go together."""

    def _given(self, ctx: click.Context, args: list[str]) -> tuple[Sequence[click.Parameter], list[str]]:
        """Return the options in the order in which they were given, and what stands behind them."""
        try:
            _, rest, given = self.make_parser(ctx).parse_args(args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            message = f"No such option {error.option_name!r}: flags have two dashes."
            raise click.NoSuchOption(error.option_name, message, ctx=ctx) from None
        return [each for each in given if isinstance(each, click.Option)], rest


def value(name: str, read: Callable[[str], object]) -> Callable[[str], object]:
    """Return the type of a flag: what `read` says of a bad value is wrong usage."""

    def convert(text: str) -> object:
        try:
            return read(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    convert.__name__ = name  # as --help shows it
    return convert


def file(text: str) -> Path:
    """Return the path of a file; raise ValueError of an empty one, which would be the folder."""
    if not text:
        raise ValueError("found ''; accepted: the path of a file")
    return Path(text)


config_file_option = click.option(
    "--config.file",
    "config_file",
    type=value("path", file),
    help="YAML configuration file. Without it one account is read from the environment, as by the exporter.",
)
"""The option of commands beside the exporter itself; `read_config` reads what it names."""


def read_config(path: Path | None) -> Config:
    """Return what a file configures, or the environment without one; raise click.ClickException."""
    try:
        return from_file(path, environ) if path else from_environment(environ)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def account_named(name: str, config: Config) -> AccountConfig:
    """Return the account of a name; raise click.UsageError of one that isn't configured."""
    by_name = {account.name: account for account in config.accounts}
    if name not in by_name:
        raise click.UsageError(f"--account: found {name!a}; accepted: {', '.join(by_name)}")
    return by_name[name]
