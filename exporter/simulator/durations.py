"""Durations as Prometheus writes them: 20ms, 1.5s, 1h30m."""

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


def parse_duration(text: str) -> float:
    """Read a duration such as `20ms`, `1s` or `1h30m` as seconds; ValueError if it isn't one."""
    parts = _PART.findall(text)
    if text == "0":
        return 0.0
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: expected one like 20ms, 1s or 2m")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
