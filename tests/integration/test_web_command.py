"""The command `exotel-exporter` with a web configuration, as a user runs it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
import requests

from tests.command import exporter, run
from tests.configurations import document, write
from tests.waiting import GUARD
from tests.web import PASSWORD, hashed, write_authority, write_certificate, write_web

USERS = {"alice": hashed(PASSWORD)}


@pytest.fixture
def config(tmp_path: Path) -> str:
    """The flag that names a good configuration; a certificate lies beside it."""
    write_certificate(tmp_path, write_authority(tmp_path), "127.0.0.1")
    return f"--config.file={write(tmp_path, document())}"


def test_check_says_ok_to_both_files(tmp_path: Path, config: str) -> None:
    """--config.check reads the web configuration as well."""
    ended = run(
        "--config.check", config, f"--web.config.file={write_web(tmp_path, {}, basic_auth_users=USERS)}"
    )
    assert (ended.code, ended.out, ended.err) == (0, "ok\n", "")


@pytest.mark.parametrize("flags", [["--config.check"], []])
def test_the_errors_of_both_files_are_told_at_once(tmp_path: Path, flags: list[str]) -> None:
    """Whatever it was to do: a line for each, and no password in any."""
    file = write(tmp_path, document({"call_limit": "many"}))
    web = write_web(tmp_path, basic_auth_users={"alice": PASSWORD}, rate_limit={"burst": -1})
    ended = run(f"--config.file={file}", f"--web.config.file={web}", *flags)
    assert (ended.code, ended.out) == (1, "")
    assert PASSWORD not in ended.err
    [first, *others] = [line.partition(": found ")[0] for line in ended.err.splitlines()]
    assert first.startswith(f"{file}:")
    assert others == [f"{web}:2: basic_auth_users.alice", f"{web}:4: rate_limit.burst"]


def test_tls_is_served_and_logged(tmp_path: Path, config: str) -> None:
    """Every address speaks it; SIGTERM ends it, though a connection is kept open."""
    web = write_web(tmp_path, {}, basic_auth_users=USERS)
    with exporter(tmp_path, config, f"--web.config.file={web}") as server, requests.Session() as session:
        url = server.url("/-/healthy").replace("http:", "https:")
        trust = str(tmp_path / "ca.pem")
        assert session.get(url, verify=trust, timeout=GUARD).status_code == 401
        right = session.get(url, verify=trust, auth=("alice", PASSWORD), timeout=GUARD)
        assert right.text == "Healthy\n"
        ended = server.stop(signal.SIGTERM)
    assert ended.code == 0
    assert re.search(r"msg=listening address=127\.0\.0\.1:\d+ tls=true$", ended.out, re.MULTILINE)


def test_without_tls_that_is_logged_too(tmp_path: Path, config: str) -> None:
    """Users alone make no TLS; in JSON it is a boolean."""
    web = write_web(tmp_path, basic_auth_users=USERS)
    with exporter(tmp_path, config, f"--web.config.file={web}", "--log.format=json") as server:
        assert requests.get(server.url("/"), timeout=GUARD).status_code == 401
        assert '"tls": false' in server.stop(signal.SIGTERM).out


def test_the_demo_can_be_protected_too(tmp_path: Path, config: str) -> None:
    """Its lines then say https."""
    with exporter(tmp_path, "--demo", f"--web.config.file={write_web(tmp_path, {})}") as server:
        server.addresses()
        said = server.program.said()
    assert re.search(r"^Metrics +https://localhost:\d+/metrics$", said, re.MULTILINE)


def test_a_web_configuration_that_is_not_there_is_one_line(tmp_path: Path, config: str) -> None:
    """An exporter that was to be protected doesn't start without its protection."""
    ended = run(config, f"--web.config.file={tmp_path / 'none.yaml'}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"{tmp_path / 'none.yaml'}: found no such file or directory; "
        "accepted: the path of a readable YAML file\n"
    )
