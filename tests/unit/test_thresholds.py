"""The thresholds: the committed file is the generated one."""

from deploy import rules


def test_the_committed_thresholds_are_the_generated_ones() -> None:
    """Nobody edits them by hand, and nobody forgets to generate them."""
    assert rules.FILE.read_text(encoding="utf-8") == rules.thresholds_file(), "run make generate"
