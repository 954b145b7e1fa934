"""Log lines: one for each record, whatever it holds, that a machine can read back."""

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from tempfile import TemporaryFile
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import Secret
from exporter.log import set_up
from tests.configurations import TOKEN
from tests.waiting import GUARD

FIELD = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)(?: |$)')
TEXTS = st.text(st.characters(codec=None), max_size=20)  # codec=None: lone surrogates too
LOGGER = logging.getLogger("tests.logs")


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave logging as the test found it; the thread that writes may take its time meanwhile."""
    monkeypatch.setattr("exporter.log._FLUSH", GUARD)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    quiet = {name: logging.getLogger(name).level for name in ("urllib3", "asyncio", "uvicorn")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


def lines(style: str, log: Callable[[], None], level: str = "info") -> list[str]:
    """The lines that `log` makes, which alone is done with logging set up."""
    with TemporaryFile("w+", encoding="utf-8") as file:
        set_up(level, style, file.fileno())
        log()
        written()
        file.seek(0)
        text = file.read()
    assert text.endswith("\n") or not text
    return text.splitlines()


def written() -> None:
    """Wait until what was logged is written, if that can be."""
    [handler] = [each for each in logging.getLogger().handlers if type(each).__module__ == "exporter.log"]
    handler.flush()


def parsed(style: str, line: str) -> dict[str, Any]:
    """The fields of a line."""
    if style == "json":
        fields = json.loads(line, parse_constant=pytest.fail)
        assert isinstance(fields, dict)
        return fields
    matches = list(FIELD.finditer(line))
    assert "".join(match[0] for match in matches) == line
    return {
        name: json.loads(value) if value[0] == '"' else value for name, value in map(re.Match.groups, matches)
    }


def only(style: str, message: object, *arguments: object, **values: object) -> dict[str, Any]:
    """The fields of the one line that a message makes."""
    (line,) = lines(style, lambda: LOGGER.warning(message, *arguments, extra=values))
    return parsed(style, line)


each_style = pytest.mark.parametrize("style", ["logfmt", "json"])


@each_style
def test_a_line_tells_time_level_message_and_fields(style: str) -> None:
    """Time in UTC, the level as Prometheus's programs write it, the message, then the fields."""
    found = only(style, "collection failed", account="acme", reason="auth")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("ts"))
    assert list(found.items()) == [
        *(("level", "warn"), ("msg", "collection failed")),
        *(("account", "acme"), ("reason", "auth")),
    ]


@each_style
def test_a_line_is_the_same_by_whichever_library_it_is_logged(style: str) -> None:
    """The program logs by structlog, others by the standard library."""
    fields = {"account": "acme", "seconds": 0.25, "request_id": None}

    def log() -> None:
        structlog.stdlib.get_logger("tests.logs").warning("said", **fields)
        LOGGER.warning("said", extra=fields)

    by_structlog, by_logging = lines(style, log)
    assert parsed(style, by_structlog) | {"ts": ""} == parsed(style, by_logging) | {"ts": ""}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("127.0.0.1:9927", "127.0.0.1:9927"),
        ("[::1]:9927", "[::1]:9927"),
        ("", '""'),
        ("two words", '"two words"'),
        ('say "hi"', r'"say \"hi\""'),
        ("back\\slash", r'"back\\slash"'),
        ("a=b", '"a=b"'),
        ("two\nlines", r'"two\nlines"'),
        ("\x1b[31mred", r'"\u001b[31mred"'),
        ("\x85\u2028\u2029", r'"\u0085\u2028\u2029"'),
        ("\ud800", r'"\ud800"'),
        ("😀 नमस्ते", '"😀 नमस्ते"'),
        (5, "5"),
        (None, None),
    ],
)
def test_logfmt_quotes_what_needs_it(value: object, written: str | None) -> None:
    """Plain words stand as they are, others in quotes; what breaks a line or moves a cursor is escaped."""
    (line,) = lines("logfmt", lambda: LOGGER.info("said", extra={"value": value}))
    assert line.partition(" msg=said")[2] == ("" if written is None else f" value={written}")


@pytest.mark.parametrize("value", ['say "hi"', "two\nlines", "\x85\u2028", "😀", "\ud800", "", 5, 0.25, True])
def test_json_keeps_values(value: object) -> None:
    """Texts and numbers come back from JSON as they went in."""
    assert only("json", "said", value=value)["value"] == value


@pytest.mark.parametrize(
    ("value", "written"),
    [(float("nan"), "nan"), (float("inf"), "inf"), (["a"], "['a']"), (ValueError("x"), "x")],
)
def test_json_makes_texts_of_other_values(value: object, written: str) -> None:
    """What JSON has no form for becomes a text."""
    assert only("json", "said", value=value)["value"] == written


@each_style
def test_none_is_left_out(style: str) -> None:
    """A field that isn't known takes no room."""
    assert "request_id" not in only(style, "said", account="acme", request_id=None)


@each_style
def test_a_secret_does_not_show_itself(style: str) -> None:
    """A secret that gets into a line by accident, as a field or in the message, stays secret."""
    secret = Secret(TOKEN)
    (line,) = lines(style, lambda: LOGGER.info("with %s and %r", secret, secret, extra={"token": secret}))
    assert "Secret(" in line
    assert TOKEN not in line


