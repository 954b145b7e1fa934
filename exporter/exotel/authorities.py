"""TLS contexts: one for all accounts that trust the same authorities.

The libraries make one for each connection, which reads all authorities anew: that takes 0.6 MiB and 20 ms.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from urllib3.exceptions import SSLError
from urllib3.util.ssl_ import ALPN_PROTOCOLS

from exporter.config.textfile import Stamp, Unreadable, read, stamp


@dataclass(slots=True)
class _File:
    """A file as it was when it was read, and what came of it; whoever waits for it, waits for no other."""

    lock: Lock = field(default_factory=Lock)
    stamp: Stamp = None
    context: ssl.SSLContext | None = None


_LARGEST = 16 * 2**20  # bytes; the authorities of a whole system are a fiftieth of it

_by_file: dict[str, _File] = {}


def trusting(file: str) -> ssl.SSLContext:
    """Give the context that trusts the authorities in a file, another one when the file has changed.

    Raises urllib3's SSLError.
    """
    known = _by_file.setdefault(file, _File())
    with known.lock:
        now = stamp(Path(file))
        if known.context is None or known.stamp != now:
            try:
                known.context, known.stamp = _context(file), now
            except (OSError, Unreadable) as error:
                raise SSLError(error) from error
            except ValueError:
                raise SSLError("no authority in the file") from None
        return known.context


def _context(file: str) -> ssl.SSLContext:
    # Not one of urllib3's or ssl's making: they would write the secrets of connections to $SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # By its text: a pipe in the place of the file would keep all accounts waiting.
    context.load_verify_locations(cadata=read(Path(file), _LARGEST).decode("ascii", "ignore"))
    context.set_alpn_protocols(ALPN_PROTOCOLS)
    # urllib3 would set them for each connection, and free what another thread may just be reading.
    context.set_alpn_protocols = lambda _: None  # type: ignore[assignment, method-assign]  # its own
    return context
