"""What runs out: memory for an answer without end, descriptors, threads. One collection fails, no more."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import requests

from exporter.exotel.deadline import Deadline
from exporter.exotel.errors import ApiError, Reason
from tests.command import exporter
from tests.configurations import write
from tests.integration.test_transport import client_of, failure, listed, well
from tests.raw_server import Connection, answer, raw_server
from tests.scraping import scrape
from tests.serving import account, served
from tests.waiting import GUARD

MIB = 2**20
BEARABLE = 96 * MIB
"""Peak of a whole program that read an answer without end, which takes 60 MiB or so for itself."""

_HUGE = 400 * MIB
_ZEROS = b"0" * MIB


def forever(connection: Connection, frame: Callable[[bytes], bytes] = bytes) -> None:
    """Write 400 MiB, as far as somebody listens."""
    for _ in range(_HUGE // len(_ZEROS)):
        connection.socket.sendall(frame(_ZEROS))


def chunk(data: bytes) -> bytes:
    """Frame a chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


@cache
def bomb() -> bytes:
    """Compress 400 MiB."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(squeeze.compress(_ZEROS) for _ in range(_HUGE // MIB)), squeeze.flush()])


def _head(*headers: bytes) -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", *headers, b"", b""))


_CHUNKED = b"Transfer-Encoding: chunked"

FRAMINGS: dict[str, tuple[bytes, Callable[[Connection], object], Reason]] = {
    "chunks beside a length": (
        _head(b"Content-Length: 100", _CHUNKED),
        lambda connection: forever(connection, chunk),
        Reason.BAD_RESPONSE,
    ),
    "chunks": (_head(_CHUNKED), lambda connection: forever(connection, chunk), Reason.BAD_RESPONSE),
    "to the end of the connection": (_head(), forever, Reason.BAD_RESPONSE),
    "a length": (_head(b"Content-Length: %d" % _HUGE), forever, Reason.BAD_RESPONSE),
    "another encoding": (_head(b"Transfer-Encoding: gzip, chunked"), forever, Reason.BAD_RESPONSE),
    "a chunk of -1 bytes": (_head(_CHUNKED) + b"-1\r\n", forever, Reason.CONNECTION),
    "a chunk of -5 bytes": (_head(_CHUNKED) + b"-5\r\n", forever, Reason.CONNECTION),
    "a chunk without measure": (_head(_CHUNKED) + b"f" * 300 + b"\r\n", forever, Reason.BAD_RESPONSE),
    "tiny chunks": (
        _head(_CHUNKED),
        lambda connection: connection.socket.sendall(b"2\r\n00\r\n" * 65 * 2**16),
        Reason.BAD_RESPONSE,
    ),
    "gzip": (
        _head(b"Content-Encoding: gzip"),
        lambda connection: connection.socket.sendall(bomb()),
        Reason.BAD_RESPONSE,
    ),
    "millions of values": (
        _head(b"Content-Encoding: gzip"),
        lambda connection: connection.socket.sendall(
            gzip.compress(b'{"response": {"active_calls": [' + b"[]," * 2_700_000 + b"[]]}}")
        ),
        Reason.BAD_RESPONSE,
    ),
    "gzip of gzip": (
        _head(b"Content-Encoding: gzip, gzip"),
        lambda connection: connection.socket.sendall(gzip.compress(bomb())),
        Reason.BAD_RESPONSE,
    ),
}


def scraped(folder: Path, url: str) -> tuple[str, int]:
    """Scrape an exporter of an account; return what failed, and the program's peak of memory in bytes."""
    account = f"{{account_sid: demo, base_url: {url}, api_key: k, api_token: t}}"
    file = write(folder, f"accounts: [{account}]\ncollection: {{timeout: 60s}}\n")
    with exporter(folder, f"--config.file={file}") as started:
        told = requests.get(started.url("/metrics"), timeout=GUARD).text
        status = Path(f"/proc/{started.program.process.pid}/status").read_text(encoding="ascii")
    failures = [line for line in told.splitlines() if "failures_total{" in line and line.endswith(" 1.0")]
    [peak] = [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")]
    return "".join(failures), peak


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_answer_without_measure_takes_little_memory(tmp_path: Path, framing: str) -> None:
    """However it is framed or compressed: what is read of it is bounded, and the reason is told."""
    head, body, reason = FRAMINGS[framing]

    def respond(connection: Connection, _head: str) -> bool:
        connection.write(head)
        try:
            body(connection)
        except OSError:
            return False  # the client has had enough
        return False

    with raw_server(respond) as server:
        failures, peak = scraped(tmp_path, server.url)
    assert f'reason="{reason}"' in failures
    assert peak < BEARABLE, f"{peak / MIB:.0f} MiB"


@pytest.mark.parametrize(
    "length", [b"1" * 5000, b"9" * 19, b"\xb2", b"-5", b"+5", b"0x10", b"1_0", b"", b"five"]
)
def test_a_length_that_is_none_is_a_bad_response(length: bytes) -> None:
    """Nobody can tell where such a body ends, and the connection is of no more use."""

    def respond(connection: Connection, _head: str) -> None:
        connection.write(_head_and_body(length))

    with raw_server(respond) as server, client_of(server.url) as client:
        for _ in range(2):
            error = failure(client)
            assert (error.reason, error.status) == (Reason.BAD_RESPONSE, 200)
            assert error.detail == "the Content-Length header isn't one number"
        assert len({number for number, _ in server.heads}) == 2


def _head_and_body(length: bytes) -> bytes:
    return _head(b"Content-Length: " + length) + b'{"response": {"active_calls": [], "total_active": 0}}'


@pytest.mark.parametrize("second", [b"6", b"-1", b"\xb2", b""])
def test_lengths_that_contradict_one_another_are_a_bad_response(second: bytes) -> None:
    """Two of them in two lines."""

    def respond(connection: Connection, _head_: str) -> None:
        connection.write(_head(b"Content-Length: 5", b"Content-Length: " + second) + b"01234")

    with raw_server(respond) as server, client_of(server.url) as client:
        assert failure(client).reason == Reason.BAD_RESPONSE


def test_a_length_that_is_said_twice_is_one() -> None:
    """RFC 9112, 6.3: a recipient may take identical ones for one."""
    body = b'{"response": {"active_calls": [], "total_active": 0}}'
    length = b"Content-Length: %d" % len(body)
    with (
        raw_server(lambda connection, _: connection.write(_head(length, length) + body)) as server,
        client_of(server.url) as client,
    ):
        assert listed(client, 2) == ["", ""]


def test_a_thread_that_cannot_start_costs_one_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one begins as if nothing had been."""

    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("exporter.exotel.worker_pool._idle", [])
    with raw_server(well) as server, client_of(server.url, concurrency=4) as client:
        with monkeypatch.context() as scarcity:
            scarcity.setattr(threading.Thread, "start", refuse)
            for _ in range(10):
                error = failure(client)
                assert (error.reason, error.detail) == (Reason.RESOURCES, "no more threads can be started")
        assert listed(client, 3) == ["", "", ""]


def test_a_scrape_that_no_thread_can_be_had_for_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a lack of this machine's, not as a fault to report."""

    def refuse(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with raw_server(well) as server, served([account("acme", server.url)]) as url:
        assert scrape(url).one("acme", "exotel_up") == 1
        with monkeypatch.context() as scarcity:
            scarcity.setattr("exporter.exotel.worker_pool._idle", [])
            scarcity.setattr(threading.Thread, "start", refuse)
            assert scrape(url).failures("acme") == {("resources",): 1}
        assert scrape(url).one("acme", "exotel_up") == 1


CHILD = """
import os, resource, sys
from tests.integration.test_resources import *

def told(client):
    try:
        return "".join(listed(client)) or "listed"
    except ApiError as error:
        return error.reason

def without_descriptors(client):
    taken = []
    try:
        while True:
            taken.append(os.dup(0))
    except OSError:
        yield
    for descriptor in taken:
        os.close(descriptor)

def without_memory(client):
    with open("/proc/self/status") as file:
        [used] = [int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:")]
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + 2 * MIB, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, limits)

scarcity = {"descriptors": without_descriptors, "memory": without_memory}[sys.argv[1]]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
with client_of(sys.argv[2]) as client:
    print(told(client))
    for _ in scarcity(client):
        print(told(client))
        print(told(client))
    print(told(client))
"""


@pytest.mark.parametrize("scarce", ["descriptors", "memory"])
def test_what_runs_out_fails_a_collection_and_comes_back(scarce: str) -> None:
    """With a reason of its own, while it lasts; the first collection after it works."""
    large = answer(
        b'{"response": {"active_calls": [], "total_active": 0}}' + b" " * 7 * MIB, b"Connection: close"
    )
    with raw_server(lambda connection, _: connection.write(large)) as server:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, scarce, server.url],
            env={**os.environ, "MALLOC_MMAP_THRESHOLD_": str(MIB)},  # as in the image: what is freed is free
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
    assert done.stdout.split() == ["listed", "resources", "resources", "listed"], done.stderr


def test_time_that_is_left_bounds_the_reading_of_tiny_chunks() -> None:
    """So many of them that they take longer to unpack than there is time: the deadline holds all the same."""
    with (
        raw_server(
            lambda connection, _: connection.write(_head(_CHUNKED) + b"1\r\n0\r\n" * (8 * MIB))
        ) as server,
        client_of(server.url) as client,
    ):
        deadline = Deadline.after(0.5)
        with pytest.raises(ApiError) as caught:
            list(client.pages([(0, 20)], deadline))
    assert caught.value.reason == Reason.TIMEOUT
