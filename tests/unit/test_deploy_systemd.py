"""The systemd unit: accepted, shut in, and its commands are those of the program."""

import re
import shlex
from pathlib import Path

import pytest

from tests.command import run as run_exporter
from tests.configurations import document, write
from tests.tools import PROGRAMS, ROOT, run

UNIT = ROOT / "deploy" / "systemd" / "exotel-exporter.service"
TEXT = UNIT.read_text(encoding="utf-8")
EXPOSURE = 11
"""1.1 of 10, in tenths as --threshold wants it: it needs the network, some of the host's files and /proc."""


def _settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", TEXT, re.MULTILINE)


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """systemd knows every setting, and starts programs that exist."""
    installed = tmp_path / UNIT.name
    installed.write_text(TEXT.replace("/opt/exotel-exporter/bin", str(PROGRAMS)), encoding="utf-8")
    assert run("systemd-analyze", "verify", "--man=no", str(installed)) == ""


def test_unit_exposes_little() -> None:
    """Whoever loosens it is told."""
    run("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={EXPOSURE}", str(UNIT))


@pytest.mark.parametrize("command", _settings("ExecStart(?:Pre)?"))
def test_commands_are_the_programs_own(command: str, tmp_path: Path) -> None:
    """The unit starts nothing but the exporter, with flags that it has, and checks the configuration."""
    program, *flags = shlex.split(command)
    assert program == "/opt/exotel-exporter/bin/exotel-exporter"
    flags = [flag for flag in flags if flag not in {"$ARGS", "--config.check"}]
    config = write(tmp_path, document())
    replaced = [flag.replace("/etc/exotel-exporter/config.yaml", str(config)) for flag in flags]
    assert run_exporter(*replaced, "--config.check").out == "ok\n"


def test_secrets_are_named_where_systemd_puts_them() -> None:
    """The paths that the comment gives are those of a folder's credentials: its id, a _, the file's name."""
    [credentials] = _settings("LoadCredential")
    name, _, folder = credentials.partition(":")
    assert folder == "/etc/exotel-exporter/credentials"
    shown = re.findall(r"api_(?:key|token)_file: (\S+)", TEXT)
    assert shown
    assert all(path.startswith(f"/run/credentials/{UNIT.name}/{name}_") for path in shown)
