"""The command `exotel-simulator` prints its URL, reports wrong usage, and stops on a signal."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
import trustme

from exporter import archive
from exporter.config import from_file
from exporter.simulator.cli import main
from exporter.simulator.fault_kinds import KINDS, parse_duration
from exporter.simulator.profiles import PROFILES
from tests.replaying import FIRST_PAGE, answered, capture, page
from tests.tools import script
from tests.unit.simulator.ask import AUTH
from tests.waiting import GUARD

COMMAND = [script("exotel-simulator"), "--listen-address=127.0.0.1:0"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the command as a process, and the URL that it printed."""
    pipe = subprocess.PIPE
    environment = os.environ | {"PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=pipe, stderr=pipe, text=True, env=environment
    ) as process:
        try:
            assert process.stdout
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_and_exits_with_0(number: signal.Signals) -> None:
    """Port 0 picks a free one; SIGTERM and SIGINT end it silently, even while a client waits."""
    with running("--fault=stream/hang", "--account-sid=acme", "--calls=7") as (process, url):
        answer = requests.get(url + "/v3/accounts/acme/calls/active", auth=AUTH, timeout=GUARD)
        assert len(answer.json()["response"]["active_calls"]) == 7
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as client:
            client.sendall(b"GET /v3/accounts/acme/calls/x/stream HTTP/1.1\r\nHost: x\r\n\r\n")
            process.send_signal(number)
            assert process.wait(timeout=GUARD) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_numbers_sets_the_format_of_telephone_numbers() -> None:
    """In rows."""
    with running("--numbers=national", "--calls=3") as (_, url):
        answer = requests.get(url + "/v3/accounts/demo/calls/active", auth=AUTH, timeout=GUARD)
    assert all(row["from"].startswith("0") for row in answer.json()["response"]["active_calls"])


def test_it_serves_over_tls(tmp_path: Path) -> None:
    """With the certificate of --tls-file; it exits with 0 while a client keeps its connection."""
    authority, pem, trusted = trustme.CA(), tmp_path / "simulator.pem", tmp_path / "ca.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    authority.cert_pem.write_to_path(str(trusted))
    with running(f"--tls-file={pem}", "--calls=3") as (process, url), requests.Session() as client:
        assert url.startswith("https://")
        answer = client.get(
            url + "/v3/accounts/demo/calls/active", auth=AUTH, timeout=GUARD, verify=str(trusted)
        )
        assert answer.json()["response"]["total_active"] == 3
        process.terminate()
        assert process.wait(timeout=GUARD) == 0


def test_requests_are_logged_on_request() -> None:
    """One line each, on standard error, without credentials."""
    with running("--log-requests") as (process, url):
        requests.get(url + "/v3/accounts/demo/calls/active", auth=AUTH, timeout=GUARD)
        process.terminate()
        process.wait(timeout=GUARD)
        assert process.stderr
        assert process.stderr.read().split(maxsplit=1)[1] == "GET /v3/accounts/demo/calls/active 200\n"


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    """Return the file of a capture of one page."""
    file = tmp_path / "capture.zip"
    file.write_bytes(archive.packed(capture(answered(FIRST_PAGE, page("a", "b"))), ""))
    return file


def test_a_capture_is_served_with_the_configuration_that_exports_it(captured: Path) -> None:
    """To be saved as it is printed; whatever the credentials."""
    with running(f"--replay={captured}", "--pace=0") as (process, url):
        answer = requests.get(url + FIRST_PAGE, auth=("any", "one"), timeout=GUARD)
        process.terminate()
        assert process.stdout
        said = process.stdout.read()
    assert answer.json() == page("a", "b")
    file = captured.with_name("replay.yaml")
    file.write_text(said.partition("replay.yaml:\n")[2], encoding="utf-8")
    [account] = from_file(file, {}).accounts
    assert (account.account_sid, account.base_url) == ("acme1", url)


def exit_code(*arguments: str) -> object:
    """Return the exit code of the command, run in this process."""
    with pytest.raises(SystemExit) as exited:
        main([*arguments])
    return exited.value.code


def test_an_address_in_use_is_reported_in_one_line_with_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error, with the address and the reason."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert exit_code("--calls=1", f"--listen-address=127.0.0.1:{port}") == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"exotel-simulator: can't listen on 127.0.0.1:{port}: Address already in use\n"


def test_a_file_that_is_no_capture_is_reported_in_one_line_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On standard error, with the file and what it lacks."""
    file = tmp_path / "notes.zip"
    file.write_text("hello")
    assert exit_code(f"--replay={file}") == 2
    said = f"exotel-simulator: {file} is not a capture: it isn't a whole zip file: File is not a zip file\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--calls=9", "--fault=hang"], "--replay serves a capture, and --calls, --fault would change"),
        (["--account-sid=acme1"], "--replay serves a capture, and --account-sid would change"),
        (["--pace=-1"], "'-1' is not a pace: expected a number from 0 to 1000"),
        (["--pace=nan"], "'nan' is not a pace"),
        (["--pace=fast"], "'fast' is not a pace"),
    ],
)
def test_options_of_a_simulated_centre_clash_with_a_capture(
    captured: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each that was given is named."""
    assert exit_code(f"--replay={captured}", *arguments) == 2
    assert says in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("--fault=nonsense", "unknown fault 'nonsense'"),
        ("--fault=status:9@first", "'9' is not an HTTP status"),
        ("--latency=5", "'5' is not a duration"),
        ("--listen-address=nowhere", "'nowhere' is not an address"),
        ("--listen-address=127.0.0.1:99999", "is not an address"),
        ("--calls=-1", "-1 is not in the range"),
        ("--order=random", "'random' is not one of"),
        ("--numbers=roman", "'roman' is not one of"),
        ("--profile=odd", "unknown profile 'odd'"),
        ("--replay=/no/such.zip", "does not exist"),
        ("--pace=0", "--pace is that of a capture: it needs --replay"),
        ("--no-such-option", "No such option"),
    ],
)
def test_wrong_usage_is_reported_with_exit_code_2(
    argument: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what was found and what is accepted."""
    assert exit_code(argument) == 2
    assert says in capsys.readouterr().err


def test_help_lists_every_fault_and_profile(capsys: pytest.CaptureFixture[str]) -> None:
    """By name."""
    assert exit_code("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"  {name}  " in shown for name in (*KINDS, *PROFILES))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("20ms", 0.02), ("1s", 1), ("1.5s", 1.5), ("2m", 120), ("1h30m", 5400), ("1d", 86400), ("0", 0)],
)
def test_durations_are_parsed_as_prometheus_writes_them(text: str, seconds: float) -> None:
    """One number with its unit, or several."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1 s", "1w", "1s!", "١s"])
def test_an_invalid_duration_is_refused(text: str) -> None:
    """The error quotes it."""
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


def test_a_profile_is_chosen_by_name() -> None:
    """With limit-10, no page has more than 10 of 30 calls."""
    with running("--profile=limit-10", "--calls=30") as (_, url):
        answer = requests.get(url + "/v3/accounts/demo/calls/active", auth=AUTH, timeout=GUARD)
    assert len(answer.json()["response"]["active_calls"]) == 10


def test_a_random_profile_is_described() -> None:
    """On standard error, and the same for the same seed."""
    described = set()
    for _ in range(2):
        with running("--profile=random", "--seed=7") as (process, _):
            assert process.stderr
            described.add(process.stderr.readline())
    assert len(described) == 1
    assert described.pop().startswith("The profile is: ")
