"""The calls of a contact centre, listed and written as a profile has it."""

from __future__ import annotations

import itertools
from copy import copy

import msgspec

from exporter.simulator.backend import Backend, ListPage
from exporter.simulator.call import Call, Document
from exporter.simulator.centre import Centre
from exporter.simulator.filters import Selection
from exporter.simulator.orders import Row
from exporter.simulator.profile import Profile
from exporter.simulator.traffic import seeded_random


class CentreBackend:
    """Keeps a backend up to date with the calls of a contact centre, and writes its rows."""

    def __init__(self, centre: Centre, profile: Profile, seed: int) -> None:
        self._centre = centre
        self._profile = profile
        self._backend = Backend(profile, seeded_random(seed))
        self._next = itertools.count()
        self._numbers: dict[str, int] = {}
        for call in centre.calls():
            self._update(call, call.answered or call.started)
        centre.watch(lambda call: self._update(call, centre.now))

    def page(self, limit: int, offset: int, selection: Selection) -> ListPage:
        """Return a page of the list now."""
        return self._backend.page(self._centre.now, limit, offset, selection)

    def document(self, row: Row | None, at: float) -> Document:
        """Return a row for JSON; empty for one without a call_sid."""
        if row is None:
            return {}
        call: Call = row.call
        fields: Document = msgspec.json.decode(call.row(at))
        fields["duration"] = self._backend.duration(row, at)
        fields["start_time"] = self._backend.start_time(row)
        return self._profile.fields.write(fields, call)

    def stream(self, call: Call) -> Document:
        """Return what /stream shows of a call now."""
        profile, now = self._profile, self._centre.now
        document = call.stream(now) | {"status": profile.fields.status(call)}
        if profile.from_start:
            document["duration"] = int((call.ended or now) - call.started)
        if call.direction != "inbound":
            document["legs"] = document["legs"][: profile.beside.outbound_legs]
        return document

    def _update(self, call: Call, updated: float) -> None:
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
            copy(call),  # as it is now, for replicas that are behind
        )
        if call.ended is not None:
            del self._numbers[call.sid]
        self._backend.update(updated, row)
