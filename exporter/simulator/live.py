"""The simulated API: a contact centre whose clock runs, Exotel's API in front of it, and the control API."""

import asyncio
import contextlib
import gc
import json
import time
from collections.abc import Iterator
from dataclasses import replace

from exporter.simulator.api import Api
from exporter.simulator.centre import Centre
from exporter.simulator.faults import Fault, Faults
from exporter.simulator.messages import CONTROL_PREFIX, Request, Response, json_response
from exporter.simulator.settings import Settings

_BUSY = 0.05  # seconds; if there are too many calls for its speed, the clock slows down instead of blocking


class LiveApi:
    """What a server serves of one contact centre. Only `faults` is thread-safe."""

    def __init__(self, settings: Settings) -> None:
        if settings.epoch is None:
            ahead = settings.profile.clock if settings.profile else 0.0
            settings = replace(settings, epoch=time.time() + ahead)
        self.settings = settings
        self.compresses = settings.gzip
        with _without_garbage_collection():
            self.centre = Centre(settings)
        self.faults = Faults(settings.faults)
        self.api = Api(settings, self.centre, self.faults)
        self._updated = time.monotonic()

    def tick(self) -> None:
        """Advance the contact centre to the present, or as far as possible without blocking."""
        centre, now = self.centre, time.monotonic()
        to, self._updated = centre.now + (now - self._updated) * self.settings.speed, now
        while centre.now < to and time.monotonic() < now + _BUSY:
            centre.advance(min(to, centre.now + 1))

    async def answer(self, request: Request) -> Response:
        """Return the response to a request, when its latency has passed."""
        if request.target.startswith(CONTROL_PREFIX):
            self.tick()
            return self._control(request)
        if self.settings.latency:
            await asyncio.sleep(self.settings.latency)
        self.tick()
        return self.api.answer(request)

    def _control(self, request: Request) -> Response:
        """Answer a request to the control API: without credentials, counting or faults."""
        match f"{request.method} {request.target.removeprefix(CONTROL_PREFIX)}":
            case "GET truth":
                return json_response(200, self.centre.truth().document())
            case "GET requests":
                return json_response(200, self.api.served)
            case "GET faults":
                return json_response(200, [str(fault) for fault in self.faults.active()])
            case "POST faults":
                return self._set_faults(request.body)
        return json_response(404, {"error": "expected GET truth, GET requests, GET faults or POST faults"})

    def _set_faults(self, body: bytes) -> Response:
        try:
            faults = _parse_faults(body)
        except ValueError as error:
            return json_response(400, {"error": str(error)})
        self.faults.replace(faults)
        return json_response(200, [str(fault) for fault in faults])


def _parse_faults(body: bytes) -> list[Fault]:
    """Return faults from a JSON list of strings in the command line's syntax; raise ValueError if invalid."""
    try:
        texts = json.loads(body)
    except (ValueError, RecursionError):
        texts = None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError('expected a JSON list of faults, such as ["status:503@first*2"]')
    return [Fault.parse(text) for text in texts]


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Suspend the garbage collector, which would traverse 100,000 calls again and again during creation."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
