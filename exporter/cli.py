"""The command `exotel-exporter`: its flags, and what it does by them."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import click
import structlog
from click.core import ParameterSource

from exporter import __revision__, __version__, release
from exporter.collect.accounts import Accounts
from exporter.config import Config, ConfigError, from_environment, from_file
from exporter.exotel.errors import exhausted_resource
from exporter.flags import StrictCommand, file, value
from exporter.http.endpoints import Endpoints, External, plain_path, route_prefix
from exporter.http.scrape import collect
from exporter.http.server import serve
from exporter.log import set_up
from exporter.metrics.exposition import ExporterStatus, expose
from exporter.output import cannot_write, complain, show, show_at_once
from exporter.web import systemd
from exporter.web.listen import Address, CannotListen, bound_address, listen

if TYPE_CHECKING:
    from exporter.demo import Demo
    from exporter.web.config import ActiveWebConfig

_RELEASE = release(__version__, __revision__)

#: Flags that exclude one another, and why; `--web` stands for every flag that begins so.
_EXCLUSIVE = (
    ("--demo", "--config.file", "the demo brings its own configuration"),
    ("--demo", "--config.check", "the demo brings its own configuration"),
    ("--demo", "--web.systemd-socket", "the demo listens on loopback alone"),
    ("--once", "--config.check", "one asks the API, the other doesn't"),
    ("--once", "--web", "--once doesn't serve"),
)

#: What each command does, as --help says it.
_COMMANDS = {
    "capture": "Record what the API answers, pseudonymised, for a bug report or a test.",
    "doctor": "Test how the API really behaves, and print a configuration that fits.",
}

_T = TypeVar("_T")
_log = structlog.stdlib.get_logger(__name__)


class _Program(StrictCommand, click.Group):
    """The exporter where no command is named; commands are imported when they run."""

    def check(self, ctx: click.Context, flags: Sequence[str], rest: Sequence[str]) -> None:
        """Raise click.UsageError of flags that exclude one another, or stand before a command."""
        for one, other, why in _EXCLUSIVE:
            for flag in flags:
                if one in flags and (flag == other or flag.startswith(f"{other}.")):
                    raise click.UsageError(f"{one} and {flag} exclude one another: {why}.", ctx)
        if not rest:
            return
        name = rest[0]
        if name not in _COMMANDS:
            raise click.UsageError(f"No such command {name!r}: there are {' and '.join(_COMMANDS)}.", ctx)
        if flags:
            why = f"flags before {name} are the exporter's; write those of {name} behind it"
            raise click.UsageError(f"{flags[0]} and {name} don't go together: {why}.", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Return the names of the commands."""
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, imported now."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"exporter.{cmd_name}.command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write what each command does, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items()])


