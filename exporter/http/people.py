"""The endpoints for people, and what they show as JSON: nobody who looks keeps a scrape waiting."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVarTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from exporter.collect.account import Account
from exporter.collect.accounts import Accounts
from exporter.collect.breakdowns import OTHER
from exporter.http.endpoints import Endpoints
from exporter.http.exchange import InFlight
from exporter.http.live import LiveAccount, document
from exporter.http.live_query import Choices, Query
from exporter.http.live_texts import LiveText, LiveTexts
from exporter.http.scrape import GZIP_LEVEL
from exporter.metrics.exposition import accepts_gzip

_Ts = TypeVarTuple("_Ts")

_PLACES = 8  # for those whose pages are written or read at once: some are megabytes
_LIVE_JSON = {
    "Cache-Control": "no-store",
    "Content-Type": "application/json",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class People:
    """Answers people, from places and by a thread that scrapes have no part in."""

    def __init__(self, accounts: Accounts, endpoints: Endpoints) -> None:
        self._accounts = accounts
        self._endpoints = endpoints
        self._in_flight = InFlight(_PLACES, "pages for people", writers=1)
        self._live_texts = LiveTexts()
        self._choices = Choices()

    async def landing(self, request: Request) -> Response:
        """Answer / with how each account is doing."""
        return await self._page(request, _landing_page, tuple(self._accounts), self._endpoints, request)

    async def runbooks(self, request: Request) -> Response:
        """Answer /runbooks with what to do about each alert."""
        return await self._page(request, _runbooks_page, request)

    async def calls(self, request: Request) -> Response:
        """Answer /calls with the page."""
        return await self._live(request, _calls_page)

    async def calls_json(self, request: Request) -> Response:
        """Answer /calls.json with the same calls."""
        return await self._live(request, _calls_json)

    async def _live(
        self,
        request: Request,
        write: Callable[[Query, Choices, Sequence[LiveAccount]], LiveText],
    ) -> Response:
        """Answer with the calls that are known, as they were written for whoever asked the same before.

        Whoever asks waits for no collection: many at once wait for their places instead of being refused.
        """
        if not self._endpoints.live_calls:
            return PlainTextResponse(
                "Live calls are not enabled: see --web.enable-live-calls\n", status_code=403
            )
        choices = self._choices = _choices(tuple(self._accounts), self._choices)
        query = Query.parse(request.query_params.multi_items(), choices)
        if query.rejected and write is _calls_json:
            return PlainTextResponse("; ".join(map(str, query.rejected)) + "\n", status_code=400)
        in_flight = self._in_flight
        await in_flight.hold_text(request.state.held)
        now = time.time()
        wanted = [each for each in self._accounts if query.account in {None, each.name}]
        accounts = [LiveAccount.of(account, now) for account in wanted]
        text = await self._live_texts.get(
            (choices, *(account.key for account in accounts)),
            (write, query),
            lambda: in_flight.write(write, query, choices, accounts),
            may_rest=len(accounts) > 1,
        )
        return text.answer(request.headers)

    async def _page(self, request: Request, write: Callable[[*_Ts], Response], *arguments: *_Ts) -> Response:
        """Answer a person, as soon as there is a place for the page."""
        await self._in_flight.hold_text(request.state.held)
        return await self._in_flight.write(write, *arguments)


def _landing_page(accounts: Sequence[Account], endpoints: Endpoints, request: Request) -> Response:
    # Jinja2 takes 4 MB, and few look at the page.
    from exporter.http.first_scrape import Asked, ScrapeConfig  # noqa: PLC0415
    from exporter.http.landing import HEADERS, Seen, page  # noqa: PLC0415

    now = time.monotonic()
    seen = [
        Seen(
            account.name,
            account.last,
            account.history.minutes(now),
            None if account.config.collection.call_slots else account.config.call_limit,
        )
        for account in accounts
    ]
    collections = [account.config.collection for account in accounts]
    scrape = ScrapeConfig.of(Asked.of(request), endpoints, collections)
    return _html(page(seen, endpoints, time.time(), scrape), HEADERS, request)


def _runbooks_page(request: Request) -> Response:
    from exporter.http.runbooks import HEADERS, page  # noqa: PLC0415  # as above

    return _html(page(), HEADERS, request)


def _html(text: str, headers: Mapping[str, str], request: Request) -> Response:
    written, headers = text.encode(), {**headers, "Vary": "Accept-Encoding"}
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return HTMLResponse(
            gzip.compress(written, GZIP_LEVEL), headers={**headers, "Content-Encoding": "gzip"}
        )
    return HTMLResponse(written, headers=headers)


def _choices(accounts: Iterable[Account], before: Choices) -> Choices:
    """Return what there is to choose from: the one before, where it is the same, which texts keep."""
    lines = sorted({line.name for account in accounts for line in account.config.lines})
    found = Choices(tuple(account.name for account in accounts), (*lines, OTHER) if lines else ())
    return before if found == before else found


def _calls_page(query: Query, choices: Choices, accounts: Sequence[LiveAccount]) -> LiveText:
    from exporter.http.live_page import HEADERS, page  # noqa: PLC0415  # as above

    return LiveText.of(page(query, choices, accounts).encode(), HEADERS)


def _calls_json(query: Query, _choices: Choices, accounts: Sequence[LiveAccount]) -> LiveText:
    return LiveText.of(document(query, accounts), _LIVE_JSON)
