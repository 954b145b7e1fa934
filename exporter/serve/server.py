"""The server of a program, which answers on its sockets until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from threading import Thread, Timer
from types import FrameType

from starlette.types import ASGIApp

from exporter.config import BadConfig, WebFile
from exporter.logs import facts
from exporter.observe.accounts import Accounts
from exporter.serve.address import bound_address
from exporter.serve.answers import Answers
from exporter.serve.http_server import Server
from exporter.serve.web import Web

_PATIENCE = 3  # seconds for the scrapes in flight, when the server is told to stop, to end by themselves
_LAST_RESORT = 4.8  # seconds after which a program that is too busy to stop is ended

_log = logging.getLogger(__name__)


class _Program(Server):
    """The server of a program that ends with it, soon after it is told to."""

    def __init__(self, accounts: Accounts, app: ASGIApp, web: Web | None, answers: Answers) -> None:
        super().__init__(app, web, answers=answers)
        self._accounts = accounts

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(_PATIENCE, self._accounts.hurry)
        last_resort = Timer(_LAST_RESORT, os._exit, (0,))
        last_resort.daemon = True
        last_resort.start()
        await super().shutdown(sockets)


def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    accounts: Accounts,
    answers: Answers,
    web: WebFile | None = None,
) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in flight; reload at SIGHUP."""
    server = _Program(accounts, app, Web(web) if web else None, answers)

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
