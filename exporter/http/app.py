"""The application: what each endpoint answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar, TypeVarTuple

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.collect.snapshot import Snapshot
from exporter.config import ConfigError
from exporter.exotel.errors import exhausted_resource
from exporter.http.endpoints import Endpoints
from exporter.http.exchange import Answers, InFlight, TooManyRequests
from exporter.http.people import People
from exporter.http.probe import UnknownTarget, configuration, explain, find
from exporter.http.scrape import TIMEOUT_HEADER, BadTimeout, collect, exposition
from exporter.http.written import Asked, Written
from exporter.log import lines_of, place
from exporter.metrics.definitions import EXPORTER
from exporter.metrics.exposition import (
    OF_ACCOUNTS,
    OF_ITSELF,
    ExporterStatus,
    Selection,
    UnknownCollector,
)

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_FEW_LINES = 20  # each has 9 series
_UNCACHED = {"Cache-Control": "no-store"}

_log = structlog.stdlib.get_logger(__name__)


def create_app(
    accounts: Accounts, endpoints: Endpoints, reload: Callable[[], Future[None]], answers: Answers
) -> Starlette:
    """Return the application that serves these accounts.

    The event loop only holds connections: collections run in the accounts' threads, and texts are written in
    threads too, but for those that take less time than it takes a thread to get its turn.
    """
    handlers, people = _Handlers(accounts, endpoints, reload, answers), People(accounts, endpoints)
    prefix = endpoints.prefix
    routes = [
        Route(prefix + endpoints.telemetry_path, handlers.metrics),
        Route(f"{prefix}/probe", handlers.probe),
        Route(f"{prefix}/sd", handlers.targets),
        Route(f"{prefix}/config", handlers.config),
        Route(f"{prefix}/calls", people.calls),
        Route(f"{prefix}/calls.json", people.calls_json),
        Route(f"{prefix}/", people.landing),
        Route(f"{prefix}/runbooks", people.runbooks),
        Route(f"{prefix}/-/healthy", PlainTextResponse("Healthy\n"), methods=["GET"]),
        Route(f"{prefix}/-/ready", PlainTextResponse("Ready\n"), methods=["GET"]),
        Route(f"{prefix}/-/reload", handlers.reload, methods=["POST"]),
    ]
    if prefix:  # to the page, whose links are relative to it; behind a proxy, by the path that people see
        external = f"{endpoints.external_prefix or prefix}/"
        routes.append(Route("/", RedirectResponse(f"{prefix}/", 302), methods=["GET"]))
        routes.append(Route(prefix, RedirectResponse(external, 302), methods=["GET"]))
    refusals = {
        BadTimeout: 400,
        UnknownCollector: 400,
        ConfigError: 400,
        UnknownTarget: 404,
        TooManyRequests: 503,
    }
    exception_handlers = {kind: _refused(status) for kind, status in refusals.items()}
    app = Starlette(routes=routes, exception_handlers={**exception_handlers, Exception: _failed})
    app.state.echo = handlers.echo
    app.router.redirect_slashes = False  # what doesn't exist is 404, not a way to somewhere else
    return app


class _Handlers:
    def __init__(
        self, accounts: Accounts, endpoints: Endpoints, reload: Callable[[], Future[None]], answers: Answers
    ) -> None:
        self._accounts = accounts
        self._endpoints = endpoints
        self._reload = reload
        self._answers = answers
        self._in_flight = InFlight(endpoints.max_requests)
        self._written = Written()
        own = OF_ITSELF if endpoints.exporter_metrics else (EXPORTER,)
        self._collectors = own if endpoints.probe_only else (*OF_ACCOUNTS, *own)

    def echo(self, loop: asyncio.AbstractEventLoop, heard: Callable[[], None]) -> None:
        """Call `heard` as an answer is written: through the event loop, by a thread that writes."""
        with suppress(RuntimeError):  # the loop has ended: nobody is answered any more
            loop.call_soon_threadsafe(lambda: self._in_flight.write(heard))

    async def metrics(self, request: Request) -> Response:
        self._count(request, self._endpoints.telemetry_path)
        selection = _selection(request, self._collectors)
        snapshots = await _collect(request, self._accounts if selection.wants_accounts else ())
        answers = self._answers.by_code() if self._endpoints.exporter_metrics else {}
        itself = ExporterStatus(self._accounts.status, answers)
        return await self._expose(request, selection, snapshots, itself)

    async def probe(self, request: Request) -> Response:
        account = find(self._accounts, request.query_params.getlist("target"))
        self._count(request, f"/probe {account.name}")
        selection = _selection(request, OF_ACCOUNTS)
        if request.query_params.get("debug") != "true":
            if not selection.wants_accounts:
                return await self._expose(request, selection, {})
            return await self._answer(request, account, selection)
        with lines_of(account.name) as log:
            snapshots = await _collect(request, [account])
            explained = await self._write(request, explain, account, snapshots[account], log)
        return PlainTextResponse(explained, headers=_UNCACHED)

    async def _answer(self, request: Request, account: Account, selection: Selection) -> Response:
        """Answer a probe: with what was written before, where that still holds."""
        snapshots = await _collect(request, [account])
        snapshot, asked = snapshots[account], Asked.of(selection, request.headers)
        is_busy = self._accounts.status.load.waiting > 0
        if answer := self._written.again(account, snapshot, asked, is_busy=is_busy):
            await self._in_flight.hold_text(request.state.held)
            return answer
        live = account.live_values()
        answer = await self._expose(request, selection, snapshots)
        self._written.keep(account, snapshot, asked, live, answer)
        return answer

    async def targets(self, request: Request) -> Response:
        self._count(request, "/sd")
        names = [account.name for account in self._accounts]
        return JSONResponse([{"targets": names, "labels": {}}])

    async def config(self, request: Request) -> Response:
        self._count(request, "/config")
        shown = await self._write(request, configuration, tuple(self._accounts))
        return PlainTextResponse(shown, headers=_UNCACHED)

    async def reload(self, _request: Request) -> Response:
        if not self._endpoints.lifecycle:
            return PlainTextResponse(
                "Lifecycle API is not enabled: see --web.enable-lifecycle\n", status_code=403
            )
        await asyncio.shield(asyncio.wrap_future(self._reload()))  # others may be waiting for it too
        return PlainTextResponse("Reloaded\n")

    async def _expose(
        self,
        request: Request,
        selection: Selection,
        snapshots: Mapping[Account, Snapshot],
        itself: ExporterStatus | None = None,
    ) -> Response:
        if itself is None and all(_is_short(account) for account in snapshots):
            await self._in_flight.hold_text(request.state.held)
            return exposition(request.headers, selection, snapshots, itself)
        return await self._write(request, exposition, request.headers, selection, snapshots, itself)

    def _count(self, request: Request, target: str) -> None:
        """Count a request among those for its target until its answer is read."""
        self._in_flight.enter(target, request.state.held)

    async def _write(self, request: Request, write: Callable[[*_Ts], _T], *arguments: *_Ts) -> _T:
        """Write a text as soon as there is a place for it, which it keeps until it is read."""
        await self._in_flight.hold_text(request.state.held)
        return await self._in_flight.write(write, *arguments)


def _selection(request: Request, accepted: Sequence[str]) -> Selection:
    """Read which part of the metrics is asked for, out of those there are."""
    query = request.query_params
    return Selection.parse(query.getlist("collect[]"), query.getlist("name[]"), accepted)


def _is_short(account: Account) -> bool:
    """Return whether an account's text is: some hundreds of series, none of an agent or a call alone."""
    metrics = account.metrics
    has_many = metrics.per_agent or metrics.agent_names or metrics.longest_calls
    return not has_many and len(account.config.lines) <= _FEW_LINES


async def _collect(request: Request, accounts: Iterable[Account]) -> dict[Account, Snapshot]:
    return await collect(accounts, request.headers.get(TIMEOUT_HEADER))


def _refused(status: int) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def refuse(_request: Request, error: Exception) -> Response:
        return PlainTextResponse(f"{error}\n", status_code=status)

    return refuse


async def _failed(_request: Request, error: Exception) -> Response:
    if lacking := exhausted_resource(error):
        return PlainTextResponse(f"{lacking}: try again later\n", status_code=503)
    _log.error("request failed", detail=place(error))
    return PlainTextResponse("Internal error\n", status_code=500)
