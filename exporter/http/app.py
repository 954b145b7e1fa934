"""The HTTP endpoints."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, TypeVarTuple

import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.collect.snapshot import Snapshot
from exporter.config import BadConfig
from exporter.exotel.errors import lack
from exporter.http.answers import Answers
from exporter.http.configuration import configuration
from exporter.http.exchange import Holding
from exporter.http.in_flight import InFlight, TooManyRequests
from exporter.http.landing import HEADERS as PAGE_HEADERS
from exporter.http.landing import page
from exporter.http.probe import UnknownTarget, explain, find
from exporter.http.reloader import Reloader
from exporter.http.scrape import TIMEOUT_HEADER, BadTimeout, collect
from exporter.log import log_of, place
from exporter.metrics.collector import Withdraw
from exporter.metrics.exporter_metrics import ExporterStatus
from exporter.metrics.exposition import accepts_gzip, expose
from exporter.metrics.selection import EXPORTER, OF_ACCOUNTS, OF_ITSELF, Selection, UnknownCollector

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_UNKEPT = {"Cache-Control": "no-store"}

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What is served, and where."""

    prefix: str = ""
    """What every path begins with; empty, or a path without a slash at its end."""
    external_prefix: str = ""
    """What it begins with for people, before whom a proxy may stand."""
    telemetry_path: str = "/metrics"
    probe_only: bool = False
    """Leave the accounts to /probe; the exporter's own metrics remain at `telemetry_path`."""
    lifecycle: bool = False
    """Allow POST /-/reload."""
    max_requests: int = 40
    """How many requests are answered at once, for each target; 0 is no limit."""
    exporter_metrics: bool = True
    """Tell of the process, of Python and of the requests answered."""


def create_app(
    accounts: Accounts, endpoints: Endpoints, reloader: Reloader, answers: Answers | None = None
) -> Starlette:
    """Make the application that serves these accounts.

    The event loop only holds connections: collections run in the accounts' threads, and the text is written
    in a worker thread.
    """
    handlers = _Handlers(accounts, endpoints, reloader, answers or Answers())
    prefix = endpoints.prefix
    app = Starlette(
        routes=[
            Route(prefix + endpoints.telemetry_path, handlers.metrics),
            Route(f"{prefix}/probe", handlers.probe),
            Route(f"{prefix}/sd", handlers.targets),
            Route(f"{prefix}/config", handlers.config),
            Route(f"{prefix}/", handlers.landing),
            Route(f"{prefix}/-/healthy", handlers.healthy),
            Route(f"{prefix}/-/ready", handlers.ready),
            Route(f"{prefix}/-/reload", handlers.reload, methods=["POST"]),
            *(_redirects(endpoints) if prefix else ()),
        ],
        middleware=[Middleware(Holding)],
        exception_handlers={
            BadTimeout: _refused(400),
            UnknownCollector: _refused(400),
            UnknownTarget: _refused(404),
            BadConfig: _refused(400),
            TooManyRequests: _refused(503),
            Exception: _failed,
        },
    )
    app.router.redirect_slashes = False  # what doesn't exist is 404, not a way to somewhere else
    return app


def _redirects(endpoints: Endpoints) -> Iterator[Route]:
    """Lead to the page, whose links are relative to it; before a proxy, by the path that people see."""
    yield Route("/", _to(f"{endpoints.prefix}/"))
    yield Route(endpoints.prefix, _to(f"{endpoints.external_prefix or endpoints.prefix}/"))


def _to(path: str) -> Callable[[Request], Awaitable[Response]]:
    async def redirect(_request: Request) -> Response:
        return RedirectResponse(path, status_code=302)

    return redirect


