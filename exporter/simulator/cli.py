"""The command `exotel-simulator`."""

import asyncio
import functools
import gc
import os
import signal
import ssl
import sys
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import click

from exporter.simulator import traffic
from exporter.simulator.durations import parse_duration
from exporter.simulator.exotel import Request
from exporter.simulator.fault_kinds import KINDS
from exporter.simulator.faults import SYNTAX, Fault
from exporter.simulator.numbers import Numbers
from exporter.simulator.profiles import PROFILES, drawn
from exporter.simulator.reply import Reply
from exporter.simulator.server import Server
from exporter.simulator.settings import FLAT_DAY, OFFICE_DAY, AgentStreamsFormat, Order, OverLimit, Settings

T = TypeVar("T")

_POSITIVE = click.IntRange(min=1)
_COUNT = click.IntRange(min=0)


def _argument(read: Callable[[str], T]) -> Callable[[str], T]:
    """Have what a reader says of nonsense told as wrong usage."""

    @functools.wraps(read)
    def convert(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return convert


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ValueError(f"{text!r} is not an address: expected host:port")
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)  # noqa: S104 (as asked for: ":9928")


def _profile(text: str) -> str:
    if text not in {*PROFILES, "random"}:
        raise ValueError(f"no profile is called {text!r}: expected random, or one of {', '.join(PROFILES)}")
    return text


def _epilog() -> str:
    kinds = _terms({name: kind.help for name, kind in KINDS.items()})
    profiles = _terms({name: profile.told for name, profile in PROFILES.items()})
    return (
        f"\b\nFaults are written {SYNTAX}. Kinds:\n{kinds}\n\n"
        f"\b\nProfiles; random is one that --seed draws, told on standard error:\n{profiles}"
    )


def _terms(told: Mapping[str, str]) -> str:
    return "\n".join(
        textwrap.fill(f"{name}  {text}", width=76, initial_indent="  ", subsequent_indent=" " * 6)
        for name, text in told.items()
    )


_DURATION = _argument(parse_duration)


@click.command(epilog=_epilog(), context_settings={"show_default": True, "max_content_width": 100})
@click.option(
    "--listen-address",
    type=_argument(_address),
    default="127.0.0.1:9928",
    metavar="HOST:PORT",
    help="Port 0 takes a free one.",
)
@click.option("--account-sid", default="demo")
@click.option("--api-key", default="demo")
@click.option("--api-token", default="demo")
@click.option("--calls", type=_COUNT, default=120, help="Active calls at the start.")
@click.option("--agents", type=_COUNT, show_default="0.9 for each call")
@click.option(
    "--second-calls",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Share of calls that go to an agent who may have one.",
)
@click.option("--stream-limit", type=_COUNT, default=100, help="AgentStream sessions allowed.")
@click.option(
    "--agent-streams-format",
    type=click.Choice(get_args(AgentStreamsFormat)),
    default="json",
    help="How AgentStream sessions are told.",
)
@click.option("--seed", type=int, default=1, help="Equal seeds give equal centres.")
@click.option(
    "--epoch",
    type=click.FloatRange(min=0),
    metavar="UNIX",
    show_default="now",
    help="When the centre starts.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=1.0,
    help="Seconds in the centre for each real one; 0 stands still.",
)
@click.option(
    "--start-hour", type=click.FloatRange(0, 24), default=10.0, help="Hour of the day at the start."
)
@click.option("--flat", is_flag=True, help="The load doesn't follow the day.")
@click.option(
    "--linger", type=_DURATION, default="0s", metavar="DURATION", help="How long ended calls stay listed."
)
@click.option("--max-limit", type=_POSITIVE, default=100, help="Rows in a page at most.")
@click.option(
    "--over-limit",
    type=click.Choice(get_args(OverLimit)),
    default="cut",
    help="What becomes of a larger limit.",
)
@click.option("--ignore-paging", is_flag=True, help="Every page is the whole list.")
@click.option("--ignore-offset", is_flag=True, help="Every page is the first.")
@click.option("--order", type=click.Choice(get_args(Order)), default="oldest")
@click.option(
    "--profile",
    type=_argument(_profile),
    metavar="NAME|random",
    show_default="as those options say",
    help="How the list is kept and served, in place of --linger and of --max-limit to --order; see below.",
)
@click.option(
    "--numbers",
    type=click.Choice(get_args(Numbers)),
    default="e164",
    help="How rows write telephone numbers; mixed is one way for each call.",
)
@click.option("--latency", type=_DURATION, default="0s", metavar="DURATION", help="Before each answer.")
@click.option("--gzip", is_flag=True, help="Compress for clients that accept it.")
@click.option("--requests-per-minute", type=_COUNT, default=0, help="More are answered 429; 0 for no limit.")
@click.option(
    "--fault",
    "faults",
    type=_argument(Fault.parse),
    multiple=True,
    metavar="FAULT",
    help="Repeatable; see below.",
)
@click.option(
    "--tls-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    show_default=False,
    help="Serve over TLS: a PEM file with a key and its certificates.",
)
@click.option("--log-requests", is_flag=True, help="One line on standard error for each.")
def main(
    listen_address: tuple[str, int],
    *,
    flat: bool,
    profile: str | None,
    tls_file: Path | None,
    log_requests: bool,
    **options: Any,
) -> None:
    """Serve a simulated contact centre through Exotel's Active Stream Monitoring API.

    Beside the API it serves GET /_simulator/truth, what is true in the centre; GET /_simulator/requests,
    how many there were; and POST /_simulator/faults, a JSON list of faults that replaces those in force.
    """
    served = PROFILES.get(profile) if profile else None
    if profile == "random":
        served = drawn(traffic.chance(options["seed"]))
        click.echo(f"The list is served so: {served.told}", err=True)
    settings = Settings(day=FLAT_DAY if flat else OFFICE_DAY, profile=served, **options)
    host, port = listen_address
    server = Server(settings, _log if log_requests else None)
    gc.freeze()  # the calls found at the start are no garbage: to look through them takes most of a second
    try:
        asyncio.run(_serve(server, host, port, _context(tls_file)))
    except OSError as error:
        click.echo(f"exotel-simulator: can't listen on {host}:{port}: {_reason(error)}", err=True)
        sys.exit(1)


def _reason(error: OSError) -> str:
    """Shorter than what asyncio makes of it."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)


def _context(tls_file: Path | None) -> ssl.SSLContext | None:
    if tls_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls_file)
    return context


async def _serve(server: Server, host: str, port: int, tls: ssl.SSLContext | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.serve(host, port, ready=_tell, stop=stop, tls=tls)


def _tell(url: str) -> None:
    click.echo(f"Exotel is simulated on {url}")


def _log(request: Request, reply: Reply) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')} {request.method} {request.target} {reply.status}", err=True)
