"""Exotel's API in front of a contact centre: credentials, rate limit, pages, streams, errors."""

import base64
import binascii
import itertools
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from fnmatch import fnmatchcase
from urllib.parse import parse_qsl, unquote

from exporter.simulator.call import Call
from exporter.simulator.centre import Centre
from exporter.simulator.centre_backend import CentreBackend
from exporter.simulator.faults import Faults
from exporter.simulator.filters import Selection
from exporter.simulator.messages import (
    Request,
    Response,
    failure,
    json_response,
    success,
    xml_response,
)
from exporter.simulator.profile import Pages, Profile
from exporter.simulator.rate_limit import RateLimit
from exporter.simulator.settings import Settings
from exporter.simulator.traffic import seeded_random

DEFAULT_LIMIT = 20

#: The document of `success`, around rows that are JSON already.
_LIST = (
    b'{"request_id":"%b","method":"GET","http_code":200,"response":{"active_calls":[%b],"total_active":%d}}'
)
_ROUTES = (
    ("calls", re.compile(r"/v3/accounts/(?P<account>[^/]+)/calls/active")),
    ("stream", re.compile(r"/v3/accounts/(?P<account>[^/]+)/calls/(?P<call>[^/]+)/stream")),
    ("agent_streams", re.compile(r"/v1/Accounts/(?P<account>[^/]+)/ActiveStreams")),
)


