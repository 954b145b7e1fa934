"""The command `exotel-simulator`."""

import asyncio
import gc
import os
import signal
import ssl
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

import click
from click.core import ParameterSource

from exporter.archive import NotACapture, read
from exporter.simulator.fault_kinds import KINDS, parse_duration
from exporter.simulator.faults import SYNTAX, Fault
from exporter.simulator.live import LiveApi
from exporter.simulator.messages import Request, Response
from exporter.simulator.phone_numbers import Numbers
from exporter.simulator.profile import AgentStreamsFormat
from exporter.simulator.profiles import PROFILES
from exporter.simulator.random_server import random_server
from exporter.simulator.replay import Replay, configuration
from exporter.simulator.server import Server, Service
from exporter.simulator.servers import SERVERS
from exporter.simulator.settings import FLAT_DAY, OFFICE_DAY, Order, OverLimit, Settings
from exporter.simulator.traffic import seeded_random

T = TypeVar("T")

_POSITIVE = click.IntRange(min=1)
_COUNT = click.IntRange(min=0)
_PROFILES = PROFILES | SERVERS
_SLOWEST = 1000
_OF_A_REPLAY = {"listen_address", "replay", "pace", "tls_file", "log_requests"}


def _type(name: str, parse: Callable[[str], T]) -> Callable[[str], T]:
    """Return the type of an option that a function parses; its ValueErrors become usage errors."""

    def convert(text: str) -> T:
        try:
            return parse(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    convert.__name__ = name  # what help shows for a value
    return convert


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"{text!r} is not an address: expected host:port")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)  # noqa: S104 (as requested: ":9928")


def _profile(text: str) -> str:
    if text not in {*_PROFILES, "random"}:
        raise ValueError(f"unknown profile {text!r}: expected random, or one of {', '.join(_PROFILES)}")
    return text


def _pace(text: str) -> float:
    try:
        pace = float(text)
    except ValueError:
        pace = -1.0
    if not 0 <= pace <= _SLOWEST:  # nor is NaN
        raise ValueError(f"{text!r} is not a pace: expected a number from 0 to {_SLOWEST}")
    return pace


def _epilog() -> str:
    kinds = _definitions({name: kind.help for name, kind in KINDS.items()})
    profiles = _definitions({name: profile.description for name, profile in _PROFILES.items()})
    return (
        f"\b\nA fault is written as {SYNTAX}. Kinds:\n{kinds}\n\n"
        f"\b\nProfiles (random is one that depends on --seed, described on standard error):\n{profiles}"
    )


def _definitions(texts: Mapping[str, str]) -> str:
    return "\n".join(
        textwrap.fill(f"{name}  {text}", width=76, initial_indent="  ", subsequent_indent=" " * 6)
        for name, text in texts.items()
    )


_DURATION = _type("duration", parse_duration)


