"""Programs started for a test: waited for, and ended by their own pid."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import GUARD


@dataclass(frozen=True)
class Program:
    """A running program and what it has said."""

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Its standard output and error so far. Fails when the program is no longer there."""
        text = self.log.read_text(errors="replace")
        assert self.process.poll() is None, f"{self.process.args!r} ended early:\n{text}"
        return text

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait(GUARD)


@contextmanager
def program(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Start `command`, and end it when the test is done with it; `environment` in place of this one's."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    try:
        yield Program(process, log)
    finally:
        process.terminate()
        try:
            process.wait(GUARD)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(GUARD)
