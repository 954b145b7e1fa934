"""Parsers of URLs, of which one of the API must hold no credentials and a proxy's may."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from exporter.config.parsing import Conflict, Parser, Source, Unacceptable
from exporter.config.secret import Secret

_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?", re.ASCII)
_PORTS = {"http": 80, "https": 443}
_NO_PART_OF_A_BASE_URL = {"?": "a query", "#": "a fragment"}


def base_url(example: str = "https://ccm-api.in.exotel.com") -> Parser:
    """Parse the URL of an API into scheme, host and port; anything behind those is a mistake."""

    def parse(value: Any, _source: Source) -> str:
        if isinstance(value, str) and "@" in value:
            raise Unacceptable("a text with @, as in a URL with credentials")
        for mark, part in _NO_PART_OF_A_BASE_URL.items():
            if isinstance(value, str) and mark in value:
                raise Unacceptable(f"a text with {mark}, as in a URL with {part}", accepts=_suggested(value))
        url = _http_url(value)
        if (url.path or "").strip("/"):
            raise Unacceptable(why="a path after the host", accepts=_suggested(value))
        return _root(url)

    accepts = f"a URL like {example}, without path or credentials (api_key, api_token)"
    return Parser(accepts, parse)


def proxy_url() -> Parser:
    """Parse the URL of a proxy, which may hold credentials and is a secret therefore."""

    def parse(value: Any, _source: Source) -> Secret:
        _http_url(value)
        return Secret(value)

    return Parser("a URL like http://proxy.example.com:3128", parse, hidden=True)


def is_clear(url: str, proxy: Secret | None) -> bool:
    """Return whether requests to a URL leave this machine unencrypted."""
    hops = (url, proxy.reveal()) if proxy else (url,)
    return url.startswith("http:") and not all(map(_is_loopback, hops))


def in_clear(setting: str, url: str) -> Conflict:
    """Return the conflict of a setting whose URL is clear, where that isn't allowed."""
    through = " through proxy_url" if _is_loopback(url) else ""
    why = f"credentials would leave this machine in clear text{through}"
    return Conflict(setting, why, f"{url.replace('http', 'https', 1)} (or allow_http: true)")


def _is_loopback(url: str) -> bool:
    host = parse_url(url).host or ""
    if host.rstrip(".") == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host.strip("[]")).is_loopback
    return False


def _http_url(value: Any) -> Url:
    """Return the parts of a URL, as the HTTP client reads it. Raise Unacceptable for anything else."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise Unacceptable
    try:
        url = parse_url(value)
    except LocationParseError:
        raise Unacceptable from None
    is_host = url.host and (url.host.startswith("[") or _HOST.fullmatch(url.host))
    if url.scheme not in _PORTS or not is_host or url.port == 0 or value.rstrip("/").endswith(":"):
        raise Unacceptable
    return url


def _root(url: Url) -> str:
    """Return scheme, host and port in their one way of writing: requests to one API share one budget."""
    port = "" if url.port in {None, _PORTS[str(url.scheme)]} else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"


def _suggested(value: str) -> str | None:
    """Return the URL without what stands after its host, by TLS where it leads off this machine."""
    with suppress(Unacceptable):
        root = _root(_http_url(value))
        return root if _is_loopback(root) else root.replace("http:", "https:", 1)
    return None
