"""One test for many things, whose message lists all that fail it."""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def offenders(things: Iterable[tuple[str, T]], check: Callable[[T], object]) -> list[str]:
    """Return each thing's name and what the check has against it."""
    found, checked = [], 0
    for name, thing in things:
        checked += 1
        try:
            check(thing)
        except AssertionError as error:
            found.append(f"{name}: {error}")
    assert checked, "there is nothing to check"
    return found


def for_each(things: Iterable[tuple[str, T]]) -> Callable[[Callable[[T], None]], Callable[[], None]]:
    """Make one test of a check that takes each of these named things."""
    named = [*things]

    def decorate(check: Callable[[T], None]) -> Callable[[], None]:
        def test() -> None:
            found = offenders(named, check)
            assert not found, "\n".join(found)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorate
