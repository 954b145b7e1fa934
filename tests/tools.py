"""Programs that tests call: Prometheus, Alertmanager and what comes with them."""

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def require(tool: str) -> str:
    """The path of `tool`. Where it is missing the test is skipped, or fails when CI=true."""
    path = shutil.which(tool)
    if path is None:
        missing = f"{tool} is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return path


def script(name: str) -> str:
    """The path of a command of the package, beside the Python that runs the tests.

    Not `python -m`: that would find the checkout, where it runs, before what is installed.
    """
    return str(Path(sysconfig.get_path("scripts"), name))


def run(tool: str, *arguments: str, cwd: Path = ROOT, stdin: bytes = b"") -> str:
    """What `tool` says; the test fails with it unless the tool is content."""
    command: Sequence[str] = [require(tool), *arguments]
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=60, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said
