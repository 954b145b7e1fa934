"""The package as it is built, installed where there is nothing else, and run there."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests

import exporter
from exporter import __revision__, __version__
from tests.command import Exporter
from tests.configurations import ACCOUNT
from tests.e2e.processes import program
from tests.packages import VERSION, declared
from tests.tools import ROOT
from tests.tools import run as run_tool
from tests.waiting import GUARD

COMMIT = "c21c987bd0b1aa6d4b4af9b8a55ae4f38dbbd5cd"
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "exporter")


def test_what_is_tested_is_what_was_installed() -> None:
    """CI installs the wheel that it built, and nothing here may take the checkout in its place."""
    wheel = os.environ.get("PACKAGE", "").endswith(".whl")
    home = Path(sysconfig.get_path("purelib")) if wheel else ROOT
    assert Path(exporter.__file__).parent == home / "exporter"
    assert (__revision__ == "checkout") != wheel
    assert __version__ == VERSION


# The commit


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Return a folder that no repository knows, with what the package is built from."""
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


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with no settings but these; return what it says."""
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false")
    return run_tool("git", *settings, *arguments, cwd=folder).strip()


def commit(folder: Path) -> str:
    """Commit all of a folder to a repository of its own; return the hash."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "--message=all")
    return git(folder, "rev-parse", "HEAD")


def build(sources: Path, what: str, into: Path, **variables: str) -> Path:
    """Have the build backend make an `sdist` or a `wheel`, as pip does, with the setuptools that is here."""
    code = f"from setuptools.build_meta import build_{what} as build; build({str(into)!r})"
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=sources, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    [built] = into.glob(f"exotel_exporter-{VERSION}*.{'whl' if what == 'wheel' else 'tar.gz'}")
    return built


def revision(sources: Path, **variables: str) -> str:
    """Return what a build of these sources writes down of its commit."""
    with ZipFile(build(sources, "wheel", sources.with_name("dist"), **variables)) as archive:
        return archive.read("exporter/REVISION").decode()


def test_the_commit_is_that_of_the_checkout(sources: Path) -> None:
    """Where a file has changed since, that is recorded as well; a tag doesn't override the version."""
    head = commit(sources)
    git(sources, "tag", "v9.9.9")
    assert revision(sources) == f"g{head} False"
    (sources / "exporter" / "__init__.py").write_text("# changed", encoding="ascii")
    assert revision(sources) == f"g{head} True"


def test_a_repository_around_the_sources_has_no_say(sources: Path) -> None:
    """Sources that were unpacked in a checkout of something else aren't of its commit."""
    commit(sources.parent)
    assert revision(sources) == "None False"


def test_without_git_the_commit_comes_from_the_environment(sources: Path) -> None:
    """An image is built where there is no repository."""
    told = {"SETUPTOOLS_SCM_PRETEND_METADATA": f"{{node = '{COMMIT}'}}"}
    assert revision(sources, **told) == f"{COMMIT} False"


# The wheel


@dataclass(frozen=True)
class Wheel:
    """A wheel built from a source distribution, where there was no repository any more."""

    file: Path
    commit: str


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    """Return the wheel that somebody builds from what we publish."""
    folder = tmp_path_factory.mktemp("package")
    copy_sources(folder / "sources")
    head = commit(folder / "sources")
    archive = build(folder / "sources", "sdist", folder)
    shutil.unpack_archive(archive, folder)
    return Wheel(build(folder / archive.name.removesuffix(".tar.gz"), "wheel", folder), head)


def test_the_wheel_has_every_file_of_the_program_and_no_other(wheel: Wheel) -> None:
    """Code and whatever lies beside it; no tests and no tools."""
    with ZipFile(wheel.file) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (file.relative_to(ROOT) for file in (ROOT / "exporter").rglob("*") if file.is_file())
    program = {file.as_posix() for file in files if "__pycache__" not in file.parts}
    assert packed == program | {"exporter/REVISION"}


@pytest.fixture(scope="module")
def installed(wheel: Wheel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel where there is nothing but what it declares; return the folder of its commands.

    What it declares is linked from the environment of the tests: no network is needed.
    """
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}"]
    subprocess.run([*pip, "install", "--no-index", "--no-deps", wheel.file], check=True, capture_output=True)
    [packages] = folder.glob("lib/python*/site-packages")
    for name in declared("exotel-exporter"):
        source = distribution(name)
        tops = {file.parts[0] for file in source.files or () if file.parts[0] not in {"..", "__pycache__"}}
        for top in tops:
            (packages / top).symlink_to(Path(str(source.locate_file(top))))
    return python.parent


def run(installed: Path, folder: Path, command: str, *arguments: str, **variables: str) -> str:
    """Run an installed command to its end, in another folder; return its standard output."""
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


def test_the_wheel_tells_its_commit(wheel: Wheel, installed: Path, tmp_path: Path) -> None:
    """It went from the repository into the source distribution, and from there into the wheel."""
    said = run(installed, tmp_path, "exotel-exporter", "--version")
    assert said == f"exotel-exporter {__version__} (commit {wheel.commit[:7]})\n"
    exposition = run(installed, tmp_path, "exotel-exporter", "--demo", "--once")
    assert (
        f'exotel_exporter_build_info{{revision="{wheel.commit}",version="{__version__}"}} 1.0\n' in exposition
    )
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
    """Scraped over HTTP it has the calls of the demo; the runbooks are there; it ends when it is told to."""
    command = [str(installed / "exotel-exporter"), "--demo", "--web.listen-address=127.0.0.1:0"]
    with program(command, tmp_path / "exporter.log", {}) as started:
        running = Exporter(started)
        assert 'exotel_up{account="demo"} 1.0\n' in requests.get(running.url("/metrics"), timeout=GUARD).text
        assert "ExotelExporterDown" in requests.get(running.url("/runbooks"), timeout=GUARD).text
        assert running.stop(signal.SIGTERM).code == 0
