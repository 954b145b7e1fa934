"""Memory that goes back to the system when it is no longer used."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# From glibc's malloc.h.
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

_LARGE = 256 * 1024  # bytes


def give_memory_back() -> None:
    """Have glibc keep no more than it needs; to be called before there are threads.

    Left alone, it learns from the first freed answer of some megabytes to keep such blocks, and each thread
    keeps a heap of its own: after a run of oversized answers the process would stay a hundred megabytes
    larger. One heap is enough where one thread at a time holds the interpreter.
    Where the C library isn't glibc nothing happens. Source: mallopt(3).
    """
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        library.mallopt(_M_ARENA_MAX, 1)
