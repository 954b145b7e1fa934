"""The active web configuration: it follows its files, and never protects less than before."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.web import config
from exporter.web.config import ActiveWebConfig, WebConfig
from tests.clock import StillClock
from tests.logs import fields
from tests.web import hashed, write_authority, write_certificate, write_web

USERS = {"alice": hashed("a"), "bob": hashed("b")}
MUTUAL = {
    "client_auth_type": "RequireAndVerifyClientCert",
    "client_ca_file": "ca.pem",
    "client_allowed_sans": ["prometheus"],
}
SECTIONS = {"tls_server_config": {}, "basic_auth_users": USERS}


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority with a certificate and its key in the folder."""
    authority = write_authority(tmp_path)
    write_certificate(tmp_path, authority, "localhost")
    return authority


def active(folder: Path, tls: dict[str, Any] | None = None, **sections: Any) -> ActiveWebConfig:
    """What a program started with this file has."""
    return ActiveWebConfig(write_web(folder, tls, **sections))


def looked(web: ActiveWebConfig) -> WebConfig:
    """What is active once the files have been looked at again."""
    web.look()
    return web.config


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log has warned of so far; it is empty then."""
    found = [str(fields(record)["detail"]) for record in caplog.records if record.levelno == logging.WARNING]
    caplog.clear()
    return found


def test_nothing_is_read_again_while_no_file_changes(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand looks at the files open none."""
    web = active(tmp_path, {}, basic_auth_users=USERS)
    before = web.config
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", _opened)
        assert all(looked(web) is before for _ in range(1000))


def _opened(*_: object) -> None:
    pytest.fail("a file was opened")


def test_users_follow_the_file(tmp_path: Path) -> None:
    """One who is removed is gone at once, one who is added is there."""
    web = active(tmp_path, basic_auth_users=USERS)
    write_web(tmp_path, basic_auth_users={"bob": USERS["bob"], "carol": hashed("c")})
    assert [*looked(web).basic_auth_users] == ["bob", "carol"]


