"""What every request passes before the application: the rate limit, basic auth, headers of the answer."""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import bcrypt
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.web.config import ActiveWebConfig, RateLimit, WebConfig

_MOST_WAITING = 32  # checks, each of them a twentieth of a second at a cost of 10
_LONGEST = 72  # bytes of a password that bcrypt looks at


class TooBusy(Exception):
    """So many passwords wait to be checked that this one can't."""


class Authenticator:
    """Checks passwords with bcrypt, in a thread of its own, and remembers those that were verified."""

    def __init__(self) -> None:
        self._verified: dict[str, bytes] = {}
        self._checks: dict[bytes, asyncio.Future[bool]] = {}
        self._secret = os.urandom(32)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bcrypt")
        self._thread.submit(int)  # now: later there may be no thread to be had

    async def authenticate(self, hashes: Mapping[str, str], authorization: Sequence[str]) -> bool:
        """Return whether these Authorization headers are those of a user, given the hashes by name.

        Raise TooBusy.
        """
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        name, password = credentials
        hashed = hashes.get(name) or next(iter(hashes.values()))  # an unknown name takes as long as any
        parts = repr((name, hashed, password)).encode()
        digest = blake2b(parts, key=self._secret, digest_size=32).digest()
        if name in hashes and hmac.compare_digest(digest, self._verified.get(name, b"")):
            return True
        if not await self._check(digest, password, hashed) or name not in hashes:
            return False
        self._verified[name] = digest
        return True

    async def _check(self, digest: bytes, password: bytes, hashed: str) -> bool:
        """Check a password, once for all requests that ask meanwhile."""
        if digest not in self._checks:
            if len(self._checks) >= _MOST_WAITING:
                raise TooBusy
            check = asyncio.get_running_loop().run_in_executor(self._thread, _matches, password, hashed)
            check.add_done_callback(lambda _: self._checks.pop(digest))
            self._checks[digest] = check
        return await asyncio.shield(self._checks[digest])  # whoever goes away takes it from nobody


def _matches(password: bytes, hashed: str) -> bool:
    """Check a password that may be anything, for as long as any other."""
    is_possible = len(password) <= _LONGEST and b"\0" not in password
    return bcrypt.checkpw(password if is_possible else b"", hashed.encode()) and is_possible


def _credentials(authorization: Sequence[str]) -> tuple[str, bytes] | None:
    """Return the name and the password of a basic Authorization header, None of anything else."""
    if len(authorization) != 1:
        return None
    scheme, _, encoded = authorization[0].partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = b64decode(encoded.strip(" "), validate=True).partition(b":")
    except ValueError:
        return None
    return (name.decode(errors="surrogateescape"), password) if colon else None


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


class WebMiddleware:
    """Passes requests to an application, or answers them in its stead, as the active configuration says."""

    def __init__(self, app: ASGIApp, active: ActiveWebConfig) -> None:
        self._app = app
        self._active = active
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
