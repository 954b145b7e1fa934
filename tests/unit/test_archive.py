"""Captures, written and read."""

from __future__ import annotations

import json
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.archive import Capture, Exchange, NotACapture, packed, read, write

README = "What this holds."
PAGE = Exchange(
    endpoint="calls",
    target="/v3/accounts/acme1/calls/active?limit=100&offset=0",
    asked_at=0.5,
    first_byte=0.02,
    seconds=0.03,
    status=200,
    headers=(("Content-Type", "application/json"), ("Date", "Sat, 15 Jun 2024 10:30:00 GMT")),
    body=b'{"response": {"active_calls": [], "total_active": 0}}',
)
CAPTURE = Capture("acme1", 1_718_447_400.0, "0.2.0", {"collection": {"page_size": 100}}, (PAGE,))

SECONDS = st.floats(0, 1e9)
HEADER = st.tuples(st.from_regex(r"[A-Za-z-]{1,20}", fullmatch=True), st.text(max_size=20))
EXCHANGES = st.builds(
    Exchange,
    endpoint=st.sampled_from(["calls", "streams", "agent_streams"]),
    target=st.text(max_size=60),
    asked_at=SECONDS,
    first_byte=st.none() | SECONDS,
    seconds=SECONDS,
    status=st.integers(200, 999),
    headers=st.lists(HEADER, max_size=4).map(tuple),
    body=st.binary(max_size=200) | st.sampled_from([b"", b"<html>", b'{"a": 1}']),
    failure=st.none() | st.sampled_from(["timeout", "connection", "bad_response", "tls"]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
CAPTURES = st.builds(
    Capture,
    account_sid=st.from_regex(r"[A-Za-z0-9_-]{1,128}", fullmatch=True),
    began=SECONDS,
    version=st.text(max_size=20),
    settings=st.dictionaries(st.text(max_size=9), JSON, max_size=3),
    exchanges=st.lists(EXCHANGES, max_size=8).map(tuple),
)


def written(folder: Path, capture: Capture = CAPTURE) -> Path:
    """Write a capture, and return its file."""
    file = folder / "capture.zip"
    write(file, packed(capture, README))
    return file


def rewritten(file: Path, changes: dict[str, bytes | None], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Change some of the files in a zip, or leave them out where the content is None."""
    with zipfile.ZipFile(file) as archive:
        contents: dict[str, bytes | None] = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in (contents | changes).items():
            if content is not None:
                archive.writestr(name, content)
    return file


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file become longer than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@given(CAPTURES)
def test_what_was_written_is_read(capture: Capture) -> None:
    """Whatever was asked and answered: odd targets, empty bodies, bytes that are no text."""
    with TemporaryDirectory() as folder:
        assert read(written(Path(folder), capture)) == capture


def test_people_find_text_in_it_without_any_program_of_ours(tmp_path: Path) -> None:
    """A README, JSON, and bodies as they came, with an extension that an editor knows."""
    xml = replace(PAGE, endpoint="agent_streams", body=b'<?xml version="1.0"?><TwilioResponse/>')
    html = replace(PAGE, status=502, body=b"<html>Bad gateway</html>")
    silent = replace(PAGE, status=None, first_byte=None, headers=(), body=b"", failure="timeout")
    file = written(tmp_path, replace(CAPTURE, exchanges=(PAGE, PAGE, xml, html, silent)))
    with zipfile.ZipFile(file) as archive:
        bodies = [name for name in archive.namelist() if name.startswith("bodies/")]
        assert archive.read("README").decode() == README
        assert json.loads(archive.read("capture.json"))["format"] == 1
        lines = [json.loads(line) for line in archive.read("exchanges.jsonl").splitlines()]
        assert archive.read("bodies/00001.json") == PAGE.body
    assert bodies == ["bodies/00001.json", "bodies/00002.xml", "bodies/00003.txt"]
    assert [line["body"] for line in lines] == [bodies[0], *bodies, None]


def test_nothing_in_it_tells_when_it_was_made(tmp_path: Path) -> None:
    """The times of its answers are moved, which a date beside them would undo."""
    with zipfile.ZipFile(written(tmp_path)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_a_capture_of_many_calls_is_deflated(tmp_path: Path) -> None:
    """Rows are mostly keys and blanks, which repeat."""
    row = b'{"call_sid": "%d", "status": "in-progress", "direction": "inbound", "duration": 60},'
    page = replace(PAGE, body=b"".join(row % number for number in range(1000)))
    assert written(tmp_path, replace(CAPTURE, exchanges=(page,))).stat().st_size < len(page.body) / 10


@pytest.mark.parametrize("size", [10, 1000, 2500])
def test_a_full_disk_leaves_no_half_capture_and_the_old_one_whole(tmp_path: Path, size: int) -> None:
    """Wherever in the file it happens."""
    file = written(tmp_path)
    noise = Random(1).randbytes(5000)  # noqa: S311  # which can't be deflated
    with full_disk(size), pytest.raises(OSError, match="large"):
        write(file, packed(replace(CAPTURE, exchanges=(replace(PAGE, body=noise),)), README))
    assert list(tmp_path.iterdir()) == [file]
    assert read(file) == CAPTURE


def test_a_folder_that_is_missing_is_an_error_of_the_system(tmp_path: Path) -> None:
    """The caller knows what to say of it."""
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "missing" / "capture.zip", packed(CAPTURE, README))
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing.zip")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b'{"format": 1}'])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    """A text, nothing, or the first bytes of one."""
    file = tmp_path / "capture.zip"
    file.write_bytes(content)
    with pytest.raises(NotACapture, match="it isn't a whole zip file"):
        read(file)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_capture_that_was_cut_is_refused(tmp_path: Path, share: float) -> None:
    """As by a download that broke off."""
    file = written(tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(NotACapture, match="it isn't a whole zip file"):
        read(file)


@given(st.data())
def test_a_capture_with_some_bytes_changed_is_read_or_refused(data: st.DataObject) -> None:
    """Zipfile trusts what it finds in a file, and raises of nearly every kind."""
    with TemporaryDirectory() as folder:
        file = written(Path(folder))
        content = bytearray(file.read_bytes())
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
            content[place] = data.draw(st.integers(0, 255))
        file.write_bytes(content)
        with suppress(NotACapture):
            read(file)


def summary(**changes: object) -> bytes:
    """Return a capture.json with some of its members changed."""
    members = {"format": 1, "version": "1", "account_sid": "acme1", "began": 0, "settings": {}}
    return json.dumps(members | changes).encode()


def line(**changes: object) -> bytes:
    """Return a line of exchanges.jsonl with some of its members changed."""
    members = {
        "endpoint": "calls",
        "target": "/",
        "asked_at": 0,
        "first_byte": 0,
        "seconds": 0,
        "status": 200,
    }
    return json.dumps(members | changes).encode()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"capture.json": None}, "it holds no 'capture.json'"),
        ({"exchanges.jsonl": None}, "it holds no 'exchanges.jsonl'"),
        ({"bodies/00001.json": None}, "it holds no 'bodies/00001.json'"),
        ({"capture.json": b"{"}, "capture.json: "),
        ({"capture.json": b"[" * 100_000}, "capture.json: "),
        ({"capture.json": b"[]"}, "capture.json: Expected `object`"),
        ({"capture.json": summary(format=2)}, "its format is number 2, and only 1 can be read"),
        ({"capture.json": summary(format="1")}, "at `$.format`"),
        ({"capture.json": summary(account_sid="a: b\n")}, "at `$.account_sid`"),
        ({"capture.json": summary(began=-1)}, "at `$.began`"),
        ({"exchanges.jsonl": line() + b"\n{"}, "exchanges.jsonl, line 2: "),
        ({"exchanges.jsonl": b'\n{"target": "\xff"}'}, "exchanges.jsonl, line 2: "),
        ({"exchanges.jsonl": line(status=99)}, "at `$.status`"),
        ({"exchanges.jsonl": line(seconds="1")}, "at `$.seconds`"),
        ({"exchanges.jsonl": line(headers=[["a b", "c"]])}, "at `$.headers[0][0]`"),
        ({"exchanges.jsonl": line(failure="it\x1b[31m")}, "at `$.failure`"),
        ({"exchanges.jsonl": line(status=None)}, "neither an answer nor a failure"),
        ({"exchanges.jsonl": line(body="../capture.json")}, "it holds no '../capture.json'"),
    ],
)
def test_a_zip_that_is_no_capture_is_refused(
    tmp_path: Path, changes: dict[str, bytes | None], why: str
) -> None:
    """In a line that says which file in it is wrong, and how."""
    with pytest.raises(NotACapture) as refused:
        read(rewritten(written(tmp_path), changes))
    assert why in str(refused.value)
    assert str(refused.value).isprintable()


def test_a_file_that_inflates_to_more_than_any_answer_is_refused_unread(tmp_path: Path) -> None:
    """A zip of a few kilobytes can hold gigabytes."""
    file = rewritten(written(tmp_path), {"bodies/00001.json": bytes(2**24 + 1)})
    assert file.stat().st_size < 2**16
    with pytest.raises(NotACapture, match=r"'bodies/00001\.json' in it is longer than 16,777,216 bytes"):
        read(file)


def test_answers_that_are_too_long_together_are_refused_unread(tmp_path: Path) -> None:
    """Each of them is as long as it may be."""
    names = [f"bodies/{number}" for number in range(65)]
    index = b"\n".join(line(body=name) for name in names)
    file = rewritten(written(tmp_path), {"exchanges.jsonl": index})
    with zipfile.ZipFile(file, "a") as archive:
        for name in names:
            entry = zipfile.ZipInfo(name)
            archive.writestr(entry, b"")
            entry.file_size = 2**24  # as the directory at the end will tell
    with pytest.raises(NotACapture, match="its answers are longer than 268,435,456 bytes together"):
        read(file)


def test_a_file_that_is_longer_than_it_says_is_refused(tmp_path: Path) -> None:
    """No more of it is inflated."""
    file = rewritten(written(tmp_path), {})
    with zipfile.ZipFile(file, "a") as archive:
        archive.getinfo("bodies/00001.json").file_size = 10
        archive.writestr("more", b"")
    with pytest.raises(NotACapture, match="it isn't a whole zip file"):
        read(file)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_than_deflate_is_refused(tmp_path: Path, method: int) -> None:
    """Nobody but a stranger would have used it."""
    with pytest.raises(NotACapture, match="in a way that isn't deflate"):
        read(rewritten(written(tmp_path), {}, method))


def test_an_encrypted_capture_is_refused(tmp_path: Path) -> None:
    """By what it is, not by a traceback that asks for a password."""
    file = written(tmp_path)
    content = bytearray(file.read_bytes())
    entry = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 1)  # the second: capture.json
    content[entry + 8] |= 1
    file.write_bytes(content)
    with pytest.raises(NotACapture, match=r"'capture\.json' in it is encrypted"):
        read(file)
