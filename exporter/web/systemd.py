"""The protocols of systemd: sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3)."""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from threading import local

from exporter.web.listen import CannotListen, all_or_none

_LEAST_PAUSE = 0.1  # seconds between two messages to the watchdog
_FIRST = 3  # the descriptor behind those of standard input, output and error
_thread = local()  # each thread keeps its own socket, since each has its own patience


def notify(*variables: str, patience: float = 0.0) -> None:
    """Tell systemd something, where it wants to be told; wait so many seconds for it to take that."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError):
        if not hasattr(_thread, "sender"):  # kept: the watchdog is told even without descriptors
            _thread.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        _thread.sender.settimeout(patience)
        # A leading @ stands for an abstract address: no file, but a name that the kernel knows.
        _thread.sender.sendto("\n".join(variables).encode(), re.sub("^@", "\0", address))


def watchdog_interval() -> float | None:
    """Return the seconds between two messages to the watchdog; None where there is none."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    timeout = _number("WATCHDOG_USEC")
    return max(_LEAST_PAUSE, timeout / 1e6 / 2) if timeout else None


def listening_sockets() -> list[socket.socket]:
    """Return the sockets that systemd handed over.

    Raise CannotListen if there are none, or HTTP can't be served on them.
    """
    number = _number("LISTEN_FDS") if os.environ.get("LISTEN_PID") == str(os.getpid()) else 0
    if not number:
        raise CannotListen("sockets from systemd: found none; accepted: those of a .socket unit")
    return all_or_none(map(_listening, range(_FIRST, _FIRST + number)))


def _number(variable: str) -> int:
    text = os.environ.get(variable, "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else 0


def _listening(descriptor: int) -> socket.socket:
    place = f"sockets from systemd: descriptor {descriptor}"
    try:
        found = socket.socket(fileno=descriptor)
        is_listening = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        why = (error.strerror or "nothing").lower()
        raise CannotListen(f"{place}: found {why}; accepted: a socket") from None
    if found.family not in {socket.AF_INET, socket.AF_INET6} or not is_listening:
        found.close()
        raise CannotListen(f"{place}: found another kind of socket; accepted: ListenStream= of TCP")
    found.set_inheritable(False)
    return found
