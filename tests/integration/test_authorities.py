"""Whom an account trusts: certificates that verify and those that don't, over TLS on loopback."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from exporter.config import CollectionConfig, Secret, TlsConfig
from exporter.exotel.connection import tls_context
from exporter.exotel.errors import Failure, Reason
from tests.serving import EAGER, account, collecting


@dataclass
class Server:
    """A TLS server that is an account without calls, and a proxy that refuses."""

    url: str
    requests: list[str] = field(default_factory=list)
    """What it was asked, as method and path."""


@contextmanager
def serving(authority: trustme.CA, *names: str) -> Iterator[Server]:
    """Serve over TLS, with a certificate of this authority for localhost, or for these names."""
    served = Server("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(200, b'{"response": {"active_calls": [], "total_active": 0}}')

        def do_CONNECT(self) -> None:
            self.answer(407, b"")

        def answer(self, status: int, body: bytes) -> None:
            served.requests.append(f"{self.command} {self.path}")
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object, **kwargs: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*(names or ("localhost",))).configure_cert(context)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        served.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def ca_file(tmp_path: Path) -> Path:
    """Where an account finds its authorities."""
    return tmp_path / "ca.pem"


def with_file(ca_file: Path | None, proxy: str | None = None) -> CollectionConfig:
    """Trust whom the file names, perhaps behind a proxy."""
    secret = Secret(proxy) if proxy else None
    return replace(EAGER, tls_config=TlsConfig(ca_file=ca_file), proxy_url=secret)


def outcome(url: str, collection: CollectionConfig) -> Failure | None:
    """Why an account of this API can't be listed; None when it can."""
    with collecting(account("acme", url, collection=collection)) as observe:
        return observe().failure


def test_an_authority_that_nobody_named_is_refused() -> None:
    """TLS is verified, and the line says why it failed."""
    with serving(trustme.CA()) as server:
        error = outcome(server.url, with_file(None))
    assert error is not None
    assert error.reason == Reason.TLS
    assert "certificate" in error.detail
    assert server.requests == []


def test_a_configured_authority_is_trusted(ca_file: Path) -> None:
    """`tls_config.ca_file` makes a private authority known."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    with serving(authority) as server:
        assert outcome(server.url, with_file(ca_file)) is None


def test_a_certificate_for_another_host_is_refused(ca_file: Path) -> None:
    """Even one of a trusted authority."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    with serving(authority, "elsewhere.example.com") as server:
        error = outcome(server.url, with_file(ca_file))
    assert error is not None
    assert error.reason == Reason.TLS
    assert "localhost" in error.detail
    assert server.requests == []


def test_what_one_account_trusts_another_does_not(ca_file: Path) -> None:
    """Contexts are shared by those alone who trust the same file, while both are at work."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    with serving(authority) as server:
        trusts = account("trusts", server.url, collection=with_file(ca_file))
        doubts = account("doubts", server.url, collection=with_file(None))
        with collecting(trusts) as one, collecting(doubts) as other:
            errors = [(one().failure, other().failure) for _ in range(3)]
    for good, bad in errors:
        assert good is None
        assert bad is not None
        assert bad.reason == Reason.TLS


def test_a_file_that_is_replaced_counts_from_the_next_collection_on(ca_file: Path) -> None:
    """Over kept connections too: whom it no longer names is refused, whom it names again is trusted."""
    authority, other = trustme.CA(), trustme.CA()
    with serving(authority) as server:
        authority.cert_pem.write_to_path(str(ca_file))
        made = account("acme", server.url, collection=with_file(ca_file))
        with collecting(made) as observe:
            reasons = [observe().failure]
            for trusted in (other, authority):
                fresh = ca_file.with_name("fresh.pem")
                trusted.cert_pem.write_to_path(str(fresh))
                fresh.replace(ca_file)
                reasons.append(observe().failure)
    assert [error and error.reason for error in reasons] == [None, Reason.TLS, None]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, Reason.SECRET), ("", Reason.TLS), ("no certificate", Reason.TLS)],
    ids=["missing", "empty", "garbage"],
)
def test_a_file_without_authorities_is_a_failure(ca_file: Path, content: str | None, reason: Reason) -> None:
    """Nobody is trusted in its place, until it is good again."""
    authority = trustme.CA()
    with serving(authority) as server:
        authority.cert_pem.write_to_path(str(ca_file))
        made = account("acme", server.url, collection=with_file(ca_file))
        with collecting(made) as observe:
            ca_file.unlink()
            if content is not None:
                ca_file.write_text(content, encoding="ascii")
            error = observe().failure
            assert error is not None
            assert error.reason == reason
            assert server.requests == []
            authority.cert_pem.write_to_path(str(ca_file))
            assert observe().failure is None


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_is_verified_by_the_same_authorities(ca_file: Path, scheme: str, *, is_known: bool) -> None:
    """It is asked for nothing, and learns no password, unless the file names its authority."""
    authority = trustme.CA()
    (authority if is_known else trustme.CA()).cert_pem.write_to_path(str(ca_file))
    with serving(authority) as proxy:
        behind = with_file(ca_file, proxy.url)
        error = outcome(f"{scheme}://exotel.invalid", behind)
    assert bool(proxy.requests) == is_known
    assert error is None or error.reason in {Reason.CONNECTION, Reason.TLS}


def test_those_who_trust_the_same_share_a_context(ca_file: Path) -> None:
    """As long as the file is the same."""
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    first = tls_context(ca_file)
    assert tls_context(ca_file) is first
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    assert tls_context(ca_file) is not first
