"""GitHub's workflows, as far as they can be read: nobody here can run them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.release import NotThisVersion, notes
from tests.offenders import for_each
from tests.packages import PROJECT, VERSION
from tests.tools import ROOT, run

FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEXTS = {file.stem: file.read_text(encoding="utf-8") for file in FILES}
WORKFLOWS: dict[str, dict[Any, Any]] = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
JOBS = [(f"{name}: {job}", each) for name, flow in WORKFLOWS.items() for job, each in flow["jobs"].items()]
RELEASE_WORKFLOW = WORKFLOWS["release"]
RELEASE: dict[str, Any] = RELEASE_WORKFLOW["jobs"]

#: The changelog as it would be released.
RELEASED = re.sub(
    r"^## \[Unreleased\]\n.*?(?=^## \[)",
    "",
    (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE | re.DOTALL,
)

#: GitHub's own, those of the projects that own what they do, and nobody else's.
OWNERS = {"actions", "Azure", "pypa", "sigstore"}

#: What somebody outside can choose, if it stood in a command. `env` carries it safely.
EXPRESSION = re.compile(r"\$\{\{")


def steps(job: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """Return the steps of a job that use this action."""
    return [step for step in job.get("steps", []) if step.get("uses", "").startswith(f"{action}@")]


def needed(job: str) -> Iterator[str]:
    """Yield the jobs that must succeed before one of the release starts."""
    needs = RELEASE[job].get("needs", [])
    for name in [needs] if isinstance(needs, str) else needs:
        yield name
        yield from needed(name)


@for_each(TEXTS.items())
def test_actions_are_pinned_by_their_commits(text: str) -> None:
    """With the version for people beside it; a tag can be moved. Our own are of the same commit anyway."""
    used = re.findall(r"^ *(?:- )?uses: (.*)$", text, re.MULTILINE)
    assert used
    for line in used:
        if not line.startswith("$/"):
            pinned = re.fullmatch(r"([\w-]+)/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
            assert pinned, line
            assert pinned[1] in OWNERS, line


def test_an_action_is_pinned_to_one_commit_everywhere() -> None:
    """A version is one commit, and no workflow stays behind."""
    pins = {pin for text in TEXTS.values() for pin in re.findall(r"uses: (\S+)@(\S+ # \S+)", text)}
    assert len(pins) == len({action for action, _ in pins})


@for_each(WORKFLOWS.items())
def test_a_workflow_begins_without_permissions(workflow: dict[str, Any]) -> None:
    """Each job is given what it needs itself, and no more to write than its task."""
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())


@for_each(JOBS)
def test_a_job_writes_only_what_it_publishes(job: dict[str, Any]) -> None:
    """Only who announces a release changes the repository, and only who signs proves who it is."""
    granted = {scope for scope, access in job["permissions"].items() if access == "write"}
    signs = bool(steps(job, "actions/attest") or steps(job, "pypa/gh-action-pypi-publish"))
    text = yaml.safe_dump(job)
    assert granted == {
        *(["id-token"] if signs else []),
        *(["attestations"] if steps(job, "actions/attest") else []),
        *(["packages"] if "docker login" in text else []),
        *(["contents"] if "gh release create" in text else []),
    }


@for_each(JOBS)
def test_a_checkout_keeps_no_credentials(job: dict[str, Any]) -> None:
    """What runs after it can't push."""
    assert all(step["with"]["persist-credentials"] is False for step in steps(job, "actions/checkout"))


@for_each(JOBS)
def test_commands_get_values_from_their_environment(job: dict[str, Any]) -> None:
    """An expression in a command would be run as part of it."""
    assert not any(EXPRESSION.search(step.get("run", "")) for step in job.get("steps", []))


def test_shellcheck_has_no_complaint_about_commands() -> None:
    """They are bash, which ends at the first command that fails."""
    assert RELEASE_WORKFLOW["defaults"] == {"run": {"shell": "bash"}}
    for _, job in JOBS:
        for command in (step["run"] for step in job.get("steps", []) if "run" in step):
            run("shellcheck", "--shell=bash", "--severity=style", "-", stdin=command.encode())


@for_each(RELEASE.items())
def test_commands_find_the_variables_that_they_use(job: dict[str, Any]) -> None:
    """One that isn't set would be empty, and nobody would be told."""
    for step in job.get("steps", []):
        used = set(re.findall(r"\$\{?([A-Z]\w*)", step.get("run", "")))
        given = {name for name in used if name.startswith("GITHUB_")} | {"RUNNER_TEMP"}
        assert used <= given | RELEASE_WORKFLOW["env"].keys() | step.get("env", {}).keys(), step


@for_each(RELEASE.items())
def test_a_job_reads_outputs_that_are_there(job: dict[str, Any]) -> None:
    """Of jobs that it needs itself, and of its own steps; a misspelt one would be empty."""
    text = yaml.safe_dump(job)
    needs = job.get("needs", [])
    for name, output in re.findall(r"needs\.(\w+)\.outputs\.(\w+)", text):
        assert name in ([needs] if isinstance(needs, str) else needs)
        assert output in RELEASE[name]["outputs"]
    commands = {step["id"]: step["run"] for step in job.get("steps", []) if "id" in step}
    names = [each["arch"] for each in job.get("strategy", {}).get("matrix", {}).get("include", [])]
    for step_id, output in re.findall(r"steps\.(\w+)\.outputs\.(\w+)", text):
        assert f'echo "{"$ARCH" if output in names else output}=' in commands[step_id]


