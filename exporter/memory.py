"""Memory that goes back to the system when it is no longer used."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_MMAP_THRESHOLD = -3  # from glibc's malloc.h
_LARGE = 256 * 1024  # bytes


def give_back_large_blocks() -> None:
    """Have glibc map each large block by itself, so that freeing it gives it back.

    Left alone, glibc learns from the first freed answer of some megabytes to keep such blocks in the heaps of
    its threads: after a run of oversized answers the process would stay a hundred megabytes larger.
    Where the C library isn't glibc nothing happens. Source: mallopt(3).
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
