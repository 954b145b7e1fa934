"""The command `exotel-exporter capture`, and what it writes served again, as a user does both."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import requests
import yaml

from exporter.archive import read
from exporter.simulator import Settings, Simulator
from tests.command import COMMAND, Ended, run
from tests.configurations import TOKEN, write
from tests.e2e.processes import program
from tests.replaying import collected, replayed
from tests.tools import require, script
from tests.waiting import GUARD, wait_until

NAME = "The Bombay Talking Company"
SID = "bombaytalking7"
KEY = "9f4b1c77d0e2"
COLLECTION = {"streams": {"enabled": True, "max_per_scrape": 4}, "agent_streams": True, "timeout": "60s"}
PERSONAL = re.compile(r'"(?:from|to|name|user_id|call_sid|leg_sid|contact_uri|bridge_sid)": ?"([^"]{5,})"')


@dataclass(frozen=True)
class Captured:
    """An API that can be captured, and where to."""

    simulator: Simulator
    config: Path
    file: Path

    def arguments(self, *arguments: str, minutes: int = 0) -> list[str]:
        """Return the arguments that capture one collection, or as many as begin in so many minutes."""
        place = f"--config.file={self.config}", f"--output={self.file}"
        return ["capture", *place, f"--minutes={minutes}", *arguments]

    def run(self, *arguments: str, minutes: int = 0) -> Ended:
        """Capture to the end."""
        return run(*self.arguments(*arguments, minutes=minutes))


def configuration(folder: Path, url: str, *more: dict[str, str]) -> Path:
    """Write a configuration of the account at a URL, and of others."""
    account = {"name": NAME, "account_sid": SID, "base_url": url, "api_key": KEY, "api_token": TOKEN}
    accounts = [account, *({**account, **each} for each in more)]
    return write(folder, yaml.safe_dump({"accounts": accounts, "collection": COLLECTION}))


@contextmanager
def captured(folder: Path, *faults: str, **settings: Any) -> Iterator[Captured]:
    """Simulate an API of which time stands still."""
    account = {"account_sid": SID, "api_key": KEY, "api_token": TOKEN}
    centre = Settings(**{"calls": 30, "speed": 0, "numbers": "mixed", **account, **settings})
    with Simulator(centre) as simulator:
        simulator.set_faults(list(faults))
        yield Captured(simulator, configuration(folder, simulator.url), folder / "capture.zip")


def stopped(api: Captured, number: signal.Signals, asked: int, *arguments: str) -> Ended:
    """Capture until so many requests have reached the API, and send a signal then."""
    with subprocess.Popen(
        [*COMMAND, *api.arguments(*arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: sum(api.simulator.requests_served().values()) >= asked, f"{asked} requests")
        process.send_signal(number)
        out, err = process.communicate(timeout=GUARD)
    return Ended(process.returncode, out, err)


# What is written where


def test_it_says_what_it_does_what_it_found_and_what_it_wrote(tmp_path: Path) -> None:
    """A call and its details are shown as the file has them, and how much was replaced."""
    with captured(tmp_path) as api:
        ended = api.run()
    assert (ended.code, ended.err) == (0, "")
    told = ended.out.splitlines()
    assert told[:2] == [
        f"Collecting from account {NAME} once, with 200 requests at most.",
        "Ctrl-C ends it earlier, and keeps what was captured.",
    ]
    exchanges = read(api.file).exchanges
    assert f"Collection 1: 30 calls listed; {len(exchanges)} requests so far." in told
    assert {"A call in the file:", "A call's details in the file:"} <= {*told}
    assert re.search(
        r"^Replaced: telephone numbers \(\d+\), names \(\d+\), call_sids", ended.out, re.MULTILINE
    )
    assert told[-2:] == [
        f"Written: {api.file}, {api.file.stat().st_size:,} bytes: {len(exchanges)} requests in 1 collection.",
        f"Read it before you pass it on; begin with: unzip -p {api.file} README",
    ]
    shown = json.loads(ended.out.partition("A call in the file:\n")[2].partition("\n\n")[0])
    rows = [row for row in rows_of(api.file) if row["call_sid"] == shown["call_sid"]]
    assert rows[0] == shown


def rows_of(file: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of all pages that a capture holds."""
    for exchange in read(file).exchanges:
        if exchange.endpoint == "calls" and exchange.status == 200:
            yield from json.loads(exchange.body)["response"]["active_calls"]


