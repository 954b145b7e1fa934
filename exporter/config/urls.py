"""URLs, of which one of the API must hold no credentials and a proxy's may."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from pydantic import AfterValidator, PlainValidator, ValidationInfo, WithJsonSchema
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from exporter.config.secrets import Secret
from exporter.web.config_file import Rejected
from exporter.web.sections import Accepts

_HOST = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63})*\.?", re.ASCII)
_PORTS = {"http": 80, "https": 443}
_NO_PART_OF_A_BASE_URL = {"@": "credentials", "?": "a query", "#": "a fragment"}


def api_url(example: str) -> Accepts:
    """Accept the URL of an API, encrypted unless the field `allow_http` before it says otherwise."""
    return Accepts(
        f"a URL like {example}, without path or credentials (api_key, api_token)",
        PlainValidator(_api_url),
        AfterValidator(_encrypted),
        WithJsonSchema({"type": "string", "pattern": "^(https?://|\\$\\{)"}),
    )


def _proxy_url(value: Any) -> Secret:
    if isinstance(value, Secret):
        return value
    _http_url(value)
    return Secret(value)


def _api_url(value: Any) -> str:
    """Return scheme, host and port; anything behind those is rejected."""
    for mark, part in _NO_PART_OF_A_BASE_URL.items():  # what it is isn't shown: it could be a credential
        if isinstance(value, str) and mark in value:
            suggested = None if mark == "@" else _suggested(value)
            raise Rejected(f"a text with {mark}, as in a URL with {part}", accepted=suggested)
    url = _http_url(value)
    if (url.path or "").strip("/"):
        raise Rejected(why="a path after the host", accepted=_suggested(value))
    return _root(url)


def _encrypted(url: str, info: ValidationInfo) -> str:
    """Reject a URL by which requests would leave this machine unencrypted."""
    match info.data:
        case {"allow_http": False, "proxy_url": proxy} if url.startswith("http:"):
            hops = (url, proxy.reveal()) if proxy else (url,)
            if not all(map(_is_loopback, hops)):
                through = " through proxy_url" if _is_loopback(url) else ""
                raise Rejected(
                    why=f"credentials would leave this machine in clear text{through}",
                    accepted=f"{url.replace('http', 'https', 1)} (or allow_http: true)",
                )
    return url


def _is_loopback(url: str) -> bool:
    host = parse_url(url).host or ""
    if host.rstrip(".") == "localhost":
        return True
    with suppress(ValueError):
        return ip_address(host.strip("[]")).is_loopback
    return False


def _http_url(value: Any) -> Url:
    """Return the parts of a URL, as the HTTP client reads it."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        raise Rejected
    try:
        url = parse_url(value)
    except LocationParseError:
        raise Rejected from None
    is_host = url.host and (url.host.startswith("[") or _HOST.fullmatch(url.host))
    if url.scheme not in _PORTS or not is_host or url.port == 0 or value.rstrip("/").endswith(":"):
        raise Rejected
    return url


def _root(url: Url) -> str:
    """Return scheme, host and port in their one way of writing: requests to one API share one budget."""
    port = "" if url.port in {None, _PORTS[str(url.scheme)]} else f":{url.port}"
    return f"{url.scheme}://{url.host}{port}"


def _suggested(value: str) -> str | None:
    """Return the URL without what stands after its host, by TLS where it leads off this machine."""
    with suppress(Rejected):
        root = _root(_http_url(value))
        return root if _is_loopback(root) else root.replace("http:", "https:", 1)
    return None


PROXY_URL = Accepts(
    "a URL like http://proxy.example.com:3128",
    PlainValidator(_proxy_url),
    WithJsonSchema({"type": "string"}),
    hidden=True,
)
"""It may hold credentials, and is a secret therefore."""
