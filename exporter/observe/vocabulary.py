"""The values that labels may have: whatever the API writes becomes one of them.

Source: the API's page, and the values that its sister pages show. Case and `_`/`-` don't matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OTHER = "other"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The known values of one field and the names they go by elsewhere."""

    known: frozenset[str]
    aliases: Mapping[str, str]

    @classmethod
    def of(cls, values: Iterable[str], **aliases: str) -> Vocabulary:
        """Make a vocabulary of its values; keywords are other names for some of them."""
        return cls(frozenset(values), aliases)

    def classify(self, value: str | None) -> str:
        """Give the known value that `value` stands for, `other` if there is none, `unknown` for nothing."""
        if value in self.known:
            return value  # as nearly all are written: asked for each of 100,000 agents
        if value is None or not (word := value.strip().lower().replace("_", "-")):
            return UNKNOWN
        word = self.aliases.get(word, word)
        return word if word in self.known else OTHER


LISTED_DIRECTIONS = ("inbound", "outbound-api", "outbound-dial")
LIVE_STATUSES = ("queued", "ringing", "in-progress")
ENDED_STATUSES = ("completed", "failed", "busy", "no-answer", "canceled")
AGENT_STATUSES = ("available", "on-call", "busy", "after-call-work", "offline")

DIRECTION = Vocabulary.of((*LISTED_DIRECTIONS, "outbound"), incoming="inbound")
STATUS = Vocabulary.of((*LIVE_STATUSES, *ENDED_STATUSES), cancelled="canceled")
AGENT_STATUS = Vocabulary.of(AGENT_STATUSES)