@click.group(
    cls=_Program,
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    context_settings={"max_content_width": 100, "show_default": True},
)
@click.option(
    "--config.file",
    "config_file",
    type=value("path", file),
    help="YAML configuration file. Without it one account is read from EXOTEL_ACCOUNT_SID, "
    "EXOTEL_API_KEY, EXOTEL_API_TOKEN and EXOTEL_BASE_URL.",
)
@click.option(
    "--config.check",
    "check",
    is_flag=True,
    help="Check the configuration and exit: print ok, or everything that is wrong with it.",
)
@click.option(
    "--once", is_flag=True, help="Collect once, print the metrics and exit: 1 if an account failed."
)
@click.option(
    "--demo",
    is_flag=True,
    help="Export a simulated contact centre, scraped every 5 s, on loopback alone; no account is needed.",
)
@click.option(
    "--web.listen-address",
    "addresses",
    type=value("host:port", Address.parse),
    multiple=True,
    default=[":9927"],
    help="Address to listen on. Repeatable for multiple addresses. Without a host, or with [::], on IPv6 and "
    "IPv4; port 0 takes a free port and logs it. The demo listens on 127.0.0.1:9927.",
)
@click.option(
    "--web.systemd-socket",
    "systemd_socket",
    is_flag=True,
    help="Use systemd socket activation listeners instead of port listeners.",
)
@click.option(
    "--web.telemetry-path",
    "telemetry_path",
    type=value("path", plain_path),
    default="/metrics",
    help="Path under which to expose metrics.",
)
@click.option(
    "--web.config.file",
    "web_config_file",
    type=value("path", file),
    help="Configuration file for TLS, users, headers and a rate limit, in the format of Prometheus's "
    "exporter-toolkit.",
)
@click.option(
    "--web.probe-only",
    "probe_only",
    is_flag=True,
    help="Expose accounts on /probe only; the exporter's own metrics stay under the telemetry path.",
)
@click.option("--web.enable-lifecycle", "lifecycle", is_flag=True, help="Enable reload via POST /-/reload.")
@click.option(
    "--web.enable-live-calls",
    "live_calls",
    is_flag=True,
    help="Serve every active call at /calls and /calls.json: agents by id, no telephone numbers.",
)
@click.option(
    "--web.external-url",
    "external",
    type=value("url", External.parse),
    help="The URL, or its path, under which the exporter is externally reachable, for example behind a "
    "reverse proxy.",
)
@click.option(
    "--web.route-prefix",
    "prefix",
    type=value("path", route_prefix),
    help="Prefix for the internal routes of web endpoints. Defaults to the path of --web.external-url; use / "
    "if the proxy strips it.",
)
@click.option(
    "--web.max-requests",
    "max_requests",
    type=click.IntRange(min=0),
    default=40,
    metavar="N",
    help="Maximum number of concurrent requests for each path, and on /probe for each account; more get 503. "
    "Health checks, reloads and pages for people are exempt. Use 0 to disable.",
)
@click.option(
    "--web.disable-exporter-metrics",
    "disable_exporter_metrics",
    is_flag=True,
    help="Exclude metrics about the exporter itself (process_*, python_*, exotel_exporter_http_*).",
)
@click.option(
    "--log.level",
    "log_level",
    type=click.Choice(["debug", "info", "warn", "error"]),
    default="info",
    help="Only log messages with the given severity or above.",
)
@click.option(
    "--log.format",
    "log_format",
    type=click.Choice(["logfmt", "json"]),
    default="logfmt",
    help="Output format of log messages.",
)
@click.version_option(_RELEASE, prog_name="exotel-exporter", message="%(prog)s %(version)s")
@click.pass_context
def main(  # noqa: PLR0913  # an argument for each flag
    context: click.Context,
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
    live_calls: bool,
    external: External | None,
    prefix: str | None,
    max_requests: int,
    disable_exporter_metrics: bool,
    log_level: str,
    log_format: str,
) -> int:
    """Export the active calls of Exotel accounts as Prometheus metrics."""
    if context.invoked_subcommand:
        return 0
    if demo:
        addresses, live_calls = _on_loopback(context, addresses), True
    set_up(log_level, log_format)
    gc.set_threshold(10_000)  # a scrape leaves hardly a cycle; to look for some in 500 accounts takes 0.3 s
    _allow_many_descriptors()
    with ExitStack() as stack:
        simulated = _demo(stack) if demo else None
        read = (lambda: simulated.config) if simulated else partial(_config, config_file)
        histories = simulated.histories if simulated else {}
        read_web = partial(_web_config, web_config_file) if web_config_file else lambda: None
        if check:
            _, web = _both(read, read_web)
            if web and web.warning:
                complain(web.warning)
            show(b"ok\n")
            return 0
        accounts, web = _both(lambda: Accounts(read, histories, keep_live_calls=live_calls), read_web)
        if once:
            return _collect_once(accounts)
        try:
            sockets = systemd.listening_sockets() if systemd_socket else listen(addresses)
        except CannotListen as error:
            raise click.ClickException(str(error)) from None
        external = external or External()
        endpoints = Endpoints(
            prefix=external.prefix if prefix is None else prefix,
            external_origin=external.origin,
            external_prefix=external.prefix,
            telemetry_path=telemetry_path,
            probe_only=probe_only,
            lifecycle=lifecycle,
            live_calls=live_calls,
            max_requests=max_requests,
            exporter_metrics=not disable_exporter_metrics,
        )
        if demo:
            scheme = "https" if web and web.config.tls_server_config else "http"
            local = f"{scheme}://{bound_address(sockets[0]).local}{endpoints.prefix}"
            people = f"{external.origin}{external.prefix}" if external.origin else local
            _introduce(accounts, f"{local}{telemetry_path}", f"{people}/")
            stack.enter_context(_scraped(accounts))
        source = "demo" if demo else config_file or "environment"
        _log.info("starting exotel-exporter", version=_RELEASE, accounts=len(tuple(accounts)), config=source)
        if live_calls and not demo:
            _announce_live_calls(web)
        serve(accounts, endpoints, sockets, web)
    return 0


