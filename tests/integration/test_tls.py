"""TLS as the web configuration wants it, to clients that would have it otherwise."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import trustme

from exporter.collect.accounts import Accounts
from exporter.web.config import ActiveWebConfig
from tests.serving import configuration, serving
from tests.waiting import GUARD, scaled, wait_until
from tests.web import PASSWORD, hashed, write_authority, write_certificate, write_web

AUTH = ("alice", PASSWORD)
REQUIRED = {"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}
OPTIONAL = {**REQUIRED, "client_auth_type": "VerifyClientCertIfGiven"}
NAMES = ("prometheus.example.com", "10.1.2.3", "2001:db8::1", "ops@example.com")
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
AES128, AES256 = (f"ECDHE-ECDSA-AES{size}" for size in ("128-GCM-SHA256", "256-GCM-SHA384"))
REFUSED = (ssl.SSLError, ConnectionError)
"""How a handshake fails for a client whose connection the server ends."""

GO_AES128, GO_AES256 = (f"TLS_ECDHE_ECDSA_WITH_AES_{size}" for size in ("128_GCM_SHA256", "256_GCM_SHA384"))


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """An authority that has issued a certificate for the server and one for a client."""
    authority = write_authority(tmp_path)
    write_certificate(tmp_path, authority, "127.0.0.1")
    write_certificate(tmp_path, authority, *NAMES, file="client")
    return authority


@pytest.fixture
def strangers(tmp_path: Path) -> str:
    """The name of a client's certificate that another authority has issued, for the same names."""
    write_certificate(tmp_path, trustme.CA(), *NAMES, file="stranger")
    return "stranger"


@dataclass(frozen=True)
class Served:
    """An exporter of no account, served by the web configuration in a folder."""

    url: str
    folder: Path
    looks: list[None]

    def looked(self) -> None:
        """Wait until the files have been looked at once more, from the beginning to the end."""
        enough = len(self.looks) + 2  # one may be under way
        wait_until(lambda: len(self.looks) >= enough, "a look at the files")

    def get(self, client: str | None = None, path: str = "/metrics", **options: Any) -> requests.Response:
        """Ask once, with a client's certificate or none."""
        certificate = (f"{self.folder}/{client}.crt", f"{self.folder}/{client}.key") if client else None
        ca = str(self.folder / "ca.pem")
        return requests.get(self.url + path, cert=certificate, verify=ca, timeout=GUARD, **options)

    def refuses(self, client: str | None = None) -> bool:
        """Return whether a client doesn't even reach HTTP."""
        try:
            self.get(client)
        except requests.ConnectionError:
            return True
        return False

    @contextmanager
    def connection(self, context: ssl.SSLContext | None = None) -> Iterator[ssl.SSLSocket]:
        """Connect by the client's own idea of TLS."""
        if context is None:
            context = self.context()
        address = urlsplit(self.url)
        with (
            socket.create_connection((address.hostname, address.port), GUARD) as plain,
            context.wrap_socket(plain, server_hostname=address.hostname) as secure,
        ):
            yield secure

    def context(self) -> ssl.SSLContext:
        """A client's context that trusts the server."""
        return ssl.create_default_context(cafile=self.folder / "ca.pem")


