"""One connection to the API: to the first of a host's addresses that answers, verified, held to a deadline.

Source: RFC 8305 (Happy Eyeballs), 4 and 5: an address that stays silent keeps the next one waiting for a
quarter of a second only, and the two families of addresses take turns.
"""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import chain, zip_longest
from pathlib import Path
from selectors import EVENT_WRITE, PollSelector
from threading import Lock
from typing import Any, cast

from requests.adapters import DEFAULT_CA_BUNDLE_PATH
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import ALPN_PROTOCOLS

from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import ApiError, Reason, exhausted_resource
from exporter.web.files import Fingerprint, Unreadable, fingerprint, read

_HEAD_START = 0.25  # seconds; Connection Attempt Delay of the RFC
_LARGEST_CA_FILE = 16 * 2**20  # bytes; the authorities of a whole system are a fiftieth of it

Option = tuple[int, int, int | bytes]
_Address = tuple[Any, ...]
"""As socket.getaddrinfo returns it."""


def dial(host: str, port: int, options: Iterable[Option], deadline: Deadline) -> socket.socket:
    """Return a socket that is connected to a host, with these socket options.

    Raises socket.gaierror when the name can't be resolved, TimeoutError at the deadline, and the OSError of
    the last address when all have failed.
    """
    waiting = deque(_in_turns(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
    failure = OSError(errno.EHOSTUNREACH, os.strerror(errno.EHOSTUNREACH))
    selector = PollSelector()  # needs no descriptor of its own
    try:
        while waiting or selector.get_map():
            if waiting:
                try:
                    selector.register(_begin(waiting.popleft(), options), EVENT_WRITE)
                except OSError as error:
                    failure = error
                    continue
            if not deadline.remaining():
                raise TimeoutError
            for key, _ in selector.select(min(_HEAD_START, deadline.remaining())):
                selector.unregister(attempt := cast(socket.socket, key.fileobj))
                code = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    return attempt
                attempt.close()
                failure = OSError(code, os.strerror(code))
    finally:
        for key in [*selector.get_map().values()]:
            cast(socket.socket, key.fileobj).close()
        selector.close()
    raise failure


def _begin(address: _Address, options: Iterable[Option]) -> socket.socket:
    """Return a socket that is connecting; raise OSError where that fails at once."""
    family, kind, protocol, _, name = address
    attempt = socket.socket(family, kind, protocol)
    for option in options:
        attempt.setsockopt(*option)
    attempt.settimeout(0)
    code = attempt.connect_ex(name)
    if code not in {0, errno.EINPROGRESS, errno.EWOULDBLOCK}:
        attempt.close()
        raise OSError(code, os.strerror(code))
    return attempt


def _in_turns(addresses: Iterable[_Address]) -> Iterable[_Address]:
    """Return the addresses with their families in turns, the family of the first one first."""
    by_family: dict[int, list[_Address]] = {}
    for address in addresses:
        by_family.setdefault(address[0], []).append(address)
    return filter(None, chain.from_iterable(zip_longest(*by_family.values())))


@dataclass(slots=True)
class _CaFile:
    """A file of authorities as it was when it was read; whoever waits for it waits for no other."""

    lock: Lock = field(default_factory=Lock)
    held: tuple[Fingerprint, ssl.SSLContext] | None = None


_ca_files: dict[Path, _CaFile] = {}


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the TLS context that trusts the authorities in a file, or the usual ones; anew when it changed.

    One for all accounts: the libraries would make one for each connection, at 0.6 MiB and 20 ms. Raises
    ApiError: `secret` or `resources` where the file can't be read, `tls` where it holds no certificate.
    """
    file = ca_file or Path(DEFAULT_CA_BUNDLE_PATH)
    known = _ca_files.setdefault(file, _CaFile())
    # Without the lock: hundreds would queue for it, each while the next looks at the file.
    if (held := known.held) is not None and held[0] == fingerprint(file):
        return held[1]
    with known.lock:
        now = fingerprint(file)
        if known.held is None or known.held[0] != now:
            name = f"tls_config.ca_file {file}" if ca_file else str(file)
            try:
                known.held = now, _context(file)
            except Unreadable as error:
                raise ApiError(
                    Reason.RESOURCES if exhausted_resource(error) else Reason.SECRET, f"{name}: {error}"
                ) from None
            except (ssl.SSLError, ValueError):
                raise ApiError(Reason.TLS, f"{name} holds no certificate of an authority") from None
        return known.held[1]


def _context(file: Path) -> ssl.SSLContext:
    # Not one of urllib3's or ssl's making: they would write the secrets of connections to $SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # By its text: a pipe in the place of the file would keep all accounts waiting.
    context.load_verify_locations(cadata=read(file, _LARGEST_CA_FILE).decode("ascii", "ignore"))
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    # urllib3 would set them for each connection, and free what another thread may just be reading.
    context.set_alpn_protocols = lambda _: None  # type: ignore[assignment, method-assign]  # its own
    return context


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


class Connection(HTTPConnection):
    """A connection that is held to the deadline of its request."""

    response_class = _Response

    def __init__(
        self,
        *arguments: Any,
        on_connect: Callable[[Connection], None],
        on_silence: Callable[[], None],
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.deadline = Deadline.after(0)
        self.made_at = self.idle_since = 0.0
        self.silence_limit: float | None = None
        """Seconds after which a connection that has rested is taken for broken."""
        self._on_connect, self._on_silence = on_connect, on_silence

    def connect(self) -> None:
        """Connect; to look up its host may have taken longer than there was time."""
        self._on_connect(self)
        self.made_at = time.monotonic()
        super().connect()
        self.hold()

    def hold(self) -> None:
        """Take no longer than remains; past the deadline close and raise TimeoutError."""
        if not (remaining := self.deadline.remaining()):
            self.close()
            raise TimeoutError
        self.sock.settimeout(remaining)

    def getresponse(self) -> Any:
        """Return the answer; raise ConnectionResetError where a connection that has rested stays silent."""
        if self.silence_limit is None:
            return super().getresponse()
        sock, self.timeout = self.sock, max(self.silence_limit, sys.float_info.min)
        try:
            answer = super().getresponse()
        except TimeoutError:
            if not self.deadline.remaining():
                raise
        else:
            with suppress(OSError):  # closed behind the answer
                sock.settimeout(self.deadline.remaining() or sys.float_info.min)
            return answer
        self._on_silence()
        raise ConnectionResetError(errno.ECONNRESET, "the connection went silent while idle")

    def _new_conn(self) -> socket.socket:
        """Connect to whichever address of the host answers; urllib3 waits for one after the other."""
        try:
            connected = dial(self._dns_host, self.port, self.socket_options or (), self.deadline)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "no address has answered") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        connected.settimeout(self.deadline.remaining() or sys.float_info.min)
        return connected

    def _tunnel(self) -> None:
        super()._tunnel()
        self.hold()  # TLS begins behind a proxy that took its time


class SecureConnection(Connection, HTTPSConnection):
    """The same over TLS."""
