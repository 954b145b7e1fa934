"""What systemd wants to be told of a service, and the sockets that it hands over.

Of the libraries for this one has to be compiled and another hasn't been kept for years; it takes few lines.
Sources: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).
"""

from __future__ import annotations

import os
import re
import socket
from contextlib import ExitStack, suppress
from threading import local

_LEAST_PAUSE = 0.1  # seconds between two messages to the watchdog
_thread = local()  # the event loop's, which mustn't wait, and that of reloads
_FIRST = 3  # the descriptor behind those of standard input, output and error


class NoSockets(Exception):
    """The sockets that systemd was to hand over aren't there, or HTTP can't be served on them."""

    def __init__(self, why: str) -> None:
        super().__init__(f"sockets from systemd: {why}")


def notify(*variables: str, patience: float = 0.0) -> None:
    """Tell systemd something, where it wants to be told; wait so many seconds for it to take that."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # no file, but a name that the kernel knows
    with suppress(OSError):
        if not hasattr(_thread, "sender"):  # kept: the watchdog is told even without descriptors
            _thread.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        _thread.sender.settimeout(patience)
        _thread.sender.sendto("\n".join(variables).encode(), address)


def watchdog_seconds() -> float | None:
    """Return how often systemd wants to be told that all is well; None where it has no watchdog."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    limit = _number(os.environ.get("WATCHDOG_USEC", ""))
    return max(_LEAST_PAUSE, limit / 1e6 / 2) if limit else None


def handed_over() -> list[socket.socket]:
    """Return the listening sockets that systemd handed over.

    Raises NoSockets.
    """
    number = _number(os.environ.get("LISTEN_FDS", ""))
    is_for_us = os.environ.get("LISTEN_PID") == str(os.getpid())
    if not (is_for_us and number):
        raise NoSockets("found none; accepted: those of a .socket unit, at least one")
    with ExitStack() as opened:
        sockets = [opened.enter_context(_listening(_FIRST + index)) for index in range(number)]
        opened.pop_all()
    return sockets


def _number(text: str) -> int:
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _listening(descriptor: int) -> socket.socket:
    try:
        found = socket.socket(fileno=descriptor)
        is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise NoSockets(f"descriptor {descriptor}: found {why}; accepted: a socket") from None
    if found.family not in {socket.AF_INET, socket.AF_INET6} or not is_listening:
        found.close()
        raise NoSockets(
            f"descriptor {descriptor}: found another kind of socket; accepted: ListenStream= of TCP"
        )
    found.set_inheritable(False)
    return found
