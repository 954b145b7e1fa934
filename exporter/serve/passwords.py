"""Basic auth: whether a request's user and password are those of a configured user."""

from __future__ import annotations

import asyncio
import hmac
import os
from base64 import b64decode
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b

import bcrypt

from exporter.config import User

_MOST_WAITING = 32  # checks, each of them a twentieth of a second at a cost of 10
_LONGEST = 72  # bytes of a password that bcrypt looks at


class TooBusy(Exception):
    """So many passwords wait to be checked that this one can't."""


class Passwords:
    """Checks passwords with bcrypt, in a thread of its own, and remembers those that were right.

    A name that isn't known is checked too, against a hash that is another user's, so that it takes the same
    time as a wrong password. Requests with the same user and password share one check.
    """

    def __init__(self) -> None:
        self._users: tuple[User, ...] = ()
        self._hashes: dict[bytes, bytes] = {}
        self._right: dict[bytes, bytes] = {}
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}
        self._secret = os.urandom(32)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._thread.submit(int)  # now: later there may be no thread to be had

    async def admit(self, users: tuple[User, ...], authorization: Sequence[bytes]) -> bool:
        """Tell whether a request with these Authorization headers comes from one of these users.

        Raises TooBusy.
        """
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        if users != self._users:
            self._users, self._right = users, {}
            self._hashes = {user.name.encode(): user.password_hash.encode() for user in users}
        name, password = credentials
        hashed, stand_in = self._hashes.get(name), self._stand_in(name)
        digest = self._digest(name, hashed or stand_in, password)
        if hashed and hmac.compare_digest(digest, self._right.get(name, b"")):
            return True
        matches = await self._check(digest, password, hashed or stand_in)
        if not (hashed and matches):
            return False
        if hashed == self._hashes.get(name):
            self._right[name] = digest
        return True

    async def _check(self, digest: bytes, password: bytes, hashed: bytes) -> bool:
        if digest not in self._waiting:
            if len(self._waiting) >= _MOST_WAITING:
                raise TooBusy
            check = asyncio.get_running_loop().run_in_executor(self._thread, _matches, password, hashed)
            check.add_done_callback(lambda _: self._waiting.pop(digest))
            self._waiting[digest] = check
        return await asyncio.shield(self._waiting[digest])  # whoever goes away takes it from nobody

    def _stand_in(self, name: bytes) -> bytes:
        """Give the hash that a name is checked against that isn't known: always the same one."""
        hashes = list(self._hashes.values())
        return hashes[int.from_bytes(self._digest(name), "big") % len(hashes)]

    def _digest(self, *parts: bytes) -> bytes:
        digest = blake2b(key=self._secret, digest_size=32)
        for part in parts:
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()


def _matches(password: bytes, hashed: bytes) -> bool:
    """Check a password that may be anything, for as long as any other."""
    is_possible = len(password) <= _LONGEST and b"\0" not in password
    return bcrypt.checkpw(password if is_possible else b"", hashed) and is_possible


def _credentials(authorization: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Give the name and the password of a basic Authorization header, None of anything else."""
    if len(authorization) != 1:
        return None
    scheme, _, encoded = authorization[0].partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        name, colon, password = b64decode(encoded.strip(b" "), validate=True).partition(b":")
    except ValueError:
        return None
    return (name, password) if colon else None
