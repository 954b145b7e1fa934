"""The package as it is built, installed where there is nothing else, and run there."""

import os
import runpy
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests

import exporter
from exporter import __version__
from exporter.release import REVISION
from tests.command import Exporter
from tests.configurations import ACCOUNT
from tests.e2e.processes import program
from tests.packages import declared
from tests.tools import ROOT, require
from tests.tools import run as run_tool
from tests.waiting import GUARD

COMMIT = "c21c987bd0b1aa6d4b4af9b8a55ae4f38dbbd5cd"
SOURCES = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "exporter")


def test_what_is_tested_is_what_was_installed() -> None:
    """CI installs the wheel that it built, and nothing here may take the checkout in its place."""
    wheel = os.environ.get("PACKAGE", "").endswith(".whl")
    home = Path(sysconfig.get_path("purelib")) if wheel else ROOT
    assert Path(exporter.__file__).parent == home / "exporter"
    assert (REVISION == "checkout") != wheel


# The commit


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Give what the package is built from, in a folder that no repository knows."""
    folder = tmp_path / "sources"
    copy_sources(folder)
    return folder


def copy_sources(folder: Path) -> None:
    """Copy what the package is built from, without what running it left behind."""
    folder.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Give git, with no settings but these."""
    require("git")
    for name, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(name, value)
    return lambda *arguments, cwd: run_tool(
        "git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments, cwd=cwd
    ).strip()


def revision(folder: Path) -> str:
    """Give the commit that a build of these sources would tell."""
    found: str = runpy.run_path(str(folder / "setup.py"))["revision"]()
    return found


def test_the_commit_is_that_of_the_checkout(
    sources: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever COMMIT says; and when a file has changed since, or is new, that is told as well."""
    monkeypatch.setenv("COMMIT", COMMIT)
    git("init", "--quiet", cwd=sources)
    git("add", ".", cwd=sources)
    git("commit", "--quiet", "--message=all", cwd=sources)
    head = git("rev-parse", "HEAD", cwd=sources)
    assert revision(sources) == head
    (sources / "exporter" / "new.py").touch()
    assert revision(sources) == f"{head}-modified"


def test_a_repository_around_the_sources_has_no_say(
    sources: Path, git: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources that were unpacked in a checkout of something else aren't of its commit."""
    monkeypatch.delenv("COMMIT", raising=False)
    git("init", "--quiet", cwd=sources.parent)
    git("commit", "--quiet", "--allow-empty", "--message=another", cwd=sources.parent)
    assert revision(sources) == "unknown"


@pytest.mark.parametrize(("told", "found"), [(COMMIT, COMMIT), (COMMIT[:7], COMMIT[:7]), ("", "unknown")])
def test_without_git_the_commit_is_told_by_the_environment(
    sources: Path, monkeypatch: pytest.MonkeyPatch, told: str, found: str
) -> None:
    """An image is built where there is no repository: COMMIT names it, or nobody does."""
    monkeypatch.setenv("COMMIT", told)
    assert revision(sources) == found


def test_a_commit_that_is_none_is_not_built(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A label for all time: what is no hash doesn't get into it."""
    monkeypatch.setenv("COMMIT", "main")
    with pytest.raises(SystemExit, match="COMMIT: found 'main'; accepted: the hash of a commit"):
        revision(sources)


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a source distribution, and the wheel from it, where COMMIT is no longer known."""
    folder = tmp_path_factory.mktemp("package")
    copy_sources(folder / "sources")
    build(folder / "sources", "sdist", folder, COMMIT=COMMIT)
    [archive] = folder.glob("*.tar.gz")
    shutil.unpack_archive(archive, folder, filter="data")
    build(folder / archive.name.removesuffix(".tar.gz"), "wheel", folder)
    [built] = folder.glob("*.whl")
    return built


def build(sources: Path, what: str, into: Path, **variables: str) -> None:
    """Have the build backend make an `sdist` or a `wheel`, as pip does, with the setuptools that is here."""
    code = f"from setuptools.build_meta import build_{what} as build; build({str(into)!r})"
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=sources, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_the_wheel_has_every_file_of_the_program_and_no_other(wheel: Path) -> None:
    """Code and whatever lies beside it; no tests and no tools."""
    with ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (file.relative_to(ROOT) for file in (ROOT / "exporter").rglob("*") if file.is_file())
    program = {file.as_posix() for file in files if "__pycache__" not in file.parts}
    assert packed == program | {"exporter/REVISION"}


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel where there is nothing but what it declares; give the folder of its commands.

    What it declares is linked from the environment of the tests: no network is needed.
    """
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", wheel], check=True, capture_output=True)
    [packages] = folder.glob("lib/python*/site-packages")
    for name in declared("exotel-exporter"):
        source = distribution(name)
        tops = {file.parts[0] for file in source.files or () if file.parts[0] not in {"..", "__pycache__"}}
        for top in tops:
            (packages / top).symlink_to(Path(str(source.locate_file(top))))
    return python.parent


def run(installed: Path, folder: Path, command: str, *arguments: str, **variables: str) -> str:
    """Run an installed command to its end, in another folder; give its standard output."""
    done = subprocess.run(
        [installed / command, *arguments],
        cwd=folder,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        timeout=GUARD,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_wheel_tells_its_commit(installed: Path, tmp_path: Path) -> None:
    """It went from the environment into the source distribution, and from there into the wheel."""
    said = run(installed, tmp_path, "exotel-exporter", "--version")
    assert said == f"exotel-exporter {__version__} (commit c21c987)\n"
    exposition = run(installed, tmp_path, "exotel-exporter", "--demo", "--once")
    assert f'exotel_exporter_build_info{{revision="{COMMIT}",version="{__version__}"}} 1.0\n' in exposition
    assert 'exotel_up{account="demo"} 1.0\n' in exposition


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("exotel-exporter", "--config.check"), "ok\n"),
        (("exotel-simulator", "--help"), "Usage: exotel-simulator"),
        (("python", "-m", "exporter", "--help"), "Usage: exotel-exporter"),
    ],
)
def test_the_wheel_needs_nothing_that_it_does_not_declare(
    installed: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Each of its commands works where nothing else is installed."""
    variables = {f"EXOTEL_{key.upper()}": value for key, value in ACCOUNT.items()}
    assert run(installed, tmp_path, *arguments, **variables).startswith(said)


def test_the_wheel_serves(installed: Path, tmp_path: Path) -> None:
    """Scraped over HTTP it has the calls of the demo, and ends when it is told to."""
    command = [str(installed / "exotel-exporter"), "--demo", "--web.listen-address=127.0.0.1:0"]
    with program(command, tmp_path / "exporter.log", {}) as started:
        running = Exporter(started)
        assert 'exotel_up{account="demo"} 1.0\n' in requests.get(running.url("/metrics"), timeout=GUARD).text
        assert running.stop(signal.SIGTERM).code == 0