def test_a_certificate_is_rotated(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    """Between the new certificate and its key the old pair is served, with one warning; then the new one."""
    web = active(tmp_path, {})
    before = web.config
    write_certificate(tmp_path, authority, "localhost", file="new")
    (tmp_path / "new.crt").replace(tmp_path / "server.crt")
    assert [looked(web) for _ in range(3)] == [before] * 3
    [warning] = warnings(caplog)
    assert 'tls_server_config.key_file: found "server.key" (it doesn\'t belong to the certificate)' in warning
    (tmp_path / "new.key").replace(tmp_path / "server.key")
    assert looked(web) != before
    assert warnings(caplog) == []


@pytest.mark.parametrize("name", ["web.yaml", "server.crt", "server.key", "ca.pem"])
def test_a_file_that_disappears_changes_nothing(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """What was read before stays in force, one line says so; and the file counts again when it is back."""
    web = active(tmp_path, MUTUAL, basic_auth_users=USERS)
    before = web.config
    (tmp_path / name).rename(tmp_path / "away")
    assert [looked(web) for _ in range(3)] == [before] * 3
    [warning] = warnings(caplog)
    assert "no such file or directory" in warning
    (tmp_path / "away").rename(tmp_path / name)
    write_web(tmp_path, MUTUAL, basic_auth_users={"bob": USERS["bob"]})
    assert [*looked(web).basic_auth_users] == ["bob"]
    assert warnings(caplog) == []


def test_a_file_named_before_it_is_there_counts_when_it_comes(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    """The configuration names a new certificate first: that is waited for, not for another change."""
    web = active(tmp_path, {})
    before = web.config
    write_web(tmp_path, {"cert_file": "new.crt", "key_file": "new.key"})
    assert looked(web) == before
    assert len(warnings(caplog)) == 2
    write_certificate(tmp_path, authority, "localhost", file="new")
    assert looked(web) != before
    assert warnings(caplog) == []


def test_a_section_with_an_error_does_not_hold_up_the_others(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    """A user who is removed is gone, though the certificate's key is missing since yesterday."""
    web = active(tmp_path, {}, basic_auth_users=USERS)
    tls = web.config.tls_server_config
    (tmp_path / "server.key").unlink()
    assert [*looked(web).basic_auth_users] == ["alice", "bob"]
    write_web(tmp_path, {}, basic_auth_users={"bob": USERS["bob"]})
    assert [*looked(web).basic_auth_users] == ["bob"]
    assert looked(web).tls_server_config == tls
    assert len(warnings(caplog)) == 2


def test_what_failed_for_another_reason_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptor was left, say: the change counts half a minute later, though no file changes again."""
    clock = StillClock()
    monkeypatch.setattr(config, "time", clock)
    web = active(tmp_path, basic_auth_users=USERS)
    write_web(tmp_path, basic_auth_users={"bob": USERS["bob"]})
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", _no_descriptor)
        for seconds in (0, 29, 1, 30):
            clock.forward(seconds)
            assert [*looked(web).basic_auth_users] == ["alice", "bob"]
        assert ["too many open files" in warning for warning in warnings(caplog)] == [True]
        clock.forward(29)
    assert [*looked(web).basic_auth_users] == ["alice", "bob"]
    clock.forward(1)
    assert [*looked(web).basic_auth_users] == ["bob"]
    assert warnings(caplog) == []


def test_users_change_though_no_key_can_be_loaded(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No descriptor is left for that: connections go on by the old context, and by the new one later."""
    clock = StillClock()
    monkeypatch.setattr(config, "time", clock)
    web = active(tmp_path, {}, basic_auth_users=USERS)
    before = web.config.tls_server_config
    write_certificate(tmp_path, authority, "localhost")
    with monkeypatch.context() as patch:
        patch.setattr(os, "memfd_create", _no_descriptor)
        write_web(tmp_path, {}, basic_auth_users={"bob": USERS["bob"]})
        assert [*looked(web).basic_auth_users] == ["bob"]
        assert looked(web).tls_server_config is before
    assert [("too many open files" in warning) for warning in warnings(caplog)] == [True]
    clock.forward(30)
    assert looked(web).tls_server_config != before


def _no_descriptor(*_: object, **__: object) -> None:
    raise OSError(errno.EMFILE, "Too many open files")


def test_users_that_cannot_be_read_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A hash that is cut short locks nobody out, and lets nobody in; no warning shows it."""
    web = active(tmp_path, basic_auth_users=USERS)
    write_web(tmp_path, basic_auth_users={"alice": USERS["alice"][:-5]})
    assert [*looked(web).basic_auth_users] == ["alice", "bob"]
    [warning] = warnings(caplog)
    assert "basic_auth_users.alice: found a text; accepted: a bcrypt hash" in warning
    assert USERS["alice"][10:20] not in warning


def test_protection_does_not_end_without_a_restart(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a file may look like one that asks for no password: what was asked for is asked for still."""
    web = active(tmp_path, MUTUAL, basic_auth_users=USERS)
    before = web.config
    all_tls, users = {"tls": MUTUAL}, {"basic_auth_users": USERS}
    optional = {**MUTUAL, "client_auth_type": "VerifyClientCertIfGiven"}
    weaker: list[tuple[dict[str, Any], str]] = [
        (all_tls, "basic_auth_users: found nothing"),
        ({**all_tls, "basic_auth_users": {}}, "basic_auth_users: found nothing"),
        (users, "tls_server_config: found nothing"),
        ({**users, "tls": {}}, "tls_server_config.client_auth_type: found NoClientCert"),
        ({**users, "tls": optional}, "tls_server_config.client_auth_type: found VerifyClientCertIfGiven"),
        (
            {**users, "tls": {**MUTUAL, "client_allowed_sans": None}},
            "tls_server_config.client_allowed_sans: found nothing",
        ),
        (
            {**users, "tls": {**MUTUAL, "client_ca_file": None}},
            "tls_server_config.client_ca: found nothing",
        ),
    ]
    for document, found in weaker:
        write_web(tmp_path, **document)
        assert looked(web) == before
        said = warnings(caplog)
        assert any(found in warning for warning in said)
        assert all(warning.endswith("as before, or else a restart") for warning in said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, for the files of all examples."""
    made = tmp_path_factory.mktemp("web")
    write_certificate(made, write_authority(made), "localhost")
    return made


@given(share=st.floats(0, 1), order=st.permutations([*SECTIONS, *MUTUAL]))
def test_half_a_file_opens_no_door(folder: Path, share: float, order: list[str]) -> None:
    """Wherever the writing of a file is interrupted, certificates and passwords are asked for."""
    tls = {"cert_file": "server.crt", "key_file": "server.key", **MUTUAL}
    sections = {**SECTIONS, "tls_server_config": dict(sorted(tls.items(), key=lambda item: _at(order, item)))}
    text = yaml.safe_dump(dict(sorted(sections.items(), key=lambda item: _at(order, item))), sort_keys=False)
    file = folder / "web.yaml"
    file.write_text(text)
    web = ActiveWebConfig(file)
    file.write_text(text[: int(len(text) * share)])
    config = looked(web)
    assert config.tls_server_config is not None
    assert config.tls_server_config.client_auth_type == "RequireAndVerifyClientCert"
    assert config.tls_server_config.client_allowed_sans
    assert config.tls_server_config.client_ca
    assert config.basic_auth_users
    assert {*config.basic_auth_users} <= {"alice", "bob"}


def _at(order: list[str], item: tuple[str, Any]) -> int:
    return order.index(item[0]) if item[0] in order else -1


def test_protection_may_grow(tmp_path: Path, authority: trustme.CA) -> None:
    """Users where there were none, and certificates of clients, are asked for from the next request on."""
    web = active(tmp_path, {})
    write_web(tmp_path, MUTUAL, basic_auth_users=USERS)
    config = looked(web)
    assert config.tls_server_config is not None
    assert config.tls_server_config.client_auth_type == "RequireAndVerifyClientCert"
    assert [*config.basic_auth_users] == ["alice", "bob"]


def test_tls_does_not_begin_without_a_restart(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    """The port is open already, and plain: the log says what is needed."""
    web = active(tmp_path, basic_auth_users=USERS)
    write_web(tmp_path, {}, basic_auth_users={"bob": USERS["bob"]})
    assert looked(web).tls_server_config is None
    assert [*looked(web).basic_auth_users] == ["bob"]
    [warning] = warnings(caplog)
    assert "tls_server_config: found TLS, at a port without it" in warning
