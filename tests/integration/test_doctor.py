"""Doctor against simulated servers: each finding is what the server is like, and nothing personal is told."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bench.doctor import expected
from exporter.config import AccountConfig, CollectionConfig, Secret, from_file
from exporter.doctor.asker import Asker
from exporter.doctor.examination import Examination, Report
from exporter.doctor.finding import Check, Verdict
from exporter.doctor.report import as_json, as_text
from exporter.simulator import Settings, Simulator
from exporter.simulator.profile import Profile
from exporter.simulator.profiles import PROFILES
from exporter.simulator.random_server import random_server
from exporter.simulator.servers import SERVERS
from exporter.simulator.settings import FLAT_DAY
from exporter.simulator.traffic import seeded_random
from tests.command import COMMAND, run
from tests.configurations import write
from tests.waiting import GUARD, wait_until

REQUESTS = 60
STILL = {"access.clock"}  # the simulated time runs ahead of this machine's
NAMES = [
    *("start", "newest", "arbitrary", "status", "updated", "shuffled", "limit-50", "limit-422"),
    *("limit-ignored", "whole", "rounded", "from-one", "window-100", "total-page", "total-none"),
    *("filters-ignored", "filters-refused", "outbound-api", "slim", "texts", "new-values"),
    *("duration-from-start", "streams-404", "agent-streams-xml", "limited-apart"),
]


def examined(simulator: Simulator, requests: int = REQUESTS, **collection: Any) -> Report:
    """Return what doctor finds of a simulator whose time passes when doctor waits."""
    slept = 0.0

    def sleep(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        simulator.advance(seconds)

    settings = simulator.settings
    account = AccountConfig(
        name="acme",
        account_sid=settings.account_sid,
        base_url=simulator.url,
        api_key=Secret(settings.api_key),
        api_token=Secret(settings.api_token),
        collection=CollectionConfig(**{"requests_per_minute": 1000, **collection}),
    )
    asker = Asker(account, requests, monotonic=lambda: time.monotonic() + slept, sleep=sleep)
    try:
        return Examination(asker, lambda _: None).run()
    finally:
        asker.close()


def values(report: Report) -> dict[str, Any]:
    """Return the findings' values as JSON has them."""
    [account] = json.loads(as_json([report]))["accounts"]
    return {check: finding["value"] for check, finding in account["findings"].items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_server_is_found_to_be_as_it_is(name: str) -> None:
    """Whatever can be told of it, in no more requests than were said."""
    profile = {**PROFILES, **SERVERS}[name]
    with Simulator(Settings(calls=120, day=FLAT_DAY, speed=0, profile=profile)) as simulator:
        found = values(examined(simulator))
        assert sum(simulator.requests_served().values()) <= REQUESTS
    right = expected(profile)
    assert {
        check: found[check] for check in right if check not in STILL and not right[check](found[check])
    } == {}


@pytest.mark.parametrize("seed", range(101, 107))
def test_a_random_server_costs_no_more_requests_than_were_said(seed: int) -> None:
    """Whatever it is like, and a configuration comes of it."""
    profile = random_server(seeded_random(seed))
    with Simulator(Settings(calls=120, day=FLAT_DAY, speed=0, profile=profile)) as simulator:
        report = examined(simulator)
        assert report.requests == sum(simulator.requests_served().values()) <= REQUESTS
    assert report.configuration


@pytest.mark.parametrize("requests", [1, 2, 5, 12, 30])
def test_few_requests_tell_less_but_never_take_more(requests: int) -> None:
    """What they don't suffice for isn't told."""
    with Simulator(Settings(calls=120, speed=0)) as simulator:
        report = examined(simulator, requests)
        assert sum(simulator.requests_served().values()) <= requests
    assert not any(finding.verdict is Verdict.MUST_CHANGE for finding in report.findings)


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_an_account_with_hardly_a_call_is_told_what_can_be_told(calls: int) -> None:
    """Access and what is beside the list; what takes calls isn't guessed."""
    with Simulator(Settings(calls=calls, day=(0.0,) * 24, speed=0)) as simulator:
        report = examined(simulator)
    found = {finding.check: finding for finding in report.findings}
    assert found[Check.CREDENTIALS].value == "accepted"
    assert found[Check.LISTING].value == "complete"
    assert found[Check.ORDER].verdict is Verdict.NOT_TOLD
    assert not report.must_change


@pytest.mark.parametrize(
    ("fault", "check", "words"),
    [
        ("status:401", Check.CREDENTIALS, "are refused: HTTP 401"),
        ("status:404", Check.ACCOUNT, "doesn't know the account"),
        ("html", Check.LISTING, "HTML, not JSON"),
        ("status:503", Check.LISTING, "HTTP 503"),
        ("reset", Check.LISTING, "can't be had"),
    ],
)
def test_an_account_without_a_list_is_told_why_and_what_to_do(fault: str, check: Check, words: str) -> None:
    """That, and nothing that would pretend more."""
    with Simulator(Settings(calls=20, speed=0)) as simulator:
        simulator.set_faults([fault])
        report = examined(simulator)
    found = {finding.check: finding for finding in report.findings}
    assert found[check].verdict is Verdict.MUST_CHANGE
    assert words in found[check].text
    assert Check.ORDER not in found
    assert report.configuration == ""


@pytest.mark.parametrize(
    ("calls", "profile", "setting"),
    [
        (120, Profile(""), "duration_counts_from: answer"),
        (120, Profile("", from_start=True), "duration_counts_from: start"),
        (0, Profile(""), "duration_counts_from: unknown"),
    ],
)
def test_the_configuration_says_what_durations_count_from(calls: int, profile: Profile, setting: str) -> None:
    """As calls show it; without calls it stays as it was."""
    day = FLAT_DAY if calls else (0.0,) * 24
    with Simulator(Settings(calls=calls, day=day, speed=0, profile=profile)) as simulator:
        report = examined(simulator)
    assert setting in [line.partition("  #")[0].strip() for line in report.configuration.splitlines()]


def test_credentials_that_are_revoked_midway_are_told() -> None:
    """They were accepted at first."""
    with Simulator(Settings(calls=20, speed=0)) as simulator:
        simulator.set_faults(["status:401+12"])
        report = examined(simulator)
    found = {finding.check: finding for finding in report.findings}
    assert found[Check.CREDENTIALS].value == "refused"
    assert "accepted at first" in found[Check.CREDENTIALS].text


@pytest.mark.parametrize("fault", ["rows", "spoilt", "details", "endings", "total:null", "stream/html"])
def test_no_personal_data_and_no_call_sid_is_told(fault: str) -> None:
    """Whatever rows hold: not in the text, and not in JSON."""
    with Simulator(Settings(calls=60, speed=0, numbers="mixed")) as simulator:
        simulator.set_faults([fault])
        report = examined(simulator)
        sids = simulator.truth().call_sids
    told = as_text(report) + as_json([report])
    assert not re.search(r"\+91|\d{7,}", told.replace(str(simulator.url), ""))
    assert not [sid for sid in sids if sid in told]
    assert not re.search(r"Asha|Ravi|Meera|Kiran|DROP TABLE|hostile", told)
    assert "".join(told.split()).isprintable()


# The command


@contextmanager
def configured(tmp_path: Path, **settings: Any) -> Iterator[tuple[Path, Simulator]]:
    """Run a simulator, and give a configuration file for it."""
    with Simulator(Settings(**settings)) as simulator:
        account = {"account_sid": "demo", "base_url": simulator.url, "api_key": "demo", "api_token": "demo"}
        yield write(tmp_path, json.dumps({"accounts": [account]})), simulator


def test_the_configuration_that_is_printed_passes_the_check(tmp_path: Path) -> None:
    """With the secrets where it says."""
    with Simulator(Settings(calls=120, day=FLAT_DAY, speed=0, requests_per_minute=300)) as simulator:
        report = examined(simulator)
    [account] = json.loads(as_json([report]))["accounts"]
    file = tmp_path / "exporter.yaml"
    file.write_text(account["configuration"])
    config = from_file(file, {"EXOTEL_API_KEY": "a", "EXOTEL_API_TOKEN": "b"})
    [collection] = [each.collection for each in config.accounts]
    assert (collection.page_size, collection.requests_per_minute) == (100, 270)
    assert collection.streams.enabled
    assert collection.call_slots == {"outbound-api": 2, "outbound-dial": 2}


def test_the_command_ends_with_1_where_something_must_change(tmp_path: Path) -> None:
    """What and how stands on standard output, what it does meanwhile on standard error."""
    with configured(tmp_path, calls=5, api_token="another") as (file, _):
        ended = run("doctor", f"--config.file={file}")
    assert ended.code == 1
    assert "1 thing must change" in ended.out
    assert "60 requests at most" in ended.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--requests=0"], "0 is not in the range"),
        (["--format=xml"], "'xml' is not one of 'text', 'json'"),
        (["--account=nobody"], "--account: found 'nobody'; accepted: demo"),
    ],
)
def test_wrong_usage_asks_nothing(tmp_path: Path, arguments: list[str], error: str) -> None:
    """One line says what would be accepted."""
    with configured(tmp_path, calls=5) as (file, simulator):
        ended = run("doctor", f"--config.file={file}", *arguments)
        assert not simulator.requests_served()
    assert (ended.code, ended.out) == (2, "")
    assert error in ended.err


def test_ctrl_c_ends_with_what_is_known_by_then(tmp_path: Path) -> None:
    """The report says that it was stopped."""
    with configured(tmp_path, calls=120) as (file, simulator):
        command = [*COMMAND, "doctor", f"--config.file={file}"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as program:
            wait_until(lambda: sum(simulator.requests_served().values()) >= 14, "some pages to be asked for")
            program.send_signal(signal.SIGINT)
            out, _ = program.communicate(timeout=GUARD)
    assert program.returncode == 1
    assert "stopped before the end" in out
    assert "access.credentials" in out
