"""Threads that are shared: nobody waits for another's, and none stays for ever."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import wait
from functools import partial
from queue import SimpleQueue

import pytest

from exporter.exotel import worker_pool as threads
from exporter.exotel.worker_pool import WorkerPool
from tests.waiting import GUARD, wait_until


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Hold back those who wait for it, at the latest to the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def test_a_pool_does_so_many_things_at_a_time(gate: threading.Event) -> None:
    """What is beyond waits for its turn, and gets it."""
    begun: SimpleQueue[str] = SimpleQueue()

    def work(number: int) -> int:
        begun.put(threading.current_thread().name)
        gate.wait(GUARD)
        return number

    worker_pool = WorkerPool("three", 3)
    futures = [worker_pool.submit(work, number) for number in range(8)]
    assert {begun.get(timeout=GUARD) for _ in range(3)} == {"three"}
    assert sum(future.running() for future in futures) == 3
    gate.set()
    assert [future.result(GUARD) for future in futures] == list(range(8))


def test_a_pool_never_does_more_things_at_a_time() -> None:
    """However many are handed to it, and however fast they end."""
    lock, at_once, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.001)
        with lock:
            at_once -= 1

    worker_pool = WorkerPool("three", 3)
    wait([worker_pool.submit(work) for _ in range(200)], timeout=GUARD)
    assert most == 3


def test_work_waits_for_the_others_of_a_pool_when_no_thread_can_start(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done by those that are there, and counts for none that isn't: the pool grows again later."""

    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_idle", [])
    worker_pool = WorkerPool("short-handed", 3)
    first = worker_pool.submit(gate.wait, GUARD)
    with monkeypatch.context() as scarcity:
        scarcity.setattr(threading.Thread, "start", refuse)
        waiting = [worker_pool.submit(gate.wait, GUARD) for _ in range(5)]
    others = [worker_pool.submit(gate.wait, GUARD) for _ in range(2)]
    wait_until(lambda: sum(each.running() for each in (first, *waiting, *others)) == 3, "three threads")
    gate.set()
    assert all(each.result(GUARD) for each in (first, *waiting, *others))


def test_a_pool_of_one_keeps_the_order() -> None:
    """As if it had a thread of its own."""
    done: list[int] = []
    worker_pool = WorkerPool("one", 1)
    wait([worker_pool.submit(done.append, number) for number in range(100)], timeout=GUARD)
    assert done == list(range(100))


def test_pools_that_hang_keep_no_other_waiting(gate: threading.Event) -> None:
    """However many threads they have taken."""
    for number in range(50):
        worker_pool = WorkerPool(f"hanging-{number}", 8)
        for _ in range(12):
            worker_pool.submit(gate.wait, GUARD)
    assert WorkerPool("healthy", 1).submit(lambda: "done").result(GUARD) == "done"


def test_an_error_is_for_whoever_asks_for_the_result() -> None:
    """The pool goes on."""
    worker_pool = WorkerPool("failing", 1)
    with pytest.raises(ZeroDivisionError):
        worker_pool.submit(lambda: 1 // 0).result(GUARD)
    assert worker_pool.submit(lambda: 1).result(GUARD) == 1


def test_what_is_cancelled_is_not_done(gate: threading.Event) -> None:
    """As long as it isn't begun."""
    worker_pool, done = WorkerPool("one", 1), threading.Event()
    worker_pool.submit(gate.wait, GUARD)
    assert worker_pool.submit(done.set).cancel()
    last = worker_pool.submit(lambda: None)
    gate.set()
    last.result(GUARD)
    assert not done.is_set()


def test_an_idle_thread_is_taken_again_and_holds_nothing_meanwhile() -> None:
    """Whoever comes next needs no new one; what was done can be forgotten."""

    class Held:
        pass

    held = Held()
    forgotten = weakref.ref(held)
    first = WorkerPool("first", 1).submit(lambda _: threading.get_ident(), held).result(GUARD)
    wait_until(lambda: _names().get(first) == "idle", "the thread to rest")
    del held
    assert forgotten() is None
    before = _names().keys()
    assert WorkerPool("second", 1).submit(threading.get_ident).result(GUARD) in before


def test_threads_that_nobody_needs_end(monkeypatch: pytest.MonkeyPatch, gate: threading.Event) -> None:
    """After a time of many, there are as few as before."""
    monkeypatch.setattr(threads, "_IDLE_LIMIT", 0.05)
    worker_pool = WorkerPool("many", 20)
    futures = [worker_pool.submit(lambda: gate.wait(GUARD) and threading.get_ident()) for _ in range(20)]
    gate.set()
    idents = {future.result(GUARD) for future in futures}
    wait_until(lambda: not idents & _names().keys(), "the threads to end")


def test_work_that_is_handed_to_a_thread_about_to_end_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever moment it comes."""
    monkeypatch.setattr(threads, "_IDLE_LIMIT", 0.0005)
    worker_pool = WorkerPool("short", 2)
    for number in range(500):
        futures = [worker_pool.submit(partial(pow, number, 2)) for _ in range(2)]
        threading.Event().wait(0.0005)
        assert [future.result(GUARD) for future in futures] == [number**2] * 2


def _names() -> dict[int | None, str]:
    return {thread.ident: thread.name for thread in threading.enumerate()}
