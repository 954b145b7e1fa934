"""Ports on loopback that nobody listens on, for who must know one before a server takes it."""

import secrets
import socket
from contextlib import suppress

_FIRST, _BEHIND = 20_000, 32_768
"""Below those that systems give to clients and to servers without a port: meanwhile none of them takes it."""


def free_port() -> int:
    """Return a port that nobody listens on."""
    while True:
        port = _FIRST + secrets.randbelow(_BEHIND - _FIRST)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def free_address() -> str:
    """Return an address on loopback that nobody listens on."""
    return f"127.0.0.1:{free_port()}"