@click.command(epilog=_epilog(), context_settings={"show_default": True, "max_content_width": 100})
@click.option(
    "--listen-address",
    type=_type("host:port", _address),
    default="127.0.0.1:9928",
    help="Address to listen on; port 0 picks a free port.",
)
@click.option("--account-sid", default="demo", help="May be a pattern, like acme-*.")
@click.option("--api-key", default="demo")
@click.option("--api-token", default="demo")
@click.option("--calls", type=_COUNT, default=120, help="Number of active calls at the start.")
@click.option(
    "--call-limit",
    type=_POSITIVE,
    show_default="unlimited",
    help="Calls allowed at once; any further one is refused.",
)
@click.option("--agents", type=_COUNT, show_default="0.9 per call", help="Number of agents.")
@click.option(
    "--second-calls",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of calls offered to a random agent, who may already have a call.",
)
@click.option("--stream-limit", type=_COUNT, default=100, help="Maximum number of AgentStream sessions.")
@click.option(
    "--agent-streams-format",
    type=click.Choice(get_args(AgentStreamsFormat)),
    default="json",
    help="Format of the AgentStream response.",
)
@click.option("--seed", type=int, default=1, help="Random seed; equal seeds give equal contact centres.")
@click.option(
    "--epoch",
    type=click.FloatRange(min=0),
    metavar="UNIX",
    show_default="now",
    help="Unix time at which the simulation starts.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    help="Simulated seconds per real second; 0 stops the clock.",
)
@click.option(
    "--start-hour", type=click.FloatRange(0, 24), default=10.0, help="Hour of the day at the start."
)
@click.option("--flat", is_flag=True, help="Keep the load constant all day.")
@click.option("--linger", type=_DURATION, default="0s", help="Keep ended calls listed for this long.")
@click.option("--max-limit", type=_POSITIVE, default=100, help="Maximum number of rows on a page.")
@click.option(
    "--over-limit",
    type=click.Choice(get_args(OverLimit)),
    default="cut",
    help="What to do with a limit above --max-limit.",
)
@click.option("--ignore-paging", is_flag=True, help="Answer every request with the whole list.")
@click.option("--ignore-offset", is_flag=True, help="Answer every request with the first page.")
@click.option("--order", type=click.Choice(get_args(Order)), default="oldest", help="Order of the list.")
@click.option(
    "--profile",
    type=_type("name", _profile),
    metavar="NAME|random",
    show_default="as set by those options",
    help="How the whole server behaves, instead of --linger and --max-limit to --order; see below.",
)
@click.option(
    "--numbers",
    type=click.Choice(get_args(Numbers)),
    default="e164",
    help="Format of telephone numbers in rows; mixed uses one format per call.",
)
@click.option("--latency", type=_DURATION, default="0s", help="Delay before each response.")
@click.option("--gzip", is_flag=True, help="Compress responses for clients that accept it.")
@click.option(
    "--requests-per-minute", type=_COUNT, default=0, help="Rate limit, answered with 429; 0 is unlimited."
)
@click.option(
    "--fault",
    "faults",
    type=_type("fault", Fault.parse),
    multiple=True,
    help="Fault to inject; repeatable, see below.",
)
@click.option(
    "--tls-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default=False,
    help="Serve over TLS with the key and certificates of this PEM file.",
)
@click.option(
    "--replay",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default=False,
    metavar="FILE.zip",
    help="Serve a capture again instead of a contact centre.",
)
@click.option(
    "--pace",
    type=_type("factor", _pace),
    default="1",
    help="How long captured answers take: 1 as long as they did, 0 no time.",
)
@click.option("--log-requests", is_flag=True, help="Log each request to standard error, one line each.")
def main(
    listen_address: tuple[str, int],
    *,
    replay: Path | None,
    pace: float,
    tls_file: Path | None,
    log_requests: bool,
    **options: Any,
) -> None:
    """Serve a simulated contact centre through Exotel's Active Stream Monitoring API.

    A control API beside it serves GET /_simulator/truth, the ground truth about the contact centre; GET
    /_simulator/requests, the number of requests by endpoint; and POST /_simulator/faults, which replaces
    the active faults with those in a JSON list.

    With --replay, serve what `exotel-exporter capture` recorded: the same answers to the same questions.
    """
    _refuse_clashes(replay)
    service, announce = _replayed(replay, pace) if replay else _simulated(**options)
    host, port = listen_address
    server = Server(service, _log if log_requests else None)
    gc.freeze()  # the calls found at the start aren't garbage, and traversing them takes most of a second
    try:
        asyncio.run(_serve(server, host, port, announce, _context(tls_file)))
    except OSError as error:
        _fail(f"can't listen on {host}:{port}: {_reason(error)}")


def _refuse_clashes(replay: Path | None) -> None:
    """Raise UsageError for options that mean nothing beside those that are given."""
    context = click.get_current_context()
    given = [
        parameter
        for parameter in context.command.params
        if parameter.name and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]
    if replay is None and any(parameter.name == "pace" for parameter in given):
        raise click.UsageError("--pace is that of a capture: it needs --replay")
    clashing = [parameter.opts[0] for parameter in given if parameter.name not in _OF_A_REPLAY]
    if replay and clashing:
        raise click.UsageError(
            f"--replay serves a capture, and {', '.join(clashing)} would change a simulated contact centre:"
            " leave out one or the other"
        )


def _simulated(*, flat: bool, profile: str | None, **options: Any) -> tuple[Service, Callable[[str], None]]:
    chosen = _PROFILES.get(profile) if profile else None
    if profile == "random":
        chosen = random_server(seeded_random(options["seed"]))
        click.echo(f"The profile is: {chosen.description}", err=True)
    settings = Settings(day=FLAT_DAY if flat else OFFICE_DAY, profile=chosen, **options)
    return LiveApi(settings), lambda url: click.echo(f"Simulating Exotel on {url}")


def _replayed(file: Path, pace: float) -> tuple[Service, Callable[[str], None]]:
    try:
        capture = read(file)
    except NotACapture as error:
        _fail(f"{file} is not a capture: {error}", exit_code=2)
    except OSError as error:
        _fail(f"can't read {file}: {_reason(error)}")

    def announce(url: str) -> None:
        count, account_sid = len(capture.exchanges), capture.account_sid
        click.echo(f"Replaying {count} answers of account {account_sid} on {url}")
        click.echo("To export it, run exotel-exporter --config.file=replay.yaml with this replay.yaml:\n")
        click.echo(configuration(capture, url), nl=False)

    return Replay(capture, pace), announce


def _fail(what: str, exit_code: int = 1) -> NoReturn:
    click.echo(f"exotel-simulator: {what}", err=True)
    sys.exit(exit_code)


def _reason(error: OSError) -> str:
    """Return the system's message, which is shorter than asyncio's."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)


def _context(tls_file: Path | None) -> ssl.SSLContext | None:
    if tls_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls_file)
    return context


async def _serve(
    server: Server, host: str, port: int, announce: Callable[[str], None], tls: ssl.SSLContext | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.serve(host, port, ready=announce, stop=stop, tls=tls)


def _log(request: Request, response: Response) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {request.method} {request.target} {response.status}", err=True)
