"""How many requests the exporter has answered, by HTTP status."""

from __future__ import annotations

from collections import Counter

#: What can be answered but for redirects, so that the first of each is an increase.
_EXPECTED = (200, 400, 401, 403, 404, 405, 408, 429, 500, 503)


class Answers:
    """Counts on the event loop, wherever an answer begins; any thread may read."""

    def __init__(self) -> None:
        self._by_code = Counter(dict.fromkeys(_EXPECTED, 0))

    def count(self, code: int) -> None:
        """Count one answer."""
        self._by_code[code] += 1

    def by_code(self) -> dict[int, int]:
        """Return how many there were of each status."""
        return dict(self._by_code)
