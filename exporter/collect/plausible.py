"""What the API says of seconds, if it can be believed."""

from __future__ import annotations

from typing import TypeGuard

_MOST = 7 * 86_400.0  # seconds; what is longer would spoil the sum of all others for ever


def is_plausible(seconds: float | None) -> TypeGuard[float]:
    """Tell whether a duration was told and can be one, of seven days at most; NaN can't."""
    return seconds is not None and 0 <= seconds <= _MOST
