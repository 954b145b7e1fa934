"""What requests are made with that lies in files: credentials, and the authorities to verify by."""

from __future__ import annotations

from pathlib import Path

from requests.auth import HTTPBasicAuth

from exporter.config import AccountConfig, SecretUnreadable
from exporter.config.textfile import Unreadable, read
from exporter.exotel.errors import ApiError, Reason, lack


def credentials(account: AccountConfig) -> HTTPBasicAuth:
    """Return the key and token of an account, read from their files anew.

    Raises ApiError: `secret`, or `resources` where nothing is left to open a file with.
    """
    try:
        key, token = account.api_key.reveal(), account.api_token.reveal()
    except SecretUnreadable as error:
        raise _unreadable(error, str(error)) from None
    return HTTPBasicAuth(key.encode(), token.encode())


def see_authorities(ca_file: Path) -> None:
    """Raise ApiError where the authorities can't be read: that is no fault of the server's certificate."""
    try:
        read(ca_file, 0)
    except Unreadable as error:
        raise _unreadable(error, f"tls_config.ca_file {ca_file}: {error.why}") from None


def _unreadable(error: Exception, detail: str) -> ApiError:
    return ApiError(Reason.RESOURCES if lack(error) else Reason.SECRET, detail)
