"""The simulator's own endpoints, beside Exotel's: the truth, the faults, what was asked."""

import json
from collections import Counter

from exporter.simulator.centre import Centre
from exporter.simulator.exotel import Request
from exporter.simulator.faults import Fault, Faults
from exporter.simulator.reply import Reply, json_reply

PREFIX = "/_simulator/"


class Control:
    """Answers requests under PREFIX; they are not counted, need no credentials and meet no faults."""

    def __init__(self, centre: Centre, faults: Faults, served: Counter[str]) -> None:
        self._centre = centre
        self._faults = faults
        self._served = served

    def answer(self, request: Request) -> Reply:
        """Answer, with `{"error": …}` to what isn't understood."""
        asked = f"{request.method} {request.target.removeprefix(PREFIX)}"
        if asked == "GET truth":
            return json_reply(200, self._centre.truth().document())
        if asked == "GET requests":
            return json_reply(200, self._served)
        if asked == "GET faults":
            return json_reply(200, [str(fault) for fault in self._faults.listed()])
        if asked == "POST faults":
            return self._set_faults(request.body)
        return json_reply(404, {"error": "expected GET truth, GET requests, GET faults or POST faults"})

    def _set_faults(self, body: bytes) -> Reply:
        try:
            faults = read_faults(body)
        except ValueError as error:
            return json_reply(400, {"error": str(error)})
        self._faults.replace(faults)
        return json_reply(200, [str(fault) for fault in faults])


def read_faults(body: bytes) -> list[Fault]:
    """Read a JSON list of faults, each written as on the command line; ValueError says what is wrong."""
    try:
        written = json.loads(body)
    except (ValueError, RecursionError):
        written = None
    if not isinstance(written, list) or not all(isinstance(each, str) for each in written):
        raise ValueError('expected a JSON list of faults, such as ["status:503@first*2"]')
    return [Fault.parse(each) for each in written]
