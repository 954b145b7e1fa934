"""Threads that all accounts share, and worker pools, each of which uses so many of them at a time.

Where none is idle another one starts, so that no account waits for another's; one idle for long ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock, Thread, current_thread
from typing import Any, ParamSpec, TypeVar

from exporter.exotel.errors import unexpected

_P = ParamSpec("_P")
_T = TypeVar("_T")
_Work = Callable[[], Any]

_IDLE_LIMIT = 60.0  # seconds after which an idle thread ends: longer than most scrape intervals

_idle: list[SimpleQueue[_Work]] = []
_idle_lock = Lock()


class WorkerPool:
    """Does work in up to `most` threads at a time, which have its name meanwhile."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._at_work = 0
        self._waiting: deque[tuple[Future[Any], _Work]] = deque()
        self._lock = Lock()

    def submit(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Return the future of work, which can be cancelled until it is begun.

        Raises ApiError, `resources`, when no thread can be started and none of this pool is at work.
        """
        future: Future[_T] = Future()
        with self._lock:  # a thread that starts waits for it, and finds the work
            if self._at_work < self._most:
                self._add_thread()
            self._waiting.append((future, partial(work, *args, **kwargs)))
        return future

    def _add_thread(self) -> None:
        try:
            _submit(self._work)
        except (RuntimeError, MemoryError) as error:  # the system gives no thread
            if not self._at_work:
                raise unexpected(error) from None
        else:
            self._at_work += 1

    def _work(self) -> None:
        current_thread().name = self._name
        while (next_one := self._next()) is not None:
            _do(*next_one)

    def _next(self) -> tuple[Future[Any], _Work] | None:
        with self._lock:
            if self._waiting:
                return self._waiting.popleft()
            self._at_work -= 1
            return None


def _do(future: Future[Any], work: _Work) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001  # it is for whoever asks for the result
        future.set_exception(error)
        del future  # or the error would hold itself, through this frame


def _submit(work: _Work) -> None:
    """Do work in the idle thread that was at work last, or else in a new one."""
    with _idle_lock:
        queue = _idle.pop() if _idle else None
    if queue is None:
        Thread(target=_serve, args=[work], daemon=True).start()
    else:
        queue.put(work)


def _serve(work: _Work) -> None:
    queue: SimpleQueue[_Work] = SimpleQueue()
    while True:
        work()
        del work  # an idle thread holds nothing of it
        with _idle_lock:
            _idle.append(queue)
        current_thread().name = "idle"
        try:
            work = queue.get(timeout=_IDLE_LIMIT)
        except Empty:
            with _idle_lock:
                if queue in _idle:
                    _idle.remove(queue)
                    return
            work = queue.get()  # it came in this very moment
