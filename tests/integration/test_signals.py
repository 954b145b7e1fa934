"""Signals that come early: none kills the program before it can answer, and none is lost.

Python itself takes some milliseconds before the program's first instruction. Where a test needs certainty
from the very start it has the signals blocked until then, as `env --block-signal` does.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.command import COMMAND, Ended, exporter
from tests.configurations import document, write
from tests.tools import ROOT
from tests.waiting import GUARD, wait_until

DOCKERFILE = ROOT / "deploy" / "Dockerfile"
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
MODULE = (sys.executable, "-m", "exporter")
MOMENTS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
"""Seconds after which a signal is sent; what the program is at then depends on the machine."""


@contextmanager
def blocked() -> Iterator[None]:
    """What is started meanwhile begins with these signals blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ended_early(command: Sequence[str], number: signal.Signals, after: float) -> int:
    """How a program ends that gets a signal so many seconds after its start."""
    with (
        blocked(),
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process,
    ):
        time.sleep(after)
        process.send_signal(number)
        _, err = process.communicate(timeout=GUARD)
        return Ended(process.returncode, "", err.decode()).code


@pytest.mark.parametrize("command", [COMMAND, MODULE], ids=["script", "module"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_program_that_is_told_to_stop_at_any_moment_has_succeeded(
    tmp_path: Path, command: Sequence[str], number: signal.Signals
) -> None:
    """From its first instruction until it serves."""
    flags = ["--web.listen-address=127.0.0.1:0", f"--config.file={write(tmp_path, document())}"]
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda after: ended_early([*command, *flags], number, after), MOMENTS))
    assert codes == [0] * len(MOMENTS)


def test_none_is_lost_where_the_image_starts_it(tmp_path: Path) -> None:
    """With the image's own entry point, a signal that is there before Python is."""
    [entry] = re.findall(r"^ENTRYPOINT (.*)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    *wrapper, program = json.loads(entry)
    assert program == "exotel-exporter"
    stopped = "kill -TERM $$; exec"  # the shell has it blocked, as whoever is about to be process 1 may
    flags = ["--web.listen-address=127.0.0.1:0", f"--config.file={write(tmp_path, document())}"]
    command = [*wrapper, "bash", "-c", f'{stopped} "$@"', "bash", *COMMAND, *flags]
    assert subprocess.run(command, capture_output=True, timeout=GUARD, check=False).returncode == 0


@pytest.mark.parametrize("flag", ["--once", "--config.check"])
def test_work_that_is_stopped_before_it_began_has_failed(tmp_path: Path, flag: str) -> None:
    """Nothing was collected or checked: that isn't told as a success."""
    flags = [flag, f"--config.file={write(tmp_path, document())}"]
    assert ended_early([*COMMAND, *flags], signal.SIGTERM, 0) == 1


def test_hangups_from_the_start_on_are_survived_and_heeded(tmp_path: Path) -> None:
    """However many come, and whatever they interrupt: it serves in the end, and has read its file again."""
    with (
        blocked(),
        exporter(tmp_path, f"--config.file={write(tmp_path, document())}") as server,
    ):
        process = server.program.process
        while "listening" not in server.program.said():
            process.send_signal(signal.SIGHUP)
            time.sleep(0.002)
        wait_until(lambda: "configuration loaded" in server.program.said(), "a reload")
        assert requests.get(server.url("/-/healthy"), timeout=GUARD).ok
        assert server.stop(signal.SIGTERM).code == 0


def test_a_hangup_before_the_file_was_read_is_not_lost(tmp_path: Path) -> None:
    """One alone, as soon as the signals are the program's own: it is heeded once it can be."""
    with exporter(tmp_path, f"--config.file={write(tmp_path, document())}") as server:
        process = server.program.process
        wait_until(lambda: catches(process.pid, signal.SIGHUP), "the signal to be caught")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration loaded" in server.program.said(), "a reload")


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    [caught] = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught, 16) & 1 << (number - 1))


def test_signals_are_taken_before_anything_that_takes_time_is_imported() -> None:
    """Of the program nothing but the entry is there then, and no other library."""
    program = "import exporter.__main__, sys; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-I", "-c", program], encoding="utf-8").split()
    assert {name for name in modules if name.startswith("exporter")} == {
        "exporter",
        "exporter.__main__",
        "exporter.signals",
    }
    assert {"click", "requests", "logging", "importlib.metadata"}.isdisjoint(modules)
