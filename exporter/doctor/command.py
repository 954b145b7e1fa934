"""The command `exotel-exporter doctor`: its flags, and what it tells as it goes."""

from __future__ import annotations

import logging
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import ceil
from pathlib import Path
from threading import Event, Thread

import click

from exporter import signals
from exporter.config import AccountConfig, AsWritten, Config
from exporter.doctor.access import other_hosts
from exporter.doctor.asker import Asker
from exporter.doctor.configuration import variables
from exporter.doctor.examination import Examination, Report
from exporter.doctor.report import as_json, as_text, configuration_text, must_change
from exporter.exotel.client import voice_host
from exporter.exotel.rate_limiter import RateLimiters
from exporter.exotel.transport import host_of
from exporter.flags import StrictCommand, account_named, config_file_option, read_config
from exporter.output import complain, show


@click.command("doctor", cls=StrictCommand, context_settings={"max_content_width": 100, "show_default": True})
@config_file_option
@click.option(
    "--account",
    "names",
    metavar="NAME",
    multiple=True,
    help="Examine this account alone; repeatable. Without it all are examined, one after another.",
)
@click.option(
    "--requests",
    type=click.IntRange(1, 1000),
    default=60,
    metavar="N",
    help="Make no more than this many requests for each account.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="What the report is written as.",
)
def command(config_file: Path | None, names: tuple[str, ...], requests: int, form: str) -> int:
    """Test how the API really behaves, and print a configuration that fits.

    Asks for lists and details only: nothing is changed. Telephone numbers, names and call_sids are never
    shown. Exits with 1 where something must be changed.
    """
    logging.getLogger("exporter").addHandler(logging.NullHandler())
    config = read_config(config_file)
    accounts, every = _chosen(config, names), [account.name for account in config.accounts]
    of_accounts = variables(every)
    limiters, reports, stopped = RateLimiters(), list[Report](), Event()
    for account in accounts:
        if stopped.is_set():
            break
        _announce(account, requests)
        asker = Asker(account, requests, sleep=stopped.wait, rate_limiter=limiters.of(account))
        with _stopping(asker, stopped):
            as_written = config.as_written.get(account.name, AsWritten())
            names_of_variables = of_accounts[account.name]
            report = Examination(asker, partial(_say, stopped), names_of_variables, as_written).run()
        reports.append(report)
        if form == "text":
            _show(f"{chr(10) if len(reports) > 1 else ''}{as_text(report)}")
    _show(as_json(reports) if form == "json" else configuration_text(reports, every))
    return int(must_change(reports) or stopped.is_set())


def _say(stopped: Event, step: str) -> None:
    if not stopped.is_set():
        complain(f"  {step} ...")


def _show(text: str) -> None:
    show(text.encode(errors="backslashreplace"))


def _announce(account: AccountConfig, requests: int) -> None:
    pace = account.collection.requests_per_minute
    minutes = max(1, ceil(requests / pace))
    text = (
        f"Examining account {account.name}: {requests} requests at most, not more than {pace} a minute; it "
        f"takes about {'a minute' if minutes == 1 else f'{minutes} minutes'}, longer where answers are slow. "
        f"AgentStream is asked at {host_of(voice_host(account))}."
    )
    if hosts := other_hosts(account):
        text += f" If the account isn't known here, so are {', '.join(map(host_of, hosts))}."
    complain(textwrap.fill(f"{text} Ctrl-C ends it with what is known by then.", 79))


@contextmanager
def _stopping(asker: Asker, stopped: Event) -> Iterator[None]:
    """End the examination at a signal, with what is known by then."""

    def stop(*_: object) -> None:
        Thread(target=_stop, args=(asker, stopped), daemon=True).start()  # it takes locks, a signal must not

    signals.at_stop(stop)
    try:
        yield
    finally:
        asker.close()


def _stop(asker: Asker, stopped: Event) -> None:
    stopped.set()
    asker.stop()


def _chosen(config: Config, names: tuple[str, ...]) -> list[AccountConfig]:
    """Return the accounts of these names, each once, or all of them."""
    return [account_named(name, config) for name in dict.fromkeys(names)] or [*config.accounts]