class Api:
    """Answers requests to the API, and counts them by endpoint in `served`."""

    def __init__(self, settings: Settings, centre: Centre, faults: Faults) -> None:
        self.served: Counter[str] = Counter()
        self._settings = settings
        self._centre = centre
        self._faults = faults
        self._ids = itertools.count(1)
        self._random = seeded_random(settings.seed)
        profile = settings.profile
        self._backend = CentreBackend(centre, profile, settings.seed) if profile else None
        profile = profile or Profile("")
        beside = self._beside = profile.beside
        self._filters, self._ahead = profile.filters, profile.clock
        per_minute = settings.requests_per_minute if beside.rate_limit is None else beside.rate_limit
        self._rate_limit = self._streams_limit = RateLimit(per_minute, self._now)
        if beside.streams_apart:
            self._streams_limit = RateLimit(per_minute, self._now)
        self._agent_streams_as = beside.agent_streams or settings.agent_streams_format
        self._pages = _pages(settings)

    def answer(self, request: Request) -> Response:
        """Return the API's response, with the faults that affect the request."""
        path, _, query_string = request.target.partition("?")
        endpoint, parameters = route(path)
        query = dict(parse_qsl(query_string, keep_blank_values=True))
        self.served[endpoint] += 1
        request_id = f"req_{next(self._ids):08x}"
        decision = (self._streams_limit if endpoint == "stream" else self._rate_limit).take()
        if decision.refused:
            response = failure(request_id, 429, 10724, "Too many requests", request.method)
        else:
            response = self._respond(request, request_id, endpoint, parameters, query)
        if endpoint == "agent_streams" and self._agent_streams_as == "xml" and response.status != 200:
            response = xml_response(
                response.status, "RestException", Status=response.status, Message="Refused"
            )
        date = ("Date", formatdate(self._now(), usegmt=True))
        response = replace(response, headers=(*response.headers, *decision.headers, date))
        return self._faults.apply(response, endpoint, _parse_int(query.get("offset", "0")) or 0)

    def _now(self) -> float:
        """Return the Unix time on the server's clock."""
        return time.time() + self._ahead

    def _respond(
        self,
        request: Request,
        request_id: str,
        endpoint: str,
        parameters: Mapping[str, str],
        query: Mapping[str, str],
    ) -> Response:
        settings = self._settings
        if endpoint == "other" or request.method != "GET":
            return failure(request_id, 404, 404, "Resource not found", request.method)
        if _credentials(request.headers.get("authorization", "")) != (settings.api_key, settings.api_token):
            return failure(request_id, 401, 1010, "Authentication failed")
        if not fnmatchcase(parameters["account"], settings.account_sid):
            return failure(request_id, 404, 1017, "Unknown tenant")
        if endpoint == "calls":
            return self._calls(request_id, query)
        if endpoint == "stream":
            return self._stream(request_id, parameters["call"])
        return self._agent_streams(request_id)

    def _calls(self, request_id: str, query: Mapping[str, str]) -> Response:
        settings, centre = self._settings, self._centre
        limit = _parse_int(query.get("limit", str(DEFAULT_LIMIT)))
        offset = _parse_int(query.get("offset", "0"))
        try:
            selection = self._filters.read(query)
        except ValueError as error:
            return failure(request_id, 400, 400, str(error))
        if limit is None or limit < 1 or offset is None:
            return failure(request_id, 400, 400, "limit must be 1 or more, offset 0 or more")
        if settings.step:
            centre.advance(centre.now + settings.step)
        if self._backend:
            return _backend_page(self._backend, request_id, limit, offset, selection)
        calls = centre.calls(query.get("direction"), query.get("agent_id"))
        cut, now = self._pages.cut(limit, offset, len(calls)), centre.now
        if isinstance(cut, int):
            return failure(request_id, cut, cut, f"limit must not exceed {settings.max_limit}")
        rows = b",".join([call.row(now) for call in self._page(calls, cut)])
        return Response(200, _LIST % (request_id.encode(), rows, len(calls)))

    def _page(self, calls: Sequence[Call], cut: range) -> Sequence[Call]:
        order, total = self._settings.order, len(calls)
        if order == "shuffled":  # any part of a shuffled list is a sample of it
            return self._random.sample(calls, len(cut))
        if order == "newest":
            return calls[total - cut.stop : total - cut.start][::-1]
        return calls[cut.start : cut.stop]

    def _stream(self, request_id: str, call_sid: str) -> Response:
        call = self._centre.find(call_sid)
        if self._beside.streams != 200:
            return failure(request_id, self._beside.streams, self._beside.streams, "Not available")
        if call is None:
            return failure(request_id, 404, 10744, "Call not found")
        stream = self._backend.stream(call) if self._backend else call.stream(self._centre.now)
        return success(request_id, {"stream": stream})

    def _agent_streams(self, request_id: str) -> Response:
        form = self._agent_streams_as
        if isinstance(form, int):
            return failure(request_id, form, form, "Not available")
        allowed = self._settings.stream_limit
        active = min(self._centre.voice_bots, allowed)
        if form == "xml":
            return xml_response(200, "Stream", ActiveStreamCount=active, ThrottleLimit=allowed)
        document = {"status": "success", "active_streams": active, "max_allowed_streams": allowed}
        return json_response(200, document | {"account_sid": self._settings.account_sid})


def _backend_page(
    backend: CentreBackend, request_id: str, limit: int, offset: int, selection: Selection
) -> Response:
    page = backend.page(limit, offset, selection)
    if page.status != 200:
        return failure(request_id, page.status, page.status, "limit or offset is out of range")
    rows = [backend.document(row, page.at) for row in page.rows]
    total = {} if page.total is None else {"total_active": page.total}
    return success(request_id, {"active_calls": rows} | total)


def _pages(settings: Settings) -> Pages:
    """Return how limit and offset are interpreted without a profile."""
    return Pages(
        max_limit=settings.max_limit,
        limits="rejected" if settings.over_limit == "reject" else "cut",
        offsets="ignored" if settings.ignore_offset else "rows",
        whole=settings.ignore_paging,
    )


def route(path: str) -> tuple[str, Mapping[str, str]]:
    """Return which endpoint a path leads to, and what is in it: account and call."""
    for endpoint, pattern in _ROUTES:
        if found := pattern.fullmatch(path):
            return endpoint, {name: unquote(value) for name, value in found.groupdict().items()}
    return "other", {}


def _parse_int(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _credentials(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        key, colon, token = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (key, token) if colon else None
