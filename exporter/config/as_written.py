"""What a configuration file says of an account, as it was written: with each `${VAR}` and relative path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.web.config_file import look_up

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


@dataclass(frozen=True, slots=True)
class AsWritten:
    """The account's own keys, and those of `collection` for what it leaves out; secrets may be among them.

    Empty where no file has the account.
    """

    account: Mapping[str, Any] = field(default_factory=dict, repr=False)
    collection: Mapping[str, Any] | None = field(default=None, repr=False)

    def at(self, *place: str) -> Any:
        """Return what stands at a place; None where nothing does."""
        own = look_up(self.account, place)
        return look_up(self.collection, place) if own is None else own

    def variable(self, key: str) -> str | None:
        """Return the `${VAR}` of a key that has nothing else, and so no secret; None of any other."""
        found = self.at(key)
        return found if isinstance(found, str) and _VARIABLE.fullmatch(found) else None
