"""What a start imports, and what waits until a run needs it: every start pays for it in time and memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import requests

from exporter.simulator import Settings, Simulator
from tests.command import exporter
from tests.configurations import document, write
from tests.waiting import GUARD
from tests.web import hashed, write_web

DEMO = dict.fromkeys(("account_sid", "api_key", "api_token"), "demo")
LINES = {"lines": {"sales": ["+918012345678"]}}
USER = ("prometheus", "secret")
NEVER = {
    "exporter.capture",
    "exporter.doctor",
    "exporter.simulator",
    "exporter.demo",
    "jinja2",
    "bcrypt",
    "phonenumbers",
    "exporter.web.auth",
    "exporter.web.config",
    "xml.etree.ElementTree",
}
"""Modules that neither a start needs where nothing special is configured, nor its scrapes."""


def imported(folder: Path, *options: str, path: str = "/metrics", **settings: object) -> set[str]:
    """Return the modules that an exporter has imported once it has answered a request for a path."""
    with Simulator(Settings(calls=30)) as simulator:
        config = write(folder, document({**DEMO, "base_url": simulator.url, **settings}))
        options = (f"--config.file={config}", *options)
        with exporter(folder, *options, PYTHONPROFILEIMPORTTIME="1") as running:
            answer = requests.get(running.url(path), auth=USER, timeout=GUARD)
            assert answer.status_code == 200
            assert path != "/metrics" or 'exotel_up{account="demo"} 1.0' in answer.text
            return set(re.findall(r"^import time: .*\| +(\S+)$", running.program.said(), re.MULTILINE))


def test_a_start_and_a_scrape_import_nothing_that_only_some_need(tmp_path: Path) -> None:
    """The modules are told as Python itself tells them: those that are needed are among them."""
    modules = imported(tmp_path)
    assert {"exporter.cli", "requests", "pydantic", "uvicorn"} <= modules
    assert not NEVER & modules


@pytest.mark.parametrize(
    ("needed", "path", "settings"),
    [("phonenumbers", "/metrics", LINES), ("jinja2", "/", {})],
    ids=["lines", "landing page"],
)
def test_what_is_needed_is_imported_then(
    tmp_path: Path, needed: str, path: str, settings: dict[str, object]
) -> None:
    """Lines need telephone numbers, the page for people its templates."""
    assert NEVER & imported(tmp_path, path=path, **settings) == {needed}


def test_a_web_configuration_is_imported_where_there_is_one(tmp_path: Path) -> None:
    """It needs bcrypt from the start: a password must not be the first to find out that it is missing."""
    file = write_web(tmp_path, basic_auth_users={USER[0]: hashed(USER[1])})
    modules = imported(tmp_path, f"--web.config.file={file}", path="/-/healthy")
    assert NEVER & modules == {"bcrypt", "exporter.web.auth", "exporter.web.config"}