def test_a_file_that_exists_is_kept_unless_it_is_forced(tmp_path: Path) -> None:
    """Nothing is asked before that is clear."""
    with captured(tmp_path) as api:
        api.file.write_text("dear to me")
        ended = api.run()
        assert (ended.code, ended.out) == (1, "")
        assert ended.err == f"{api.file} exists: choose another --output, or add --force\n"
        assert api.file.read_text() == "dear to me"
        assert not api.simulator.requests_served()
        assert api.run("--force").code == 0
    assert read(api.file).exchanges


@pytest.mark.parametrize(
    ("output", "error"),
    [
        ("missing/capture.zip", "can't write {}: no such file or directory"),
        ("folder", "{} isn't a regular file: choose another --output"),
        ("text/capture.zip", "can't write {}: not a directory"),
        ("x" * 300, "can't write {}: file name too long"),
    ],
)
def test_an_output_that_can_not_be_written_is_told_before_anything_is_asked(
    tmp_path: Path, output: str, error: str
) -> None:
    """In one line."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text").write_text("")
    with captured(tmp_path) as api:
        place = f"--config.file={api.config}", f"--output={tmp_path / output}"
        ended = run("capture", *place, "--minutes=0")
        assert not api.simulator.requests_served()
    assert (ended.code, ended.out, ended.err) == (1, "", f"{error.format(tmp_path / output)}\n")


def test_a_full_disk_is_one_error_and_the_old_file_stays(tmp_path: Path) -> None:
    """No half capture is left beside it."""
    with captured(tmp_path) as api:
        api.file.write_text("dear to me")
        before = {*tmp_path.iterdir()}
        limited = ["sh", "-c", 'ulimit -f 1 && exec "$0" "$@"', *COMMAND, *api.arguments("--force")]
        done = subprocess.run(limited, capture_output=True, text=True, timeout=GUARD, check=False)
    assert (done.returncode, done.stderr) == (1, f"can't write {api.file}: file too large\n")
    assert api.file.read_text() == "dear to me"
    assert {*tmp_path.iterdir()} == before


def test_nobody_else_can_read_what_was_captured(tmp_path: Path) -> None:
    """It is for its maker to look at first."""
    with captured(tmp_path) as api:
        api.run()
    assert api.file.stat().st_mode & 0o077 == 0


# To standard output


def piped(api: Captured, *command: str) -> subprocess.CompletedProcess[bytes]:
    """Capture by a shell command in which "$@" stands for the exporter's, with `--output=-`."""
    arguments = ["capture", f"--config.file={api.config}", "--minutes=0", "--output=-"]
    shell = [require("bash"), "-o", "pipefail", "-c", *command, "bash", *COMMAND, *arguments]
    return subprocess.run(shell, cwd=api.file.parent, capture_output=True, timeout=GUARD, check=False)


@pytest.mark.parametrize("command", ['"$@" | cat >capture.zip', '"$@" >capture.zip'])
def test_the_archive_alone_goes_to_standard_output(tmp_path: Path, command: str) -> None:
    """Into a pipe or a file; what else is said, on standard error. No other file is written."""
    with captured(tmp_path) as api:
        done = piped(api, command)
    assert (done.returncode, done.stdout) == (0, b"")
    assert {*tmp_path.iterdir()} == {api.config, api.file}
    exchanges = read(api.file).exchanges
    told = done.stderr.decode().splitlines()
    assert f"Collection 1: 30 calls listed; {len(exchanges)} requests so far." in told
    size = f"{api.file.stat().st_size:,} bytes"
    assert told[-2:] == [
        f"Written: standard output, {size}: {len(exchanges)} requests in 1 collection.",
        "Read it before you pass it on; begin with: unzip -p FILE.zip README",
    ]
    with replayed(read(api.file)) as account:
        assert collected(account).reported == 30


