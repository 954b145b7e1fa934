"""The systemd unit: accepted, shut in, and its commands are those of the program."""

import re
import shlex
from pathlib import Path

import pytest

from tests.command import run as run_exporter
from tests.configurations import document, write
from tests.tools import PROGRAMS, ROOT, run

UNIT = ROOT / "deploy" / "systemd" / "exotel-exporter.service"
SOCKET = UNIT.with_suffix(".socket")
TEXT = UNIT.read_text(encoding="utf-8")
EXPOSURE = 11
"""1.1 of 10, in tenths as --threshold wants it: it needs the network, some of the host's files and /proc."""


def _settings(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", TEXT, re.MULTILINE)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """systemd knows every setting, starts programs that exist, and finds the service of the socket."""
    for unit in (UNIT, SOCKET):
        text = unit.read_text(encoding="utf-8").replace("/opt/exotel-exporter/bin", str(PROGRAMS))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    units = [str(tmp_path / unit.name) for unit in (UNIT, SOCKET)]
    assert run("systemd-analyze", "verify", "--man=no", *units) == ""


def test_the_service_may_say_how_it_is() -> None:
    """systemd waits for it to do so, by a socket whose family isn't shut off."""
    assert _settings("Type") == ["notify"]
    [families] = _settings("RestrictAddressFamilies")
    assert "AF_UNIX" in families.split()


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
