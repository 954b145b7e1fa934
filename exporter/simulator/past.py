"""What happened in a centre since its start."""

from collections import Counter
from dataclasses import dataclass, field

from exporter.simulator.call import Call, Direction


@dataclass(slots=True)
class Past:
    """Sums over calls, those found at the start among them; seconds are exact."""

    started: Counter[Direction] = field(default_factory=Counter)
    """Calls that arrived; those found at the start are not among these."""
    ended: Counter[Direction] = field(default_factory=Counter)
    answered: int = 0
    answered_wait_seconds: float = 0.0
    unanswered: int = 0
    unanswered_wait_seconds: float = 0.0
    ended_duration_seconds: float = 0.0

    def start(self, call: Call) -> None:
        """Count a call that arrives."""
        self.started[call.direction] += 1

    def answer(self, call: Call, now: float) -> None:
        """Count a call that is answered now."""
        self.answered += 1
        self.answered_wait_seconds += now - call.started

    def end(self, call: Call, now: float) -> None:
        """Count a call that ends now."""
        self.ended[call.direction] += 1
        if call.answered is None:
            self.unanswered += 1
            self.unanswered_wait_seconds += now - call.started
        else:
            self.ended_duration_seconds += now - call.answered
