"""What those need who carry the project on: make's targets, CI, hooks, templates, the changelog."""

import re
from pathlib import Path

import yaml

from tests.packages import PROJECT, VERSION
from tests.tools import ROOT, run

GITHUB = ROOT / ".github"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def schema_of(file: Path) -> str:
    """Return the schema by which GitHub reads a file of `.github`."""
    if file.parent.name == "workflows":
        return "vendor.github-workflows"
    named = {"config.yml": "vendor.github-issue-config", "dependabot.yml": "vendor.dependabot"}
    return named.get(file.name, "vendor.github-issue-forms")


def test_github_accepts_what_it_reads() -> None:
    """By its own schemas; none is forgotten."""
    files = list(GITHUB.rglob("*.yml"))
    assert len(files) >= 4
    for file in files:
        run("check-jsonschema", "--builtin-schema", schema_of(file), str(file))


def test_shellcheck_has_no_complaint() -> None:
    """Not even about style, of any script."""
    run("shellcheck", "--severity=style", *map(str, [*(ROOT / ".ci").iterdir(), *ROOT.glob("tests/**/*.sh")]))


def test_hooks_run_the_linters_of_make_lint() -> None:
    """The same programs, from the same environment: a commit that passes one passes the other."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0][
        "hooks"
    ]
    program = r"(\w+(?: (?:check|format))?)"
    hooked = [re.findall(rf"^\.venv/bin/{program}", hook["entry"])[0] for hook in hooks]
    [recipe] = re.findall(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    linted = re.findall(rf"^\t\$\(BIN\)/{program}", recipe, re.MULTILINE)
    assert hooked == linted
    declared = " ".join(PROJECT["optional-dependencies"]["dev"])
    assert [name for name in linted if name.split()[0] not in declared] == []


def test_make_help_names_every_target() -> None:
    """Each with what it is for; a new one without a comment is found here."""
    [phony] = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    lines = [line.split(maxsplit=1) for line in run("make", "--no-print-directory", "help").splitlines()]
    assert [name for name, _ in lines] == phony.split()


def test_a_test_run_by_name_needs_no_linter() -> None:
    """`make test T=…` is for the loop of editing and trying."""
    commands = run(
        "make", "--no-print-directory", "--dry-run", "test", "T=tests/unit/test_project.py"
    ).splitlines()
    assert commands[-1].endswith("pytest --numprocesses=0 tests/unit/test_project.py")
    assert not [command for command in commands if "mypy" in command or "ruff" in command]


def test_the_demo_listens_where_it_is_told_to() -> None:
    """And a port that is taken says how to choose another."""
    commands = run("make", "--no-print-directory", "--dry-run", "demo", "PORT=9931")
    assert "exotel-exporter --demo --web.listen-address=127.0.0.1:9931" in commands
    assert "Choose another: make demo PORT=" in commands


def test_the_changelog_ends_its_latest_release_with_this_version() -> None:
    """Keep a Changelog: what isn't released comes first, then versions with their dates, the newest first."""
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    releases = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\d{4}-\d\d-\d\d)", each) for each in headings[1:]]
    assert None not in releases
    versions = [tuple(map(int, each.groups()[:3])) for each in releases if each]
    assert versions == sorted(versions, reverse=True)
    assert ".".join(map(str, versions[0])) == VERSION


def test_artifact_hub_is_told_what_pypi_is_told() -> None:
    """The same keywords, licence and addresses, under the same names."""
    text = (ROOT / "deploy" / "kubernetes" / "chart" / "Chart.yaml").read_text(encoding="utf-8")
    chart = yaml.safe_load(text)
    listed = yaml.safe_load(chart["annotations"]["artifacthub.io/links"])
    links = {each["name"]: each["url"] for each in listed}
    assert links == PROJECT["urls"]
    assert (chart["home"], chart["sources"]) == (links["Source"], [links["Source"]])
    assert chart["keywords"] == PROJECT["keywords"]
    assert chart["annotations"]["artifacthub.io/license"] == PROJECT["license"]
