"""Certificates and private keys in PEM, from a file or as they stand in the configuration."""

from __future__ import annotations

import re
import ssl
from typing import Any

from exporter.config.parsers import file_path
from exporter.config.parsing import Parser, Source, Unacceptable
from exporter.config.secret import Secret
from exporter.config.textfile import Unreadable, read_text

_LONGEST = 4_000_000  # characters: the authorities of a whole system are a tenth of it
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL | re.ASCII)
_KEY = re.compile("-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----.+?-----END \\1-----", re.DOTALL | re.ASCII)
_ENCRYPTED = ("ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED")

A_KEY = "a private key in PEM that belongs to the certificate and isn't encrypted"
_A_KEY_FILE = f"the path of a file with {A_KEY}, from this file's folder"
CERTIFICATES = "certificates in PEM"
_CERTIFICATES_FILE = f"the path of a file of {CERTIFICATES}, from this file's folder"


def certificates() -> Parser:
    """Parse certificates that stand in the configuration itself."""
    return Parser(CERTIFICATES, lambda value, _: _certificates(_text(value)))


def certificates_file() -> Parser:
    """Parse the path of a file of certificates into these."""
    return Parser(_CERTIFICATES_FILE, lambda value, source: _certificates(_read(value, source)))


def private_key() -> Parser:
    """Parse a private key that stands in the configuration itself."""
    return Parser(A_KEY, lambda value, _: _private_key(_text(value)), hidden=True)


def private_key_file() -> Parser:
    """Parse the path of a private key's file into the key."""
    return Parser(_A_KEY_FILE, lambda value, source: _private_key(_read(value, source)))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Unacceptable
    return value


def _read(value: Any, source: Source) -> str:
    try:
        return read_text(file_path(value, source), _LONGEST)
    except Unreadable as error:
        raise Unacceptable(why=error.why) from None


def _certificates(text: str) -> str:
    """Give the certificates alone, whatever stands around them."""
    found = "\n".join(_CERTIFICATE.findall(text))
    if not found:
        raise Unacceptable(why="no certificate in it")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=found)
    except (ssl.SSLError, TypeError):  # TypeError: what isn't ASCII
        raise Unacceptable(why="a certificate in it that can't be read") from None
    return found


def _private_key(text: str) -> Secret:
    match = _KEY.search(text)
    if match is None:
        raise Unacceptable(why="no private key in it")
    if any(mark in match[0] for mark in _ENCRYPTED):
        raise Unacceptable(why="an encrypted private key")
    return Secret(match[0])
