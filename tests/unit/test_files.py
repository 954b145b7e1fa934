"""Files that a configuration names: whatever is at the path, nothing waits for it or reads it for ever."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import ConfigError, Secret, SecretUnreadable, from_file
from exporter.web.config import ActiveWebConfig
from exporter.web.files import Unreadable, read, read_text
from tests.configurations import ACCOUNT, write

NOT_A_FILE = "not a regular file"


@pytest.fixture(params=["pipe", "/dev/zero", "/dev/null", "/dev/tty0"])
def special(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What isn't a file that can be read again and again."""
    if request.param == "pipe":
        os.mkfifo(tmp_path / "pipe")
        return tmp_path / "pipe"
    if not Path(request.param).exists():
        pytest.skip("this machine has none")
    return Path(request.param)


def refusal(configure: Callable[[], object]) -> str:
    """What a configuration is refused for: one error."""
    with pytest.raises(ConfigError) as caught:
        configure()
    [invalid] = caught.value.errors
    return invalid.found


def test_a_configuration_that_is_no_file_is_one_error(special: Path) -> None:
    """Neither the configuration nor the web configuration waits for whoever writes into a pipe."""
    assert refusal(lambda: from_file(special, {})) == NOT_A_FILE
    assert refusal(lambda: ActiveWebConfig(special)) == NOT_A_FILE


@pytest.mark.parametrize(
    "named",
    [
        lambda path: {"api_key": None, "api_key_file": path},
        lambda path: {"tls_config": {"ca_file": path}},
    ],
)
def test_a_file_that_a_configuration_names_is_a_file(
    tmp_path: Path, special: Path, named: Callable[[str], Mapping[str, Any]]
) -> None:
    """A secret, certificates of authorities."""
    text = yaml.safe_dump({"accounts": [{**ACCOUNT, **named(str(special))}]})
    assert refusal(lambda: from_file(write(tmp_path, text), {})).endswith(f" ({NOT_A_FILE})")


@pytest.mark.parametrize("key", ["cert_file", "key_file", "client_ca_file"])
def test_a_file_that_a_web_configuration_names_is_a_file(tmp_path: Path, special: Path, key: str) -> None:
    """A certificate, its key, authorities of clients."""
    file = write(tmp_path, yaml.safe_dump({"tls_server_config": {key: str(special)}}))
    with pytest.raises(ConfigError) as caught:
        ActiveWebConfig(file)
    [found] = [error.found for error in caught.value.errors if error.path.endswith(key)]
    assert found.endswith(f" ({NOT_A_FILE})")


def test_a_secret_that_is_a_pipe_later_is_not_waited_for(tmp_path: Path) -> None:
    """It is read for each collection, and may be another kind each time."""
    os.mkfifo(tmp_path / "token")
    with pytest.raises(SecretUnreadable, match=NOT_A_FILE):
        Secret(file=tmp_path / "token").reveal()


def test_what_can_not_be_opened_has_the_systems_reason(tmp_path: Path) -> None:
    """A folder, a socket, nothing at all; and no descriptor stays open."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        before = len(list(Path("/proc/self/fd").iterdir()))
        for name, why in (
            (".", "a directory"),
            ("socket", "no such device or address"),
            ("none", "no such file or directory"),
        ):
            with pytest.raises(Unreadable, match=f"^{why}$"):
                read(tmp_path / name, 10)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbf four \r\n", "four"),
        ("नमस्".encode(), "नमस्"),
        ("😀😀😀😀".encode(), "😀😀😀😀"),
        (b"five5", None),
        ("😀😀😀😀😀".encode(), None),
        (b"\xff" * 16, None),
        (b" " * 20, None),
    ],
)
def test_a_text_is_as_long_as_its_characters(tmp_path: Path, content: bytes, text: str | None) -> None:
    """However many bytes they take; what is longer is refused without being read whole."""
    (tmp_path / "file").write_bytes(content)
    if text is None:
        with pytest.raises(Unreadable, match=r"^(longer than 4 characters|not UTF-8 text)$"):
            read_text(tmp_path / "file", 4)
    else:
        assert read_text(tmp_path / "file", 4) == text
