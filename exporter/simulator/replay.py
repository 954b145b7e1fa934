"""A capture, served again: the same answers to the same questions, and connections that fail as they did.

Bodies and headers stay as they were captured, times included: the exporter measures moments in headers
against the answer's own `Date`, and those in rows against one another.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote

import yaml

from exporter.archive import ABANDONED, Capture, Exchange
from exporter.simulator.api import route
from exporter.simulator.messages import Headers, Request, Response, failure

_OF_THE_CONNECTION = {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
_MOMENTS = {"retry-after", "x-ratelimit-reset"}
_UNPRINTABLE = re.compile("[^ -~]")
_KINDS = {"calls": "a page", "stream": "details of this call", "agent_streams": "AgentStream"}
_ENDLESS = b" " * 3600  # sent at one byte a second
_SHOWN_PAGES = 5
_HARMLESS = re.compile(r"[\w+. -]{0,100}")  # it is no URL, no path, no ${VARIABLE}
_DEEPEST = 4  # levels: account, lines, a line, its numbers

_Question = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]


class Replay:
    """Answers each question as it was answered: the n-th time with the n-th answer, or else the last.

    What the exporter broke off is no answer: whether it is asked again is a race. Any credentials will do.
    Answers take `pace` times as long as they did; what was never asked gets 501.
    """

    compresses = False

    def __init__(self, capture: Capture, pace: float = 1.0) -> None:
        self._account_sid = capture.account_sid
        self._holds = _contents(capture)
        self._answers: defaultdict[_Question, list[Response]] = defaultdict(list)
        for exchange in sorted(capture.exchanges, key=_was_abandoned):
            answers = self._answers[_question(exchange.target)]
            if not (answers and _was_abandoned(exchange)):
                answers.append(_response(exchange, capture.began, pace))
        self._asked: Counter[_Question] = Counter()

    def tick(self) -> None:
        """Do nothing: no time passes in a capture."""

    async def answer(self, request: Request) -> Response:
        """Return what the question got when it was captured."""
        question = _question(request.target)
        answers = self._answers.get(question)
        if answers is None or request.method != "GET":
            return self._refusal(request)
        number = self._asked[question]
        self._asked[question] += 1
        return answers[min(number, len(answers) - 1)]

    def _refusal(self, request: Request) -> Response:
        path, _, query = request.target.partition("?")
        endpoint, parameters = route(path)
        if parameters.get("account", self._account_sid) != self._account_sid:
            message = f"Unknown tenant: this is a capture of account {self._account_sid}"
            return failure("replay", 404, 1017, message, request.method)
        kind = _KINDS.get(endpoint, "this path")
        if request.method != "GET":
            kind = f"any {request.method}"
        elif endpoint == "calls" and query:
            kind += f" with {query[:100]}"
        message = f"Not captured: {kind}. This capture holds {self._holds}"
        return failure("replay", 501, 501, message, request.method)


def configuration(capture: Capture, url: str) -> str:
    """Return the YAML of a configuration that exports a capture which is served at a URL."""
    sections = {name: part for name, part in capture.settings.items() if isinstance(part, dict)}
    account = _harmless(sections.pop("account", {}))
    place = {"account_sid": capture.account_sid, "base_url": url, "api_key": "replay", "api_token": "replay"}
    document = {
        "accounts": [account | place],
        "collection": _harmless(sections.get("collection", {})),
        "metrics": _harmless(sections.get("metrics", {})),
    }
    written = {name: section for name, section in document.items() if section}
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True)


def _harmless(value: Any, deepest: int = _DEEPEST) -> Any:
    """Return a setting without what could lead elsewhere: captures come from strangers."""
    if isinstance(value, dict):
        return {
            key: _harmless(inner, deepest - 1)
            for key, inner in value.items()
            if deepest and _is_harmless(key) and _is_harmless(inner)
        }
    if isinstance(value, list):
        return [_harmless(inner, deepest - 1) for inner in value if deepest and _is_harmless(inner)]
    return value


def _is_harmless(value: Any) -> bool:
    return not isinstance(value, str) or _HARMLESS.fullmatch(value) is not None


def _was_abandoned(exchange: Exchange) -> bool:
    return exchange.failure == ABANDONED


def _question(target: str) -> _Question:
    """Return what a target asks, however it is written."""
    path, _, query = target.partition("?")
    return tuple(map(unquote, path.split("/"))), tuple(sorted(parse_qsl(query, keep_blank_values=True)))


def _contents(capture: Capture) -> str:
    targets = dict.fromkeys(exchange.target for exchange in capture.exchanges)
    asked = [(route(path)[0], query) for path, _, query in (target.partition("?") for target in targets)]
    pages = [query or "no parameters" for endpoint, query in asked if endpoint == "calls"]
    calls = sum(endpoint == "stream" for endpoint, _ in asked)
    sessions = any(endpoint == "agent_streams" for endpoint, _ in asked)
    details = f"details of {calls} call{'' if calls == 1 else 's'}"
    return f"{_listed(pages)}, {details}, and {'AgentStream' if sessions else 'no AgentStream'}"


def _listed(pages: Sequence[str]) -> str:
    if not pages:
        return "no pages"
    more = len(pages) - _SHOWN_PAGES
    shown = "; ".join(pages[:_SHOWN_PAGES]) + (f"; and {more} more" if more > 0 else "")
    return f"pages with {shown}"


def _response(exchange: Exchange, began: float, pace: float) -> Response:
    answered_at = began + exchange.asked_at + exchange.seconds
    content_types = [value for name, value in exchange.headers if name.lower() == "content-type"]
    response = Response(
        exchange.status or 200,
        exchange.body,
        content_type=_printable("".join(content_types[:1])),
        headers=_headers(exchange.headers, answered_at),
        delay=exchange.seconds * pace,
    )
    if exchange.failure is None:
        return response
    return _broken(replace(response, delay=(exchange.first_byte or 0.0) * pace), exchange)


def _headers(captured: Headers, answered_at: float) -> Headers:
    """Return the headers to send: moments that had no `Date` beside them get it, to be as far ahead again."""
    names = {name.lower() for name, _ in captured}
    own = _OF_THE_CONNECTION | {"content-type"}
    headers = tuple((name, _printable(value)) for name, value in captured if name.lower() not in own)
    if "date" not in names and names & _MOMENTS:
        return (*headers, ("Date", formatdate(answered_at, usegmt=True)))
    return headers


def _printable(value: str) -> str:
    """Return a header's value in characters that can be sent; no header that is read has others."""
    return _UNPRINTABLE.sub("?", value).strip()


def _broken(response: Response, exchange: Exchange) -> Response:
    """Return a response that fails as its exchange did, before or after its headers.

    What failed in TLS is reset: there is no TLS here.
    """
    had_headers = exchange.status is not None
    match exchange.failure:
        case "timeout" | "abandoned":
            return replace(response, body=_ENDLESS, delivery="drip" if had_headers else "hang")
        case "bad_response":
            undecodable = ("Content-Encoding", "gzip")
            return replace(response, body=b"no gzip", headers=(*response.headers, undecodable))
    return replace(response, body=b"  ", delivery="truncate" if had_headers else "reset")
