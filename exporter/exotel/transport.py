"""Connections to the API: found, kept and cut so that none outlives its use or answers for another.

Socket timeouts bound a single read, not an answer that drips byte by byte: so others can cut a connection.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import sys
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from threading import Lock, local
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from exporter.exotel.authorities import trusting
from exporter.exotel.deadline import Deadline
from exporter.exotel.dialing import dial

_HOSTS = 2  # the API's, and that of AgentStream
_LONGEST_IDLE = 55.0  # seconds: less than the minute after which load balancers close idle connections
_RESTED = 1.5
"""Seconds. What lies between may forget an idle connection without a word, the hastiest after two seconds:
one that rested for longer has to answer within a share of the time that is left, or is replaced."""
_SHARE_OF_RESTED = 0.25
_DOUBT = 600.0  # seconds in which connections are kept for less, or not at all
_LONGEST_LIFE = 60.0  # seconds; then the host is looked up again

_thread = local()  # of all sessions: a thread is at one request at a time


class Connections:
    """Every connection of one session."""

    def __init__(self) -> None:
        self._open: WeakSet[HTTPConnection] = WeakSet()
        self._lock = Lock()
        self._renewed_at = self._doubted_until = 0.0
        self._idle_limit = _LONGEST_IDLE  # while there is doubt
        self._can_keep = False

    def hold_to(self, deadline: Deadline, *, fresh: bool = False) -> None:
        """Let no connection that this thread makes come about after a deadline; take none that is kept."""
        _thread.deadline, _thread.wants_fresh, _thread.has_kept = deadline, fresh, False

    @property
    def has_kept(self) -> bool:
        """Tell whether this thread's last request went over a connection that had been used before."""
        return bool(_thread.has_kept)

    def renew(self) -> None:
        """Have connections made anew, to addresses that are looked up anew; answers under way may end."""
        self._renewed_at = time.monotonic()

    def note_kept(self, *, was_answered: bool) -> None:
        """Take note of how this thread's request went, if it went over a kept connection.

        Where none was ever answered so and one stays silent, no connection is used twice for a while.
        """
        if self.has_kept and was_answered:
            self._can_keep = True
        elif self.has_kept and not self._can_keep:
            self._doubt(idle_limit=0.0)

    def note_forgotten(self) -> None:
        """Use no connection that has rested for a while: one stayed silent."""
        self._doubt(idle_limit=_RESTED)

    def _doubt(self, idle_limit: float) -> None:
        self._idle_limit, self._doubted_until = idle_limit, time.monotonic() + _DOUBT

    def open(self, connection: HTTPConnection) -> None:
        """Take note of a connection that is about to be made."""
        with self._lock:
            self._open.add(connection)

    def hold(self, connection: HTTPConnection) -> None:
        """Let a connection take no longer than is left; past the deadline close it and raise TimeoutError."""
        left: float = _thread.deadline.remaining()
        if not left:
            connection.close()
            raise TimeoutError
        connection.sock.settimeout(left)

    def can_be_used_again(self, connection: _Held) -> bool:
        """Tell whether a kept connection is fit for this thread's request."""
        now, leftover = time.monotonic(), getattr(connection.sock, "pending", int)()
        idle_limit = self._idle_limit if now < self._doubted_until else _LONGEST_IDLE
        return (
            not leftover  # of an answer to the request before: it would be taken for that to the next
            and not _thread.wants_fresh
            and now - connection.idle_since < idle_limit
            and now - connection.made_at < _LONGEST_LIFE
            and connection.made_at > self._renewed_at
        )

    def cut(self) -> None:
        """Break all connections off: whoever waits for one gets an error at once."""
        with self._lock:
            opened = list(self._open)
        for sock in [connection.sock for connection in opened]:  # read once: another thread may close it
            raw = getattr(sock, "socket", sock)  # behind an HTTPS proxy, TLS lies in TLS
            if isinstance(raw, socket.socket):
                # The plain socket's own method: that of a TLS one first drops its encryption, and a thread
                # that is sending would go on in the clear.
                with suppress(OSError):
                    socket.socket.shutdown(raw, socket.SHUT_RDWR)


def cuttable(session: requests.Session, pool_size: int) -> Connections:
    """Have a session make connections that can be cut, and keep up to `pool_size` of them open."""
    connections = Connections()
    adapter = _Adapter(connections, pool_size)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return connections


