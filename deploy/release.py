"""Prints the changelog of a release, whose tag must be this version's: `python3 -m deploy.release TAG`."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


class NotThisVersion(Exception):
    """A tag that isn't this version's, or of which the changelog doesn't know all."""


def notes(tag: str, changelog: str) -> str:
    """Return the changelog's section on the version of this source.

    Raise NotThisVersion when the tag is another one's, there is no such section, or [Unreleased] has entries.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    version = project["tool"]["setuptools_scm"]["fallback_version"]
    if tag != f"v{version}":
        raise NotThisVersion(f"tag: found {tag}; accepted: v{version}, the version in pyproject.toml")
    if re.search(r"^## \[Unreleased\]\n+(?!\n|## )", changelog, re.MULTILINE):
        raise NotThisVersion(
            f"CHANGELOG.md: found entries under [Unreleased]; accepted: all of them under [{version}]"
        )
    section = re.search(
        rf"^## \[{re.escape(version)}\] .*\n((?:(?!## |\[.+\]: ).*\n)+)", changelog, re.MULTILINE
    )
    if section is None:
        raise NotThisVersion(
            f"CHANGELOG.md: found no section [{version}]; accepted: ## [{version}] - YYYY-MM-DD"
        )
    return section[1].strip()


if __name__ == "__main__":
    try:
        print(notes(sys.argv[1], (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")))
    except NotThisVersion as error:
        sys.exit(str(error))
