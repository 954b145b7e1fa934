"""What the API says of seconds, if it can be believed."""

from __future__ import annotations

from typing import TypeGuard

_MOST = 1e9  # thirty years


def is_believable(seconds: float | None) -> TypeGuard[float]:
    """Tell whether a duration was told and can be one; NaN can't."""
    return seconds is not None and 0 <= seconds < _MOST
