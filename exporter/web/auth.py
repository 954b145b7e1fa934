"""Basic auth: whether a request's user and password are those of a configured user."""

from __future__ import annotations

import asyncio
import hmac
import os
from base64 import b64decode
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import bcrypt

_MOST_WAITING = 32  # checks, each of them a twentieth of a second at a cost of 10
_LONGEST = 72  # bytes of a password that bcrypt looks at


class TooBusy(Exception):
    """So many passwords wait to be checked that this one can't."""


class Authenticator:
    """Checks passwords with bcrypt, in a thread of its own, and remembers those that were verified.

    An unknown name is checked too, against another user's hash, so that it takes as long as a wrong password.
    Requests with the same user and password share one check.
    """

    def __init__(self) -> None:
        self._hashes: Mapping[str, str] = {}
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
        if hashes != self._hashes:
            self._hashes, self._verified = hashes, {}
        name, password = credentials
        expected = hashes.get(name)
        hashed = expected or self._stand_in(name)
        digest = self._digest(name, hashed, password)
        if expected and hmac.compare_digest(digest, self._verified.get(name, b"")):
            return True
        if not await self._check(digest, password, hashed) or not expected:
            return False
        if expected == self._hashes.get(name):  # still: they may have changed meanwhile
            self._verified[name] = digest
        return True

    async def _check(self, digest: bytes, password: bytes, hashed: str) -> bool:
        if digest not in self._checks:
            if len(self._checks) >= _MOST_WAITING:
                raise TooBusy
            check = asyncio.get_running_loop().run_in_executor(self._thread, _matches, password, hashed)
            check.add_done_callback(lambda _: self._checks.pop(digest))
            self._checks[digest] = check
        return await asyncio.shield(self._checks[digest])  # whoever goes away takes it from nobody

    def _stand_in(self, name: str) -> str:
        """Return the hash that an unknown name is checked against: always the same one."""
        hashes = list(self._hashes.values())
        return hashes[int.from_bytes(self._digest(name), "big") % len(hashes)]

    def _digest(self, *parts: str | bytes) -> bytes:
        return blake2b(repr(parts).encode(), key=self._secret, digest_size=32).digest()


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
