"""Users of basic auth. No mistake shows a password or its hash."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from exporter.config.parsing import Parser, SeveralUnacceptable, Source, Unacceptable
from exporter.config.shown import kind, show_key

# Version, cost, 22 characters of salt and 31 of hash, of whose last ones only some bits are used.
_BCRYPT = re.compile(
    r"\$2[aby]\$(?:0[4-9]|1[0-8])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]"
)
_NAME = re.compile(r"[^:]{1,128}")

_USERS = "a mapping from names to bcrypt hashes"
_A_NAME = "1 to 128 printable characters, none of them a colon"
_A_HASH = "a bcrypt hash ($2a$, $2b$ or $2y$) of cost 4 to 18, as `htpasswd -nBC 10 ''` makes them"


@dataclass(frozen=True, slots=True)
class User:
    """Who may come in, and the bcrypt hash of the password."""

    name: str
    password_hash: str = field(repr=False)


def basic_auth_users() -> Parser:
    """Parse a mapping from the names of users to the hashes of their passwords."""

    def parse(value: Any, _source: Source) -> tuple[User, ...]:
        if not isinstance(value, dict):
            raise Unacceptable
        mistakes = [mistake for name, hashed in value.items() for mistake in _mistakes(name, hashed)]
        if mistakes:
            raise SeveralUnacceptable(mistakes)
        return tuple(User(name, hashed) for name, hashed in value.items())

    return Parser(_USERS, parse, hidden=True)


def _mistakes(name: Any, hashed: Any) -> list[Unacceptable]:
    place = f".{show_key(name)}"
    found = []
    if not isinstance(name, str) or not name.isprintable() or not _NAME.fullmatch(name):
        why = None if isinstance(name, str) else "put it in quotes"
        found.append(Unacceptable(kind(name), why=why, place=place, accepts=_A_NAME))
    if not isinstance(hashed, str) or not _BCRYPT.fullmatch(hashed):
        what = "a text that is no such hash" if isinstance(hashed, str) else kind(hashed)
        found.append(Unacceptable(what, place=place, accepts=_A_HASH))
    return found
