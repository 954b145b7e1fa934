"""Under which paths and in which forms the exporter is asked: proxies before it, prefixes, absolute URLs."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from exporter.http.endpoints import Endpoints
from exporter.simulator import Settings, Simulator
from tests.command import exporter, run
from tests.serving import account, served
from tests.waiting import GUARD


@contextmanager
def serving(endpoints: Endpoints) -> Iterator[str]:
    """Serve one account there; give the URL without a path."""
    with Simulator(Settings(calls=3)) as simulator, served([account("a/b", simulator.url)], endpoints) as url:
        yield url


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """An exporter at the root."""
    with serving(Endpoints()) as url:
        yield url


# The form of a target


@pytest.mark.parametrize(
    ("target", "status", "content"),
    [
        ("http://exporter:9927/metrics", 200, "exotel_up"),
        ("HTTPS://[::1]/-/healthy", 200, "Healthy"),
        ("http://exporter/probe?target=a%2Fb", 200, "exotel_up"),
        ("http://exporter", 200, "<!doctype html>"),
        ("http://exporter?debug=1", 200, "<!doctype html>"),
        ("http://exporter/http://exporter/metrics", 404, ""),
        ("/http://exporter/metrics", 404, ""),
        ("http://exporter/nothing", 404, ""),
        ("*", 404, ""),
    ],
)
def test_a_target_may_be_a_whole_url(plain: str, target: str, status: int, content: str) -> None:
    """Every server must take it (RFC 9112, 3.2.2); whose name it has does not matter."""
    with socket.create_connection(("127.0.0.1", urlsplit(plain).port or 0), GUARD) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: else.where\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert content in answer


# Prefixes


class Links(HTMLParser):
    """Where the links of a page lead that don't leave the exporter."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a link."""
        href = dict(attrs).get("href") or ""
        if tag == "a" and not urlsplit(href).netloc:
            self.found.append(href)


@pytest.mark.parametrize(
    ("endpoints", "seen", "stripped"),
    [
        (Endpoints(), "", ""),
        (Endpoints(prefix="/exotel", external_prefix="/exotel"), "/exotel", ""),
        (Endpoints(prefix="/a/b", telemetry_path="/m"), "/a/b", ""),
        (Endpoints(external_prefix="/exotel"), "/exotel", "/exotel"),
        (Endpoints(), "/unknown", "/unknown"),
        (Endpoints(prefix="/exotel", external_prefix="/exotel", live_calls=True), "/exotel", ""),
    ],
    ids=[
        *("root", "prefix", "prefix without url", "proxy strips", "proxy strips, unknown to the exporter"),
        "live calls",
    ],
)
def test_every_link_of_the_page_leads_to_what_there_is(
    endpoints: Endpoints, seen: str, stripped: str
) -> None:
    """Under a prefix, whether a proxy takes it off or not."""
    with serving(endpoints) as url:

        def ask(path: str) -> requests.Response:
            assert path.startswith(seen), path
            return requests.get(url + path.removeprefix(stripped), allow_redirects=False, timeout=GUARD)

        page = ask(f"{seen}/")
        links = [urljoin(f"{seen}/", link) for link in Links(page.text).found]
        assert f"{seen}{endpoints.telemetry_path}" in links
        assert {f"{seen}/{path}" for path in ("sd", "config", "-/healthy", "-/ready")} <= set(links)
        assert (f"{seen}/calls" in links) is endpoints.live_calls
        assert {link: ask(link).status_code for link in links} == dict.fromkeys(links, 200)


@pytest.mark.parametrize(
    ("endpoints", "path", "leads_to"),
    [
        (Endpoints(prefix="/exotel", external_prefix="/exotel"), "/", "/exotel/"),
        (Endpoints(prefix="/exotel", external_prefix="/exotel"), "/exotel", "/exotel/"),
        (Endpoints(prefix="/exotel"), "/exotel", "/exotel/"),
        (Endpoints(prefix="/inside", external_prefix="/outside"), "/", "/inside/"),
        (Endpoints(prefix="/inside", external_prefix="/outside"), "/inside", "/outside/"),
    ],
)
def test_what_lacks_the_prefix_or_its_slash_leads_to_the_page(
    endpoints: Endpoints, path: str, leads_to: str
) -> None:
    """As in Prometheus: the root to the prefix, and the prefix to the URL that people see."""
    with serving(endpoints) as url:
        answer = requests.get(url + path, allow_redirects=False, timeout=GUARD)
        assert (answer.status_code, answer.headers["Location"]) == (302, leads_to)


@pytest.mark.parametrize(
    "path", ["/metrics", "/probe", "/sd", "/config", "/-/healthy", "/-/ready", "/-/reload"]
)
def test_under_a_prefix_nothing_is_left_outside_of_it(path: str) -> None:
    """Health neither, as in Prometheus."""
    with serving(Endpoints(prefix="/exotel", lifecycle=True)) as url:
        method = "POST" if path == "/-/reload" else "GET"
        assert requests.request(method, url + path, timeout=GUARD).status_code == 404
        inside = requests.request(method, f"{url}/exotel{path}?target=a/b", timeout=GUARD)
        assert inside.status_code == 200


def test_targets_are_the_same_under_a_prefix() -> None:
    """They are names, not addresses: where /probe is, the scrape configuration says (metrics_path)."""
    with serving(Endpoints(prefix="/exotel")) as url:
        assert requests.get(f"{url}/exotel/sd", timeout=GUARD).json() == [{"targets": ["a/b"], "labels": {}}]


# The flags


@pytest.mark.parametrize(
    ("flags", "prefix"),
    [
        (["--web.external-url=https://example.com/exotel/"], "/exotel"),
        (["--web.external-url=https://example.com/exotel", "--web.route-prefix=/"], ""),
        (["--web.external-url=https://example.com", "--web.route-prefix=a/b/"], "/a/b"),
        (["--web.external-url=/exotel"], "/exotel"),
        (["--web.route-prefix=exotel"], "/exotel"),
        (["--web.external-url=", "--web.route-prefix="], ""),
    ],
)
def test_the_prefix_is_the_path_of_the_url_unless_told_otherwise(
    tmp_path: Path, flags: list[str], prefix: str
) -> None:
    """With or without slashes, as in Prometheus; the demo tells where it is, to people by the URL."""
    with exporter(tmp_path, "--demo", *flags) as running:
        here = running.url(prefix)
        assert requests.get(f"{here}/metrics", timeout=GUARD).status_code == 200
        metrics, people, *_ = running.program.said().splitlines()
        running.stop(signal.SIGTERM)
    local = here.replace("127.0.0.1", "localhost")
    assert metrics.split() == ["Metrics", f"{local}/metrics"]
    url = re.search(r"https://[^/ ]+(/\w+)?", " ".join(flags))
    assert people.split() == ["For", "people", f"{url[0] if url else local}/"]


@pytest.mark.parametrize(
    "flag", ["--web.external-url=example.com/exotel", "--web.external-url=//a/b", "--web.route-prefix=/a b"]
)
def test_what_is_no_url_or_no_path_is_one_error(flag: str) -> None:
    """What was found, and what is accepted."""
    ended = run("--demo", flag)
    name, _, value = flag.partition("=")
    assert (ended.code, ended.out) == (2, "")
    assert f"error: Invalid value for '{name}': found {value!r}; accepted: a " in ended.err
