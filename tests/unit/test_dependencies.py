"""What is imported is declared: what a dependency brings along may be gone with its next version."""

import ast
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from tests.packages import PROJECT
from tests.tools import ROOT

OURS = {"exporter", "tests", "grafana", "docs", "deploy", "bench"}
PACKAGES = packages_distributions()
"""Those that a module may come from."""


def imported(folder: str) -> set[str]:
    """The modules of others, by the first part of their names, that files of a folder import."""
    names = set[str]()
    for file in (ROOT / folder).rglob("*.py"):
        names.update(_imports(ast.walk(ast.parse(file.read_text(encoding="utf-8")))))
    return names - OURS - sys.stdlib_module_names


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


def packages(module: str) -> set[NormalizedName]:
    """The packages that a module may come from."""
    return set(map(canonicalize_name, PACKAGES[module]))


def declared(*extras: str) -> set[NormalizedName]:
    """What is declared for everybody, and in these extras."""
    lists = [PROJECT["dependencies"], *(PROJECT["optional-dependencies"][extra] for extra in extras)]
    return {canonicalize_name(Requirement(each).name) for part in lists for each in part}


def test_what_is_imported_is_declared() -> None:
    """The exporter imports its dependencies alone; what builds and tests it, those of its extras too."""
    extras = {"exporter": (), "deploy": ("dev", "deploy")}
    undeclared = {
        (folder, module)
        for folder in OURS
        for module in imported(folder)
        if not packages(module) & declared(*extras.get(folder, ("dev",)))
    }
    assert undeclared == set()


def test_what_is_declared_is_imported() -> None:
    """Nobody installs what the exporter has no use for."""
    used = {package for module in imported("exporter") for package in packages(module)}
    assert declared() - used == set()


def test_dependencies_have_bounds() -> None:
    """A lowest version, which `make lowest` tests, and the next major version, of which nobody knows yet."""
    requirements = map(Requirement, PROJECT["dependencies"])
    assert [
        str(each) for each in requirements if {part.operator for part in each.specifier} != {">=", "<"}
    ] == []
