"""Listening sockets, and the server that answers on them until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from types import FrameType

from starlette.types import ASGIApp

from exporter import signals, systemd
from exporter.config import WebFile
from exporter.logs import facts
from exporter.observe.accounts import Accounts
from exporter.serve.http_server import BACKLOG, Server
from exporter.serve.reloader import Reloader, status
from exporter.serve.web import Web

_PATIENCE = 3  # seconds for the scrapes in flight, when the server is told to stop, to end by themselves
_NOTICE = 1  # second for systemd to take the message that all is ready, before anybody is answered
_LAST_RESORT = 4.8  # seconds after which a program that is too busy to stop is ended
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]\s]*):(?P<port>[0-9]{1,5})")

_log = logging.getLogger(__name__)


class BadAddress(ValueError):
    """What was given is no address to listen on."""


class CannotListen(Exception):
    """An address is in use, isn't this machine's, or needs rights that the program lacks."""

    def __init__(self, address: Address, why: str) -> None:
        super().__init__(f"can't listen on {address}: {why}")
        self.address = address
        self.why = why


@dataclass(frozen=True, slots=True)
class Address:
    """A host and port to listen on; an empty host stands for every interface, port 0 for a free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port`, `:port` or `[IPv6]:port`; raise BadAddress for anything else."""
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > 65535:
            raise BadAddress(
                f"found {text!r}; accepted: host:port, :port or [IPv6]:port, with a port to 65535"
            )
        return cls(match["host"].strip("[]"), int(match["port"]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(addresses: Iterable[Address]) -> list[socket.socket]:
    """Open a listening socket on each address, or on none of them.

    Raises CannotListen.
    """
    with ExitStack() as opened:
        sockets = [opened.enter_context(_open(address)) for address in addresses]
        opened.pop_all()
    return sockets


def _open(address: Address) -> socket.socket:
    everywhere = not address.host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if everywhere or ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(
            (address.host, address.port), family=family, backlog=BACKLOG, dualstack_ipv6=everywhere
        )
    except UnicodeError:
        raise CannotListen(address, "no name that a host can have") from None
    except OSError as error:
        why = (error.strerror or type(error).__name__).split(" (while", 1)[0].lower()
        raise CannotListen(address, why) from None


def bound_address(listening: socket.socket) -> Address:
    """Give the address that a socket really listens on."""
    host, port, *_ = listening.getsockname()
    return Address("" if host in {"::", "0.0.0.0"} else host, port)  # noqa: S104  # compared, not bound


class _Program(Server):
    """The server of a program that ends with it, soon after it is told to; systemd hears of both."""

    def __init__(self, accounts: Accounts, app: ASGIApp, web: Web | None) -> None:
        super().__init__(app, web)
        self._accounts = accounts
        self._watchdog: asyncio.Task[None] | None = None
        self._told: SimpleQueue[None] = SimpleQueue()  # its put takes no lock that a signal could find taken
        Thread(target=self._end_in_time, name="end", daemon=True).start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        systemd.notify("READY=1", f"STATUS={status(self._accounts)}", patience=_NOTICE)
        if seconds := systemd.watchdog_seconds():
            self._watchdog = asyncio.create_task(_feed_watchdog(seconds))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._told.put(None)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        systemd.notify("STOPPING=1")
        asyncio.get_running_loop().call_later(_PATIENCE, self._accounts.hurry)
        await super().shutdown(sockets)

    def _end_in_time(self) -> None:
        """End a program that is too busy to stop; its thread is there before it might not be had."""
        self._told.get()
        time.sleep(_LAST_RESORT)
        os._exit(0)


def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    accounts: Accounts,
    reloader: Reloader,
    web: WebFile | None = None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in flight; reload at SIGHUP."""
    server = _Program(accounts, app, Web(web) if web else None)
    # uvicorn raises the signal again once it has stopped: with this handler that ends in exit code 0.
    signals.at_stop(server.handle_exit)
    signals.at_hangup(reloader.ask)
    for listening in sockets:
        _log.info("listening", extra=facts(address=bound_address(listening), tls=server.has_tls))
    server.run(sockets=list(sockets))


async def _feed_watchdog(seconds: float) -> None:
    """Tell systemd that the event loop is alive, for as long as it is."""
    while True:
        systemd.notify("WATCHDOG=1")
        await asyncio.sleep(seconds)
