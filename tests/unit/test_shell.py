"""The shell scripts of the project."""

from pathlib import Path

import pytest

from tests.tools import ROOT, run


@pytest.mark.parametrize("script", [*(ROOT / ".ci").iterdir()], ids=lambda script: script.name)
def test_shellcheck_has_no_complaint(script: Path) -> None:
    """Not even about style."""
    run("shellcheck", "--severity=style", str(script))
