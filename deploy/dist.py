"""Makes sdist and wheel in dist/: `python -m deploy.dist`, run by `make dist` with what is locked alone."""

import gzip
import io
import os
import tarfile
from pathlib import Path


def normalised(archive: bytes, time: int) -> bytes:
    """Return a .tar.gz with the same files: in order, as of one time, nobody's, and readable by all.

    setuptools makes wheels that depend on what is in them alone, but not sdists.
    """
    made = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as before,
        gzip.GzipFile(fileobj=made, mode="wb", mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before.getmembers(), key=lambda each: each.name):
            entry = tarfile.TarInfo(member.name)
            entry.size, entry.mtime, entry.type = member.size, time, member.type
            entry.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            entry.linkname = member.linkname
            after.addfile(entry, before.extractfile(member) if member.isfile() else None)
    return made.getvalue()


if __name__ == "__main__":
    from setuptools.build_meta import build_sdist, build_wheel

    build_wheel("dist")
    sdist = Path("dist", build_sdist("dist"))
    sdist.write_bytes(normalised(sdist.read_bytes(), int(os.environ["SOURCE_DATE_EPOCH"])))
