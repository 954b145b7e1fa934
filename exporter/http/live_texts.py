"""The texts of /calls: each written once for all who ask the same, and sent only to who hasn't got it."""

from __future__ import annotations

import asyncio
import gzip
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from starlette.datastructures import Headers
from starlette.responses import Response

from exporter.http.scrape import GZIP_LEVEL
from exporter.metrics.exposition import accepts_gzip

_MOST_KEPT = 32 * 2**20  # bytes


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
        return len(self.text) + len(self.packed)

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
    return tag in [each.strip().removeprefix("W/") for each in if_none_match.split(",")]


class LiveTexts:
    """Texts that hold for as long as nothing changes; on the event loop."""

    def __init__(self) -> None:
        self._begin(None)

    async def get(
        self, state: Hashable, asked: Hashable, write: Callable[[], asyncio.Future[LiveText]]
    ) -> LiveText:
        """Return what was written of `asked` in this state, or else write it, once for all who wait."""
        if state != self._state:
            self._begin(state)
        if (known := self._written.get(asked)) is not None:
            self._written.move_to_end(asked)
            return known
        under_way = self._under_way
        if asked not in under_way:
            under_way[asked] = write()
            under_way[asked].add_done_callback(lambda _: under_way.pop(asked))
        text = await asyncio.shield(under_way[asked])  # who goes away must not take it from the others
        if under_way is self._under_way and asked not in self._written:
            self._keep(asked, text)
        return text

    def _begin(self, state: Hashable) -> None:
        """Forget all that was written: it is no longer true."""
        self._state = state
        self._under_way: dict[Hashable, asyncio.Future[LiveText]] = {}
        self._written: OrderedDict[Hashable, LiveText] = OrderedDict()
        self._size = 0

    def _keep(self, asked: Hashable, text: LiveText) -> None:
        """Keep a text, and no more of the others than there is room for."""
        self._written[asked] = text
        self._size += text.size
        while self._size > _MOST_KEPT:
            _, oldest = self._written.popitem(last=False)
            self._size -= oldest.size
