"""Standard output and standard error closed, full or never read: no matter to a program that serves."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import requests
import yaml

from tests.command import COMMAND
from tests.configurations import ACCOUNT, document, write
from tests.tools import require
from tests.waiting import GUARD, wait_until

ADDRESS = f"{IPv4Address('127.2.0.0') + os.getpid()}:19927"
"""Nobody else's: what can't say where it listens is told. On 9927 a demo may listen, on all addresses."""

REDIRECTIONS = {
    "closed": ">&- 2>&-",
    "all closed": "<&- >&- 2>&-",
    "full": ">/dev/full 2>/dev/full",
    "unread": ">&{unread} 2>&{unread}",
}
each_redirection = pytest.mark.parametrize("redirection", REDIRECTIONS.values(), ids=REDIRECTIONS.keys())


@contextmanager
def unread() -> Iterator[int]:
    """The end of a pipe that is full, and that nobody reads."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    try:
        while True:
            os.write(write_end, b"x" * 2**16)
    except BlockingIOError:
        os.set_blocking(write_end, True)
    try:
        yield write_end
    finally:
        os.close(read_end)
        os.close(write_end)


@contextmanager
def started(redirection: str, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """The exporter, with its standard output and error elsewhere; what is left of them can be read."""
    with unread() as full:
        script = f'exec "$@" {redirection.format(unread=full)}'
        process = subprocess.Popen(
            [require("bash"), "-c", script, "bash", *COMMAND, *flags],
            pass_fds=[full],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def is_there(process: subprocess.Popen[bytes]) -> bool:
    """Whether it answers already."""
    assert process.poll() is None, "it ended"
    try:
        return requests.get(f"http://{ADDRESS}/-/ready", timeout=GUARD).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("redirection", "number"),
    [
        *((redirection, signal.SIGTERM) for redirection in REDIRECTIONS.values()),
        (REDIRECTIONS["unread"], signal.SIGINT),
    ],
    ids=[*REDIRECTIONS, "unread, interrupted"],
)
def test_it_serves_and_ends_well_whatever_becomes_of_its_output(
    tmp_path: Path, redirection: str, number: signal.Signals
) -> None:
    """At debug level, with accounts that fail in every scrape: much is logged."""
    accounts = [
        {**ACCOUNT, "name": f"a{index}", "base_url": "http://127.0.0.1:1", "min_interval": "0s"}
        for index in range(4)
    ]
    file = write(tmp_path, yaml.safe_dump({"accounts": accounts}))
    flags = (f"--config.file={file}", "--log.level=debug", f"--web.listen-address={ADDRESS}")
    with started(redirection, *flags) as process, ThreadPoolExecutor(4) as pool:
        wait_until(lambda: is_there(process), "an answer")
        scrapes = [pool.submit(requests.get, f"http://{ADDRESS}/metrics", timeout=GUARD) for _ in range(10)]
        assert {scrape.result().status_code for scrape in scrapes} == {200}
        process.send_signal(signal.SIGHUP)
        assert requests.get(f"http://{ADDRESS}/-/healthy", timeout=GUARD).ok
        process.send_signal(number)
        assert process.wait(GUARD) == 0


@each_redirection
def test_the_demo_serves_too(redirection: str) -> None:
    """Though it has lines for people."""
    with started(redirection, "--demo", f"--web.listen-address={ADDRESS}") as process:
        wait_until(lambda: is_there(process), "an answer")
        process.terminate()
        assert process.wait(GUARD) == 0


@pytest.mark.parametrize("flag", ["--help", "--version", "--once", "--config.check"])
@pytest.mark.parametrize(
    ("redirection", "why"), [(">&-", "bad file descriptor"), (">/dev/full", "no space left on device")]
)
def test_what_was_to_be_written_and_cannot_be_is_one_line(
    tmp_path: Path, flag: str, redirection: str, why: str
) -> None:
    """And exit code 1: whoever wanted it hasn't got it."""
    base = {"base_url": "http://127.0.0.1:1"}
    file = write(tmp_path, document(base))
    with started(redirection, flag, f"--config.file={file}", "--log.level=error") as process:
        out, err = process.communicate(timeout=GUARD)
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == f"can't write to standard output: {why}\n"


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full", ">&- 2>&-", ">/dev/full 2>/dev/full"])
@pytest.mark.parametrize(("flag", "code"), [("--colour", 2), ("--config.file=/nowhere", 1)])
def test_the_exit_code_tells_what_cannot_be_said(redirection: str, flag: str, code: int) -> None:
    """Wrong usage is still that, and so is a bad configuration."""
    with started(redirection, flag) as process:
        said = process.communicate(timeout=GUARD)
    assert (process.returncode, said) == (code, (b"", b""))


def test_what_is_closed_is_not_taken_by_a_connection() -> None:
    """Nothing that is opened later has its number, where a library's message would go."""
    with started("<&- >&- 2>&-", "--demo", f"--web.listen-address={ADDRESS}") as process:
        wait_until(lambda: is_there(process), "an answer")
        for descriptor in range(3):
            assert Path(f"/proc/{process.pid}/fd/{descriptor}").readlink() == Path(os.devnull)
