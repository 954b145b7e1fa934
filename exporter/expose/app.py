"""The HTTP endpoints."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from exporter.expose.exposition import accepts_gzip, expose
from exporter.expose.page import page
from exporter.expose.scrape import TIMEOUT_HEADER, BadTimeout, collect
from exporter.logs import facts, place
from exporter.observe.account import Account
from exporter.observe.observation import Observation

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
        return await run_in_threadpool(_exposition, observations, request.headers)

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
    )
    app.router.redirect_slashes = False  # what doesn't exist is 404, not a way to somewhere else
    return app


def _exposition(observations: Mapping[str, Observation], headers: Headers) -> Response:
    """Write the answer that a scraper prefers; the work of a thread, not of the event loop."""
    text, content_type = expose(observations, ",".join(headers.getlist("accept")))
    answer = {"Content-Type": content_type, "Vary": "Accept, Accept-Encoding"}
    if accepts_gzip(",".join(headers.getlist("accept-encoding"))):
        return Response(gzip.compress(text, compresslevel=5), headers={**answer, "Content-Encoding": "gzip"})
    return Response(text, headers=answer)
