"""A server that writes bytes of the test's choice, whatever HTTP says of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

EMPTY_PAGE = b'{"response": {"active_calls": [], "total_active": 0}}'


def answer(body: bytes = EMPTY_PAGE, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer in HTTP/1.1 with these headers and the length of its body."""
    lines = (b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body)
    return b"\r\n".join(lines)


@dataclass
class Connection:
    """A client's connection: what is read from it request by request, and what is written to it."""

    number: int
    """How many came before it."""
    socket: socket.socket
    _unread: bytes = b""

    def request(self) -> str | None:
        """Return the head of the next request, None when the client has gone."""
        while b"\r\n\r\n" not in self._unread:
            try:
                piece = self.socket.recv(65536)
            except OSError:
                return None
            if not piece:
                return None
            self._unread += piece
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        return head.decode("latin-1")

    def write(self, data: bytes) -> None:
        """Write, as far as the client listens."""
        with suppress(OSError):
            self.socket.sendall(data)


@dataclass
class RawServer:
    """Where it listens, and the heads of the requests that it has read, by connection."""

    port: int = 0
    heads: list[tuple[int, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return its URL."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def raw_server(respond: Callable[[Connection, str], bool | None]) -> Iterator[RawServer]:
    """Serve on a free port, each connection in a thread; where `respond` returns False, a connection ends."""
    server = RawServer()
    opened: list[socket.socket] = []

    def serve(connection: Connection) -> None:
        with connection.socket:
            while (head := connection.request()) is not None:
                server.heads.append((connection.number, head))
                if respond(connection, head) is False:
                    return

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = listening.accept()
                opened.append(accepted)
                number = len(opened) - 1
                threading.Thread(target=serve, args=[Connection(number, accepted)], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        accepting = threading.Thread(target=accept, args=[listening], daemon=True)
        accepting.start()
        try:
            yield server
        finally:
            for each in (listening, *opened):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            accepting.join()
