"""Listening sockets, and the server that answers on them until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Thread, Timer
from types import FrameType

from starlette.types import ASGIApp

from exporter.config import BadConfig, WebFile
from exporter.logs import facts
from exporter.observe.accounts import Accounts
from exporter.serve.http_server import BACKLOG, Server
from exporter.serve.web import Web

_PATIENCE = 3  # seconds for the scrapes in flight, when the server is told to stop, to end by themselves
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
    """The server of a program that ends with it, soon after it is told to."""

    def __init__(self, accounts: Accounts, app: ASGIApp, web: Web | None) -> None:
        super().__init__(app, web)
        self._accounts = accounts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(_PATIENCE, self._accounts.hurry)
        last_resort = Timer(_LAST_RESORT, os._exit, (0,))
        last_resort.daemon = True
        last_resort.start()
        await super().shutdown(sockets)


def serve(
    app: ASGIApp, sockets: Sequence[socket.socket], accounts: Accounts, web: WebFile | None = None
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in flight; reload at SIGHUP."""
    server = _Program(accounts, app, Web(web) if web else None)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn raises the signal again once it has stopped: with these handlers that ends in exit code 0.
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, lambda *_: Thread(target=_reload, args=[accounts]).start())
    for listening in sockets:
        _log.info("listening", extra=facts(address=bound_address(listening), tls=server.has_tls))
    server.run(sockets=list(sockets))


def _reload(accounts: Accounts) -> None:
    with suppress(BadConfig):  # it is told in the log, and by a metric
        accounts.reload()
