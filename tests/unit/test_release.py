"""What is told of the version and the commit."""

import pytest

from exporter import __version__
from exporter.release import release

COMMIT = "c21c987bd0b1aa6d4b4af9b8a55ae4f38dbbd5cd"


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        (COMMIT, "commit c21c987"),
        (f"{COMMIT}-modified", "commit c21c987-modified"),
        ("unknown", "commit unknown"),
        ("checkout", "from a checkout"),
    ],
)
def test_the_commit_is_told_if_there_is_one(revision: str, told: str) -> None:
    """Short, and marked when what was built isn't quite it; a checkout changes, and names none."""
    assert release(revision) == f"{__version__} ({told})"