@contextmanager
def served(folder: Path, tls: dict[str, Any], **sections: Any) -> Iterator[Served]:
    """Serve by a web configuration with these sections."""
    looks: list[None] = []

    class Counted(ActiveWebConfig):
        def look(self) -> None:
            super().look()
            looks.append(None)

    web = Counted(write_web(folder, tls, **sections))
    with serving(Accounts(configuration), web=web) as url:
        yield Served(url, folder, looks)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are looked at more often than once a second."""
    monkeypatch.setattr("exporter.web.config._INTERVAL", 0.02)


# Certificates of clients


def test_a_required_certificate_is_required_and_verified(
    tmp_path: Path, authority: trustme.CA, strangers: str
) -> None:
    """Who has it is served; who has none, one of another authority or an expired one, on no path."""
    write_certificate(tmp_path, authority, *NAMES, file="late", days=(-2, -1))
    with served(tmp_path, REQUIRED) as server:
        assert server.get("client").status_code == 200
        assert server.get("client", path="/-/healthy").status_code == 200
        assert [server.refuses(client) for client in (None, strangers, "late")] == [True] * 3


def test_an_optional_certificate_is_verified_if_given(
    tmp_path: Path, authority: trustme.CA, strangers: str
) -> None:
    """None will do, a good one too; one that nobody knows is worse than none."""
    with served(tmp_path, OPTIONAL) as server:
        assert [server.refuses(client) for client in (None, "client", strangers)] == [False, False, True]


def test_without_authorities_those_of_the_system_vouch_for_clients(
    tmp_path: Path, authority: trustme.CA, strangers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in Go; the environment, which could name others, has no say."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "stranger.crt"))
    tls = {"client_auth_type": "VerifyClientCertIfGiven"}
    for file, knows_client in (("ca.pem", True), ("no-such.pem", False)):
        places = ssl.get_default_verify_paths()._replace(
            openssl_cafile=str(tmp_path / file), openssl_capath=str(tmp_path / "no-such-folder")
        )
        with monkeypatch.context() as system:
            system.setattr(ssl, "get_default_verify_paths", lambda places=places: places)
            with served(tmp_path, tls) as server:
                refused = [server.refuses(client) for client in (None, "client", strangers)]
                assert refused == [False, not knows_client, True]
                write_web(tmp_path, {**tls, "client_auth_type": "RequireAndVerifyClientCert"})
                server.looked()
                refused = [server.refuses(client) for client in (None, "client", strangers)]
                assert refused == [True, not knows_client, True]


@pytest.mark.parametrize("auth", ["NoClientCert", "RequestClientCert"])
def test_certificates_that_are_not_verified_do_not_matter(
    tmp_path: Path, authority: trustme.CA, strangers: str, auth: str
) -> None:
    """Whoever has one, or has none, is served."""
    with served(tmp_path, {"client_auth_type": auth}) as server:
        assert [server.refuses(client) for client in (None, "client", strangers)] == [False] * 3


@pytest.mark.parametrize("tls", [REQUIRED, OPTIONAL], ids=["required", "optional"])
def test_clients_come_in_by_their_names(tmp_path: Path, authority: trustme.CA, tls: dict[str, Any]) -> None:
    """By one of several, be it a host, an IP address of either kind or an e-mail address, as it stands."""
    with served(tmp_path, {**tls, "client_allowed_sans": ["other.example.com"]}) as server:
        assert [server.refuses(client) for client in (None, "client")] == [True, True]
        for name in NAMES:
            write_web(tmp_path, {**tls, "client_allowed_sans": ["other.example.com", name]})
            server.looked()
            assert [server.refuses(client) for client in (None, "client")] == [True, False]
        for name in ("example.com", "*.example.com", "prometheus", "Prometheus.example.com"):
            write_web(tmp_path, {**tls, "client_allowed_sans": [name]})
            server.looked()
            assert [server.refuses(client) for client in (None, "client")] == [True, True]


def test_an_intermediate_authority_may_be_the_one_that_is_trusted(
    tmp_path: Path, authority: trustme.CA
) -> None:
    """As in Go, the file need not hold the root; what the root has issued otherwise stays outside."""
    department = authority.create_child_ca()
    department.cert_pem.write_to_path(str(tmp_path / "department.pem"))
    write_certificate(tmp_path, department, *NAMES, file="colleague")
    with served(tmp_path, {**REQUIRED, "client_ca_file": "department.pem"}) as server:
        assert [server.refuses(client) for client in ("colleague", "client")] == [False, True]


# Versions, suites and curves


@pytest.mark.parametrize(
    ("tls", "version"),
    [({}, "TLSv1.3"), ({"max_version": "TLS12"}, "TLSv1.2"), ({"min_version": "TLS13"}, "TLSv1.3")],
)
def test_versions_are_those_configured(
    tmp_path: Path, authority: trustme.CA, tls: dict[str, Any], version: str
) -> None:
    """The newest that both sides have."""
    with served(tmp_path, tls) as server, server.connection() as connection:
        assert connection.version() == version


@pytest.mark.parametrize("tls", [{"min_version": "TLS13"}, {"cipher_suites": ["TLS_AES_128_GCM_SHA256"]}])
def test_a_client_of_tls_1_2_is_refused_where_only_1_3_is_served(
    tmp_path: Path, authority: trustme.CA, tls: dict[str, Any]
) -> None:
    """By its version, or because no suite for TLS 1.2 is named."""
    with served(tmp_path, tls) as server:
        old = server.context()
        old.maximum_version = TLS12
        with pytest.raises(REFUSED), server.connection(old):
            pass
        assert not server.refuses()


def test_tls_1_1_is_never_served(tmp_path: Path, authority: trustme.CA) -> None:
    """Not even to a client that would lower its standards for it."""
    with served(tmp_path, {}) as server:
        ancient = server.context()
        ancient.set_ciphers("DEFAULT@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            ancient.minimum_version = ancient.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises(REFUSED), server.connection(ancient):
            pass


@pytest.mark.parametrize(
    ("tls", "chosen"),
    [
        ({"cipher_suites": [GO_AES128]}, AES128),
        ({"cipher_suites": [GO_AES128, GO_AES256]}, AES128),
        ({"cipher_suites": [GO_AES128, GO_AES256], "prefer_server_cipher_suites": False}, AES256),
    ],
)
def test_suites_are_those_configured(
    tmp_path: Path, authority: trustme.CA, tls: dict[str, Any], chosen: str
) -> None:
    """In the server's order, unless the client's is to count; nothing beside them."""
    with served(tmp_path, {**tls, "max_version": "TLS12"}) as server:
        client = server.context()
        client.set_ciphers(f"{AES256}:{AES128}")
        with server.connection(client) as connection:
            cipher = connection.cipher()
            assert cipher is not None
            assert cipher[0] == chosen
        client.set_ciphers("ECDHE-ECDSA-CHACHA20-POLY1305")
        with pytest.raises(REFUSED), server.connection(client):
            pass


def test_the_curve_is_the_one_configured(tmp_path: Path, authority: trustme.CA) -> None:
    """A client that has only another one is refused."""
    with served(tmp_path, {"curve_preferences": ["CurveP384"]}) as server:
        client = server.context()
        client.set_ecdh_curve("secp384r1")
        with server.connection(client):
            pass
        client.set_ecdh_curve("prime256v1")
        with pytest.raises(REFUSED), server.connection(client):
            pass


# While it runs


def test_a_new_certificate_is_served_to_new_connections(tmp_path: Path, authority: trustme.CA) -> None:
    """An open connection goes on; the next one sees the new certificate, without a restart."""
    trust = str(tmp_path / "ca.pem")
    with served(tmp_path, {}) as server, requests.Session() as session:
        assert session.get(server.url, verify=trust, timeout=GUARD).status_code == 200
        with server.connection() as connection:
            before = connection.getpeercert(binary_form=True)
        write_certificate(tmp_path, authority, "127.0.0.1", "localhost")
        server.looked()
        with server.connection() as connection:
            assert connection.getpeercert(binary_form=True) != before
        assert session.get(server.url, verify=trust, timeout=GUARD).status_code == 200


def test_authorities_of_clients_change(tmp_path: Path, authority: trustme.CA, strangers: str) -> None:
    """Who was a stranger is known, who was known is a stranger, from the next connection on."""
    other = trustme.CA()
    write_certificate(tmp_path, other, *NAMES, file="stranger")
    tls = {**REQUIRED, "client_ca_file": "clients.pem"}
    authority.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    with served(tmp_path, tls) as server:
        assert [server.refuses(client) for client in ("client", strangers)] == [False, True]
        other.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
        server.looked()
        assert [server.refuses(client) for client in ("client", strangers)] == [True, False]


def test_a_certificate_of_clients_may_become_required(tmp_path: Path, authority: trustme.CA) -> None:
    """The file says so, and the next connection without one is refused."""
    with served(tmp_path, {}) as server:
        assert not server.refuses()
        write_web(tmp_path, REQUIRED)
        server.looked()
        assert [server.refuses(client) for client in (None, "client")] == [True, False]


def test_files_that_disappear_end_nothing(tmp_path: Path, authority: trustme.CA) -> None:
    """Certificates and passwords are asked for as before, on every path."""
    authority.cert_pem.write_to_path(str(tmp_path / "clients.pem"))
    tls = {**REQUIRED, "client_ca_file": "clients.pem"}
    with served(tmp_path, tls, basic_auth_users={"alice": hashed(PASSWORD)}) as server:
        for name in ("clients.pem", "server.key", "server.crt", "web.yaml"):
            (tmp_path / name).unlink()
            server.looked()
            assert server.get("client", auth=AUTH).status_code == 200
            assert server.get("client", path="/-/healthy").status_code == 401
            assert server.refuses()


def test_users_change(tmp_path: Path, authority: trustme.CA) -> None:
    """On an open connection too: who was removed is refused by the next request."""
    with (
        served(tmp_path, {}, basic_auth_users={"alice": hashed(PASSWORD)}) as server,
        requests.Session() as session,
    ):
        trust = str(tmp_path / "ca.pem")
        assert session.get(server.url, auth=AUTH, verify=trust, timeout=GUARD).status_code == 200
        write_web(tmp_path, {}, basic_auth_users={"bob": hashed("b")})
        server.looked()
        assert session.get(server.url, auth=AUTH, verify=trust, timeout=GUARD).status_code == 401
        assert server.get(auth=("bob", "b")).status_code == 200


def test_an_expired_certificate_is_served(tmp_path: Path, authority: trustme.CA) -> None:
    """Its clients are those to judge."""
    write_certificate(tmp_path, authority, "127.0.0.1", days=(-2, -1))
    with served(tmp_path, {}) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"), server.connection():
            pass
        lenient = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        lenient.check_hostname, lenient.verify_mode = False, ssl.CERT_NONE
        with server.connection(lenient) as connection:
            assert connection.version() == "TLSv1.3"


# The wrong protocol


def test_plain_http_at_a_tls_port_ends_at_once(
    tmp_path: Path, authority: trustme.CA, caplog: pytest.LogCaptureFixture
) -> None:
    """The client isn't answered, the server goes on, the log keeps quiet."""
    with served(tmp_path, REQUIRED) as server:
        with pytest.raises(requests.ConnectionError):
            # a handshake may take 10 s: this isn't waited for
            requests.get(server.url.replace("https:", "http:"), timeout=scaled(4))
        assert server.get("client").status_code == 200
    assert [record for record in caplog.records if record.exc_info] == []


def test_tls_at_a_plain_port_ends_at_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The client learns that this is no TLS, the server goes on, the log keeps quiet."""
    with serving(Accounts(configuration)) as url:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url.replace("http:", "https:"), timeout=GUARD)
        assert requests.get(url, timeout=GUARD).status_code == 200
    assert [record for record in caplog.records if record.exc_info] == []
