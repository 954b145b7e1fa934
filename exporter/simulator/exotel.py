"""Exotel's API, answered from a centre: who may ask, which page, what when there's nothing to tell."""

import base64
import binascii
import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote

from exporter.simulator import traffic
from exporter.simulator.call import Call
from exporter.simulator.centre import Centre
from exporter.simulator.faults import Faults
from exporter.simulator.listed import Listed
from exporter.simulator.pages import Pages
from exporter.simulator.rate_limit import RateLimit
from exporter.simulator.reply import Reply, failure, json_reply, success, xml_reply
from exporter.simulator.settings import Settings

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


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the API sees it; names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


class Exotel:
    """Answers requests to the API. The counters tell how many there were, by endpoint."""

    def __init__(self, settings: Settings, centre: Centre, faults: Faults) -> None:
        self.served: Counter[str] = Counter()
        self._settings = settings
        self._tells_xml = settings.agent_streams_format == "xml"
        self._centre = centre
        self._faults = faults
        self._ids = itertools.count(1)
        self._rate_limit = RateLimit(settings.requests_per_minute)
        self._shuffle = traffic.chance(settings.seed)
        profile = settings.profile
        self._listed = Listed(centre, profile, settings.seed) if profile else None
        self._pages = profile.pages if profile else _pages(settings)

    def answer(self, request: Request) -> Reply:
        """Answer as the API would, then as the faults would have it."""
        path, _, asked = request.target.partition("?")
        endpoint, named = _route(path)
        query = dict(parse_qsl(asked, keep_blank_values=True))
        self.served[endpoint] += 1
        request_id = f"req_{next(self._ids):08x}"
        limited = self._rate_limit.take()
        if limited.refused:
            reply = failure(request_id, 429, 10724, "Too many requests", request.method)
        else:
            reply = self._permitted(request, request_id, endpoint, named, query)
        if endpoint == "agent_streams" and self._tells_xml and reply.status != 200:
            reply = xml_reply(reply.status, "RestException", Status=reply.status, Message="Refused")
        reply = replace(reply, headers=reply.headers + limited.headers)
        return self._faults.bend(reply, endpoint, _number(query.get("offset", "0")) or 0)

    def _permitted(
        self,
        request: Request,
        request_id: str,
        endpoint: str,
        named: Mapping[str, str],
        query: Mapping[str, str],
    ) -> Reply:
        settings = self._settings
        if endpoint == "other" or request.method != "GET":
            return failure(request_id, 404, 404, "Resource not found", request.method)
        if _credentials(request.headers.get("authorization", "")) != (settings.api_key, settings.api_token):
            return failure(request_id, 401, 1010, "Authentication failed")
        if named["account"] != settings.account_sid:
            return failure(request_id, 404, 1017, "Unknown tenant")
        if endpoint == "calls":
            return self._calls(request_id, query)
        if endpoint == "stream":
            return self._stream(request_id, named["call"])
        return self._agent_streams()

    def _calls(self, request_id: str, query: Mapping[str, str]) -> Reply:
        settings, centre = self._settings, self._centre
        direction = query.get("direction")
        limit = _number(query.get("limit", str(DEFAULT_LIMIT)))
        offset = _number(query.get("offset", "0"))
        if direction not in {None, "inbound", "outbound"}:
            return failure(request_id, 400, 400, "direction must be inbound or outbound")
        if limit is None or limit < 1 or offset is None:
            return failure(request_id, 400, 400, "limit must be 1 or more, offset 0 or more")
        if settings.step:
            centre.advance(centre.now + settings.step)
        if self._listed:
            return self._of_profile(self._listed, request_id, limit, offset)
        calls = centre.calls(direction, query.get("agent_id"))
        cut, now = self._pages.cut(limit, offset, len(calls)), centre.now
        if isinstance(cut, int):
            return failure(request_id, cut, cut, f"limit must not exceed {settings.max_limit}")
        rows = b",".join([call.row(now) for call in self._page(calls, cut)])
        return Reply(200, _LIST % (request_id.encode(), rows, len(calls)))

    def _page(self, calls: Sequence[Call], cut: range) -> Sequence[Call]:
        order, total = self._settings.order, len(calls)
        if order == "shuffled":  # any part of a shuffled list is a sample of it
            return self._shuffle.sample(calls, len(cut))
        if order == "newest":
            return calls[total - cut.stop : total - cut.start][::-1]
        return calls[cut.start : cut.stop]

    def _of_profile(self, listed: Listed, request_id: str, limit: int, offset: int) -> Reply:
        answer = listed.answer(limit, offset)
        if answer.status != 200:
            return failure(request_id, answer.status, answer.status, "limit or offset is out of range")
        rows = [listed.document(row, answer.at) for row in answer.rows]
        total = {} if answer.total is None else {"total_active": answer.total}
        return success(request_id, {"active_calls": rows} | total)

    def _stream(self, request_id: str, call_sid: str) -> Reply:
        call = self._centre.find(call_sid)
        if call is None:
            return failure(request_id, 404, 10744, "Call not found")
        return success(request_id, {"stream": call.stream(self._centre.now)})

    def _agent_streams(self) -> Reply:
        allowed = self._settings.stream_limit
        active = min(self._centre.voice_bots, allowed)
        if self._tells_xml:
            return xml_reply(200, "Stream", ActiveStreamCount=active, ThrottleLimit=allowed)
        return json_reply(
            200,
            {
                "status": "success",
                "active_streams": active,
                "max_allowed_streams": allowed,
                "account_sid": self._settings.account_sid,
            },
        )


def _pages(settings: Settings) -> Pages:
    """Return how limit and offset are taken where no profile says it."""
    return Pages(
        max_limit=settings.max_limit,
        limits="rejected" if settings.over_limit == "reject" else "cut",
        offsets="ignored" if settings.ignore_offset else "rows",
        whole=settings.ignore_paging,
    )


def _route(path: str) -> tuple[str, Mapping[str, str]]:
    for endpoint, pattern in _ROUTES:
        if found := pattern.fullmatch(path):
            return endpoint, {name: unquote(value) for name, value in found.groupdict().items()}
    return "other", {}


def _number(text: str) -> int | None:
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
