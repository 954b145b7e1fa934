"""The command `exotel-exporter`: wiring, and nothing but wiring."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from exporter import __revision__, __version__, release
from exporter.collect.accounts import Accounts
from exporter.config import BadConfig, Config, Mistake, WebFile, from_environment, from_file, web_from_file
from exporter.descriptors import allow_many_descriptors
from exporter.http.answers import Answers
from exporter.http.app import Endpoints, create_app
from exporter.http.prefix import BadPrefix, External, route_prefix
from exporter.http.reloader import Reloader
from exporter.http.scrape import collect
from exporter.http.server import serve
from exporter.log import set_up
from exporter.memory import keep_large_blocks_apart, look_for_garbage_rarely
from exporter.metrics.exporter_metrics import ExporterStatus
from exporter.metrics.exposition import expose
from exporter.output import give_up, leave, mention, warn, write
from exporter.serve.address import Address, BadAddress, CannotListen, bound_address, listen
from exporter.systemd import NoSockets, handed_over
from exporter.usage import Command

# No dots alone, which browsers and proxies resolve, and no address that is another page.
_TELEMETRY_PATH = re.compile(r"(?!/(probe|sd|config|-)(/|$))(/(?!\.+(/|$))[A-Za-z0-9._-]+)+")

_T = TypeVar("_T")


def _addresses(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[Address, ...]:
    try:
        return tuple(map(Address.parse, values))
    except BadAddress as error:
        raise click.BadParameter(str(error)) from None


def _file(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Path | None:
    if value == "":  # which would be the folder
        raise click.BadParameter("found ''; accepted: the path of a file")
    return None if value is None else Path(value)


def _telemetry_path(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not _TELEMETRY_PATH.fullmatch(value):
        raise click.BadParameter(
            f"found {value!r}; accepted: a path like /metrics of letters, digits, -, _ and ., "
            "other than /probe, /sd, /config and /-/…"
        )
    return value


def _external(_ctx: click.Context, _param: click.Parameter, value: str | None) -> External:
    try:
        return External.parse(value) if value else External()  # empty, it is none, as in Prometheus
    except BadPrefix as error:
        raise click.BadParameter(str(error)) from None


def _route_prefix(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    try:
        return route_prefix(value) if value else None  # empty, it is the default, as in Prometheus
    except BadPrefix as error:
        raise click.BadParameter(str(error)) from None


@click.command(cls=Command, context_settings={"max_content_width": 100})
@click.option(
    "--config.file",
    "config_file",
    callback=_file,
    metavar="PATH",
    help="YAML file. Without it one account is read from EXOTEL_ACCOUNT_SID, EXOTEL_API_KEY, "
    "EXOTEL_API_TOKEN and EXOTEL_BASE_URL.",
)
@click.option(
    "--config.check",
    "check",
    is_flag=True,
    help="Check the configuration: print ok, or every mistake, and exit.",
)
@click.option("--once", is_flag=True, help="Collect once, print the metrics; exit 1 if an account failed.")
@click.option("--demo", is_flag=True, help="Export a simulated contact centre: no account is needed.")
@click.option(
    "--web.listen-address",
    "addresses",
    callback=_addresses,
    metavar="HOST:PORT",
    multiple=True,
    default=[":9927"],
    show_default=True,
    help="Repeatable. Without a host, or with [::], on IPv6 and IPv4. Port 0 picks a free port and logs it.",
)
@click.option(
    "--web.systemd-socket",
    "systemd_socket",
    is_flag=True,
    help="Listen on the sockets that systemd passes, instead of on addresses.",
)
@click.option(
    "--web.telemetry-path",
    "telemetry_path",
    default="/metrics",
    show_default=True,
    callback=_telemetry_path,
    metavar="PATH",
    help="Path of the metrics.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    callback=_file,
    metavar="PATH",
    help="YAML file for TLS, users, headers and a rate limit, in the format of Prometheus's "
    "exporter-toolkit.",
)
@click.option(
    "--web.probe-only",
    "probe_only",
    is_flag=True,
    help="Show accounts on /probe only; the exporter's own metrics stay at the path of the metrics.",
)
@click.option("--web.enable-lifecycle", "lifecycle", is_flag=True, help="Allow POST /-/reload.")
@click.option(
    "--web.external-url",
    "external",
    callback=_external,
    metavar="URL",
    help="The URL, or its path, under which people reach the exporter through a proxy.",
)
@click.option(
    "--web.route-prefix",
    "prefix",
    callback=_route_prefix,
    metavar="PATH",
    help="Prefix of all paths; by default the path of --web.external-url. Use / if the proxy strips it.",
)
@click.option(
    "--web.max-requests",
    "max_requests",
    type=click.IntRange(min=0),
    default=40,
    show_default=True,
    metavar="N",
    help="Maximum number of concurrent requests for each path, and on /probe for each account; further ones "
    "get 503. Health checks and reloads are exempt. 0 disables the limit.",
)
@click.option(
    "--web.disable-exporter-metrics",
    "disable_exporter_metrics",
    is_flag=True,
    help="Leave out process_*, python_* and exotel_exporter_http_*.",
)
@click.option(
    "--log.level",
    "log_level",
    type=click.Choice(["debug", "info", "warn", "error"]),
    default="info",
    show_default=True,
    help="Minimum level of what is logged.",
)
@click.option(
    "--log.format",
    "log_format",
    type=click.Choice(["logfmt", "json"]),
    default="logfmt",
    show_default=True,
    help="Format of the log.",
)
@click.version_option(
    release(__version__, __revision__), prog_name="exotel-exporter", message="%(prog)s %(version)s"
)
def main(  # noqa: PLR0913  # an argument for each flag
    config_file: Path | None,
    *,
    check: bool,
    once: bool,
    demo: bool,
    addresses: tuple[Address, ...],
    systemd_socket: bool,
    telemetry_path: str,
    web_config_file: Path | None,
    probe_only: bool,
    lifecycle: bool,
    external: External,
    prefix: str | None,
    max_requests: int,
    disable_exporter_metrics: bool,
    log_level: str,
    log_format: str,
) -> None:
    """Export the active calls of Exotel accounts as Prometheus metrics."""
    set_up(log_level, log_format)
    keep_large_blocks_apart()
    look_for_garbage_rarely()
    allow_many_descriptors()
    with ExitStack() as stack:
        read = _demo(stack) if demo else partial(_read, config_file)
        read_web = partial(_read_web, web_config_file)
        if check:
            _, web = _or_give_up(read, read_web)
            for warning in web.warnings if web else ():
                warn(str(warning))
            write(b"ok\n")
            leave(0)
        accounts, web = _or_give_up(lambda: Accounts(read), read_web)
        if once:
            leave(_collect_once(accounts))
        try:
            sockets = handed_over() if systemd_socket else listen(addresses)
        except (CannotListen, NoSockets) as error:
            give_up(str(error))
        endpoints = Endpoints(
            prefix=external.prefix if prefix is None else prefix,
            external_prefix=external.prefix,
            telemetry_path=telemetry_path,
            probe_only=probe_only,
            lifecycle=lifecycle,
            max_requests=max_requests,
            exporter_metrics=not disable_exporter_metrics,
        )
        if demo:
            scheme = "https" if web and web.config.tls_server_config else "http"
            local = f"{scheme}://{bound_address(sockets[0]).local}{endpoints.prefix}"
            people = f"{external.origin}{external.prefix}" if external.origin else local
            _say_where(accounts, f"{local}{telemetry_path}", f"{people}/")
        reloader, answers = Reloader(accounts), Answers()
        app = create_app(accounts, endpoints, reloader, answers)
        serve(app, sockets, accounts, reloader, answers, web=web)
    leave(0)


def _read(config_file: Path | None) -> Config:
    return from_file(config_file, os.environ) if config_file else from_environment(os.environ)


def _read_web(file: Path | None) -> WebFile | None:
    return web_from_file(file) if file else None


def _or_give_up(read: Callable[[], _T], read_web: Callable[[], WebFile | None]) -> tuple[_T, WebFile | None]:
    """Read both files, or end with the mistakes of both."""
    mistakes: list[Mistake] = []
    with _gathered(mistakes):
        config = read()
    with _gathered(mistakes):
        web = read_web()
    if mistakes:
        give_up("\n".join(map(str, mistakes)))
    return config, web


@contextmanager
def _gathered(mistakes: list[Mistake]) -> Iterator[None]:
    try:
        yield
    except BadConfig as error:
        mistakes.extend(error.mistakes)


def _demo(stack: ExitStack) -> Callable[[], Config]:
    from exporter.demo import demo  # noqa: PLC0415  # the simulator is no part of what runs in production

    config = stack.enter_context(demo())
    return lambda: config


def _collect_once(accounts: Accounts) -> int:
    snapshots = asyncio.run(collect(accounts, None))
    text, _ = expose(snapshots, "text/plain", ExporterStatus(accounts.status), withdraw=accounts.withdraw)
    write(text)
    return int(any(snapshot.error for snapshot in snapshots.values()))


def _say_where(accounts: Accounts, metrics: str, page: str) -> None:
    [account] = accounts
    mention(
        f"Metrics          {metrics}\n"
        f"For people       {page}\n"
        f"Simulated Exotel {account.config.base_url}  (Ctrl-C ends both)\n"
    )
