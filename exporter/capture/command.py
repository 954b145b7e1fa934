"""The command `exotel-exporter capture`: its flags, what it refuses, and what it tells."""

from __future__ import annotations

import asyncio
import logging
import os.path
import shlex
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile

import click

from exporter import __version__
from exporter.archive import Capture, Exchange, write
from exporter.capture.pseudonyms import Pseudonyms
from exporter.capture.recorder import Recorder
from exporter.capture.report import found, readme, replaced, samples
from exporter.capture.session import INTERVAL, End, Pace, collect, replaced_by_then
from exporter.capture.settings import account_sid, settings
from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.config import AccountConfig, Config, MetricsConfig
from exporter.flags import StrictCommand, account_named, config_file_option, file, read_config, value
from exporter.output import counted, show_at_once
from exporter.web.files import os_message

_RAW_ERRORS = (
    "Not replaced: answers that are neither JSON nor XML. They are in the file as they came (--raw-errors),\n"
    "with whatever hosts, addresses, telephone numbers and names they hold; the API key and token are masked."
)


@click.command(
    "capture", cls=StrictCommand, context_settings={"max_content_width": 100, "show_default": True}
)
@config_file_option
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
    config = read_config(config_file)
    account = _account(config, name)
    _check_output(output, force=force)
    pseudonyms = Pseudonyms(credentials=account.revealed)
    recorder = Recorder(requests, pseudonyms, raw_errors=raw_errors)
    job = _Job(account, config.metrics, output, minutes, recorder, pseudonyms, raw_errors, force)
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
    force: bool
    collected: list[Snapshot] = field(default_factory=list)
    """What each collection found."""

    async def run(self) -> None:
        """Collect, write what was answered, and say what that is; raise click.ClickException.

        A signal ends the collecting; a second one the replacing, of which the rest is left out then.
        """
        stopped, hurried = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            stop = partial(_stop, stopped, hurried)
            asyncio.get_running_loop().add_signal_handler(number, stop)
        began = self.pseudonyms.moment(time.time())
        self._announce()
        end, exchanges = await self._collect(stopped, hurried)
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
            write(self.output, capture, text, overwrite=self.force)
        except FileExistsError:
            raise _exists(self.output) from None
        except OSError as error:
            raise _cannot_write(self.output, error) from None
        self._conclude(exchanges, end)

    def _announce(self) -> None:
        minutes, most = counted(self.minutes, "minute"), counted(self.recorder.left, "request")
        often = f"every {INTERVAL:.0f} seconds for {minutes}" if self.minutes else "once"
        _say(f"Collecting from account {self.config.name} {often}, with {most} at most.")
        _say("Ctrl-C ends it earlier, and keeps what was captured.")

    async def _collect(self, stopped: asyncio.Event, hurried: asyncio.Event) -> tuple[End, list[Exchange]]:
        account = Account(self.config, self.metrics, transport=self.recorder.transport)
        try:
            end = await collect(account, self.recorder, Pace(60.0 * self.minutes), stopped, self._tell)
            return end, await replaced_by_then(self.recorder.close(), hurried)
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


def _account(config: Config, name: str | None) -> AccountConfig:
    if name is not None:
        return account_named(name, config)
    if len(config.accounts) > 1:
        names = ", ".join(account.name for account in config.accounts)
        raise click.UsageError(f"--account is needed: one of {names}")
    return config.accounts[0]


def _check_output(output: Path, *, force: bool) -> None:
    """Raise click.ClickException where the capture could not be written, or would overwrite a file."""
    try:
        if output.exists() and not output.is_file():
            raise click.ClickException(f"{output} isn't a regular file: choose another --output")
        if os.path.lexists(output) and not force:
            raise _exists(output)
        NamedTemporaryFile(dir=output.parent, prefix=f".{output.name}.").close()
    except OSError as error:
        raise _cannot_write(output, error) from None


def _exists(output: Path) -> click.ClickException:
    return click.ClickException(f"{output} exists: choose another --output, or add --force")


def _cannot_write(output: Path, error: OSError) -> click.ClickException:
    return click.ClickException(f"can't write {output}: {os_message(error)}")


def _stop(stopped: asyncio.Event, hurried: asyncio.Event) -> None:
    (hurried if stopped.is_set() else stopped).set()


def _say(text: str) -> None:
    show_at_once(f"{text}\n".encode(errors="backslashreplace"))
