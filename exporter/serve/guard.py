"""What the web configuration asks of every request, whatever its path: users, rate limit, headers."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.config import WebConfig
from exporter.serve.passwords import Passwords, TooBusy
from exporter.serve.token_bucket import TokenBucket
from exporter.serve.web import Web


class Guard:
    """Lets requests pass to an application, or answers them in its stead."""

    def __init__(self, app: ASGIApp, web: Web) -> None:
        self._app = app
        self._web = web
        self._passwords = Passwords()
        self._bucket = TokenBucket(web.now().rate_limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, by the configuration of this moment."""
        config = self._web.now()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in config.http_server_config.headers:
                    headers.setdefault(name, value)  # as in the toolkit, an endpoint's own stay
            await send(message)

        answer = await self._refusal(config, Headers(scope=scope)) or self._app
        await answer(scope, receive, send_with_headers)

    async def _refusal(self, config: WebConfig, headers: Headers) -> Response | None:
        if config.rate_limit != self._bucket.limit:
            self._bucket = TokenBucket(config.rate_limit)
        if not self._bucket.take():
            return PlainTextResponse("Too many requests\n", status_code=429)
        if not config.basic_auth_users:
            return None
        try:
            authorization = [value.encode("latin-1") for value in headers.getlist("authorization")]
            if await self._passwords.admit(config.basic_auth_users, authorization):
                return None
        except TooBusy:
            return PlainTextResponse("Too busy to check passwords\n", 503, headers={"Retry-After": "1"})
        return PlainTextResponse("Unauthorized\n", 401, headers={"WWW-Authenticate": "Basic"})
