"""Makes sdist and wheel in dist/: `python -m deploy.dist`, run by `make dist` with what is locked alone.

Of one commit they are the same, byte by byte: setuptools has times in sdists, and a checkout's modes in both.
"""

import gzip
import io
import os
import tarfile
from pathlib import Path
from zipfile import ZipFile

_PROGRAM, _FILE = 0o755, 0o644
_REGULAR = 0o100000


def same_sdist(sdist: bytes, time: int) -> bytes:
    """Return a .tar.gz with the same files: in order, as of one time, nobody's, and readable by all."""
    made = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(sdist)) as before,
        gzip.GzipFile(fileobj=made, mode="wb", mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before.getmembers(), key=lambda each: each.name):
            entry = tarfile.TarInfo(member.name)
            entry.size, entry.mtime, entry.type = member.size, time, member.type
            entry.mode = _PROGRAM if member.isdir() or member.mode & 0o100 else _FILE
            entry.linkname = member.linkname
            after.addfile(entry, before.extractfile(member) if member.isfile() else None)
    return made.getvalue()


def same_wheel(wheel: bytes) -> bytes:
    """Return a wheel with the same files, readable by all; times and order are setuptools' own."""
    made = io.BytesIO()
    with ZipFile(io.BytesIO(wheel)) as before, ZipFile(made, "w") as after:
        for entry in before.infolist():
            content = before.read(entry)
            is_program = entry.external_attr >> 16 & 0o100
            entry.external_attr = (_REGULAR | (_PROGRAM if is_program else _FILE)) << 16
            after.writestr(entry, content)
    return made.getvalue()


if __name__ == "__main__":
    from setuptools.build_meta import build_sdist, build_wheel

    wheel, sdist = Path("dist", build_wheel("dist")), Path("dist", build_sdist("dist"))
    wheel.write_bytes(same_wheel(wheel.read_bytes()))
    sdist.write_bytes(same_sdist(sdist.read_bytes(), int(os.environ["SOURCE_DATE_EPOCH"])))
