"""The command `exotel-exporter capture`: its flags, what it refuses, and what it tells."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click

from exporter import __version__
from exporter.archive import Capture, Exchange
from exporter.capture.output import Output, output
from exporter.capture.pseudonyms import Pseudonyms
from exporter.capture.recorder import Recorder
from exporter.capture.report import found, readme, replaced, samples
from exporter.capture.session import INTERVAL, End, Pace, collect, replaced_by_then
from exporter.capture.settings import account_sid, settings
from exporter.collect.account import Account
from exporter.collect.snapshot import Snapshot
from exporter.config import AccountConfig, Config, MetricsConfig
from exporter.flags import StrictCommand, account_named, config_file_option, read_config, value
from exporter.output import counted

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
    "out",
    type=value("file.zip", output),
    required=True,
    help="The file to write. It must not exist, unless with --force. With - it goes to standard output.",
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
    out: Output,
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
    out.check(overwrite=force)
    pseudonyms = Pseudonyms(credentials=account.revealed)
    recorder = Recorder(requests, pseudonyms, raw_errors=raw_errors)
    job = _Job(account, config.metrics, out, minutes, recorder, pseudonyms, raw_errors, force)
    asyncio.run(job.run())
    return 0


@dataclass(frozen=True, slots=True)
class _Job:
    """One capture, from its first word to its last."""

    config: AccountConfig
    metrics: MetricsConfig
    output: Output
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
            self.output.say(f"Ended: {end}.")
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
        size = self.output.write(capture, text, overwrite=self.force)
        self._conclude(exchanges, end, size)

    def _announce(self) -> None:
        minutes, most = counted(self.minutes, "minute"), counted(self.recorder.left, "request")
        often = f"every {INTERVAL:.0f} seconds for {minutes}" if self.minutes else "once"
        self.output.say(f"Collecting from account {self.config.name} {often}, with {most} at most.")
        self.output.say("Ctrl-C ends it earlier, and keeps what was captured.")

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
        self.output.say(f"Collection {len(self.collected)}: {found(snapshot)}; {made} so far.")

    def _why_nothing(self) -> str:
        """Return why no request was answered, or not even sent."""
        return "; ".join(map(found, self.collected)) or "it was stopped before anything was answered"

    def _conclude(self, exchanges: Sequence[Exchange], end: End, size: int) -> None:
        say = self.output.say
        for what, text in samples(exchanges):
            say(f"\n{what} in the file:\n{text}")
        say(f"\nReplaced: {replaced(self.pseudonyms.counts)}.")
        if self.raw_errors:
            say(_RAW_ERRORS)
        if end is End.REQUESTS and all(each.failure for each in self.collected):
            say("No list was read whole: that takes a larger number of --requests.")
        made, times = counted(len(exchanges), "request"), counted(len(self.collected), "collection")
        say(f"Written: {self.output}, {size:,} bytes: {made} in {times}.")
        say(f"Read it before you pass it on; begin with: unzip -p {self.output.in_a_shell} README")


def _account(config: Config, name: str | None) -> AccountConfig:
    if name is not None:
        return account_named(name, config)
    if len(config.accounts) > 1:
        names = ", ".join(account.name for account in config.accounts)
        raise click.UsageError(f"--account is needed: one of {names}")
    return config.accounts[0]


def _stop(stopped: asyncio.Event, hurried: asyncio.Event) -> None:
    (hurried if stopped.is_set() else stopped).set()