def test_an_archive_is_not_written_to_a_terminal(tmp_path: Path) -> None:
    """It is told before anything is asked."""
    controlling, terminal = os.openpty()
    with captured(tmp_path) as api:
        command = [*COMMAND, "capture", f"--config.file={api.config}", "--output=-"]
        done = subprocess.run(command, stdout=terminal, stderr=subprocess.PIPE, timeout=GUARD, check=False)
        assert not api.simulator.requests_served()
    os.close(terminal)
    os.close(controlling)
    error = b"--output=- writes a zip to standard output, which is a terminal here: add >capture.zip\n"
    assert (done.returncode, done.stderr) == (1, error)


@pytest.mark.parametrize(
    ("redirection", "why", "is_asked"),
    [
        (">&-", "bad file descriptor", False),
        (">/dev/full", "no space left on device", False),
        ("| true", "broken pipe", True),
    ],
)
def test_standard_output_that_can_not_be_written_is_one_error(
    tmp_path: Path, redirection: str, why: str, *, is_asked: bool
) -> None:
    """Where that can be known, before anything is asked."""
    with captured(tmp_path) as api:
        done = piped(api, f'"$@" {redirection}')
        assert bool(api.simulator.requests_served()) == is_asked
    assert done.returncode == 1
    assert done.stderr.decode().splitlines()[-1] == f"can't write to standard output: {why}"


def test_a_capture_that_nobody_reads_can_be_stopped(tmp_path: Path) -> None:
    """A full pipe doesn't keep it."""
    receiving, sending = os.pipe()
    os.set_blocking(sending, False)
    with suppress(BlockingIOError):
        while os.write(sending, bytes(4096)):
            pass
    with captured(tmp_path) as api:
        command = [*COMMAND, "capture", f"--config.file={api.config}", "--minutes=0", "--output=-"]
        with subprocess.Popen(command, stdout=sending, stderr=subprocess.PIPE) as process:
            assert process.stderr
            while not process.stderr.readline().startswith(b"Collection 1: "):
                assert process.poll() is None
            wait_until(lambda: _ends(process), "its end")
    os.close(receiving)
    os.close(sending)
    assert process.returncode == 1


def _ends(process: subprocess.Popen[bytes]) -> bool:
    process.terminate()  # once more, as the first may come while it still replaces
    return process.poll() is not None


