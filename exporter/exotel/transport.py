"""The HTTP session of one account: its connections are found, kept and aborted.

Socket timeouts bound a single read, not an answer that drips byte by byte: so others can abort it.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from threading import Lock, local
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakSet

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager

from exporter import __version__
from exporter.config import CollectionConfig
from exporter.exotel.body import read_body
from exporter.exotel.classify import failed_exchange, timed_out
from exporter.exotel.connection import Connection, SecureConnection
from exporter.exotel.deadline import Deadline

_HOSTS = 2  # the API's, and that of AgentStream
_LEAST_TIMEOUT = 0.001  # seconds; a socket takes 0 for no waiting at all
_LONGEST_IDLE = 55.0  # seconds: less than the minute after which load balancers close idle connections
_RESTED = 1.5
"""Seconds. What lies between may forget an idle connection without a word, the hastiest after two seconds:
one that rested for longer has to answer within a share of the time that remains, or is replaced."""
_SHARE_OF_RESTED = 0.25
_DOUBT = 600.0  # seconds in which connections are kept for less, or not at all
_LONGEST_LIFE = 60.0  # seconds; then the host is looked up again

_thread = local()  # of all transports: a thread is at one request at a time


def host_of(url: str | None) -> str:
    """Return the host and port of a URL, without the credentials that one of a proxy may hold."""
    return urlsplit(url or "").netloc.rpartition("@")[2]


class Answer(NamedTuple):
    """Whatever was answered; a body that is too long is cut one byte behind its limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """Sends requests over up to `concurrency` connections, and keeps these. Thread-safe.

    Redirects are not followed; the environment's proxies and .netrc are not read.
    """

    def __init__(self, collection: CollectionConfig) -> None:
        self.proxy: str | None = None
        """Host and port of what lies between."""
        self._connections: WeakSet[Connection] = WeakSet()
        self._lock = Lock()
        self._renewed_at = self._doubted_until = 0.0
        self._idle_limit = _LONGEST_IDLE  # while there is doubt
        self._can_keep = False
        self._prepared: tuple[str, AuthBase, requests.PreparedRequest] | None = None  # the last one
        self._session = session = _Session()
        session.trust_env = False
        session.stream = True
        session.headers["User-Agent"] = f"exotel-exporter/{__version__}"
        session.headers["Accept"] = "application/json, */*;q=0.5"  # AgentStream is told in XML
        session.headers["Accept-Encoding"] = "gzip"  # the one encoding that every installation can decode
        if collection.proxy_url:
            proxy_url = collection.proxy_url.reveal()
            session.proxies = {"http": proxy_url, "https": proxy_url}
            self.proxy = host_of(proxy_url)
        self._adapter = Adapter(self, collection.concurrency)
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._adapter)

    def prepare(self, url: str, auth: AuthBase, context: ssl.SSLContext) -> requests.PreparedRequest:
        """Return a request, to be copied; connections are verified by this TLS context from now on."""
        self._adapter.trust(context)
        prepared = self._prepared
        if prepared is None or prepared[:2] != (url, auth):  # to prepare costs half as much as to send
            request = self._session.prepare_request(requests.Request("GET", url, auth=auth))
            prepared = self._prepared = url, auth, request
        return prepared[2]

    def hold_to(self, deadline: Deadline, *, fresh: bool = False) -> None:
        """End this thread's next request at a deadline, and make it over a `fresh` connection."""
        _thread.deadline, _thread.wants_fresh, _thread.has_kept = deadline, fresh, False

    @property
    def has_kept(self) -> bool:
        """Return whether this thread's last request went over a connection that had been used before."""
        return bool(_thread.has_kept)

    @property
    def was_abandoned(self) -> bool:
        """Return whether this thread's last request was broken off because nobody wanted it any more."""
        deadline: Deadline = _thread.deadline
        return deadline.was_ended

    def get(
        self,
        request: requests.PreparedRequest,
        body_limit: int,
        on_headers: Callable[[int, Mapping[str, str]], None],
    ) -> Answer:
        """Return the answer to a request, whose headers are shown before its body is read.

        Raises ApiError when there is none by the deadline that this thread is held to.
        """
        deadline: Deadline = _thread.deadline
        started, timeout = time.monotonic(), max(deadline.remaining(), _LEAST_TIMEOUT)
        try:
            with self._session.send(request, timeout=timeout, allow_redirects=False) as response:
                on_headers(response.status_code, response.headers)
                body = read_body(response, body_limit)
                if self.has_kept:
                    self._can_keep = True
                return Answer(response.status_code, response.headers, body)
        except (
            *(requests.RequestException, urllib3.exceptions.HTTPError),
            *(OSError, HTTPException, MemoryError),
        ) as error:
            host, seconds = host_of(request.url), time.monotonic() - started
            if deadline.remaining():
                raise failed_exchange(error, host, self.proxy, seconds, deadline) from None
            # It was aborted, whatever that looks like from below.
            if not self.was_abandoned and self.has_kept and not self._can_keep:
                self._doubt(idle_limit=0.0)
            raise timed_out(host, seconds, deadline) from None

    def renew(self) -> None:
        """Make connections anew, to addresses that are looked up anew; answers under way may end."""
        self._renewed_at = time.monotonic()

    def abort(self) -> None:
        """Break all connections off: whoever waits for one gets an error at once."""
        with self._lock:
            connections = list(self._connections)
        for sock in [connection.sock for connection in connections]:  # read once: another thread may close it
            raw = getattr(sock, "socket", sock)  # behind an HTTPS proxy, TLS lies in TLS
            if isinstance(raw, socket.socket):
                # The plain socket's own method: that of a TLS one first drops its encryption, and a thread
                # that is sending would go on in the clear.
                with suppress(OSError):
                    socket.socket.shutdown(raw, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def note(self, connection: Connection) -> None:
        """Take note of a connection that is about to be made."""
        with self._lock:
            self._connections.add(connection)

    def take(self, connection: Connection) -> None:
        """Prepare a connection for this thread's request; close one that was kept and isn't fit for it."""
        if not connection.is_closed and not self._is_fit(connection):
            connection.close()  # it is made anew
        connection.deadline, connection.silence_limit = _thread.deadline, None
        _thread.has_kept = not connection.is_closed
        if _thread.has_kept and time.monotonic() - connection.idle_since >= _RESTED:
            connection.silence_limit = _thread.deadline.remaining() * _SHARE_OF_RESTED

    def _is_fit(self, connection: Connection) -> bool:
        now, leftover = time.monotonic(), getattr(connection.sock, "pending", int)()
        idle_limit = self._idle_limit if now < self._doubted_until else _LONGEST_IDLE
        return (
            not leftover  # of an answer to the request before: it would be taken for that to the next
            and not _thread.wants_fresh
            and now - connection.idle_since < idle_limit
            and now - connection.made_at < _LONGEST_LIFE
            and connection.made_at > self._renewed_at
        )

    def _doubt(self, idle_limit: float) -> None:
        """Use connections only while they rested for less, for a while: one that was kept stayed silent."""
        self._idle_limit, self._doubted_until = idle_limit, time.monotonic() + _DOUBT

    def doubt_rested(self) -> None:
        """Use no connection that has rested, for a while: one stayed silent."""
        self._doubt(idle_limit=_RESTED)


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Lead nowhere: to offer a next step, requests would read a redirect's body, whatever its size."""


class Adapter(HTTPAdapter):
    """Has requests use connections of a transport, all verified by one TLS context."""

    def __init__(self, transport: Transport, pool_size: int) -> None:
        self._pools: dict[str, Any] = {
            "http": partial(_PlainPool, transport=transport),
            "https": partial(_SecurePool, transport=transport),
        }
        self._context: ssl.SSLContext | None = None
        self._lock = Lock()  # several threads send at once
        self._found: dict[tuple[str, ssl.SSLContext | None], Any] = {}  # by scheme and host
        super().__init__(pool_connections=_HOSTS, pool_maxsize=pool_size)

    def close(self) -> None:
        """Close the connections, as pools do when nobody holds them any more."""
        self._found.clear()
        super().close()

    def trust(self, context: ssl.SSLContext) -> None:
        """Verify by this context; where that is another one, connect anew."""
        with self._lock:
            if context is not self._context:
                self._context = context
                self.proxy_manager.clear()
                self._found.clear()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Make pools of our own connections."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *arguments: Any, **options: Any) -> PoolManager:
        """Make them behind a proxy too, which is verified by the same context."""
        with self._lock:
            options["proxy_ssl_context"] = self._context
            manager: PoolManager = super().proxy_manager_for(*arguments, **options)
            manager.pool_classes_by_scheme = self._pools
            return manager

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, *arguments: Any, **options: Any
    ) -> Any:
        """Return the pool of a request's host; to find it costs a tenth of a request, so it is found once."""
        url = request.url or ""
        key = url[: url.find("/", len("https://"))], self._context
        pool = self._found.get(key)
        if pool is None or pool.pool is None:  # closed: the manager keeps no more pools than there are hosts
            pool = self._found[key] = super().get_connection_with_tls_context(request, *arguments, **options)
        return pool

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """Verify all connections by the one context."""
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"cert_reqs": "CERT_REQUIRED", "ssl_context": self._context}

    def build_response(self, request: requests.PreparedRequest, answer: Any) -> requests.Response:
        """Leave cookies unread: one would only tie requests to a session or a backend that is dead."""
        del answer._original_response.msg["Set-Cookie"]
        return super().build_response(request, answer)

    def cert_verify(self, *_: Any) -> None:
        """Leave that to the context: requests would have the authorities read for each connection."""


class _Pool(HTTPConnectionPool):
    """Keeps connections for those who come soon."""

    def __init__(self, *arguments: Any, transport: Transport, **options: Any) -> None:
        self._transport = transport
        super().__init__(*arguments, on_connect=transport.note, on_silence=transport.doubt_rested, **options)

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        self._transport.take(connection)
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.idle_since = time.monotonic()
        super()._put_conn(connection)


class _PlainPool(_Pool):
    ConnectionCls = Connection


class _SecurePool(_Pool, HTTPSConnectionPool):
    ConnectionCls = SecureConnection
