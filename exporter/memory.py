"""Memory: when it is looked through for garbage, and when it goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress


def give_memory_back() -> None:
    """Have glibc return what it holds and nobody uses: it keeps freed blocks in a heap for each thread.

    After a run of oversized answers the process would stay a hundred megabytes larger. It takes some
    milliseconds. Where the C library isn't glibc nothing happens. Source: malloc_trim(3).
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def look_for_garbage_rarely() -> None:
    """Have Python look for garbage in cycles less often than it does by itself.

    A scrape leaves next to none. To look through all that 500 accounts hold takes a third of a second, in
    which nothing else is done, and was done several times a minute. Source: gc.set_threshold.
    """
    gc.set_threshold(10_000)
