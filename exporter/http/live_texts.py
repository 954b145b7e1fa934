"""The texts of /calls: each written once for all who ask the same, and sent to those who haven't got it."""

from __future__ import annotations

import asyncio
import gzip
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.responses import Response

from exporter.http.scrape import GZIP_LEVEL
from exporter.metrics.exposition import accepts_gzip

_MOST_KEPT = 32 * 2**20  # bytes
_BESIDE = 2048  # bytes that a text takes in memory beside itself: what was asked, and its headers
_REST = 9.0  # times as long as it took to write, a text of many accounts isn't written again


@dataclass(frozen=True, slots=True)
class LiveText:
    """A text with its headers, and what tells it from any other."""

    text: bytes
    packed: bytes
    tag: str
    headers: Mapping[str, str]

    @classmethod
    def of(cls, text: bytes, headers: Mapping[str, str]) -> LiveText:
        """Pack a text."""
        return cls(text, gzip.compress(text, GZIP_LEVEL, mtime=0), sha256(text).hexdigest()[:32], headers)

    @property
    def size(self) -> int:
        """Return the bytes that it takes in memory."""
        return len(self.text) + len(self.packed) + _BESIDE

    def answer(self, asked: Headers) -> Response:
        """Return the answer that a request's headers prefer: 304 if the client has the text already."""
        packs = accepts_gzip(",".join(asked.getlist("accept-encoding")))
        tag = f'"{self.tag}-gzip"' if packs else f'"{self.tag}"'
        headers = {**self.headers, "Vary": "Accept-Encoding", "ETag": tag}
        if _has(",".join(asked.getlist("if-none-match")), tag):
            return Response(status_code=304, headers=headers)
        if packs:
            headers["Content-Encoding"] = "gzip"
        return Response(self.packed if packs else self.text, headers=headers)


def _has(if_none_match: str, tag: str) -> bool:
    """Return whether a client has what a tag names, also where a proxy has made the tag weak."""
    return not {tag, "*"}.isdisjoint(each.strip().removeprefix("W/") for each in if_none_match.split(","))


@dataclass(frozen=True, slots=True)
class _Written:
    """A text, the state that it was written of, and when that was, on the monotonic clock."""

    text: LiveText
    state: Hashable
    began: float
    ended: float

    @property
    def rests_until(self) -> float:
        """Return when one of many accounts is written again."""
        return self.ended + _REST * (self.ended - self.began)


class LiveTexts:
    """Texts that hold for as long as nothing changes; on the event loop."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Future[LiveText]] = {}
        self._written: OrderedDict[Hashable, _Written] = OrderedDict()
        self._size = 0

    async def get(
        self,
        state: Hashable,
        asked: Hashable,
        write: Callable[[], asyncio.Future[LiveText]],
        *,
        may_rest: bool = False,
    ) -> LiveText:
        """Return what was written of `asked` in this state, or else write it, once for all who wait.

        Where something changes all the time, with the collections of many accounts, a text may rest: it isn't
        written again at once, and doesn't take more than a tenth of a core.
        """
        known = self._written.get(asked)
        if known and (known.state == state or (may_rest and time.monotonic() < known.rests_until)):
            self._written.move_to_end(asked)
            return known.text
        key = asked if may_rest else (asked, state)
        if (under_way := self._under_way.get(key)) is None:
            under_way = self._under_way[key] = asyncio.ensure_future(self._kept(state, asked, write()))
            under_way.add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(under_way)  # who goes away must not take it from the others

    async def _kept(self, state: Hashable, asked: Hashable, writing: asyncio.Future[LiveText]) -> LiveText:
        began = time.monotonic()
        text = await writing
        self._keep(asked, _Written(text, state, began, time.monotonic()))
        return text

    def _keep(self, asked: Hashable, written: _Written) -> None:
        """Keep a text in place of an older one, and no more of the others than there is room for."""
        if (before := self._written.get(asked)) is not None:
            if before.began > written.began:
                return
            del self._written[asked]
            self._size -= before.text.size
        self._written[asked] = written
        self._size += written.text.size
        while self._size > _MOST_KEPT:
            _, oldest = self._written.popitem(last=False)
            self._size -= oldest.text.size
