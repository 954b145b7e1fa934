"""Parsers of URLs, of which a base URL must hold no credentials and a proxy's may."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from exporter.config.parsing import Parser, Source, Unacceptable
from exporter.config.secret import Secret

_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?")
_NO_PART_OF_A_BASE_URL = {"@": "credentials", "?": "a query", "#": "a fragment"}


def base_url(example: str = "https://ccm-api.in.exotel.com") -> Parser:
    """Parse the URL of the API, which must hold no credentials."""

    def parse(value: Any, _source: Source) -> str:
        for mark, part in _NO_PART_OF_A_BASE_URL.items():
            if isinstance(value, str) and mark in value:
                raise Unacceptable(f"a text with {mark}, as in a URL with {part}")
        _check_url(value)
        return str(value).rstrip("/")

    accepts = f"a URL like {example}, without credentials; those are api_key and api_token"
    return Parser(accepts, parse)


def proxy_url() -> Parser:
    """Parse the URL of a proxy, which may hold credentials and is a secret therefore."""

    def parse(value: Any, _source: Source) -> Secret:
        _check_url(value)
        return Secret(value)

    return Parser("a URL like http://proxy.example.com:3128", parse, hidden=True)


def _check_url(value: Any) -> None:
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise Unacceptable
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Unacceptable from None
    is_host = ":" in host or _HOST.fullmatch(host)  # urlsplit has looked at IPv6 addresses itself
    if parts.scheme not in {"http", "https"} or not is_host or port == 0 or parts.netloc.endswith(":"):
        raise Unacceptable
