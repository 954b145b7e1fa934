"""What pyproject.toml declares, and what a package needs."""

import tomllib
from importlib.metadata import distribution

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.tools import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
VERSION: str = PYPROJECT["tool"]["setuptools_scm"]["fallback_version"]


def declared(package: str) -> set[NormalizedName]:
    """Return what an installed package declares that it needs here, and what that needs."""
    needs = map(Requirement, distribution(package).requires or ())
    names = {canonicalize_name(need.name) for need in needs if is_needed(need)}
    return names.union(*map(declared, names))


def is_needed(need: Requirement) -> bool:
    """Return whether a package is needed with this Python on this system, without any extra."""
    return need.marker is None or need.marker.evaluate({"extra": ""})
