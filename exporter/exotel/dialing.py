"""A TCP connection to the first of a host's addresses that answers.

Source: RFC 8305 (Happy Eyeballs), 4 and 5: an address that stays silent keeps the next one waiting for a
quarter of a second only, and the two families of addresses take turns.
"""

from __future__ import annotations

import errno
import os
import socket
from collections import deque
from collections.abc import Iterable
from itertools import chain, zip_longest
from selectors import EVENT_WRITE, PollSelector
from typing import Any

from exporter.exotel.deadline import Deadline

_HEAD_START = 0.25  # seconds; Connection Attempt Delay of the RFC
_UNDER_WAY = {errno.EINPROGRESS, errno.EWOULDBLOCK}

Option = tuple[int, int, int | bytes]
_Address = tuple[Any, ...]
"""As socket.getaddrinfo gives it."""


def dial(host: str, port: int, options: Iterable[Option], deadline: Deadline) -> socket.socket:
    """Return a socket that is connected to a host, with these socket options.

    Raises socket.gaierror when the name can't be resolved, TimeoutError at the deadline, and the OSError of
    the last address when all have failed.
    """
    waiting = deque(_in_turns(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    attempts = _Attempts(tuple(options))
    try:
        while waiting or attempts.are_under_way:
            if waiting:
                attempts.begin(waiting.popleft())
            if not deadline.remaining():
                raise TimeoutError
            if (connected := attempts.first(min(_HEAD_START, deadline.remaining()))) is not None:
                return connected
    finally:
        attempts.close()
    raise attempts.failure


class _Attempts:
    """Connections that are being made side by side."""

    def __init__(self, options: tuple[Option, ...]) -> None:
        self.failure = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
        self._options = options
        self._selector = PollSelector()  # needs no descriptor of its own

    @property
    def are_under_way(self) -> bool:
        return bool(self._selector.get_map())

    def begin(self, address: _Address) -> None:
        """Begin to connect; an address that fails at once is done with."""
        family, kind, protocol, _, name = address
        try:
            attempt = socket.socket(family, kind, protocol)
        except OSError as failure:
            self.failure = failure
            return
        for option in self._options:
            attempt.setsockopt(*option)
        attempt.settimeout(0)
        code = attempt.connect_ex(name)
        if code in {0, *_UNDER_WAY}:
            self._selector.register(attempt, EVENT_WRITE)
        else:
            self._fail(attempt, code)

    def first(self, seconds: float) -> socket.socket | None:
        """Return the connection that comes about first, or None when one fails, or after so long."""
        if not self.are_under_way:
            return None
        for key, _ in self._selector.select(seconds):
            attempt = key.fileobj
            assert isinstance(attempt, socket.socket)  # noqa: S101  # nothing else is registered
            self._selector.unregister(attempt)
            code = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if not code:
                return attempt
            self._fail(attempt, code)
        return None

    def _fail(self, attempt: socket.socket, code: int) -> None:
        self.failure = OSError(code, os.strerror(code))
        attempt.close()

    def close(self) -> None:
        """Give up those that are still under way."""
        for key in [*self._selector.get_map().values()]:
            assert isinstance(key.fileobj, socket.socket)  # noqa: S101  # as above
            key.fileobj.close()
        self._selector.close()


def _in_turns(addresses: Iterable[_Address]) -> Iterable[_Address]:
    """Return the addresses with their families in turns, the family of the first one first."""
    by_family: dict[int, list[_Address]] = {}
    for address in addresses:
        by_family.setdefault(address[0], []).append(address)
    return filter(None, chain.from_iterable(zip_longest(*by_family.values())))