# When it is stopped


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_capture_that_is_stopped_midway_holds_what_came_so_far(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It says so, the file is whole, and can be replayed."""
    with captured(tmp_path, "hang@middle", calls=150) as api:
        ended = stopped(api, number, 2)
    assert (ended.code, ended.err) == (0, "")
    assert "Ended: stopped." in ended.out.splitlines()
    capture = read(api.file)
    assert [
        (exchange.status, exchange.failure) for exchange in capture.exchanges if exchange.endpoint == "calls"
    ] == [(200, None)]
    with replayed(capture) as account:
        assert collected(account).reported == 150


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_capture_that_is_stopped_before_any_answer_leaves_no_file(
    tmp_path: Path, number: signal.Signals
) -> None:
    """There is nothing to write, and the old file stays."""
    with captured(tmp_path, "hang") as api:
        api.file.write_text("dear to me")
        ended = stopped(api, number, 1, "--force")
    assert ended.code == 1
    assert ended.err == "nothing was captured: it was stopped before anything was answered\n"
    assert api.file.read_text() == "dear to me"


def test_a_capture_that_waits_for_its_next_collection_ends_at_once(tmp_path: Path) -> None:
    """With the one that it has."""
    with captured(tmp_path) as api:
        command = [*COMMAND, *api.arguments(minutes=60)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            while not process.stdout.readline().startswith("Collection 1: "):
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=GUARD)
    assert (process.returncode, err) == (0, "")
    assert out.startswith("Ended: stopped.\n")
    assert out.splitlines()[-2].endswith(" in 1 collection.")


def test_a_capture_whose_reader_has_gone_is_written_all_the_same(tmp_path: Path) -> None:
    """As that of `exotel-exporter capture … | head -1`."""
    with captured(tmp_path) as api:
        receiving, sending = os.pipe()
        os.close(receiving)
        done = subprocess.run(
            [*COMMAND, *api.arguments()], stdout=sending, stderr=subprocess.PIPE, timeout=GUARD, check=False
        )
        os.close(sending)
    assert (done.returncode, done.stderr) == (0, b"")
    assert read(api.file).exchanges


# Which account


def test_no_configuration_is_told_as_the_exporter_tells_it(tmp_path: Path) -> None:
    """And nothing is written."""
    ended = run("capture", f"--output={tmp_path / 'capture.zip'}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("environment: found none of EXOTEL_ACCOUNT_SID, ")
    assert not [*tmp_path.iterdir()]


def test_every_mistake_of_a_configuration_is_told(tmp_path: Path) -> None:
    """A line each."""
    file = write(tmp_path, "accounts: [{account_sid: acme1}]\ncolection: {}\n")
    ended = run("capture", f"--config.file={file}", f"--output={tmp_path / 'capture.zip'}")
    assert (ended.code, ended.out) == (1, "")
    assert len(ended.err.splitlines()) >= 3
    assert "colection" in ended.err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], f"--account is needed: one of {NAME}, other"),
        (["--account=nobody"], f"--account: found 'nobody'; accepted: {NAME}, other"),
        (["--requests=0"], "0 is not in the range"),
        (["--minutes=61"], "61 is not in the range"),
        (["--minutes=soon"], "'soon' is not a valid integer"),
        (["--output="], "found ''; accepted: the path of a file"),
    ],
)
def test_wrong_usage_asks_nothing(tmp_path: Path, arguments: list[str], error: str) -> None:
    """One line says what would be accepted."""
    with captured(tmp_path) as api:
        config = configuration(tmp_path, api.simulator.url, {"name": "other", "account_sid": "other1"})
        given = [f"--output={api.file}", *arguments][int("--output=" in arguments) :]
        ended = run("capture", f"--config.file={config}", *given)
        assert not api.simulator.requests_served()
    assert (ended.code, ended.out) == (2, "")
    assert error in ended.err
    assert len(ended.err.splitlines()) == 1


def test_one_of_several_accounts_is_captured(tmp_path: Path) -> None:
    """The one that is named."""
    with captured(tmp_path) as api:
        configuration(tmp_path, api.simulator.url, {"name": "other", "account_sid": "other1"})
        ended = api.run(f"--account={NAME}")
    assert ended.code == 0
    assert f"Collecting from account {NAME} once" in ended.out


# What an API does


def statuses(file: Path, endpoint: str = "calls") -> list[int | str | None]:
    """Return how the requests of a capture ended."""
    exchanges = [exchange for exchange in read(file).exchanges if exchange.endpoint == endpoint]
    return [exchange.failure or exchange.status for exchange in exchanges]


def test_a_host_that_can_not_be_reached_is_captured_as_that(tmp_path: Path) -> None:
    """Each try, and how it failed."""
    config, file = configuration(tmp_path, "http://127.0.0.1:1"), tmp_path / "capture.zip"
    ended = run("capture", f"--config.file={config}", f"--output={file}", "--minutes=0")
    assert ended.code == 0
    assert "Collection 1: calls failed: connection (127.0.0.1:1: connection refused)" in ended.out
    assert statuses(file) == ["connection"] * 3
    with replayed(read(file)) as account:
        failure = collected(account).failure
    assert failure is not None
    assert failure.reason == "connection"


def test_credentials_that_are_revoked_midway_are_captured_as_that(tmp_path: Path) -> None:
    """What came before is kept."""
    with captured(tmp_path, "status:401@middle", calls=150) as api:
        ended = api.run()
    assert ended.code == 0
    assert "calls failed: auth (HTTP 401" in ended.out
    assert statuses(api.file)[0] == 200
    assert 401 in statuses(api.file)


def test_an_account_without_calls_can_be_captured(tmp_path: Path) -> None:
    """There is no call to show."""
    with captured(tmp_path, calls=0, day=(0.0,) * 24) as api:
        ended = api.run()
    assert ended.code == 0
    assert "Collection 1: 0 calls listed; " in ended.out
    assert "in the file" not in ended.out
    assert statuses(api.file) == [200]


def test_no_more_requests_are_made_than_were_allowed(tmp_path: Path) -> None:
    """Where they don't suffice for the list, that is told."""
    with captured(tmp_path, calls=150) as api:
        ended = api.run("--requests=1", minutes=1)
        assert sum(api.simulator.requests_served().values()) == 1
    assert ended.code == 0
    assert "with 1 request at most." in ended.out
    assert "this capture may hold no more requests" in ended.out
    assert "No list was read whole: that takes a larger number of --requests." in ended.out
    assert len(read(api.file).exchanges) == 1


@pytest.mark.parametrize("flags", [[], ["--raw-errors"]])
def test_error_pages_are_kept_only_where_that_was_asked_for(tmp_path: Path, flags: list[str]) -> None:
    """With a word, in the file and beside it, on what they give away."""
    with captured(tmp_path, "status:502,body=html") as api:
        page = requests.get(api.simulator.url + f"/v3/accounts/{SID}/calls/active", timeout=GUARD).content
        ended = api.run(*flags)
    assert ended.code == 0
    bodies = {exchange.body for exchange in read(api.file).exchanges if exchange.status == 502}
    assert (page in bodies) == bool(flags)
    with zipfile.ZipFile(api.file) as archive:
        text = archive.read("README").decode()
    assert ("NOT replaced: answers that are neither JSON nor XML" in text) == bool(flags)
    assert ("Not replaced: answers that are neither JSON nor XML." in ended.out) == bool(flags)
    assert ("were reduced to their type, their length and" in text) != bool(flags)
    assert ("bodies that are neither JSON nor XML (" in ended.out) != bool(flags)


# What is not in it


@pytest.mark.parametrize(
    "fault",
    [
        *("", "rows", "spoilt", "details", "endings", "html@middle", "status:429,retry-after=1@middle"),
        *("redirect:https://www.example.com/919812345678", "stream/status:404,body=html", "bad_json@first"),
    ],
)
def test_nothing_that_is_somebodys_own_is_in_the_file_or_in_what_is_said(tmp_path: Path, fault: str) -> None:
    """No number, name, id, credential or host, however it is written.

    What stands in place of a short name may be another one by chance, but not in two captures.
    """
    with captured(tmp_path, *([fault] if fault else []), calls=150) as api:
        contents, said = zip(written(api), written(api), strict=True)
        planted = owned(api.simulator)
        host = api.simulator.url.partition("://")[2]
    of_account = {SID, NAME, KEY, TOKEN, host, "127.0.0.1", "example.com", str(tmp_path)}
    assert leaked(contents, planted | of_account) == set()
    assert leaked(said, planted | {SID, KEY, TOKEN}) == set()


def written(api: Captured) -> tuple[str, str]:
    """Capture; return what the file holds, and what was said but for the account's name."""
    ended = api.run("--account", NAME)
    assert ended.code == 0
    content = spellings(api.file)
    assert read(api.file).account_sid in content  # it is looked for where it would be
    api.file.unlink()
    return content, "\n".join(line for line in ended.out.splitlines() if not line.startswith("Collect"))


def leaked(contents: Sequence[str], texts: set[str]) -> set[str]:
    """Return the texts that any of the contents has; those of five letters or fewer, that each has."""
    return {
        text for text in texts if (any if len(text) > 5 else all)(text in content for content in contents)
    }


def owned(simulator: Simulator) -> set[str]:
    """Return what rows and details hold that is somebody's: whole values, last digits, words of names."""
    simulator.set_faults([])
    url, auth = f"{simulator.url}/v3/accounts/{SID}/calls", (KEY, TOKEN)
    offsets = range(0, 200, 100)
    texts = [
        requests.get(f"{url}/active?limit=100&offset={offset}", auth=auth, timeout=GUARD).text
        for offset in offsets
    ]
    call_sids = sorted(simulator.truth().call_sids)
    texts += [requests.get(f"{url}/{sid}/stream", auth=auth, timeout=GUARD).text for sid in call_sids[:20]]
    values = {value for text in texts for value in PERSONAL.findall(text)}
    digits = {"".join(filter(str.isdigit, value))[-10:] for value in values if value[-10:].isdigit()}
    names = {
        word
        for text in texts
        for name in re.findall(r'"name": ?"([^"]+)"', text)
        for word in name.split()
        if len(word) > 3
    }
    assert len(values) > 300
    assert digits
    assert names
    return values | {each for each in digits if len(each) == 10} | names | {*call_sids}


def spellings(file: Path) -> str:
    """Return all that a capture holds: its bytes, its files, and these without each kind of escape."""
    undo: list[Callable[[str], str]] = [
        str,
        unquote,
        html.unescape,
        lambda text: UNICODE.sub(_character, text),
    ]
    with zipfile.ZipFile(file) as archive:
        texts = [archive.read(name).decode("latin-1") for name in archive.namelist()]
        names = archive.namelist()
    texts += [file.read_bytes().decode("latin-1"), *names]
    return "\n".join(spell(text) for text in texts for spell in undo)


UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")


def _character(escaped: re.Match[str]) -> str:
    return chr(int(escaped[1], 16))


def test_its_readme_tells_what_is_in_it(tmp_path: Path) -> None:
    """Each file, how many requests, and what was replaced: as was said when it was made."""
    with captured(tmp_path) as api:
        ended = api.run()
    with zipfile.ZipFile(api.file) as archive:
        text = archive.read("README").decode()
        names = {name.partition("/")[0] + "/" * ("/" in name) for name in archive.namelist()}
        requests_made = len(archive.read("exchanges.jsonl").splitlines())
    listed = re.findall(r"^  (\S+)  ", text.partition("In this file")[2].partition("\n\n")[0], re.MULTILINE)
    assert {*listed} == names
    assert f"{requests_made} requests, a line each" in text
    [counts] = re.findall(r"^Replaced: (.*)$", ended.out, re.MULTILINE)
    assert counts in " ".join(text.split())


# Served again


@contextmanager
def serving(folder: Path, file: Path, *arguments: str) -> Iterator[str]:
    """Run `exotel-simulator --replay`, and give what it says."""
    command = [script("exotel-simulator"), f"--replay={file}", "--listen-address=127.0.0.1:0", *arguments]
    with program(command, folder / "replay.log") as running:
        yield wait_until(
            lambda: said if (said := running.said()).endswith("\n") and "metrics:" in said else "", "it"
        )


@pytest.mark.parametrize("pace", ["0", "1"])
def test_a_replay_is_exported_by_doing_what_it_says(tmp_path: Path, pace: str) -> None:
    """With the file that it prints, and the command that it names; to the same numbers."""
    with captured(tmp_path) as api:
        before = run(f"--config.file={api.config}", "--once").out
        api.run()
    with serving(tmp_path, api.file, f"--pace={pace}") as said:
        [(command, name)] = re.findall(r"run exotel-exporter (\S+) with this (\S+):\n", said)
        (tmp_path / name).write_text(said.partition(f"{name}:\n\n")[2])
        ended = run(command.replace(name, str(tmp_path / name)), "--once")
    assert ended.code == 0
    assert active(ended.out) == active(before) != []


def active(exposition: str) -> list[str]:
    """Return the calls of an exposition by direction and status."""
    return re.findall(r"^exotel_active_calls\{.*(direction.*)$", exposition, re.MULTILINE)


def test_what_was_never_asked_gets_501_with_a_word_on_what_was(tmp_path: Path) -> None:
    """So that nobody takes it for an answer of the API."""
    with captured(tmp_path) as api:
        api.run()
    sid = read(api.file).account_sid
    with serving(tmp_path, api.file) as said:
        [url] = re.findall(r"on (http://\S+)", said)
        answer = requests.get(f"{url}/v3/accounts/{sid}/calls/active?limit=7&offset=3", timeout=GUARD)
    assert answer.status_code == 501
    message = answer.json()["response"]["error_data"]["message"]
    assert message.startswith(
        "Not captured: a page with limit=7&offset=3. This capture holds pages with limit=100"
    )


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x05\x06" + bytes(18)])
def test_a_file_that_is_no_capture_is_one_error(tmp_path: Path, content: bytes) -> None:
    """Nothing, a text, or an empty zip."""
    file = tmp_path / "notes.zip"
    file.write_bytes(content)
    done = subprocess.run(
        [script("exotel-simulator"), f"--replay={file}"],
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"exotel-simulator: {file} is not a capture: it ")
    assert len(done.stderr.splitlines()) == 1
