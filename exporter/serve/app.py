"""The HTTP endpoints."""

from __future__ import annotations

import asyncio
import gzip
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporter.config import BadConfig
from exporter.expose.collector import Withdraw
from exporter.expose.exposition import accepts_gzip, expose
from exporter.logs import facts, log_of, place
from exporter.observe.account import Account
from exporter.observe.accounts import Accounts, Standing
from exporter.observe.observation import Observation
from exporter.serve.page import HEADERS as PAGE_HEADERS
from exporter.serve.page import page
from exporter.serve.probe import UnknownTarget, explain, find
from exporter.serve.reloader import Reloader
from exporter.serve.scrape import TIMEOUT_HEADER, BadTimeout, collect

_UNKEPT = {"Cache-Control": "no-store"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What is served, and where."""

    telemetry_path: str = "/metrics"
    probe_only: bool = False
    """Leave the accounts to /probe; the exporter's own metrics remain at `telemetry_path`."""
    lifecycle: bool = False
    """Allow POST /-/reload."""


def create_app(accounts: Accounts, endpoints: Endpoints, reloader: Reloader) -> Starlette:
    """Make the application that serves these accounts.

    The event loop only holds connections: collections run in the accounts' threads, and the text is written
    in a worker thread.
    """
    handlers = _Handlers(accounts, endpoints, reloader)
    app = Starlette(
        routes=[
            Route(endpoints.telemetry_path, handlers.metrics),
            Route("/probe", handlers.probe),
            Route("/sd", handlers.targets),
            Route("/", handlers.landing),
            Route("/-/healthy", handlers.healthy),
            Route("/-/ready", handlers.ready),
            Route("/-/reload", handlers.reload, methods=["POST"]),
        ],
        exception_handlers={
            BadTimeout: _refused(400),
            UnknownTarget: _refused(404),
            BadConfig: _refused(400),
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False  # what doesn't exist is 404, not a way to somewhere else
    return app


class _Handlers:
    def __init__(self, accounts: Accounts, endpoints: Endpoints, reloader: Reloader) -> None:
        self._accounts = accounts
        self._endpoints = endpoints
        self._reloader = reloader

    async def metrics(self, request: Request) -> Response:
        observations = await _collect(request, () if self._endpoints.probe_only else self._accounts)
        withdraw, standing = self._accounts.withdraw, self._accounts.standing
        return await run_in_threadpool(_exposition, observations, request.headers, withdraw, standing)

    async def probe(self, request: Request) -> Response:
        account = find(self._accounts, request.query_params.getlist("target"))
        if request.query_params.get("debug") != "true":
            observations = await _collect(request, [account])
            withdraw = self._accounts.withdraw
            return await run_in_threadpool(_exposition, observations, request.headers, withdraw)
        with log_of(account.name) as log:
            observations = await _collect(request, [account])
            explained = await run_in_threadpool(explain, account, observations[account.name], log)
        return PlainTextResponse(explained, headers=_UNKEPT)

    async def targets(self, _request: Request) -> Response:
        names = [account.name for account in self._accounts]
        return JSONResponse([{"targets": names, "labels": {}}])

    async def landing(self, _request: Request) -> Response:
        path, now = self._endpoints.telemetry_path, time.time()
        return HTMLResponse(await run_in_threadpool(page, self._accounts, path, now), headers=PAGE_HEADERS)

    async def healthy(self, _request: Request) -> Response:
        return PlainTextResponse("Healthy\n")

    async def ready(self, _request: Request) -> Response:
        return PlainTextResponse("Ready\n")

    async def reload(self, _request: Request) -> Response:
        if not self._endpoints.lifecycle:
            return PlainTextResponse("Reloading is off: --web.enable-lifecycle allows it\n", status_code=403)
        await asyncio.shield(asyncio.wrap_future(self._reloader.ask()))  # others may be waiting for it too
        return PlainTextResponse("Reloaded\n")


async def _collect(request: Request, accounts: Iterable[Account]) -> dict[str, Observation]:
    return await collect(accounts, request.headers.get(TIMEOUT_HEADER))


def _exposition(
    observations: Mapping[str, Observation],
    headers: Headers,
    withdraw: Withdraw,
    standing: Standing | None = None,
) -> Response:
    """Write the answer that a scraper prefers; the work of a thread, not of the event loop."""
    text, content_type = expose(observations, ",".join(headers.getlist("accept")), standing, withdraw)
    answer = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if accepts_gzip(",".join(headers.getlist("accept-encoding"))):
        return Response(gzip.compress(text, compresslevel=5), headers={**answer, "Content-Encoding": "gzip"})
    return Response(text, headers=answer)


def _refused(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", status_code=status)

    return refuse


async def _failed(_request: Request, error: Exception) -> Response:
    _log.error("request failed", extra=facts(detail=place(error)))
    return PlainTextResponse("Internal error\n", status_code=500)
