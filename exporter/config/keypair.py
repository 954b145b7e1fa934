"""A certificate and its private key, put into a TLS context together."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from exporter.config.secret import Secret

_OTHER_KEY = {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}


class Unfit(Exception):
    """A certificate and a key that can't be used together: which setting is at fault, and why."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(f"{setting}: {why}")
        self.setting = setting
        self.why = why


def load(context: ssl.SSLContext, cert: str, key: Secret) -> None:
    """Have a context serve this certificate, or chain of certificates, with its key, both in PEM.

    Raises Unfit.
    """
    try:
        with _file(cert) as cert_path, _file(key.reveal()) as key_path:
            context.load_cert_chain(cert_path, key_path, password="")  # never asks for one
    except ssl.SSLError as error:
        raise _unfit(error) from None
    except OSError as error:
        raise Unfit("key", (error.strerror or type(error).__name__).lower()) from None


def _unfit(error: ssl.SSLError) -> Unfit:
    if error.reason in _OTHER_KEY:
        return Unfit("key", "it doesn't match the certificate")
    if not error.reason:  # the certificates have been read before
        return Unfit("key", "a private key that can't be read")
    return Unfit("cert", str(error.reason).replace("_", " ").lower())


@contextmanager
def _file(text: str) -> Iterator[str]:
    """Give the path of a file with this text: `ssl` reads nothing else. In memory where the system can."""
    with _open() as (file, path):
        file.write(text.encode("ascii"))
        file.flush()
        yield path


@contextmanager
def _open() -> Iterator[tuple[IO[bytes], str]]:
    try:
        descriptor = os.memfd_create("pem")
    except (AttributeError, OSError):  # not Linux, or forbidden there
        with tempfile.NamedTemporaryFile() as named:
            yield named, named.name
    else:
        with os.fdopen(descriptor, "wb") as file:
            yield file, f"/proc/self/fd/{descriptor}"