class _Handlers:
    def __init__(
        self, accounts: Accounts, endpoints: Endpoints, reloader: Reloader, answers: Answers
    ) -> None:
        self._accounts = accounts
        self._endpoints = endpoints
        self._reloader = reloader
        self._answers = answers
        self._in_flight = InFlight(endpoints.max_requests)
        own = OF_ITSELF if endpoints.exporter_metrics else (EXPORTER,)
        self._collectors = own if endpoints.probe_only else (*OF_ACCOUNTS, *own)

    async def metrics(self, request: Request) -> Response:
        self._count(request, self._endpoints.telemetry_path)
        selection = _selection(request, self._collectors)
        snapshots = await _collect(request, self._accounts if selection.wants_accounts else ())
        answers = self._answers.by_code() if self._endpoints.exporter_metrics else {}
        itself = ExporterStatus(self._accounts.status, answers)
        return await self._exposition(request, snapshots, itself, selection)

    async def probe(self, request: Request) -> Response:
        account = find(self._accounts, request.query_params.getlist("target"))
        self._count(request, f"/probe {account.name}")
        selection = _selection(request, OF_ACCOUNTS)
        if request.query_params.get("debug") != "true":
            snapshots = await _collect(request, [account] if selection.wants_accounts else ())
            return await self._exposition(request, snapshots, None, selection)
        with log_of(account.name) as log:
            snapshots = await _collect(request, [account])
            explained = await self._write(request, explain, account, snapshots[account.name], log)
        return PlainTextResponse(explained, headers=_UNKEPT)

    async def targets(self, request: Request) -> Response:
        self._count(request, "/sd")
        names = [account.name for account in self._accounts]
        return JSONResponse([{"targets": names, "labels": {}}])

    async def config(self, request: Request) -> Response:
        self._count(request, "/config")
        shown = await self._write(request, configuration, tuple(self._accounts))
        return PlainTextResponse(shown, headers=_UNKEPT)

    async def landing(self, request: Request) -> Response:
        self._count(request, "/")
        path, now = self._endpoints.telemetry_path, time.time()
        shown = await self._write(request, page, self._accounts, path, now)
        return HTMLResponse(shown, headers=PAGE_HEADERS)

    async def healthy(self, _request: Request) -> Response:
        return PlainTextResponse("Healthy\n")

    async def ready(self, _request: Request) -> Response:
        return PlainTextResponse("Ready\n")

    async def reload(self, _request: Request) -> Response:
        if not self._endpoints.lifecycle:
            return PlainTextResponse("Reloading is off: --web.enable-lifecycle allows it\n", status_code=403)
        await asyncio.shield(asyncio.wrap_future(self._reloader.ask()))  # others may be waiting for it too
        return PlainTextResponse("Reloaded\n")

    async def _exposition(
        self,
        request: Request,
        snapshots: Mapping[str, Snapshot],
        itself: ExporterStatus | None,
        selection: Selection,
    ) -> Response:
        withdraw = self._accounts.withdraw
        return await self._write(
            request, _exposition, snapshots, request.headers, itself, selection, withdraw
        )

    def _count(self, request: Request, target: str) -> None:
        """Count a request among those for its target until its answer is read."""
        request.state.held.enter_context(self._in_flight.request(target))

    async def _write(self, request: Request, write: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        """Have a text written as soon as there is a place for it, which it keeps until it is read."""
        await request.state.held.enter_async_context(self._in_flight.text())
        return await self._in_flight.write(write, *arguments)


def _selection(request: Request, accepted: Sequence[str]) -> Selection:
    """Read which part of the metrics is asked for, of what can be had."""
    query = request.query_params
    return Selection.parse(query.getlist("collect[]"), query.getlist("name[]"), accepted)


async def _collect(request: Request, accounts: Iterable[Account]) -> dict[str, Snapshot]:
    return await collect(accounts, request.headers.get(TIMEOUT_HEADER))


def _exposition(
    snapshots: Mapping[str, Snapshot],
    headers: Headers,
    itself: ExporterStatus | None,
    selection: Selection,
    withdraw: Withdraw,
) -> Response:
    """Write the answer that a scraper prefers; the work of a thread, not of the event loop."""
    accept = ",".join(headers.getlist("accept"))
    text, content_type = expose(snapshots, accept, itself, selection, withdraw)
    answer = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if accepts_gzip(",".join(headers.getlist("accept-encoding"))):
        return Response(gzip.compress(text, compresslevel=5), headers={**answer, "Content-Encoding": "gzip"})
    return Response(text, headers=answer)


def _refused(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", status_code=status)

    return refuse


async def _failed(_request: Request, error: Exception) -> Response:
    if lacking := lack(error):
        return PlainTextResponse(f"{lacking}: try again later\n", status_code=503)
    _log.error("request failed", detail=place(error))
    return PlainTextResponse("Internal error\n", status_code=500)
