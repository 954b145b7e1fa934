"""How every test runs."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.tools import require_newer
from tests.versions import ran_with

GOLDEN = Path(__file__).parent / "unit" / "golden"
CAPTURES = Path(__file__).parent / "captures"

# No deadline for an example: a busy machine is no fault of the program. Examples differ each time, so
# that few a run are many a week.
settings.register_profile("project", deadline=None, max_examples=50)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag of `make golden`."""
    parser.addoption(
        "--golden", action="store_true", help="rewrite golden files instead of comparing with them"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """End CI's log with what ran with which version."""
    if os.environ.get("CI") == "true":
        terminalreporter.section("what ran with which version")
        for line in ran_with(terminalreporter.stats):
            terminalreporter.write_line(line)


@pytest.fixture(scope="module", params=["installed", "newer"])
def generation(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run a test with either generation of Prometheus and Alertmanager: programs come from there first."""
    with pytest.MonkeyPatch.context() as environment:
        if request.param == "newer":
            environment.setenv("PATH", str(require_newer()), prepend=os.pathsep)
        yield request.param


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Return a function that compares a text with a golden file, or rewrites it with --golden."""

    def compare(file: Path, text: str) -> None:
        if request.config.getoption("--golden"):
            file.write_text(text, encoding="utf-8")
        assert file.exists(), "run make golden, and commit what it writes"
        assert text == file.read_text(encoding="utf-8"), "run make golden, and look at its diff"

    return compare
