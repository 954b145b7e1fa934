"""The HTTP endpoints."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporter.expose.exposition import expose
from exporter.expose.page import page
from exporter.expose.scrape import TIMEOUT_HEADER, BadTimeout, collect
from exporter.logs import facts, place
from exporter.observe.account import Account

_log = logging.getLogger(__name__)


def create_app(accounts: Sequence[Account], telemetry_path: str) -> Starlette:
    """Make the application that serves these accounts.

    The event loop only holds connections: collections run in the accounts' threads, and the text is written
    in a worker thread.
    """

    async def metrics(request: Request) -> Response:
        try:
            observations = await collect(accounts, request.headers.get(TIMEOUT_HEADER))
        except BadTimeout as error:
            return PlainTextResponse(f"{error}\n", status_code=400)
        accept = ",".join(request.headers.getlist("accept"))
        text, content_type = await run_in_threadpool(expose, observations, accept)
        return Response(text, headers={"Content-Type": content_type, "Vary": "Accept"})

    async def landing(_request: Request) -> Response:
        return HTMLResponse(page(accounts, telemetry_path), headers={"Cache-Control": "no-store"})

    async def failed(_request: Request, error: Exception) -> Response:
        _log.error("request failed", extra=facts(detail=place(error)))
        return PlainTextResponse("Internal error\n", status_code=500)

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("Healthy\n")

    async def ready(_request: Request) -> Response:
        return PlainTextResponse("Ready\n")

    app = Starlette(
        routes=[
            Route(telemetry_path, metrics),
            Route("/", landing),
            Route("/-/healthy", healthy),
            Route("/-/ready", ready),
        ],
        exception_handlers={Exception: failed},
        middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)],
    )
    app.router.redirect_slashes = False  # what doesn't exist is 404, not a way to somewhere else
    return app