def run() -> NoReturn:
    """Run the command by the arguments of the program, and end the program.

    click does the same, but fails over a standard output or error that is closed or full. No thread that
    waits for the API is waited for.
    """
    try:
        code = _run()
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.UsageError as error:
        code = error.exit_code
        command = error.ctx.command_path if error.ctx else "exotel-exporter"
        complain(f"{command}: error: {error.format_message().rstrip('.')}; try --help")
    except click.ClickException as error:
        code = error.exit_code
        complain(error.message)
    except Exception as error:
        if not (lacking := exhausted_resource(error)):
            raise
        code = 1
        complain(lacking)
    logging.shutdown()
    os._exit(code)


def _run() -> int:
    try:
        context = main.make_context("exotel-exporter", sys.argv[1:])
    except OSError as error:  # --help and --version write
        raise cannot_write(error) from None
    with context:
        code: int = main.invoke(context)
    return code


def _allow_many_descriptors() -> None:
    """Raise the limit as far as the system allows: it is 1,024 for programs that use select(2)."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _config(file: Path | None) -> Config:
    return from_file(file, os.environ) if file else from_environment(os.environ)


def _web_config(file: Path) -> ActiveWebConfig:
    from exporter.web.config import ActiveWebConfig  # noqa: PLC0415  # many serve in the clear

    return ActiveWebConfig(file)


def _demo(stack: ExitStack) -> Demo:
    from exporter.demo import demo  # noqa: PLC0415  # the simulator is no part of what runs in production

    return stack.enter_context(demo())


def _scraped(accounts: Accounts) -> AbstractContextManager[None]:
    from exporter.demo import scraped  # noqa: PLC0415  # as above

    return scraped(accounts)


def _on_loopback(context: click.Context, addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    """Return where the demo listens: nobody but this machine is to see it; raise click.BadParameter."""
    if context.get_parameter_source("addresses") is ParameterSource.DEFAULT:
        return tuple(Address("127.0.0.1", address.port) for address in addresses)
    for address in addresses:
        if not address.is_loopback:
            raise click.BadParameter(
                f"found '{address}'; accepted with --demo: this machine alone, like 127.0.0.1:{address.port}",
                context,
                param_hint="'--web.listen-address'",
            )
    return addresses


def _both(
    read: Callable[[], _T], read_web: Callable[[], ActiveWebConfig | None]
) -> tuple[_T, ActiveWebConfig | None]:
    """Return what both read, or fail with the errors of both."""
    errors: list[str] = []
    with _gathered(errors):
        config = read()
    with _gathered(errors):
        web = read_web()
    if errors:
        raise click.ClickException("\n".join(errors))
    return config, web


@contextmanager
def _gathered(errors: list[str]) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        errors.append(str(error))


def _collect_once(accounts: Accounts) -> int:
    snapshots = asyncio.run(collect(accounts, None))
    text, _ = expose(snapshots, "text/plain", ExporterStatus(accounts.status))
    show(text)
    return int(any(snapshot.failure for snapshot in snapshots.values()))


def _announce_live_calls(web: ActiveWebConfig | None) -> None:
    """Say who may see calls; warn if anybody may."""
    users = bool(web and web.config.basic_auth_users)
    tls = web.config.tls_server_config if web else None
    certificates = bool(tls and tls.requires_certificate)
    who = {"users_required": users, "client_certificates_required": certificates}
    if users or certificates:
        _log.info("live calls are served at /calls", **who)
    else:
        _log.warning("live calls are served at /calls to anybody who can reach the port", **who)


def _introduce(accounts: Accounts, metrics: str, page: str) -> None:
    """Say where to look, if standard output takes it at once; nothing depends on it."""
    [account] = accounts
    lines = (
        f"Metrics          {metrics}\n"
        f"For people       {page}\n"
        f"Live calls       {page}calls  (as a wallboard: {page}calls?wallboard=1)\n"
        f"Simulated Exotel {account.config.base_url}  (Ctrl-C ends both)\n"
    )
    show_at_once(lines.encode())