@for_each(JOBS)
def test_a_job_that_hangs_is_ended(job: dict[str, Any]) -> None:
    """Those of a workflow that is called have limits of their own."""
    assert job.get("uses") == "$/.github/workflows/ci.yml" or job["timeout-minutes"] <= 60


def test_ci_runs_what_anybody_can_run() -> None:
    """The gate is a script of the repository, which needs no GitHub."""
    [job] = WORKFLOWS["ci"]["jobs"].values()
    assert job["steps"][-1] == {"run": ".ci/run"}


def test_ci_runs_on_every_python_that_is_supported() -> None:
    """Those that the package is classified for, on the processors that the image is built for."""
    [job] = WORKFLOWS["ci"]["jobs"].values()
    matrix = job["strategy"]["matrix"]
    pattern = r"Programming Language :: Python :: (3\.\d+)"
    classified = [match[1] for each in PROJECT["classifiers"] if (match := re.fullmatch(pattern, each))]
    assert matrix["python"] == classified
    assert PROJECT["requires-python"] == f">={classified[0]}"
    built = [each["runner"] for each in RELEASE["build"]["strategy"]["matrix"]["include"]]
    assert matrix["runner"] == built


def test_a_release_is_of_what_was_tested_under_its_own_version() -> None:
    """Nothing is built before somebody agrees, the tag is checked and the gate passed; PyPI comes last."""
    assert RELEASE["version"]["environment"] == "release"
    commands = "\n".join(step.get("run", "") for step in RELEASE["version"]["steps"])
    assert 'python3 -m deploy.release "$GITHUB_REF_NAME"' in commands
    assert 'git merge-base --is-ancestor "$GITHUB_SHA" origin/main' in commands
    for job in RELEASE.keys() - {"version", "test"}:
        assert {"version", "test"} <= {*needed(job)}, job
    assert RELEASE.keys() - {*needed("pypi")} == {"pypi", "release"}


def test_what_is_built_can_not_sign() -> None:
    """Programs that come from elsewhere run where nothing proves who we are."""
    signing = [job for job in RELEASE.values() if job["permissions"].get("id-token") == "write"]
    built = ("make ", "buildx build", ".ci/")
    assert not any(each in step.get("run", "") for job in signing for step in job["steps"] for each in built)


def test_a_tag_that_is_not_the_versions_publishes_nothing() -> None:
    """One error says which it must be."""
    for tag in (VERSION, "v0.0.1", f"v{VERSION}rc1", "main"):
        with pytest.raises(NotThisVersion, match=rf"^tag: found {tag}; accepted: v{re.escape(VERSION)},"):
            notes(tag, RELEASED)


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    """Whole, and without the next one's or the links at the end."""
    section = notes(f"v{VERSION}", RELEASED)
    assert section.startswith("### Added\n")
    before, after = RELEASED.split(section)
    assert re.search(rf"\n## \[{re.escape(VERSION)}\] - \d{{4}}-\d\d-\d\d\n+$", before)
    assert re.match(r"\n+(?:## \[|\[Unreleased\]: )", after)


def test_what_is_under_no_version_is_not_released() -> None:
    """The notes wouldn't tell of it, nor would the version."""
    with pytest.raises(NotThisVersion, match=r"^CHANGELOG.md: found entries under \[Unreleased\];"):
        notes(f"v{VERSION}", RELEASED.replace("## [", "## [Unreleased]\n\n### Added\n\n- A flag.\n\n## [", 1))
    assert notes(f"v{VERSION}", RELEASED.replace("## [", "## [Unreleased]\n\n## [", 1))


def test_images_and_charts_are_signed_and_attested_by_digest() -> None:
    """A tag could be moved between the push and the signature."""
    for name in ("image", "chart"):
        attested = [step["with"] for step in steps(RELEASE[name], "actions/attest")]
        digest = f"${{{{ steps.{name}.outputs.digest }}}}"
        assert [each["subject-digest"] for each in attested] == [digest] * len(attested)
        signed = re.findall(r"cosign sign .*", yaml.safe_dump(RELEASE[name], width=1000))
        assert all("@$digest" in command for command in signed)
        assert (len(signed), bool(attested)) == (1, True)


def test_each_artefact_has_its_provenance_and_what_holds_dependencies_its_bill() -> None:
    """The bill is that of the lock, which a test compares with what is installed."""
    bills = {
        name: [step["with"].get("sbom-path") for step in steps(job, "actions/attest")]
        for name, job in RELEASE.items()
    }
    bill = "deploy/sbom.cdx.json"
    assert {name: paths for name, paths in bills.items() if paths} == {
        "image": [None, bill],
        "chart": [None],
        "pypi": [None, bill],
    }
    assert Path(ROOT / bill).is_file()


def test_a_released_chart_starts_the_image_of_its_release() -> None:
    """What the release puts in place of the defaults stands there, once."""
    [command] = [step["run"] for step in RELEASE["chart"]["steps"] if "helm package" in step.get("run", "")]
    replaced = re.findall(r"s\|(.+?)\|(.+?)\|", command.replace('\\"', '"'))
    values = (ROOT / "deploy" / "kubernetes" / "chart" / "values.yaml").read_text(encoding="utf-8")
    for pattern, new in replaced:
        values, times = re.subn(pattern, new, values, flags=re.MULTILINE)
        assert times == 1, pattern
    image = yaml.safe_load(values)["image"]
    assert (image["repository"], image["digest"]) == ("$IMAGE", "$IMAGE_DIGEST")
