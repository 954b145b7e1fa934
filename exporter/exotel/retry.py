"""Which failures another try can mend, and how long to wait before it."""

from __future__ import annotations

from random import Random

from exporter.exotel.endpoints import Endpoint
from exporter.exotel.errors import ApiError, Reason

_TRIES = 3
_FIRST_WAIT = {Reason.CONNECTION: 0.1, Reason.SERVER_ERROR: 0.2, Reason.RATE_LIMITED: 1.0}  # seconds
RETRIED: dict[Endpoint, tuple[Reason, ...]] = {
    Endpoint.CALLS: tuple(_FIRST_WAIT),
    Endpoint.STREAMS: (Reason.CONNECTION,),
    Endpoint.AGENT_STREAMS: (Reason.CONNECTION,),
}
"""What isn't the list can wait for the next collection, and must not cost a listing: it is asked again when a
kept connection broke, and else not."""


def wait_before_retry(
    endpoint: Endpoint, error: ApiError, tries: int, random: Random, *, was_kept: bool = False
) -> float | None:
    """Give the seconds to wait after so many failed tries, or None when another can't help.

    A connection that `was_kept` from the request before may have been closed since: GET is safe to repeat
    (RFC 9110, 9.2.2), and is, at once. A fresh connection may come about the next time, and a server
    recover; wrong credentials stay wrong. The wait doubles with each try, and varies by half so that many
    clients don't come back as one.
    """
    if was_kept and error.reason is Reason.CONNECTION:
        return 0.0
    if endpoint is not Endpoint.CALLS or error.reason not in _FIRST_WAIT or tries >= _TRIES:
        return None
    return _FIRST_WAIT[error.reason] * float(2 ** (tries - 1)) * random.uniform(0.5, 1.5)
