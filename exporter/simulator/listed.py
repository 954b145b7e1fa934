"""The list of a centre's calls, as a profile has it."""

import itertools
from copy import copy

import msgspec

from exporter.simulator import traffic
from exporter.simulator.backend import Answer, Backend
from exporter.simulator.call import Call, Document
from exporter.simulator.centre import Centre
from exporter.simulator.orders import Row
from exporter.simulator.profile import Profile


class Listed:
    """Hears what becomes of a centre's calls, and answers as the servers of a profile would."""

    def __init__(self, centre: Centre, profile: Profile, seed: int) -> None:
        self._centre = centre
        self._backend = Backend(profile, traffic.chance(seed))
        self._next = itertools.count()
        self._numbers: dict[str, int] = {}
        for call in centre.calls():
            self._tell(call, call.answered or call.started)
        centre.watch(lambda call: self._tell(call, centre.now))

    def answer(self, limit: int, offset: int) -> Answer:
        """Answer a request for a page."""
        return self._backend.answer(self._centre.now, limit, offset)

    def document(self, row: Row | None, at: float) -> Document:
        """Write a row of an answer for JSON; one that names no call has nothing in it."""
        if row is None:
            return {}
        written: Call = row.written
        fields: Document = msgspec.json.decode(written.row(at))
        fields["duration"] = self._backend.duration(row, at)
        fields["start_time"] = self._backend.start_time(row)
        return fields

    def _tell(self, call: Call, updated: float) -> None:
        if call.sid not in self._numbers:
            self._numbers[call.sid] = next(self._next)
        row = Row(
            call.sid,
            self._numbers[call.sid],
            int(call.sid[:8], 16),
            call.started,
            call.started,
            updated,
            call.status,
            call.direction == "inbound",
            call.answered,
            call.ended,
            copy(call),  # as it is now: a machine that is behind shows it so
        )
        if call.ended is not None:
            del self._numbers[call.sid]
        self._backend.tell(updated, row)
