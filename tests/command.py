"""The exporter, run as a user runs it, in an environment that holds nothing but what the test puts there."""

import os
import re
import resource
import signal
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.configurations import ACCOUNT, TOKEN
from tests.e2e.processes import Program, program
from tests.tools import script
from tests.waiting import GUARD, wait_until

COMMAND = (script("exotel-exporter"),)

_CREDENTIALS = (TOKEN, b64encode(f"{ACCOUNT['api_key']}:{TOKEN}".encode()).decode())


@dataclass(frozen=True)
class Ended:
    """How a run of the program ended, and what it said."""

    code: int
    out: str
    err: str = ""

    def __post_init__(self) -> None:
        assert "Traceback" not in self.out + self.err, self.out + self.err
        assert not any(credential in self.out + self.err for credential in _CREDENTIALS)


def run(*arguments: str, **variables: str) -> Ended:
    """Run the exporter to its end. Fails if it shows a traceback or a credential."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=_environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=GUARD,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Exporter:
    """An exporter that serves."""

    program: Program

    def addresses(self, count: int = 1) -> list[str]:
        """The addresses that it says it listens on, once there are so many."""

        def announced() -> list[str]:
            found = re.findall(r'listening.*address"?[=:] ?"?([^\s"]*:\d+)', self.program.said())
            return found if len(found) == count else []

        return wait_until(announced, f"{count} lines that tell an address")

    def url(self, path: str) -> str:
        """The URL of a path at its only address, as seen from this machine."""
        (address,) = self.addresses()
        return f"http://127.0.0.1:{address.rpartition(':')[2]}{path}"

    def stop(self, number: signal.Signals) -> Ended:
        """Send a signal and wait for the end. Fails if a traceback or a credential was shown."""
        self.program.process.send_signal(number)
        code = self.program.process.wait(GUARD)
        return Ended(code, self.program.log.read_text(encoding="utf-8"))


@contextmanager
def exporter(
    folder: Path, *arguments: str, listen: tuple[str, ...] = ("127.0.0.1:0",), **variables: str
) -> Iterator[Exporter]:
    """An exporter for as long as the `with` lasts, on a free port unless told otherwise."""
    addresses = [f"--web.listen-address={address}" for address in listen]
    command = [*COMMAND, *addresses, *arguments]
    with program(command, folder / "exporter.log", _environment(variables)) as running:
        yield Exporter(running)


@contextmanager
def without_descriptors(running: Exporter) -> Iterator[None]:
    """Leave a running exporter none for anything new, for as long as this lasts."""
    pid = running.program.process.pid
    before, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, most))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (before, most))


def _environment(variables: dict[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **variables}
