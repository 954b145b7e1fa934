"""The configuration that doctor prints, put in place of the accounts of the file that it was made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.config import Config, from_file
from exporter.simulator import Settings, Simulator
from tests.command import run
from tests.configurations import TOKEN, write
from tests.integration.test_doctor_access import HOST, proxy, tls_server, tunnel
from tests.web import write_authority

QUICK = "--requests=18"
"""So few that the list isn't read repeatedly, which takes a minute."""

COLLECTION = {"streams": {"enabled": "${STREAMS}"}, "requests_per_minute": "${RATE}", "page_size": "${PAGE}"}
KEPT = {
    "name": "${CITY} 📞 $${desk}",
    "account_sid": "${SID}",
    "base_url": "http://127.0.0.1:${PORT}",
    "api_key_file": "${CREDENTIALS_DIRECTORY}/key",
    "api_token": "${TOKEN}",
    "call_limit": "${LIMIT}",
    "estimate": "${ESTIMATE}",
    "tls_config": {"ca_file": "authorities/ca.pem"},
    "timeout": "${TIMEOUT}",
}
"""What an operator knows and doctor keeps, by variables and relative paths."""

THERE = {
    **{"CITY": "pune", "SID": "other", "PORT": "9", "TOKEN": "another", "LIMIT": "8", "ESTIMATE": "true"},
    **{"TIMEOUT": "20s", "STREAMS": "true", "RATE": "100", "PAGE": "7"},
}
"""An environment in which each variable has another value."""


def printed(
    folder: Path, document: Mapping[str, Any], *, hidden: Sequence[str] = (), **variables: str
) -> dict[str, Any]:
    """Return the account that doctor prints for the only one of a file; fails if it tells what is hidden."""
    file = write(folder, yaml.safe_dump(document))
    ended = run("doctor", f"--config.file={file}", QUICK, "--format=json", **variables)
    assert [each for each in hidden if each in ended.out + ended.err] == []
    [report] = json.loads(ended.out)["accounts"]
    [account] = yaml.safe_load(report["configuration"])["accounts"]
    return dict(account)


def checked(folder: Path, document: Mapping[str, Any], **variables: str) -> Config:
    """Return what --config.check accepts."""
    file = write(folder, yaml.safe_dump(document))
    ended = run("--config.check", f"--config.file={file}", **variables)
    assert (ended.code, ended.out) == (0, "ok\n"), ended.err
    return from_file(file, variables)


def place(folder: Path, secret: str) -> Path:
    """Make a folder with all files that the configuration names."""
    (folder / "authorities").mkdir(parents=True)
    write_authority(folder / "authorities")
    (folder / "key").write_text(secret)
    return folder


def test_what_stays_as_it_was_fits_wherever_its_variables_have_values(tmp_path: Path) -> None:
    """The printed account has them and relative paths as they were written, and follows them elsewhere."""
    here, there = place(tmp_path / "here", "demo"), place(tmp_path / "there", "key of another")
    document = {"accounts": [KEPT], "collection": COLLECTION}
    with Simulator(Settings(calls=20, speed=0, api_token=TOKEN)) as simulator:
        account = printed(
            here,
            document,
            **{"CITY": "goa", "SID": "demo", "PORT": simulator.url.rpartition(":")[2], "TOKEN": TOKEN},
            **{"LIMIT": "7", "ESTIMATE": "false", "TIMEOUT": "10s", "STREAMS": "false", "RATE": "200"},
            **{"PAGE": "50", "CREDENTIALS_DIRECTORY": str(here)},
        )
    assert {key: account[key] for key in KEPT} == KEPT
    assert account["streams"] == {"enabled": "${STREAMS}"}
    document = {"accounts": [account], "collection": COLLECTION}
    config = checked(there, document, **THERE, CREDENTIALS_DIRECTORY=str(there))
    [read] = config.accounts
    assert (read.name, read.account_sid, read.base_url) == ("pune 📞 ${desk}", "other", "http://127.0.0.1:9")
    assert read.revealed == ("key of another", "another")
    assert (read.call_limit, read.collection.estimate, read.collection.timeout) == (8, True, 20)
    assert read.collection.tls_config.ca_file == there / "authorities/ca.pem"
    assert (read.collection.streams.enabled, read.collection.requests_per_minute) == (True, 100)


def test_an_account_without_a_name_is_named_by_its_variable(tmp_path: Path) -> None:
    """By that of its SID, which is its name in any environment."""
    sections = {"base_url": "${URL}", "api_key": "demo", "api_token": "demo"}
    with Simulator(Settings(calls=5, speed=0)) as simulator:
        document = {"accounts": [{"account_sid": "${SID}", **sections}]}
        account = printed(tmp_path, document, SID="demo", URL=simulator.url)
    assert (account["name"], account["account_sid"], account["base_url"]) == ("${SID}", "${SID}", "${URL}")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("${PROXY}", "${PROXY}"),
        ("http://carol:hush-hush-9d41@${PLACE}", None),
        ("http://${PLACE}", None),
    ],
)
def test_a_proxy_is_printed_where_it_is_one_variable(
    tmp_path: Path, written: str, expected: str | None
) -> None:
    """Around a variable there may be a password."""
    authority = write_authority(tmp_path)
    with tls_server(tmp_path, authority, HOST, days=(-1, 90)) as url, proxy(tunnel) as between:
        sections = {"base_url": url, "proxy_url": written, "tls_config": {"ca_file": "ca.pem"}}
        document = {"accounts": [{"account_sid": "demo", "api_key": "k", "api_token": TOKEN, **sections}]}
        place = between.rpartition("@")[2]
        hidden = ["carol", "hush-hush-9d41", between]
        account = printed(tmp_path, document, hidden=hidden, PROXY=between, PLACE=place)
    assert account.get("proxy_url") == expected


@pytest.mark.parametrize("written", ["secret-5a1", "secret-${END}", "$${END}secret-5a1"])
def test_a_secret_of_the_file_is_a_variable_to_set(tmp_path: Path, written: str) -> None:
    """Also one that a variable is only a part of: what is beside it is as secret."""
    key = written.replace("$$", "$") if "$$" in written else written.replace("${END}", "5a1")
    with Simulator(Settings(calls=5, speed=0, api_key=key)) as simulator:
        sections = {"account_sid": "demo", "base_url": simulator.url, "api_token": "${TOKEN}"}
        document = {"accounts": [{**sections, "api_key": written}]}
        account = printed(tmp_path, document, hidden=["secret-5a1", key], END="5a1", TOKEN="demo")
    assert (account["api_key"], account["api_token"]) == ("${EXOTEL_API_KEY}", "${TOKEN}")
    document = {"accounts": [account]}
    [read] = checked(tmp_path, document, EXOTEL_API_KEY="set", TOKEN="too").accounts
    assert read.revealed == ("set", "too")
