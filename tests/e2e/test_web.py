"""A real Prometheus in front of an exporter that asks for a certificate and for a password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e import exotel, servers
from tests.waiting import wait_until
from tests.web import PASSWORD, hashed, write_authority, write_certificate, write_web

HOST = "exporter.example.com"
CLIENT = "prometheus.example.com"

#: What each job of Prometheus brings, and what its scrapes fail with, if they do.
JOBS: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "known": ({"cert_file": "client.crt", "key_file": "client.key"}, {"password_file": "password"}, ""),
    "no-certificate": ({}, {"password_file": "password"}, "tls: certificate required"),
    "other-name": (
        {"cert_file": "other.crt", "key_file": "other.key"},
        {"password_file": "password"},
        "EOF|connection reset",
    ),
    "wrong-password": (
        {"cert_file": "client.crt", "key_file": "client.key"},
        {"password": "guess"},
        "401 Unauthorized",
    ),
}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus that scrapes one exporter in several ways."""
    folder = tmp_path_factory.mktemp("web")
    authority = write_authority(folder)
    write_certificate(folder, authority, HOST)
    write_certificate(folder, authority, CLIENT, file="client")
    write_certificate(folder, authority, "other.example.com", file="other")
    (folder / "password").write_text(PASSWORD, encoding="ascii")
    web = write_web(
        folder,
        {
            "client_auth_type": "RequireAndVerifyClientCert",
            "client_ca_file": "ca.pem",
            "client_allowed_sans": [CLIENT],
        },
        basic_auth_users={"prometheus": hashed(PASSWORD)},
    )
    with ExitStack() as stack:
        url = stack.enter_context(exotel.simulator(folder, "--calls=20", "--speed=0"))
        config = {"accounts": [exotel.account(url)]}
        flag = f"--web.config.file={web}"
        exporter, _ = stack.enter_context(
            exotel.configured_exporter("exporter", folder, config, "127.0.0.1:0", flag)
        )
        jobs = [_job(name, exporter) for name in JOBS]
        yield stack.enter_context(servers.prometheus_with(folder, {"scrape_configs": jobs}))


def _job(name: str, exporter: str) -> dict[str, Any]:
    certificate, password, _ = JOBS[name]
    return {
        "job_name": name,
        "scheme": "https",
        "scrape_interval": f"{servers.minute()}s",
        "scrape_timeout": f"{servers.minute()}s",
        "tls_config": {"ca_file": "ca.pem", "server_name": HOST, **certificate},
        "basic_auth": {"username": "prometheus", **password},
        "static_configs": [{"targets": [exporter]}],
    }


def test_a_certificate_and_a_password_are_a_scrape(prometheus: str) -> None:
    """With both, the account's calls arrive."""
    calls = 'sum(exotel_active_calls{job="known"}) == 20'
    assert wait_until(lambda: servers.query(prometheus, calls), calls)
    assert servers.last_errors(prometheus)["known"] == ""


@pytest.mark.parametrize("job", [name for name, (_, _, error) in JOBS.items() if error])
def test_without_either_there_is_no_scrape(prometheus: str, job: str) -> None:
    """Prometheus says what it lacks, and no account's data has come."""
    error = wait_until(lambda: servers.last_errors(prometheus)[job], f"an error of {job}")
    assert any(expected in error for expected in JOBS[job][2].split("|")), error
    wait_until(lambda: servers.query(prometheus, f'up{{job="{job}"}} == 0'), f"{job} down")
    assert not servers.query(prometheus, f'{{__name__=~"exotel_.*", job="{job}"}}')
