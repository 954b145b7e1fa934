"""The command `exotel-exporter capture`: its flags, what it refuses, and what it tells."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

from exporter import __version__
from exporter.archive import Capture, Exchange, write
from exporter.capture.pseudonyms import Pseudonyms
from exporter.capture.recorder import Recorder
from exporter.capture.report import counted, found, readme, replaced, samples
from exporter.capture.session import INTERVAL, End, Pace, collect
from exporter.capture.settings import account_sid, settings
from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.config import AccountConfig, Config, ConfigError, MetricsConfig, from_environment, from_file
from exporter.flags import StrictCommand, file, value
from exporter.output import show_at_once
from exporter.web.files import os_message

_RAW_ERRORS = (
    "Not replaced: answers that are neither JSON nor XML. They are in the file as they came (--raw-errors),\n"
    "with whatever hosts, addresses, telephone numbers and names they hold."
)


@click.command(
    "capture", cls=StrictCommand, context_settings={"max_content_width": 100, "show_default": True}
)
@click.option(
    "--config.file",
    "config_file",
    type=value("path", file),
    help="YAML configuration file. Without it one account is read from the environment, as by the exporter.",
)
@click.option(
    "--output",
    type=value("file.zip", file),
    required=True,
    help="The file to write. It must not exist, unless with --force.",
)
@click.option(
    "--account",
    "name",
    metavar="NAME",
    help="The account to capture; needed only where several are configured.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, 10_000),
    default=200,
    metavar="N",
    help="Make no more than this many requests.",
)
@click.option(
    "--minutes",
    type=click.IntRange(0, 60),
    default=1,
    metavar="N",
    help=f"Collect every {INTERVAL:.0f} seconds for this long; 0 collects once.",
)
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
@click.option(
    "--raw-errors",
    is_flag=True,
    help="Keep answers that are neither JSON nor XML as they came, such as the error pages of a proxy. They "
    "can give away hosts, addresses, telephone numbers and names: read them before you pass the file on.",
)
def command(  # noqa: PLR0913  # an argument for each flag
    config_file: Path | None,
    *,
    output: Path,
    name: str | None,
    requests: int,
    minutes: int,
    force: bool,
    raw_errors: bool,
) -> int:
    """Record what the API answers, pseudonymised, for a bug report or a test.

    Telephone numbers, names and ids become other ones before anything is written; credentials and hosts are
    left out. exotel-simulator --replay=FILE.zip serves the file again.
    """
    logging.getLogger("exporter").addHandler(logging.NullHandler())  # what failed is told with its collection
    config = _config(config_file)
    account = _account(config, name)
    _check_output(output, force=force)
    pseudonyms = Pseudonyms()
    recorder = Recorder(requests, pseudonyms, raw_errors=raw_errors)
    job = _Job(account, config.metrics, output, minutes, recorder, pseudonyms, raw_errors)
    asyncio.run(job.run())
    return 0


@dataclass(frozen=True, slots=True)
class _Job:
    """One capture, from its first word to its last."""

    config: AccountConfig
    metrics: MetricsConfig
    output: Path
    minutes: int
    recorder: Recorder
    pseudonyms: Pseudonyms
    raw_errors: bool
    collected: list[Snapshot] = field(default_factory=list)
    """What each collection found."""

    async def run(self) -> None:
        """Collect, write what was answered, and say what that is; raise click.ClickException.

        A signal ends the collecting, and nothing after it.
        """
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        began = self.pseudonyms.moment(time.time())
        self._announce()
        end, exchanges = await self._collect(stopped)
        if end is not End.TIME:
            _say(f"Ended: {end}.")
        if not exchanges:
            raise click.ClickException(f"nothing was captured: {self._why_nothing()}")
        capture = Capture(
            account_sid=account_sid(self.config, self.pseudonyms),
            began=began,
            version=__version__,
            settings=settings(self.config, self.metrics, self.pseudonyms),
            exchanges=exchanges,
        )
        text = readme(capture, self.pseudonyms.counts, raw_errors=self.raw_errors)
        try:
            write(self.output, capture, text)
        except OSError as error:
            raise _cannot_write(self.output, error) from None
        self._conclude(exchanges, end)

    def _announce(self) -> None:
        minutes, most = counted(self.minutes, "minute"), counted(self.recorder.left, "request")
        often = f"every {INTERVAL:.0f} seconds for {minutes}" if self.minutes else "once"
        _say(f"Collecting from account {self.config.name} {often}, with {most} at most.")
        _say("Ctrl-C ends it earlier, and keeps what was captured.")

    async def _collect(self, stopped: asyncio.Event) -> tuple[End, list[Exchange]]:
        account = Account(self.config, self.metrics, transport=self.recorder.transport)
        try:
            end = await collect(account, self.recorder, Pace(60.0 * self.minutes), stopped, self._tell)
            return end, self.recorder.close()
        finally:
            account.close()

    def _tell(self, snapshot: Snapshot) -> None:
        self.collected.append(snapshot)
        made = counted(self.recorder.made, "request")
        _say(f"Collection {len(self.collected)}: {found(snapshot)}; {made} so far.")

    def _why_nothing(self) -> str:
        """Return why no request was answered, or not even sent."""
        return "; ".join(map(found, self.collected)) or "it was stopped before anything was answered"

    def _conclude(self, exchanges: Sequence[Exchange], end: End) -> None:
        for what, text in samples(exchanges):
            _say(f"\n{what} in the file:\n{text}")
        _say(f"\nReplaced: {replaced(self.pseudonyms.counts)}.")
        if self.raw_errors:
            _say(_RAW_ERRORS)
        if end is End.REQUESTS and all(each.failure for each in self.collected):
            _say("No list was read whole: that takes a larger number of --requests.")
        made, times = counted(len(exchanges), "request"), counted(len(self.collected), "collection")
        _say(f"Written: {self.output}, {self.output.stat().st_size:,} bytes: {made} in {times}.")
        _say(f"Read it before you pass it on; begin with: unzip -p {shlex.quote(str(self.output))} README")


def _config(path: Path | None) -> Config:
    try:
        return from_file(path, os.environ) if path else from_environment(os.environ)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def _account(config: Config, name: str | None) -> AccountConfig:
    by_name = {account.name: account for account in config.accounts}
    if name is None and len(by_name) == 1:
        return config.accounts[0]
    if name is None:
        raise click.UsageError(f"--account is needed: one of {', '.join(by_name)}")
    if name not in by_name:
        raise click.UsageError(f"--account: found {name!a}; accepted: {', '.join(by_name)}")
    return by_name[name]


def _check_output(output: Path, *, force: bool) -> None:
    """Raise click.ClickException where the capture could not be written, or would overwrite a file."""
    try:
        if output.exists() and not output.is_file():
            raise click.ClickException(f"{output} isn't a regular file: choose another --output")
        if output.exists() and not force:
            raise click.ClickException(f"{output} exists: choose another --output, or add --force")
        NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.").close()
    except OSError as error:
        raise _cannot_write(output, error) from None


def _cannot_write(output: Path, error: OSError) -> click.ClickException:
    return click.ClickException(f"can't write {output}: {os_message(error)}")


def _say(text: str) -> None:
    show_at_once(f"{text}\n".encode(errors="backslashreplace"))
