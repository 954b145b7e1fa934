"""What an image installs is locked by hash, fits what is declared, and is listed in the bill of materials."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

from deploy import bill
from tests.packages import PROJECT, PYPROJECT, VERSION, declared, is_needed
from tests.tools import ROOT

BILL = json.loads((ROOT / "deploy" / "sbom.cdx.json").read_text(encoding="utf-8"))
LINE = re.compile(
    r"(?P<requirement>[a-z0-9.-]+==[^ ]+(?: ; [^\\]+)?)(?: \\\n    --hash=sha256:[0-9a-f]{64})+"
)


@dataclass(frozen=True)
class Locked:
    """One line of a lock."""

    version: str
    is_needed: bool
    """With this Python on this system."""


def locked(name: str) -> Mapping[NormalizedName, Locked]:
    """Return what a lock holds; fails unless each line is one version of a package with its hashes."""
    text = (ROOT / "deploy" / name).read_text(encoding="utf-8")
    text = re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE)
    found = {}
    for line in re.split(r"\n(?! )", text.rstrip()):
        match = LINE.fullmatch(line)
        assert match, f"{name}: {line}"
        requirement = Requirement(match["requirement"])
        version = str(requirement.specifier).removeprefix("==")
        found[canonicalize_name(requirement.name)] = Locked(version, is_needed(requirement))
    return found


def test_what_is_locked_is_what_is_allowed() -> None:
    """Who changes a range of pyproject.toml, or adds a dependency, is told to run `make lock`."""
    declarations = {
        "requirements.lock": PROJECT["dependencies"],
        "requirements-build.lock": PYPROJECT["build-system"]["requires"],
    }
    for name, requirements in declarations.items():
        packages = locked(name)
        for requirement in map(Requirement, requirements):
            package = packages.get(canonicalize_name(requirement.name))
            assert package, f"{name}: {requirement}: run make lock"
            assert requirement.specifier.contains(package.version), f"{name}: {requirement}: run make lock"


def test_all_that_is_needed_is_locked_and_nothing_else() -> None:
    """What dependencies need themselves stands in the lock too, and what nobody needs any more doesn't."""
    needed = {name for name, package in locked("requirements.lock").items() if package.is_needed}
    assert needed == declared("exotel-exporter")


def test_the_bill_is_that_of_the_lock() -> None:
    """The same packages in the same versions, and this version of the exporter."""
    listed = {canonicalize_name(each["name"]): each["version"] for each in BILL["components"]}
    assert listed == {name: package.version for name, package in locked("requirements.lock").items()}
    assert BILL["metadata"]["component"]["version"] == VERSION


def test_the_bill_tells_of_each_package_its_licence_and_who_needs_it() -> None:
    """From the exporter a chain of dependencies leads to every one of them."""
    assert [each["name"] for each in BILL["components"] if not each.get("licenses")] == []
    needs = {each["ref"]: each.get("dependsOn", []) for each in BILL["dependencies"]}
    reached, ahead = set[str](), [BILL["metadata"]["component"]["bom-ref"]]
    while ahead:
        reached.add(package := ahead.pop())
        ahead += [each for each in needs[package] if each not in reached]
    assert reached == needs.keys()


def test_the_bill_can_be_made_again() -> None:
    """No number drawn, no time: who makes it again gets the same file, byte by byte."""
    assert bill.numbered(BILL) == BILL
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", BILL["serialNumber"])
    assert bill.numbered({**BILL, "components": []})["serialNumber"] != BILL["serialNumber"]
    assert "timestamp" not in BILL["metadata"]
