"""Web configurations as tests write them: certificates of one authority, users whose passwords are known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import bcrypt
import trustme
import yaml

PASSWORD = "open-sesame-41d2"
"""The password of `USERS`; no output may hold it."""

DAY = timedelta(days=1)


@cache
def hashed(password: str, cost: int = 4) -> str:
    """Return the bcrypt hash of a password, as cheap as can be."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def write_authority(folder: Path, name: str = "ca.pem") -> trustme.CA:
    """Make an authority, and write its certificate."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / name))
    return authority


def write_certificate(
    folder: Path,
    authority: trustme.CA,
    *names: str,
    file: str = "server",
    days: tuple[int, int] = (-1, 1),
    key_type: trustme.KeyType = trustme.KeyType.ECDSA,
) -> None:
    """Write `server.crt` and `server.key`: a certificate for these names, valid from and until these days."""
    now = datetime.now(UTC)
    issued = authority.issue_cert(
        *names, not_before=now + days[0] * DAY, not_after=now + days[1] * DAY, key_type=key_type
    )
    pems = b"".join(pem.bytes() for pem in issued.cert_chain_pems)
    (folder / f"{file}.crt").write_bytes(pems)
    issued.private_key_pem.write_to_path(str(folder / f"{file}.key"))


def write_web(folder: Path, tls: Mapping[str, Any] | None = None, **sections: Any) -> Path:
    """Write `web.yaml` with these sections; to TLS, its certificate and key are added."""
    document = dict(sections)
    if tls is not None:
        document["tls_server_config"] = {"cert_file": "server.crt", "key_file": "server.key", **tls}
    file = folder / "web.yaml"
    file.write_text(yaml.safe_dump(document), encoding="utf-8")
    return file
