"""How many texts are held at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest

from exporter.http import exchange
from exporter.http.exchange import InFlight, TooManyRequests


def run(what: Callable[[], Awaitable[None]]) -> None:
    """Run on an event loop of its own."""

    async def whole() -> None:
        await what()

    asyncio.run(whole())


def test_a_text_waits_until_one_before_it_is_read() -> None:
    """A burst of answers that are ready at the same moment loses none."""

    async def burst() -> None:
        places, held, most = InFlight(3), 0, 0

        async def text() -> None:
            nonlocal held, most
            async with AsyncExitStack() as stack:
                await places.hold_text(stack)
                held += 1
                most = max(most, held)
                await asyncio.sleep(0)
                held -= 1

        await asyncio.gather(*(text() for _ in range(100)))
        assert most == 3

    run(burst)


def test_a_text_for_which_there_is_no_place_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody reads; afterwards there is one again."""

    async def refused() -> None:
        places = InFlight(1)
        monkeypatch.setattr(exchange, "_PATIENCE", 0.01)  # only now: its threads need more to begin
        async with AsyncExitStack() as first, AsyncExitStack() as second:
            await places.hold_text(first)
            with pytest.raises(TooManyRequests):
                await places.hold_text(second)
        async with AsyncExitStack() as third:
            await places.hold_text(third)

    run(refused)


def test_a_text_is_written_though_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or whoever scrapes in that state would not even be told so."""

    async def written() -> None:
        places = InFlight(1)
        monkeypatch.setattr(threading.Thread, "start", no_thread)
        texts = await asyncio.gather(*(places.write(str, number) for number in range(10)))
        assert texts == [str(number) for number in range(10)]

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")  # as the system says it

    run(written)


def test_a_request_is_counted_until_it_ends_however_it_ends() -> None:
    """Two targets don't count for one another; an error gives the place back."""

    async def counted() -> None:
        places = InFlight(1)
        for _ in range(3):
            with suppress(ZeroDivisionError):
                async with AsyncExitStack() as held:
                    places.enter("a", held)
                    places.enter("b", held)
                    with pytest.raises(TooManyRequests):
                        places.enter("a", held)
                    raise ZeroDivisionError

    run(counted)
