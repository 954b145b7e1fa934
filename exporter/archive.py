"""A capture, written and read: what an account of the API answered, with everything personal replaced.

A zip: `README` for people, `capture.json` about the whole, `exchanges.jsonl` with a line for each request in
the order asked, and under `bodies/` the bytes of each answer that has some; equal bodies are one file.
"""

from __future__ import annotations

import errno
import os
import re
import struct
import zlib
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any, TypeVar
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec

FORMAT = 1
ABANDONED = "abandoned"
"""The failure of an exchange that the exporter itself broke off, since it wanted no answer any more."""

LARGEST = 2**28
"""Bytes of all the bodies together, equal ones once: a capture with more is neither written nor read."""

_LARGEST_BODY = 2**24  # bytes; twice of what the exporter reads of an answer
_LARGEST_INDEX = 2**26  # bytes
_LARGEST_SUMMARY = 2**20  # bytes
_SUMMARY, _INDEX, _README = "capture.json", "exchanges.jsonl", "README"
_METHODS = {ZIP_STORED, ZIP_DEFLATED}
_IS_ENCRYPTED = 1  # a bit of its flags
_XML = re.compile(rb"\s*+<(\?xml|TwilioResponse)")
_JSON = re.compile(rb"(\xef\xbb\xbf)?\s*+[{\[]")

_Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
_Status = Annotated[int, msgspec.Meta(ge=200, le=999)]
_Name = Annotated[str, msgspec.Meta(pattern=r"\A[a-z_]{1,32}\Z")]
_HeaderName = Annotated[
    str, msgspec.Meta(pattern=r"\A[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
]  # RFC 9110, 5.6.2
_AccountSid = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,128}\Z")]

_T = TypeVar("_T")


class NotACapture(Exception):
    """A file that isn't a capture, or not a whole one; its text says why."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request, and what came of it."""

    endpoint: str
    """What was asked, as the label `endpoint` names it."""
    target: str
    """Path and query."""
    asked_at: float
    """Seconds since the capture began."""
    first_byte: float | None
    """Seconds from the request to the answer's status and headers; None where there were none."""
    seconds: float
    """How long it took, to the answer's end or to the failure."""
    status: int | None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    failure: str | None = None
    """Why there was no whole answer: a value of the label `reason`."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What an account was asked, and what it answered."""

    account_sid: str
    began: float
    """Seconds since 1970."""
    version: str
    """That of the exporter which made it."""
    settings: Mapping[str, Any]
    """What of the configuration decides what is asked: sections `account`, `collection` and `metrics`."""
    exchanges: Sequence[Exchange]


class _Summary(msgspec.Struct):
    format: int
    version: str
    account_sid: _AccountSid
    began: _Seconds
    settings: dict[str, Any]


class _Line(msgspec.Struct):
    endpoint: _Name
    target: str
    asked_at: _Seconds
    first_byte: _Seconds | None
    seconds: _Seconds
    status: _Status | None
    headers: tuple[tuple[_HeaderName, str], ...] = ()
    body: str | None = None
    """The file that holds it."""
    failure: _Name | None = None


