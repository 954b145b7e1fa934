"""Signals, from the program's first instruction on: no other module of it is imported before this one.

The system's own answer to them would be to kill the program, or to drop them where it is process 1.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

_UNFINISHED = {"--once", "--config.check", "capture", "doctor"}  # work that is left undone at a stop

_hangups: list[int] = []


def take() -> None:
    """Handle signals until the server does: to stop ends the program at once, a hangup is remembered."""
    at_stop(lambda *_: os._exit(int(not _UNFINISHED.isdisjoint(sys.argv))))
    signal.signal(signal.SIGHUP, lambda number, _: _hangups.append(number))
    # Whoever wants to lose none while Python itself starts has them blocked: `env --block-signal`.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


def at_hangup(call: Callable[[], object]) -> None:
    """Call this at each SIGHUP, and now if one came before: what was read then may have changed since.

    It is called amid whatever the main thread does, so it must take no lock.
    """
    signal.signal(signal.SIGHUP, lambda *_: call())
    if _hangups:
        call()


def at_stop(call: Callable[[int, FrameType | None], object]) -> None:
    """Call this at SIGTERM and SIGINT. It must take no lock either."""
    signal.signal(signal.SIGTERM, call)
    signal.signal(signal.SIGINT, call)
