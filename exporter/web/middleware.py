"""What every request passes before the application: the rate limit, users, headers of the answer."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.auth import Authenticator, TooBusy
from exporter.web.config import RateLimit, WebConfig
from exporter.web.reload import ActiveWebConfig


class WebMiddleware:
    """Passes requests to an application, or answers them in its stead, as the active configuration says."""

    def __init__(
        self, app: ASGIApp, active: ActiveWebConfig, count: Callable[[int], None] = lambda _: None
    ) -> None:
        """Call `count` with the status of each answer that it gives itself."""
        self._app = app
        self._active = active
        self._count = count
        self._authenticator = Authenticator()
        self._bucket = TokenBucket(active.config.rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, by the configuration of this moment."""
        config = self._active.config

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in config.http_server_config.headers.items():
                    headers.setdefault(name, value)  # as in the toolkit, an endpoint's own stay
            await send(message)

        refusal = await self._refusal(config, Headers(scope=scope))
        if refusal:
            self._count(refusal.status_code)
        await (refusal or self._app)(scope, receive, send_with_headers)

    async def _refusal(self, config: WebConfig, headers: Headers) -> Response | None:
        if config.rate_limit != self._bucket.limit:
            self._bucket = TokenBucket(config.rate_limit)
        if not self._bucket.take():
            return PlainTextResponse("Too many requests\n", 429)
        if not config.basic_auth_users:
            return None
        try:
            authorization = headers.getlist("authorization")
            if await self._authenticator.authenticate(config.basic_auth_users, authorization):
                return None
        except TooBusy:
            return PlainTextResponse("Too busy to check passwords\n", 503, headers={"Retry-After": "1"})
        return PlainTextResponse("Unauthorized\n", 401, headers={"WWW-Authenticate": "Basic"})


class TokenBucket:
    """Full at first: each request takes a token, and one comes back after each interval."""

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._at = time.monotonic()

    def take(self) -> bool:
        """Take a token, if there is one; without an interval there always is."""
        if not self.limit.interval:
            return True
        now = time.monotonic()
        self._tokens = min(self.limit.burst, self._tokens + (now - self._at) / self.limit.interval)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
