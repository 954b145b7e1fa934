"""Texts of /calls: written once for all who ask the same, and again once anything has changed."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from starlette.datastructures import Headers

from exporter.http import live_texts
from exporter.http.live_texts import LiveText, LiveTexts


class Writer:
    """Writes texts when it is let, and counts them."""

    def __init__(self) -> None:
        self.written: list[asyncio.Future[LiveText]] = []

    def __call__(self) -> asyncio.Future[LiveText]:
        """Begin to write."""
        self.written.append(asyncio.get_running_loop().create_future())
        return self.written[-1]

    def write(self, text: bytes) -> None:
        """End the last one."""
        self.written[-1].set_result(LiveText.of(text, {}))


async def got(texts: LiveTexts, state: str, asked: str, text: bytes, write: Writer) -> bytes:
    """Return what is answered; `text` is what would be written."""
    task = asyncio.create_task(texts.get(state, asked, write))
    before = len(write.written)
    await asyncio.sleep(0)
    if len(write.written) > before:
        write.write(text)
    return (await task).text


def test_what_was_written_is_given_again_until_the_state_changes() -> None:
    """To whoever asks the same."""

    async def test() -> None:
        texts, write = LiveTexts(), Writer()
        assert await got(texts, "state", "asked", b"1", write) == b"1"
        assert await got(texts, "state", "asked", b"2", write) == b"1"
        assert await got(texts, "state", "else", b"3", write) == b"3"
        assert await got(texts, "changed", "asked", b"4", write) == b"4"
        assert await got(texts, "state", "asked", b"5", write) == b"5"

    asyncio.run(test())


def test_what_is_being_written_is_waited_for_by_all_who_ask_the_same() -> None:
    """One that goes away meanwhile doesn't take it from the others."""

    async def test() -> None:
        texts, write = LiveTexts(), Writer()
        waiting = [asyncio.create_task(texts.get("state", "asked", write)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
        write.write(b"1")
        assert [(await task).text for task in waiting[1:]] == [b"1", b"1"]
        assert len(write.written) == 1

    asyncio.run(test())


def test_what_failed_is_written_anew() -> None:
    """Whoever waited is told."""

    async def test() -> None:
        texts, write = LiveTexts(), Writer()
        task = asyncio.create_task(texts.get("state", "asked", write))
        await asyncio.sleep(0)
        write.written[0].set_exception(MemoryError())
        with pytest.raises(MemoryError):
            await task
        assert await got(texts, "state", "asked", b"1", write) == b"1"

    asyncio.run(test())


def test_what_is_written_of_a_state_that_has_passed_is_not_kept() -> None:
    """Those who asked get it: it was true then."""

    async def test() -> None:
        texts, write = LiveTexts(), Writer()
        old = asyncio.create_task(texts.get("old", "asked", write))
        await asyncio.sleep(0)
        assert await got(texts, "new", "asked", b"new", write) == b"new"
        write.written[0].set_result(LiveText.of(b"old", {}))
        assert (await old).text == b"old"
        assert await got(texts, "new", "asked", b"again", write) == b"new"

    asyncio.run(test())


def test_no_more_is_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for last stays: any text may stand in a URL."""

    async def test() -> None:
        texts, write = LiveTexts(), Writer()
        for asked in ("1", "2", "1", "3"):
            await got(texts, "state", asked, bytes(1000), write)
        assert len(write.written) == 3
        await got(texts, "state", "1", b"", write)
        assert len(write.written) == 3
        await got(texts, "state", "2", b"", write)
        assert len(write.written) == 4

    monkeypatch.setattr(live_texts, "_MOST_KEPT", 2 * LiveText.of(bytes(1000), {}).size)
    asyncio.run(test())


TEXT = LiveText.of(b"a text", {"Content-Type": "text/plain"})
PLAIN, PACKED = f'"{TEXT.tag}"', f'"{TEXT.tag}-gzip"'


@pytest.mark.parametrize(
    ("headers", "status", "tag"),
    [
        ({}, 200, PLAIN),
        ({"accept-encoding": "gzip"}, 200, PACKED),
        ({"if-none-match": PLAIN}, 304, PLAIN),
        ({"if-none-match": f'"other", W/{PLAIN}'}, 304, PLAIN),
        ({"if-none-match": PLAIN, "accept-encoding": "gzip"}, 200, PACKED),
        ({"if-none-match": PACKED, "accept-encoding": "gzip"}, 304, PACKED),
        ({"if-none-match": '"other"'}, 200, PLAIN),
    ],
)
def test_who_has_a_text_already_gets_none(headers: dict[str, str], status: int, tag: str) -> None:
    """Each form has its tag, since the bytes differ; the headers are those of the text."""
    answer = TEXT.answer(Headers(headers))
    assert (answer.status_code, answer.headers["etag"]) == (status, tag)
    assert answer.headers["vary"] == "Accept-Encoding"
    body = bytes(answer.body)
    assert (gzip.decompress(body) if "content-encoding" in answer.headers else body) == (
        b"" if status == 304 else b"a text"
    )


def test_equal_texts_have_the_same_tag() -> None:
    """Also in another exporter of the same accounts."""
    assert LiveText.of(b"a", {}).tag == LiveText.of(b"a", {}).tag != LiveText.of(b"b", {}).tag
