"""The image: pinned, small, without privileges; and its health check, which must not be misled."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator

import pytest
import trustme

from deploy import healthcheck
from tests.answering import answering
from tests.packages import PROJECT, VERSION
from tests.tools import ROOT, run
from tests.waiting import GUARD

DEPLOY = ROOT / "deploy"
LINES = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "").splitlines()
ARGUMENTS = dict(re.findall(r"^ARG (\w+)=(.*)$", "\n".join(LINES), re.MULTILINE))


def _of(instruction: str) -> list[str]:
    return [line.removeprefix(f"{instruction} ") for line in LINES if line.startswith(f"{instruction} ")]


def test_hadolint_has_no_complaint() -> None:
    """Neither of the instructions nor of the shell in them."""
    run("hadolint", "--no-color", "--failure-threshold=style", "deploy/Dockerfile")


def test_image_is_pinned_small_and_without_privileges() -> None:
    """Both stages start from one exact slim image, which can be fixed by digest; a numbered user runs it."""
    assert _of("FROM") == ["${PYTHON} AS build", "${PYTHON}"]
    assert re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", ARGUMENTS["PYTHON"])
    [user] = _of("USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert _of("EXPOSE") == ["9927"]
    assert _of("ENTRYPOINT") == ['["env", "--block-signal=HUP,INT,TERM", "exotel-exporter"]']


def test_image_says_what_it_is() -> None:
    """Its labels are those of the Open Container Initiative, and true of this project."""
    [labels] = _of("LABEL")
    said = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', labels))
    assert said == {
        "title": PROJECT["name"],
        "description": PROJECT["description"],
        "source": "https://github.com/exotel-exporter/exotel-exporter",
        "licenses": PROJECT["license"],
        "version": "${VERSION}",
        "revision": "${COMMIT}",
    }
    assert ARGUMENTS["VERSION"] == VERSION
    [build] = [line for line in _of("RUN") if " wheel " in line]
    assert build.startswith("SETUPTOOLS_SCM_PRETEND_METADATA=\"{node = '${COMMIT}'}\" ")


def test_everything_that_is_installed_is_fixed_by_hash() -> None:
    """Each `pip install` takes hashes, or the wheel that was just built and nothing besides."""
    installs = re.findall(r"pip [^&]*\binstall [^&]*", "\n".join(_of("RUN")))
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps /dist/" in install


@pytest.mark.parametrize(
    ("commit", "is_accepted"),
    [
        ("c21c987bd0b1aa6d4b4af9b8a55ae4f38dbbd5cd", True),
        ("c21c987", True),
        ("unknown", True),
        ("main", False),
        ("", False),
    ],
)
def test_image_is_not_labelled_with_what_is_no_commit(commit: str, *, is_accepted: bool) -> None:
    """A label lasts as long as the image does: a branch's name doesn't get into it."""
    [check] = [line for line in _of("RUN") if "COMMIT: found" in line]
    done = subprocess.run(["/bin/sh", "-c", check], env={"COMMIT": commit}, capture_output=True, check=False)
    assert (done.returncode == 0) is is_accepted
    assert (
        f"COMMIT: found '{commit}'; accepted: the hash of a commit" in done.stderr.decode()
    ) is not is_accepted


def test_nothing_compiled_tells_when_it_was() -> None:
    """Modules are compiled once, without time stamps: the same sources make the same image."""
    compilations = re.findall(r"-m compileall [^&]*", "\n".join(_of("RUN")))
    assert len(compilations) == 2
    assert all("--invalidation-mode unchecked-hash" in compilation for compilation in compilations)
    assert all("--no-compile" in install for install in re.findall(r"\binstall [^&]*", "\n".join(_of("RUN"))))
    before_any = LINES[: next(number for number, line in enumerate(LINES) if line.startswith("RUN "))]
    assert any(re.match(r"ENV .*\bPYTHONDONTWRITEBYTECODE=1\b", line) for line in before_any)


def test_what_builds_the_image_stays_out_of_it() -> None:
    """It has an environment of its own: one folder beside that is all that is kept."""
    [install] = re.findall(r"pip [^&]*deploy/requirements-build.lock", "\n".join(_of("RUN")))
    assert "--python /opt/build/" in install
    assert [line for line in _of("COPY") if line.startswith("--from")] == [
        "--from=build /opt/exotel-exporter /opt/exotel-exporter"
    ]


def test_image_is_built_from_files_that_reach_the_builder() -> None:
    """What the Dockerfile copies exists, and .dockerignore lets it through, and nothing else."""
    copied = [line.split()[:-1] for line in _of("COPY") if not line.startswith("--from")]
    sources = {source.removeprefix("./") for line in copied for source in line}
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert sources == {line[1:] for line in ignore if line.startswith("!")}
    assert all((ROOT / source).exists() for source in sources)


def test_health_is_asked_for_where_the_exporter_listens() -> None:
    """The port is the exporter's own by default, and the script lies where it is copied to."""
    [check] = _of("HEALTHCHECK")
    assert "http://127.0.0.1:9927/-/healthy" in check
    assert "/opt/exotel-exporter/healthcheck.py" in check
    assert any(line.endswith("healthcheck.py /opt/exotel-exporter/") for line in _of("COPY"))


def _tls(*, minimum: ssl.TLSVersion | None = None, wants_certificate: bool = False) -> ssl.SSLContext:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("exporter.example.com").configure_cert(context)
    if minimum:
        context.maximum_version = minimum
    if wants_certificate:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    return context


@pytest.mark.parametrize(
    ("status", "healthy"), [(200, True), (401, True), (429, True), (404, False), (500, False), (503, False)]
)
def test_health_check_takes_a_refusal_for_an_answer_but_no_failure(status: int, *, healthy: bool) -> None:
    """Who wants a password, or has too many requests to take this one, is there."""
    with answering(lambda path: (status if path == "/-/healthy" else 500, b"")) as address:
        assert healthcheck.answers(f"http://{address}/-/healthy") is healthy


@pytest.mark.parametrize(
    "tls",
    [
        pytest.param(_tls(), id="a certificate that nobody vouches for"),
        pytest.param(_tls(wants_certificate=True), id="a client's certificate is wanted"),
        pytest.param(
            _tls(wants_certificate=True, minimum=ssl.TLSVersion.TLSv1_2), id="a client's certificate, TLS 1.2"
        ),
    ],
)
def test_health_check_works_over_tls(tls: ssl.SSLContext) -> None:
    """It asks the machine it runs on: it verifies nothing, and shows no certificate of its own."""
    with answering(lambda _path: (200, b""), tls) as address:
        assert healthcheck.answers(f"https://{address}/-/healthy")
        assert not healthcheck.answers(f"http://{address}/-/healthy")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of what accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield "{}:{}".format(*listening.getsockname())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_health_check_does_not_wait_for_ever(
    scheme: str, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exporter that hangs is not healthy."""
    monkeypatch.setattr(healthcheck, "TIMEOUT", 0.2)
    assert not healthcheck.answers(f"{scheme}://{silent}/-/healthy")


def test_health_check_ends_with_what_docker_understands(silent: str) -> None:
    """0 is healthy, 1 is not; proxies of the environment are not asked."""
    with answering(lambda _path: (200, b"")) as address:
        environment = {"http_proxy": f"http://{silent}"}
        for url, code in [(f"http://{address}/-/healthy", 0), ("http://127.0.0.1:1/", 1)]:
            command = [sys.executable, str(DEPLOY / "healthcheck.py"), url]
            done = subprocess.run(command, env=environment, timeout=GUARD, capture_output=True, check=False)
            assert (done.returncode, done.stderr) == (code, b"")