def packed(capture: Capture, readme: str) -> bytes:
    """Return a capture as its file has it; raise OSError of one that is too large."""
    names = _names(capture.exchanges)
    if sum(map(len, names)) > LARGEST:
        raise OSError(errno.EFBIG, f"a capture can't have more than {LARGEST:,} bytes of answers")
    summary = _Summary(FORMAT, capture.version, capture.account_sid, capture.began, dict(capture.settings))
    lines = [_line(exchange, names.get(exchange.body)) for exchange in capture.exchanges]
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        _add(archive, _README, readme.encode())
        _add(archive, _SUMMARY, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
        _add(archive, _INDEX, b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        for body, name in names.items():
            _add(archive, name, body)
    return content.getvalue()


def write(file: Path, content: bytes, *, overwrite: bool = False) -> None:
    """Write a packed capture, whole or not at all; raise OSError where that can't be done.

    That is FileExistsError where there is a file by now, unless it may be overwritten.
    """
    partial = NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False)  # noqa: SIM115
    try:
        with partial:
            partial.write(content)
            partial.flush()
            os.fsync(partial.fileno())  # some disks are found to be full only now
        if not overwrite:
            file.touch(exist_ok=False)
        Path(partial.name).replace(file)
    except BaseException:
        Path(partial.name).unlink(missing_ok=True)
        raise


def read(path: Path) -> Capture:
    """Return the capture in a file; raise NotACapture for anything else, OSError where it can't be opened."""
    with path.open("rb") as file, _refusing_what_is_broken(), ZipFile(file) as archive:
        summary = _decoded(_content(archive, _SUMMARY, _LARGEST_SUMMARY), _Summary, _SUMMARY)
        if summary.format != FORMAT:
            raise NotACapture(f"its format is number {summary.format}, and only {FORMAT} can be read")
        index = _content(archive, _INDEX, _LARGEST_INDEX).splitlines()
        lines = [
            _decoded(text, _Line, f"{_INDEX}, line {number}")
            for number, text in enumerate(index, 1)
            if text.strip()
        ]
        bodies = _bodies(archive, {line.body for line in lines if line.body})
        return Capture(
            account_sid=summary.account_sid,
            began=summary.began,
            version=summary.version,
            settings=summary.settings,
            exchanges=tuple(_exchange(line, bodies) for line in lines),
        )


def _add(archive: ZipFile, name: str, content: bytes) -> None:
    """Add a file without a date: when the capture was made is nobody's business."""
    entry = ZipInfo(name)
    entry.compress_type = ZIP_DEFLATED
    archive.writestr(entry, content, compresslevel=9)


def _names(exchanges: Sequence[Exchange]) -> dict[bytes, str]:
    """Return a file name for each body that isn't empty."""
    bodies = dict.fromkeys(exchange.body for exchange in exchanges if exchange.body)
    return {body: f"bodies/{number:05}.{_extension(body)}" for number, body in enumerate(bodies, 1)}


def _extension(body: bytes) -> str:
    if _JSON.match(body):
        return "json"
    return "xml" if _XML.match(body) else "txt"


def _line(exchange: Exchange, body: str | None) -> _Line:
    fields = {name: getattr(exchange, name) for name in Exchange.__slots__}
    return _Line(**fields | {"body": body})


def _exchange(line: _Line, bodies: Mapping[str, bytes]) -> Exchange:
    if line.status is None and line.failure is None:
        raise NotACapture(f"{_INDEX}: a request has neither an answer nor a failure")
    fields = msgspec.structs.asdict(line)
    return Exchange(**fields | {"body": bodies[line.body] if line.body else b""})


def _bodies(archive: ZipFile, names: set[str]) -> dict[str, bytes]:
    if sum(_entry(archive, name).file_size for name in names) > LARGEST:
        raise NotACapture(f"its answers are longer than {LARGEST:,} bytes together")
    return {name: _content(archive, name, _LARGEST_BODY) for name in names}


def _content(archive: ZipFile, name: str, most: int) -> bytes:
    """Return what a file holds. No more is inflated than it says that it is long."""
    entry = _entry(archive, name)
    if entry.flag_bits & _IS_ENCRYPTED:
        raise NotACapture(f"{name!r} in it is encrypted")
    if entry.compress_type not in _METHODS:
        raise NotACapture(f"{name!r} in it is compressed in a way that isn't deflate")
    if entry.file_size > most:
        raise NotACapture(f"{name!r} in it is longer than {most:,} bytes")
    return archive.read(entry)


def _entry(archive: ZipFile, name: str) -> ZipInfo:
    try:
        return archive.getinfo(name)
    except KeyError:
        raise NotACapture(f"it holds no {name!r}") from None


def _decoded(text: bytes, kind: type[_T], place: str) -> _T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotACapture(f"{place}: {error}") from None


@contextmanager
def _refusing_what_is_broken() -> Any:
    """Raise NotACapture for whatever zipfile raises, which checks nothing before it uses it."""
    try:
        yield
    except BadZipFile as error:
        raise NotACapture(f"it isn't a whole zip file: {error}") from None
    except (
        OSError,
        ValueError,
        EOFError,
        zlib.error,
        struct.error,
        NotImplementedError,
        RuntimeError,
    ) as error:
        raise NotACapture(f"it isn't a whole zip file: {error}") from None
