"""The image, built on a bare Debian and run by Podman; the systemd units, under a systemd in a container."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.tools import ROOT, cannot_run, require
from tests.unit.test_deploy import EXPOSURE
from tests.waiting import GUARD, wait_until

COMMIT = "c21c987bd0b1aa6d4b4af9b8a55ae4f38dbbd5cd"
CONTEXT = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
PACKAGES = "python3-pip,python3-venv,procps,systemd-sysv"
"""What the base has beside Debian's essential packages. /bin/kill, which the unit calls, is of procps."""

OF_THIS_MACHINE = ("etc/apt/sources.list", "etc/hostname", "etc/machine-id", "etc/resolv.conf")


@pytest.fixture(scope="module", autouse=True)
def _may_mount() -> None:
    """Say why nothing here can run, where nothing can."""
    if os.geteuid() != 0:
        cannot_run("building a Debian and running containers needs root")
    done = _call(require("unshare"), "--mount", "mount", "-t", "tmpfs", "none", "/mnt")
    if done.returncode:  # not even CI=true changes what the kernel allows
        pytest.skip(f"the kernel forbids root to mount, which containers need: {done.stderr.strip()}")


@dataclass(frozen=True)
class Containers:
    """Buildah and Podman with a store of their own, which no other container's mounts are in the way of."""

    folder: Path

    def call(self, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return how a call of Buildah or Podman ended."""
        flags = [
            f"--root={self.folder / 'store'}",
            f"--runroot={self.folder / 'run'}",
            "--storage-driver=vfs",
        ]
        if tool == "podman":
            flags += [f"--tmpdir={self.folder / 'tmp'}", "--cgroup-manager=cgroupfs", "--runtime=runc"]
        return _call(require(tool), *flags, *arguments)

    def run(self, tool: str, *arguments: str) -> str:
        """Return the standard output of a call that succeeds."""
        return _succeeded(self.call(tool, *arguments))


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    """Return a store that is gone, with all its containers, when the tests are done.

    Podman takes no path of more than 50 characters for it.
    """
    made = Containers(Path(mkdtemp(prefix="exotel-")))
    yield made
    made.call("podman", "rm", "--all", "--force", "--depend", "--time=0")
    # Podman cleans up after a container that has ended, in a process of its own, which still writes there.
    wait_until(lambda: _is_removed(made.folder), "an end of what Podman writes")


def _is_removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


@pytest.fixture(scope="module")
def base(containers: Containers) -> str:
    """Return the name of an image of this machine's Debian, with no more than its Python and systemd."""
    containers.run("podman", "import", str(_debian()), "localhost/debian")
    return "localhost/debian"


def _debian() -> Path:
    """Return the root file system: from the cache, or made of the packages that apt is configured to take."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = (
        require("apt-get"),
        "indextargets",
        f"--format={form}",
        "Created-By: Packages",
        "Origin: Debian",
    )
    known = re.findall(
        rf"^deb \S+ {release}(?:-updates|-security)? .*$", _succeeded(_call(*targets)), re.MULTILINE
    )
    sources = "\n".join(dict.fromkeys(known))
    wanted = hashlib.sha256(repr((sources, PACKAGES, OF_THIS_MACHINE)).encode()).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exotel-exporter"
    file = cache / f"debian-{release}-{platform.machine()}-{wanted[:12]}.tar"
    if not file.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(f".{os.getpid()}.tar")
        removal = "--customize-hook=rm -f " + " ".join(f'"$1"/{name}' for name in OF_THIS_MACHINE)
        flags = ("--mode=root", "--variant=essential", f"--include={PACKAGES}", removal)
        _succeeded(_call(require("mmdebstrap"), *flags, release, str(part), *sources.splitlines()))
        part.rename(file)
    return file


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of all that the image installs: the build itself asks nobody for anything."""
    folder = tmp_path_factory.mktemp("wheels")
    flags = ["--no-deps", "--require-hashes", "--only-binary=:all:", f"--dest={folder}"]
    locks = [
        f"--requirement={ROOT / 'deploy' / name}" for name in ("requirements.lock", "requirements-build.lock")
    ]
    # For Debian's own Python, which is the one of the image.
    pip = (sys.executable, "-m", "pip", "--python=/usr/bin/python3")
    _succeeded(_call(*pip, "download", "--quiet", *flags, *locks))
    (folder / "pip.conf").write_text("[install]\nno-index = true\nfind-links = /wheels\n", encoding="utf-8")
    return folder


def _build(containers: Containers, base: str, wheels: Path, sources: Path, name: str) -> str:
    """Build the image as deploy/Dockerfile says, and return its name."""
    containers.run(
        "buildah",
        *("build", "--isolation=chroot", "--network=host", "--format=docker", "--timestamp=0"),
        *(f"--file={sources / 'deploy/Dockerfile'}", f"--tag=localhost/{name}"),
        *(f"--build-arg=PYTHON={base}", f"--build-arg=COMMIT={COMMIT}"),
        *(f"--volume={wheels}:/wheels:ro", f"--volume={wheels / 'pip.conf'}:/etc/pip.conf:ro"),
        str(sources),
    )
    return f"localhost/{name}"


@pytest.fixture(scope="module")
def image(containers: Containers, base: str, wheels: Path) -> str:
    """Return the name of the image, built from the checkout."""
    return _build(containers, base, wheels, ROOT, "image")


def test_the_same_sources_make_the_same_image(
    containers: Containers, base: str, wheels: Path, image: str, tmp_path: Path
) -> None:
    """Bit by bit, whatever times and modes a checkout gives to its files."""
    for name in (*CONTEXT, "deploy/Dockerfile", ".dockerignore"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, tmp_path / name)
    for path in tmp_path.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
        os.utime(path, (1, 1))
    other = _build(containers, base, wheels, tmp_path, "other")
    assert _contents(containers, other) == _contents(containers, image)


def _contents(containers: Containers, image: str) -> str:
    """Return all that an image is. Not its digest: Buildah adds a random host name to Docker's format."""
    form = "{{json .RootFS.Layers}} {{json .Config}} {{json .History}}"
    return containers.run("podman", "image", "inspect", f"--format={form}", image)


def test_the_image_serves_reloads_and_stops(containers: Containers, image: str, tmp_path: Path) -> None:
    """Started with the flags of docs/install.md: read-only, as its user, and healthy by its own check."""
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    [hardening] = re.findall(r"docker run -d --name exotel-exporter .* \\\n +(.*) \\\n", page)
    limits = (
        "--ulimit=nofile=4096:4096",
        "--ulimit=nproc=4096:4096",
    )  # more than root's own take a capability
    run = ("run", "--detach", "--read-only-tmpfs=false", *shlex.split(hardening), *limits)
    config = tmp_path / "config"
    config.mkdir()
    config.chmod(0o755)
    text = (ROOT / "deploy/demo.yaml").read_text(encoding="utf-8")
    (config / "config.yaml").write_text(text, encoding="utf-8")
    (config / "config.yaml").chmod(0o644)
    network, volume = "--network=none", f"--volume={config}:/etc/exotel-exporter:ro"
    containers.run("podman", *run, "--name=exporter", network, volume, image)
    network, entrypoint = "--network=container:exporter", "--entrypoint=exotel-simulator"
    containers.run(
        "podman", *run, "--name=simulator", network, entrypoint, image, "--listen-address=127.0.0.1:9928"
    )

    def inside(*command: str) -> subprocess.CompletedProcess[str]:
        return containers.call("podman", "exec", "exporter", *command)

    def scraped(sample: str) -> None:
        code = "from urllib.request import urlopen as get; print(get('http://127.0.0.1:9927/metrics').read().decode())"
        wait_until(lambda: f"\n{sample}\n" in inside("python", "-c", code).stdout, sample)

    wait_until(lambda: containers.call("podman", "healthcheck", "run", "exporter").returncode == 0, "health")
    scraped('exotel_up{account="demo"} 1.0')
    assert inside("id", "-u").stdout == "65532\n"
    assert "Read-only file system" in inside("touch", "/opt/exotel-exporter/file").stderr
    assert f"(commit {COMMIT[:7]})" in inside("exotel-exporter", "--version").stdout

    changed = text.replace("call_limit: 150", "call_limit: 160")
    (config / "config.yaml").write_text(changed, encoding="utf-8")
    containers.run("podman", "kill", "--signal=HUP", "exporter")
    scraped('exotel_call_limit{account="demo"} 160.0')

    containers.run("podman", "stop", "exporter")
    assert containers.run("podman", "wait", "exporter") == "0"


def test_the_units_do_what_the_page_says(containers: Containers, image: str) -> None:
    """Start, reload, refuse a bad configuration, stop, start by the socket: under a systemd of their own."""
    containers.run("podman", "create", "--name=unit", image)
    root = Path(containers.run("podman", "mount", "unit"))
    nspawn = (
        *(require("systemd-nspawn"), f"--directory={root}", f"--machine=exotel-{os.getpid()}"),
        *("--register=no", "--keep-unit", "--private-network", "--console=pipe"),
    )
    done = _call(*nspawn, "/bin/true")
    if done.returncode:
        pytest.skip(f"systemd-nspawn can't run anything here: {done.stderr.strip()}")
    units = root / "etc/systemd/system"
    for unit in (ROOT / "deploy/systemd").iterdir():
        shutil.copyfile(unit, units / unit.name)
    # There is no network here, for which it would wait two minutes.
    (units / "systemd-networkd-wait-online.service").symlink_to("/dev/null")
    (units / "exotel-simulator.service").write_text(SIMULATOR, encoding="utf-8")
    (units / "check.service").write_text(CHECK, encoding="utf-8")
    shutil.copyfile(ROOT / "tests/e2e/unit.sh", root / "unit.sh")
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    [config] = re.findall(r"```yaml\n(accounts:[^`]*CREDENTIALS_DIRECTORY[^`]*)```", page)
    config = config.replace("https://ccm-api.in.exotel.com", "http://127.0.0.1:9928\n    call_limit: 150")
    folder = root / "etc/exotel-exporter"
    folder.mkdir()
    (folder / "config.yaml").write_text(config.replace("acme1", "demo"), encoding="utf-8")
    folder.chmod(0o755)
    (folder / "config.yaml").chmod(0o644)
    done = _call(*nspawn, "--boot", "--", "--unit=check.service")
    assert done.returncode == 0, done.stdout + done.stderr + (root / "log").read_text(encoding="utf-8")


SIMULATOR = """\
[Service]
DynamicUser=yes
ExecStart=/opt/exotel-exporter/bin/exotel-simulator --listen-address=127.0.0.1:9928
"""
CHECK = f"""\
[Unit]
SuccessAction=exit-force
FailureAction=exit-force
FailureActionExitStatus=1
[Service]
Type=oneshot
ExecStart=/bin/bash -ex -o pipefail /unit.sh {EXPOSURE}
StandardOutput=file:/log
StandardError=inherit
"""


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=3 * GUARD,
        check=False,
    )


def _succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()
