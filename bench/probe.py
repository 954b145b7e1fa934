"""What a probe of an account of 200 calls takes of the processor, over TLS: `python -m bench.probe`.

All options are off. Each exporter is a fresh process; the plain reference lists the same calls in one of its
own.
"""

from __future__ import annotations

import re
import resource
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.aims import Found, save
from bench.fleet import Fleet, simulated
from bench.process import cpu_seconds
from bench.replica import open_session
from tests.command import exporter

_CALLS, _PAGE = 200, 100
_PROCESSES, _WARM_UP, _PROBES = 7, 20, 200
_LISTED = re.compile(r"^exotel_active_calls{.*} (\S+)$", re.MULTILINE)
_PLAIN = f"""
import sys
from bench.reference import list_plainly
for _ in range({_PROBES}):
    list_plainly(sys.argv[1], {_PAGE})
"""


def probed(fleet: Fleet) -> tuple[float, float]:
    """Return the milliseconds of CPU a probe of a fresh exporter, and the calls that the last one told."""
    with exporter(fleet.folder, f"--config.file={fleet.file}", "--web.probe-only") as running:
        url, session = f"{running.url('/probe')}?target={fleet.names[0]}", open_session()
        for _ in range(_WARM_UP):
            answer = session.get(url)
        before = cpu_seconds(running)
        for _ in range(_PROBES):
            answer = session.get(url)
        used = cpu_seconds(running) - before
        answer.raise_for_status()
        return used / _PROBES * 1000, sum(map(float, _LISTED.findall(answer.text)))


def plain(url: str, authorities: Path) -> float:
    """Return the milliseconds of CPU a plain listing, without its start."""
    used = []
    for command in (_PLAIN, _PLAIN.replace(f"range({_PROBES})", "range(0)")):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        environment = {"REQUESTS_CA_BUNDLE": str(authorities)}
        subprocess.run([sys.executable, "-c", command, url], check=True, env=environment)  # noqa: S603  # our own
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return (used[0] - used[1]) / _PROBES * 1000


def main() -> None:
    """Measure, and keep what was found."""
    with TemporaryDirectory() as name, simulated(Path(name), _CALLS, "--speed=0", tls=True) as url:
        fleet = Fleet(["demo"], url, Path(name))
        fleet.configure(min_interval="0s", requests_per_minute=100_000)
        found = [probed(fleet) for _ in range(_PROCESSES)]
        reference = plain(url, Path(name, "ca.pem"))
    milliseconds, calls = zip(*found, strict=True)
    wrong = [each for each in calls if each != _CALLS]
    void = f"found {wrong[0]:g} calls of {_CALLS}" if wrong else ""
    text = f"{reference:.1f} ms to list in the plain way, a connection for each listing"
    print(f"a probe takes {statistics.median(milliseconds):.1f} ms of CPU; {text}")
    save("probe", [Found("probe", milliseconds, text, void)])


if __name__ == "__main__":
    main()
