"""The shell scripts of the project."""

from tests.tools import ROOT, run


def test_shellcheck_has_no_complaint() -> None:
    """Not even about style."""
    run("shellcheck", "--severity=style", *map(str, (ROOT / ".ci").iterdir()))
