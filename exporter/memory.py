"""Memory: when it is looked through for garbage, and when it goes back to the system."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

_MMAP_THRESHOLD = -3  # of malloc.h
_LARGE = 2**20  # bytes


def keep_large_blocks_apart() -> None:
    """Have glibc map each large block by itself, so that it goes back to the system when it is freed.

    By itself it learns, from the first large answer that is freed, to put the next ones into the heap of the
    thread that reads them, where small blocks then keep them from going back. Where the C library isn't glibc
    nothing happens. Source: mallopt(3), M_MMAP_THRESHOLD.
    """
    _tell_glibc("mallopt", _MMAP_THRESHOLD, _LARGE)


def give_memory_back() -> None:
    """Have glibc return what it holds and nobody uses: it keeps freed blocks in a heap for each thread.

    After a run of oversized answers the process would stay fifty megabytes larger. It takes some
    milliseconds. Where the C library isn't glibc nothing happens. Source: malloc_trim(3).
    """
    _tell_glibc("malloc_trim", 0)


def look_for_garbage_rarely() -> None:
    """Have Python look for garbage in cycles less often than it does by itself.

    A scrape leaves next to none. To look through all that 500 accounts hold takes a third of a second, in
    which nothing else is done, and was done several times a minute. Source: gc.set_threshold.
    """
    gc.set_threshold(10_000)


def _tell_glibc(function: str, *arguments: int) -> None:
    with suppress(AttributeError, OSError, TypeError):  # other C libraries
        getattr(ctypes.CDLL(None), function)(*arguments)