class _Adapter(HTTPAdapter):
    def __init__(self, connections: Connections, pool_size: int) -> None:
        self._pools: dict[str, Any] = {
            "http": partial(_PlainPool, connections=connections),
            "https": partial(_SecurePool, connections=connections),
        }
        self._context: ssl.SSLContext | None = None
        self._lock = Lock()  # several threads send at once
        super().__init__(pool_connections=_HOSTS, pool_maxsize=pool_size)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> PoolManager:
        with self._lock:
            options["proxy_ssl_context"] = self._context
            manager: PoolManager = super().proxy_manager_for(*arguments, **options)
            manager.pool_classes_by_scheme = self._pools
            return manager

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Have all connections verified by the shared context; where that is another one, connect anew."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        context = trusting(verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH)
        with self._lock:
            if context is not self._context:
                self._context = context
                self.proxy_manager.clear()
        return host, {"cert_reqs": "CERT_REQUIRED", "ssl_context": context}

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        """Leave cookies unread: one would only tie requests to a session or a backend that is dead."""
        del answer._original_response.msg["Set-Cookie"]
        return super().build_response(request, answer)

    def cert_verify(self, *_: Any) -> None:
        """Leave that to the context: requests would have the authorities read for each connection."""


class _Response(http.client.HTTPResponse):
    """An answer whose framing is taken at its word only as far as it makes sense."""

    def _read_status(self) -> tuple[str, int, str]:
        """Read on past interim answers: Python knows only 100 Continue, and takes 103 for the answer itself.

        RFC 9110, 15.2: a client must be able to parse any number of them before the final answer.
        """
        version, status, reason = super()._read_status()  # type: ignore[misc]  # private
        is_interim = 100 <= status < 200 and status != HTTPStatus.SWITCHING_PROTOCOLS
        return version, HTTPStatus.CONTINUE if is_interim else status, reason

    def _read_next_chunk_size(self) -> int:
        """Read how long the next chunk is: of -1 bytes Python would read all that comes."""
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]  # private
        if size < 0:
            raise http.client.HTTPException("a chunk of less than no bytes")
        return size


class _Held(HTTPConnection):
    response_class = _Response

    def __init__(self, *arguments: Any, connections: Connections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._connections = connections
        self.made_at = self.idle_since = 0.0
        self.is_rested = False

    def connect(self) -> None:
        self._connections.open(self)
        self.made_at = time.monotonic()
        super().connect()
        self._connections.hold(self)  # to look up its host may have taken longer than there was time

    def _new_conn(self) -> socket.socket:
        """Connect to whichever address of the host answers; urllib3 waits for one after the other."""
        deadline: Deadline = _thread.deadline
        try:
            connected = dial(self._dns_host, self.port, self.socket_options or (), deadline)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no address has answered") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        connected.settimeout(deadline.remaining() or sys.float_info.min)
        return connected

    def getresponse(self) -> Any:
        """Return the answer; a connection that has rested, and stays silent, is taken for broken."""
        deadline: Deadline = _thread.deadline
        if not self.is_rested:
            return super().getresponse()
        sock, self.timeout = self.sock, max(deadline.remaining() * _SHARE_OF_RESTED, sys.float_info.min)
        try:
            answer = super().getresponse()
        except TimeoutError:
            if not deadline.remaining():
                raise
        else:
            with suppress(OSError):  # closed behind the answer
                sock.settimeout(deadline.remaining() or sys.float_info.min)
            return answer
        self._connections.note_forgotten()
        raise ConnectionResetError(errno.ECONNRESET, "a connection that was kept is silent")

    def _tunnel(self) -> None:
        super()._tunnel()
        self._connections.hold(self)  # TLS begins behind a proxy that took its time


class _HeldSecure(_Held, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    """Keeps connections for those who come soon."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if not connection.is_closed and not connection._connections.can_be_used_again(connection):
            connection.close()  # it is made anew
        _thread.has_kept = not connection.is_closed
        connection.is_rested = _thread.has_kept and time.monotonic() - connection.idle_since >= _RESTED
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.idle_since = time.monotonic()
        super()._put_conn(connection)


class _PlainPool(_Pool):
    ConnectionCls = _Held


class _SecurePool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _HeldSecure
