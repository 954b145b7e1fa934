"""How many files and connections the program may have open."""

from __future__ import annotations

from contextlib import suppress
from resource import RLIMIT_NOFILE, getrlimit, setrlimit


def allow_many_descriptors() -> None:
    """Have as many as the system allows: many begin with 1,024, and 500 accounts keep as many connections.

    Source: getrlimit(2), whose lower limit is there for programs that use select(2).
    """
    _, most = getrlimit(RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        setrlimit(RLIMIT_NOFILE, (most, most))
