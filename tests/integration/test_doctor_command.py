"""The command doctor: several accounts, where its output goes, and how it ends."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.simulator import Settings, Simulator
from tests.command import COMMAND, run
from tests.configurations import TOKEN, write
from tests.tools import require
from tests.waiting import GUARD

QUICK = "--requests=18"
"""So few that the list isn't read repeatedly, which takes a minute."""


def account(name: str, url: str, **keys: Any) -> Mapping[str, Any]:
    """Return an account of a simulator, whose token it has unless told otherwise."""
    sections = {"account_sid": "demo", "base_url": url, "api_key": "demo", "api_token": TOKEN}
    return {"name": name, **sections, **keys}


@contextmanager
def simulated(**settings: Any) -> Iterator[Simulator]:
    """Run a simulator that knows TOKEN."""
    with Simulator(Settings(**{"calls": 20, "speed": 0, "api_token": TOKEN, **settings})) as simulator:
        yield simulator


def configured(folder: Path, *accounts: Mapping[str, Any]) -> str:
    """Return the flag that names a configuration of these accounts."""
    return f"--config.file={write(folder, json.dumps({'accounts': accounts}))}"


def test_an_account_that_fails_leaves_those_of_others_unharmed(tmp_path: Path) -> None:
    """Whatever it fails by: each has its report, and the exit code tells that something must change."""
    with simulated() as simulator, simulated() as odd:
        odd.set_faults(["html"])
        flag = configured(
            tmp_path,
            account("nowhere", "http://127.0.0.1:1"),
            account("refused", simulator.url, api_token="another"),
            account("first", simulator.url),
            account("odd", odd.url),
            account("last", simulator.url),
        )
        ended = run("doctor", flag, QUICK, "--format=json")
    found = {each["name"]: each["findings"] for each in json.loads(ended.out)["accounts"]}
    assert [*found] == ["nowhere", "refused", "first", "odd", "last"]
    bad = {
        name: [check for check, each in findings.items() if each["verdict"] == "must change"]
        for name, findings in found.items()
    }
    assert bad == {
        "nowhere": ["access.addresses"],
        "refused": ["access.credentials"],
        "first": [],
        "odd": ["listing"],
        "last": [],
    }
    assert found["first"].keys() == found["last"].keys()
    assert ended.code == 1


def test_only_the_accounts_that_are_named_are_examined_once_each(tmp_path: Path) -> None:
    """In the order in which they are named; all is well with them, so it ends with 0."""
    with simulated() as simulator:
        flag = configured(
            tmp_path,
            account("a", simulator.url),
            account("nowhere", "http://127.0.0.1:1"),
            account("b", simulator.url),
        )
        ended = run("doctor", flag, QUICK, "--format=json", "--account=b", "--account=a", "--account=b")
    assert [each["name"] for each in json.loads(ended.out)["accounts"]] == ["b", "a"]
    assert ended.code == 0


def test_one_unknown_name_of_several_is_wrong_usage(tmp_path: Path) -> None:
    """Nothing is asked, not even of the known one, and the names there are stand in the error."""
    with simulated() as simulator:
        flag = configured(tmp_path, account("a", simulator.url), account("b", simulator.url))
        ended = run("doctor", flag, "--account=a", "--account=x\n\x1b[31m")
        assert not simulator.requests_served()
    assert (ended.code, ended.out) == (2, "")
    assert "--account: found 'x\\n\\x1b[31m'; accepted: a, b" in ended.err


def test_json_stands_alone_on_standard_output(tmp_path: Path) -> None:
    """What is done meanwhile stands on standard error, with the requests that it may take."""
    with simulated() as simulator:
        ended = run("doctor", configured(tmp_path, account("a", simulator.url)), QUICK, "--format=json")
        served = sum(simulator.requests_served().values())
    [report] = json.loads(ended.out)["accounts"]
    assert report["requests"] == served <= 18
    assert ended.err.startswith("Examining account a: 18 requests at most")
    assert "  asking for the list of calls ...\n" in ended.err


def test_the_environment_names_the_account_where_no_file_does() -> None:
    """As for the exporter."""
    with simulated() as simulator:
        ended = run(
            "doctor",
            QUICK,
            EXOTEL_ACCOUNT_SID="demo",
            EXOTEL_API_KEY="demo",
            EXOTEL_API_TOKEN=TOKEN,
            EXOTEL_BASE_URL=simulator.url,
        )
    assert (ended.code, ended.out.split(":")[0]) == (0, "Account demo")


def test_a_configuration_that_cannot_be_used_is_told_as_the_exporter_does(tmp_path: Path) -> None:
    """It is no wrong usage: the work failed."""
    ended = run("doctor", configured(tmp_path, account("a", "nonsense")))
    assert (ended.code, ended.out) == (1, "")
    assert "base_url" in ended.err


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(
    ("redirection", "why"),
    [
        (">/dev/full", "no space left on device"),
        (">&-", "bad file descriptor"),
        ("> >(exec true)", "broken pipe"),
    ],
)
def test_a_report_that_cannot_be_written_is_one_line(
    tmp_path: Path, form: str, redirection: str, why: str
) -> None:
    """And exit code 1: whoever wanted it hasn't got it."""
    with simulated() as simulator:
        command = [*COMMAND, "doctor", configured(tmp_path, account("a", simulator.url)), QUICK]
        done = subprocess.run(
            [require("bash"), "-c", f'exec "$@" {redirection}', "bash", *command, f"--format={form}"],
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].endswith(f"can't write to standard output: {why}")
    assert "Traceback" not in done.stderr


def test_a_reader_that_wants_one_line_gets_it(tmp_path: Path) -> None:
    """What comes behind it matters to nobody."""
    with simulated() as simulator:
        accounts = [account(name, simulator.url) for name in "ab"]
        script = '"$@" | head -1; exit "${PIPESTATUS[0]}"'
        command = [*COMMAND, "doctor", configured(tmp_path, *accounts), QUICK]
        done = subprocess.run(
            [require("bash"), "-c", script, "bash", *command],
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=False,
        )
    assert done.stdout.startswith("Account a: ")
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_progress_that_cannot_be_told_costs_no_report(tmp_path: Path, redirection: str) -> None:
    """Standard error is nobody's business then."""
    with simulated() as simulator:
        command = [*COMMAND, "doctor", configured(tmp_path, account("a", simulator.url)), QUICK]
        done = subprocess.run(
            [require("bash"), "-c", f'exec "$@" {redirection}', "bash", *command, "--format=json"],
            stdout=subprocess.PIPE,
            timeout=GUARD,
            check=False,
        )
    assert done.returncode == 0
    assert json.loads(done.stdout)["accounts"][0]["name"] == "a"


@pytest.mark.parametrize("status", ["", "status:401"])
def test_no_output_holds_a_secret_even_of_an_api_that_repeats_it(tmp_path: Path, status: str) -> None:
    """`run` looks for the token, and for what the Authorization header says."""
    error = {"code": TOKEN, "message": f"{TOKEN} is no token", "description": TOKEN}
    answer = json.dumps({"request_id": TOKEN, "response": {"error_data": error, "status": "failure"}})
    with simulated() as simulator:
        simulator.set_faults([f"other_json:{answer}", *filter(None, [status])])
        for form in ("text", "json"):
            ended = run(
                "doctor", configured(tmp_path, account("a", simulator.url)), QUICK, f"--format={form}"
            )
            assert (ended.code, "must change" in ended.out) == (1, True)