@each_style
def test_an_exception_of_another_library_stays_on_one_line(style: str) -> None:
    """The kind of the exception is told; its text and its trace, which could hold anything, are not."""

    def log() -> None:
        try:
            int(TOKEN)
        except ValueError:
            logging.getLogger("some.library").exception("It went wrong\n", stack_info=True)

    (line,) = lines(style, log)
    found = parsed(style, line)
    assert (found["msg"], found["error"], found["level"]) == (
        *("It went wrong\n", "ValueError"),
        "error",
    )
    assert TOKEN not in line


@each_style
def test_arguments_that_do_not_fit_the_message_make_a_line_too(style: str) -> None:
    """A library's mistake in its own log call costs the arguments, and prints no trace."""
    assert only(style, "took %d seconds", "long")["msg"] == "took %d seconds"


def test_less_than_the_level_is_not_logged() -> None:
    """At `error` a warning is silent, and an error isn't."""

    def log() -> None:
        LOGGER.warning("no")
        LOGGER.error("yes")

    (line,) = lines("logfmt", log, level="error")
    assert parsed("logfmt", line)["msg"] == "yes"


def test_other_libraries_do_not_warn_of_what_is_counted() -> None:
    """A retry or a bad request is told by metrics; only the errors of those libraries are logged."""

    def log() -> None:
        for name in ("urllib3.connectionpool", "asyncio", "uvicorn.error"):
            logging.getLogger(name).warning("retrying")

    assert lines("logfmt", log, level="debug") == []


@given(
    message=TEXTS,
    values=st.dictionaries(
        st.sampled_from(["account", "reason", "detail"]),
        TEXTS | st.none() | st.integers(-(2**64), 2**64) | st.floats() | st.booleans() | st.lists(TEXTS),
    ),
)
@each_style
def test_whatever_is_logged_is_one_line_that_reads_back(
    style: str, message: str, values: dict[str, object]
) -> None:
    """Every record is one line from which the message and every text come back."""
    found = only(style, message, **values)
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    assert found["msg"] == message
    assert found.items() >= texts.items()
    assert found.keys() == {
        *("ts", "level", "msg"),
        *(name for name, value in values.items() if value is not None),
    }


# A log that can't be written


def count_lines(number: int) -> None:
    """Log this many lines, numbered."""
    for index in range(number):
        LOGGER.info("line", extra={"number": index})


def accounted_for(text: bytes) -> int:
    """Return how many of the numbered lines were written, or are told to be missing."""
    told = re.findall(rb'msg="log lines dropped" lines=(\d+)\n', text)
    return text.count(b" msg=line ") + sum(map(int, told))


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """The ends of a pipe: to read from, and to write into."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            os.close(end)


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_log_that_nobody_reads_keeps_nobody_waiting(is_blocking: bool) -> None:
    """What finds no room is dropped; when it is read again the log tells how many lines are missing."""
    number, text = 15_000, b""
    with pipe() as (read_end, write_end):
        os.set_blocking(write_end, is_blocking)
        set_up("info", "logfmt", write_end)
        count_lines(number)
        while not text.endswith(b"\n") or accounted_for(text) < number:
            assert select([read_end], [], [], GUARD)[0], f"of {number} lines: {accounted_for(text)}"
            text += os.read(read_end, 2**16)
    numbers = [int(found) for found in re.findall(rb" msg=line number=(\d+)\n", text)]
    assert numbers == sorted({*numbers})
    assert 0 < len(numbers) < number == accounted_for(text)


def test_lines_that_cannot_be_written_are_counted_and_told_when_one_can_be(tmp_path: Path) -> None:
    """A disk is full, then it isn't."""
    file = tmp_path / "log"
    with file.open("wb") as log, Path("/dev/full").open("wb") as full:
        good = os.dup(log.fileno())
        os.dup2(full.fileno(), log.fileno())
        set_up("info", "logfmt", log.fileno())
        count_lines(5)
        written()
        os.dup2(good, log.fileno())
        os.close(good)
        LOGGER.info("last")
        written()
    found = [parsed("logfmt", line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["msg"], line.get("lines")) for line in found] == [
        ("last", None),
        ("log lines dropped", "5"),
    ]


@pytest.mark.parametrize("place", ["/dev/full", "/dev/null"])
def test_a_log_that_cannot_be_written_at_all_is_no_trouble(place: str) -> None:
    """Full, or open for reading alone as what stands for a closed one."""
    with Path(place).open("wb" if place == "/dev/full" else "rb") as log:
        set_up("info", "logfmt", log.fileno())
        count_lines(12_000)
        written()


def test_a_value_that_cannot_be_shown_costs_its_line_alone() -> None:
    """Whatever it raises."""

    class Odd:
        def __str__(self) -> str:
            raise ZeroDivisionError

    def log() -> None:
        LOGGER.info("odd", extra={"value": Odd()})
        LOGGER.info("even")

    assert [parsed("logfmt", line)["msg"] for line in lines("logfmt", log)] == ["even", "log lines dropped"]
