"""Writes the commit that is built from into what is built; all else stands in pyproject.toml."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

_HERE = Path(__file__).resolve().parent
_FILE = Path("exporter", "REVISION")
_HASH = re.compile(r"[0-9a-f]{7,64}(-modified)?")


def revision() -> str:
    """Give the commit: that of a source distribution, of the checkout, or of COMMIT; `unknown` without.

    COMMIT is for images, which are built where there is no git. Raises SystemExit if it is no commit.
    """
    carried = _HERE / _FILE
    if carried.exists():
        return carried.read_text(encoding="ascii")
    told = _checked_out() or os.environ.get("COMMIT") or "unknown"
    if told != "unknown" and not _HASH.fullmatch(told):
        raise SystemExit(f"COMMIT: found {told!r}; accepted: the hash of a commit")
    return told


def _checked_out() -> str:
    """Give the commit of the checkout, marked when its files are others; nothing where there is none."""
    try:
        if Path(_git("rev-parse", "--show-toplevel")) != _HERE:
            return ""  # a repository around this folder knows nothing of it
        return _git("rev-parse", "HEAD") + ("-modified" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(  # noqa: S603  # arguments are our own
        ["git", "-C", str(_HERE), *arguments],  # noqa: S607  # whichever git there is
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


class _BuildPackage(build_py):
    def run(self) -> None:
        super().run()
        if not self.editable_mode:  # whose commit would be told long after it was another
            Path(self.build_lib, _FILE).write_text(revision(), encoding="ascii")


class _SourceDistribution(sdist):
    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        Path(base_dir, _FILE).write_text(revision(), encoding="ascii")


if __name__ == "__main__":
    setup(cmdclass={"build_py": _BuildPackage, "sdist": _SourceDistribution})
