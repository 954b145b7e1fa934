"""The version and the commit that the program reports."""

from pathlib import Path

import pytest

import exporter
from exporter import release

COMMIT = "c21c987bd0b1aa6d4b4af9b8a55ae4f38dbbd5cd"


@pytest.mark.parametrize(
    ("written", "revision", "reported"),
    [
        (f"g{COMMIT} False", COMMIT, "0.2.0 (commit c21c987)"),
        (f"{COMMIT} False", COMMIT, "0.2.0 (commit c21c987)"),
        (f"g{COMMIT} True", f"{COMMIT}-modified", "0.2.0 (commit c21c987-modified)"),
        ("None False", "unknown", "0.2.0 (commit unknown)"),
        ("unknown False", "unknown", "0.2.0 (commit unknown)"),
        (None, "checkout", "0.2.0 (from a checkout)"),
    ],
)
def test_the_commit_is_the_one_that_the_build_wrote_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, written: str | None, revision: str, reported: str
) -> None:
    """With or without git's `g` before the hash; a checkout moves on, so it names none."""
    monkeypatch.setattr(exporter, "__file__", str(tmp_path / "__init__.py"))
    if written:
        (tmp_path / "REVISION").write_text(written, encoding="ascii")
    assert exporter.__revision__ == revision
    assert release("0.2.0", revision) == reported


def test_the_package_has_no_other_attribute_that_is_made_up() -> None:
    """A misspelt name is an AttributeError, as of any module."""
    assert not hasattr(exporter, "__versoin__")
