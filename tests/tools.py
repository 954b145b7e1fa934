"""Programs that tests call: Prometheus, Alertmanager and what comes with them, Helm, linters."""

import importlib
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.waiting import GUARD

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(sysconfig.get_path("scripts"))
"""Where the programs of the environment are that these tests run in."""

NEWER = ROOT / "build" / "newer" / "usr" / "bin"
"""Where .ci/newer puts the newest Prometheus and Alertmanager that Debian has."""


def require(tool: str) -> str:
    """Return the path of `tool`. Where it is missing the test is skipped, or fails when CI=true."""
    return shutil.which(tool, path=f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}") or _missing(tool)


def require_module(name: str) -> Any:
    """Return the Python module of this name; where what it needs is missing, as `require`."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        _missing(str(error.name))


def _missing(what: str) -> NoReturn:
    cannot_run(f"{what} is not installed")


def cannot_run(reason: str) -> NoReturn:
    """Skip the test, or fail it when CI=true: there, whatever tests need is to be had."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def require_newer() -> Path:
    """Return the folder of the newest Prometheus and Alertmanager; where it is missing, as `require`."""
    for program in ("prometheus", "promtool", "prometheus-alertmanager", "amtool"):
        if not (NEWER / program).is_file():  # the installed one would be taken
            _missing(f"a newer {program} (see .ci/newer)")
    return NEWER


def script(name: str) -> str:
    """Return the path of a command of the package, beside the Python that runs the tests.

    Not `python -m`: that would find the checkout, where it runs, before what is installed.
    """
    return str(PROGRAMS / name)


def run(tool: str, *arguments: str, cwd: Path = ROOT, stdin: bytes = b"") -> str:
    """What `tool` says; the test fails with it unless the tool is content."""
    command: Sequence[str] = [require(tool), *arguments]
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=GUARD, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said
