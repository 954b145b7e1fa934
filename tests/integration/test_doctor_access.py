"""Doctor on the way to an account: names, TLS, proxies, regions, clocks, and answers that are none."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporter.config import AccountConfig, CollectionConfig, Secret, TlsConfig
from exporter.doctor import access
from exporter.doctor.asker import Asker
from exporter.doctor.examination import Examination, Report
from exporter.doctor.finding import Check, Finding, Verdict
from exporter.doctor.report import as_json, as_text
from exporter.simulator import Settings, Simulator
from tests.answering import answering
from tests.ports import free_port
from tests.raw_server import EMPTY_PAGE, Connection, answer, raw_server
from tests.waiting import GUARD
from tests.web import write_authority, write_certificate

HOST = "127.0.0.1"
NAME = "api.example.com"
TOKEN = "hush-hush-9d41"  # of no account
Respond = Callable[[Connection, str], bool | None]


def examined(url: str, requests: int = 60, *, token: str = TOKEN, **collection: Any) -> Report:
    """Return what doctor reports on an account of this API, without waits between readings."""
    account = AccountConfig(
        name="acme",
        account_sid="demo",
        base_url=url,
        api_key=Secret("demo"),
        api_token=Secret(token),
        collection=CollectionConfig(**{"requests_per_minute": 1000, **collection}),
    )
    asker = Asker(account, requests, sleep=lambda _: None)
    try:
        report = Examination(asker, lambda _: None).run()
    finally:
        asker.close()
    assert TOKEN not in as_text(report) + as_json([report])
    return report


def found(report: Report) -> dict[Check, Finding]:
    """Return the findings by check."""
    return {finding.check: finding for finding in report.findings}


def wrong(report: Report) -> dict[Check, str]:
    """Return the texts of what must be changed."""
    return {each.check: each.text for each in report.findings if each.verdict is Verdict.MUST_CHANGE}


def well(connection: Connection, _head: str) -> None:
    """Answer as an account without calls."""
    connection.write(answer(EMPTY_PAGE))


def written(data: bytes) -> Respond:
    """Return what writes these bytes, whatever it is asked, and then leaves."""

    def respond(connection: Connection, _head: str) -> bool:
        connection.write(data)
        return False

    return respond


def resolve(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    """Have NAME stand for these addresses."""
    system = socket.getaddrinfo

    def answered(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        names = hosts if host == NAME else (host,)
        return [each for name in names for each in system(name, port, *rest, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", answered)


# Names and addresses


@pytest.mark.parametrize(
    ("error", "value"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), 0),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), None),
    ],
)
def test_a_name_that_does_not_resolve_ends_it(
    monkeypatch: pytest.MonkeyPatch, error: OSError, value: int | None
) -> None:
    """With the system's own words; only where it is certain that there is no such host it has no address."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    report = examined(f"https://{NAME}")
    [name] = report.findings
    assert (name.check, name.verdict, name.value) == (Check.NAME, Verdict.MUST_CHANGE, value)
    assert f"{NAME} can't be resolved: {str(error.strerror).lower()}" in name.text
    assert report.requests == 0


@pytest.mark.parametrize("host", [f"{'a' * 64}.example.com", "a..example.com"])
def test_what_can_be_no_name_is_told(host: str) -> None:
    """A part of it is too long, or empty: no server is asked for it."""
    [name] = examined(f"https://{host}").findings
    assert (name.verdict, name.value) == (Verdict.MUST_CHANGE, 0)
    assert "no host can have such a name" in name.text


def test_a_port_where_nothing_listens_is_told_by_address() -> None:
    """The report says what may be the matter, and nothing is asked."""
    report = examined(f"http://{HOST}:{free_port()}")
    addresses = found(report)[Check.ADDRESSES]
    assert (addresses.verdict, addresses.value) == (Verdict.MUST_CHANGE, {HOST: None})
    assert addresses.evidence == f"{HOST}: connection refused"
    assert "the port in base_url is wrong" in addresses.text
    assert report.requests == 0


def test_one_dead_address_of_several_is_told_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs time, no more: the list is asked for at the other one."""
    resolve(monkeypatch, "127.0.0.2", HOST)
    with raw_server(well) as server:
        report = examined(f"http://{NAME}:{server.port}")
    findings = found(report)
    addresses = findings[Check.ADDRESSES]
    assert findings[Check.NAME].value == 2
    assert addresses.verdict is Verdict.WORKS
    assert isinstance(addresses.value, dict)
    assert [addresses.value[each] is None for each in ("127.0.0.2", HOST)] == [True, False]
    assert "1 of 2 addresses" in addresses.text
    assert findings[Check.LISTING].value == "complete"


def test_many_addresses_are_counted_but_not_all_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name may have dozens."""
    resolve(monkeypatch, *(f"127.0.1.{number}" for number in range(1, 21)))
    report = examined(f"http://{NAME}:{free_port()}")
    findings = found(report)
    assert findings[Check.NAME].value == 20
    value = findings[Check.ADDRESSES].value
    assert isinstance(value, dict)
    assert len(value) == 8


# TLS


@contextmanager
def tls_server(folder: Path, authority: trustme.CA, *names: str, days: tuple[int, int]) -> Iterator[str]:
    """Serve an account without calls over TLS; give its URL by address."""
    write_certificate(folder, authority, *names, days=days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    with answering(lambda _: (200, EMPTY_PAGE), context) as place:
        yield f"https://{place}"


def told_of_tls(
    folder: Path, *names: str, days: tuple[int, int] = (-1, 90), ca_file: str | None = "ca.pem"
) -> tuple[Report, Finding]:
    """Return the report and its finding on TLS, on a server with such a certificate."""
    authority = write_authority(folder)
    trusted = TlsConfig(ca_file=folder / ca_file if ca_file else None)
    with tls_server(folder, authority, *(names or (HOST,)), days=days) as url:
        report = examined(url, tls_config=trusted)
    return report, found(report)[Check.TLS]


def test_a_good_certificate_is_shown_with_names_issuer_and_end(tmp_path: Path) -> None:
    """And the account is asked."""
    names = (HOST, *(f"{number}.example.com" for number in range(6)))
    report, tls = told_of_tls(tmp_path, *names)
    assert (tls.verdict, tls.value) == (Verdict.GOOD, "verified")
    assert re.search(
        r"0\.example\.com.* and 3 more; issued by trustme .*; ends on \d{4}-\d\d-\d\d\.$", tls.text
    )
    assert found(report)[Check.LISTING].value == "complete"


@pytest.mark.parametrize(("days", "when"), [(5, "in 4 days"), (2, "in 1 day"), (1, "within a day")])
def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, days: int, when: str) -> None:
    """It works until then."""
    report, tls = told_of_tls(tmp_path, days=(-1, days))
    assert (tls.verdict, tls.value) == (Verdict.WORKS, "verified")
    assert f"ends {when}. Unless" in tls.text
    assert not report.must_change


def test_an_expired_certificate_says_since_when_and_whose_it_is(tmp_path: Path) -> None:
    """Though nothing verified it."""
    report, tls = told_of_tls(tmp_path, days=(-9, -2))
    ended = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 2 * 86_400))
    assert (tls.verdict, tls.value) == (Verdict.MUST_CHANGE, "refused")
    assert f"certificate has expired. It is for {HOST}, issued by trustme" in tls.text
    assert f"and ended on {ended}." in tls.text
    assert "this machine's clock" in tls.text
    assert report.requests == 0


def test_a_certificate_that_is_not_valid_yet_may_be_the_fault_of_the_clock(tmp_path: Path) -> None:
    """The text says so."""
    _, tls = told_of_tls(tmp_path, days=(2, 9))
    assert "not yet valid" in tls.text
    assert "this machine's clock" in tls.text


def test_a_certificate_for_another_host_says_for_which(tmp_path: Path) -> None:
    """Even one of a trusted authority."""
    _, tls = told_of_tls(tmp_path, "elsewhere.example.com")
    assert (tls.verdict, tls.value) == (Verdict.MUST_CHANGE, "refused")
    assert "It is for elsewhere.example.com" in tls.text
    assert "Check the host in base_url" in tls.text


@pytest.mark.parametrize("ca_file", [None, "stranger.pem"])
def test_an_unknown_authority_is_named(tmp_path: Path, ca_file: str | None) -> None:
    """Whether nobody named it, or another one: the text says how it would be trusted."""
    write_authority(tmp_path, "stranger.pem")
    report, tls = told_of_tls(tmp_path, ca_file=ca_file)
    assert (tls.verdict, tls.value) == (Verdict.MUST_CHANGE, "refused")
    assert f"It is for {HOST}, issued by trustme" in tls.text
    assert "set tls_config.ca_file" in tls.text
    assert report.requests == 0


def test_a_self_signed_certificate_is_told_as_such(tmp_path: Path) -> None:
    """It has no host name either."""
    authority = write_authority(tmp_path)
    authority.private_key_pem.write_to_path(str(tmp_path / "ca.key"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "ca.pem", tmp_path / "ca.key")
    with answering(lambda _: (200, EMPTY_PAGE), context) as place:
        tls = found(examined(f"https://{place}"))[Check.TLS]
    assert "self-signed certificate. It is for no host name, issued by trustme" in tls.text


@pytest.mark.parametrize(
    ("content", "words"), [(None, "no such file"), ("no certificate", "holds no certificate of an authority")]
)
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    tmp_path: Path, content: str | None, words: str
) -> None:
    """Nothing is connected to."""
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    report = examined(f"https://{HOST}:{free_port()}", tls_config=TlsConfig(ca_file=file))
    [tls] = report.findings
    assert (tls.check, tls.verdict) == (Check.TLS, Verdict.MUST_CHANGE)
    assert str(file) in tls.text
    assert words in tls.text


def test_a_port_that_speaks_no_tls_is_told_as_such() -> None:
    """No authority could mend that."""
    with answering(lambda _: (200, EMPTY_PAGE)) as place:
        tls = found(examined(f"https://{place}"))[Check.TLS]
    assert (tls.verdict, tls.value) == (Verdict.MUST_CHANGE, "refused")
    assert "No TLS is spoken there: check scheme and port in base_url." in tls.text
    assert "ca_file" not in tls.text


def test_a_port_that_speaks_tls_alone_gives_no_list_in_clear_text(tmp_path: Path) -> None:
    """The connection is closed, and nothing else is guessed."""
    with tls_server(tmp_path, write_authority(tmp_path), HOST, days=(-1, 90)) as url:
        report = examined(url.replace("https:", "http:"))
    assert [*wrong(report)] == [Check.LISTING]


def test_a_port_that_closes_every_connection_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a firewall that looks at the name in TLS."""

    def close(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                listening.accept()[0].close()

    with socket.create_server((HOST, 0)) as listening:
        thread = threading.Thread(target=close, args=[listening], daemon=True)
        thread.start()
        report = examined(f"https://{HOST}:{listening.getsockname()[1]}")
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(GUARD)
    assert "what lies between here and Exotel" in wrong(report)[Check.TLS]


def test_a_port_that_never_speaks_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes connections, and no TLS comes of them."""
    monkeypatch.setattr("exporter.doctor.network._LONGEST", 0.2)
    with socket.create_server((HOST, 0)) as listening:
        report = examined(f"https://{HOST}:{listening.getsockname()[1]}")
    assert "TLS fails: no answer within 0.2 s" in wrong(report)[Check.TLS]


def test_clear_text_is_told_of_where_it_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the machine itself it doesn't matter."""
    with raw_server(well) as server:
        tls = found(examined(server.url))[Check.TLS]
        assert (tls.verdict, tls.value) == (Verdict.GOOD, "off")
        monkeypatch.setattr("exporter.doctor.network.ip_address", lambda _: _Far())
        tls = found(examined(server.url))[Check.TLS]
    assert (tls.verdict, tls.value) == (Verdict.WORKS, "off")
    assert "clear text" in tls.text


class _Far:
    is_loopback = False


# Proxies


@contextmanager
def proxy(respond: Respond) -> Iterator[str]:
    """Run a proxy that does this with each request; give its URL, with credentials."""
    with raw_server(respond) as server:
        yield f"http://carol:{TOKEN}@{HOST}:{server.port}"


def tunnel(connection: Connection, head: str) -> bool:
    """Carry what comes to where the client wants it, and back."""
    method, place, _ = head.split(" ", 2)
    assert method == "CONNECT"
    host, _, port = place.rpartition(":")
    with socket.create_connection((host, int(port))) as beyond:
        connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        back = threading.Thread(target=_carry, args=[beyond, connection.socket], daemon=True)
        back.start()
        _carry(connection.socket, beyond)
        back.join(GUARD)
    return False


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def through(proxy_url: str, url: str, ca_file: Path | None = None, **collection: Any) -> Report:
    """Return what doctor reports on an API behind a proxy; its password is never told."""
    tls = TlsConfig(ca_file=ca_file)
    return examined(url, proxy_url=Secret(proxy_url), tls_config=tls, **collection)


def place_of(proxy_url: str) -> str:
    """Return the host and port of a proxy."""
    return proxy_url.rpartition("@")[2]


def test_an_account_behind_a_proxy_is_examined_through_it(tmp_path: Path) -> None:
    """Names and addresses are the proxy's business; TLS is verified from here."""
    authority = write_authority(tmp_path)
    with tls_server(tmp_path, authority, HOST, days=(-1, 90)) as url, proxy(tunnel) as between:
        report = through(between, url, tmp_path / "ca.pem")
    findings = found(report)
    assert {Check.NAME, Check.ADDRESSES}.isdisjoint(findings)
    assert (findings[Check.PROXY].verdict, findings[Check.PROXY].value) == (Verdict.GOOD, place_of(between))
    assert (findings[Check.TLS].verdict, findings[Check.TLS].value) == (Verdict.GOOD, "verified")
    assert findings[Check.LISTING].value == "complete"


@pytest.mark.parametrize(
    "status", [b"407 Proxy Authentication Required", b"403 Forbidden", b"502 Bad Gateway"]
)
def test_a_proxy_that_refuses_is_what_must_be_changed(status: bytes) -> None:
    """That alone, once: the API never heard of it."""
    with proxy(written(answer(b"no", status=status))) as between:
        report = through(between, f"https://{HOST}:{free_port()}")
    assert [*wrong(report)] == [Check.PROXY]
    text = wrong(report)[Check.PROXY]
    assert f"proxy {place_of(between)}: refused the tunnel with HTTP {status[:3].decode()}" in text
    assert text.endswith("Check proxy_url.")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_reached_is_what_must_be_changed(scheme: str) -> None:
    """For either kind of API."""
    between = f"http://{HOST}:{free_port()}"
    report = through(between, f"{scheme}://{HOST}:{free_port()}")
    assert [*wrong(report)] == [Check.PROXY]
    assert "connection refused" in wrong(report)[Check.PROXY]


def test_a_proxy_that_keeps_silent_is_not_called_good() -> None:
    """Nor is it blamed: the API may keep it waiting."""
    with proxy(lambda *_: None) as between:
        report = through(between, f"https://{HOST}:{free_port()}", timeout=0.3)
    assert found(report)[Check.PROXY].verdict is Verdict.NOT_TOLD
    assert [*wrong(report)] == [Check.LISTING]
    assert "no complete answer within" in wrong(report)[Check.LISTING]


def test_an_api_that_breaks_off_behind_a_proxy_is_not_its_fault() -> None:
    """The connection through it ended."""

    def cut(connection: Connection, head: str) -> bool:
        connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n" if "CONNECT" in head else b"")
        return False

    with proxy(cut) as between:
        report = through(between, f"https://{HOST}:{free_port()}")
    assert found(report)[Check.PROXY].verdict is Verdict.NOT_TOLD
    assert report.must_change


@pytest.mark.parametrize("is_trusted", [True, False])
def test_a_proxy_that_intercepts_tls_must_be_trusted(tmp_path: Path, *, is_trusted: bool) -> None:
    """By the file of its authority; without that the text says so."""
    authority = write_authority(tmp_path)
    write_certificate(tmp_path, authority, HOST)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")

    def intercept(connection: Connection, head: str) -> bool:
        connection.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with suppress(OSError), context.wrap_socket(connection.socket, server_side=True) as secure:
            inside = Connection(0, secure)
            while inside.request() is not None:
                inside.write(answer(EMPTY_PAGE))
        return False

    with proxy(intercept) as between:
        ca_file = tmp_path / "ca.pem" if is_trusted else None
        report = through(between, f"https://{HOST}:{free_port()}", ca_file)
    tls = found(report)[Check.TLS]
    assert (tls.value, report.must_change) == (("verified", False) if is_trusted else ("refused", True))
    if not is_trusted:
        assert [*wrong(report)] == [Check.TLS]
        assert "set tls_config.ca_file to its authority's file" in tls.text


# The clock


@pytest.mark.parametrize("ahead", [120, -120])
def test_a_clock_that_is_two_minutes_off_is_told(ahead: int) -> None:
    """To the second or so; what is cached says nothing of it."""

    def respond(connection: Connection, _head: str) -> None:
        connection.write(answer(EMPTY_PAGE, f"Date: {formatdate(time.time() + ahead, usegmt=True)}".encode()))

    with raw_server(respond) as server:
        clock = found(examined(server.url))[Check.CLOCK]
    assert clock.verdict is Verdict.WORKS
    assert clock.value == pytest.approx(ahead, abs=1.5)
    direction = "ahead of" if ahead > 0 else "behind"
    assert re.search(f"is (2 min|1(19|20)\\.. s) {direction} this machine's", clock.text)


@pytest.mark.parametrize(
    "headers", [(), (b"Date: yesterday",), (b"Date: Mon, 01 Jan 2024 00:00:00 GMT", b"Age: 60")]
)
def test_a_clock_that_is_not_told_is_not_guessed(headers: tuple[bytes, ...]) -> None:
    """No `Date`, one that is none, or one of an answer from a cache."""
    with raw_server(lambda connection, _: connection.write(answer(EMPTY_PAGE, *headers))) as server:
        assert Check.CLOCK not in found(examined(server.url))


# Credentials, region and account


@pytest.mark.parametrize("fault", ["status:401", "status:404"])
@pytest.mark.parametrize("requests", [60, 2])
def test_the_wrong_region_names_the_right_one(
    monkeypatch: pytest.MonkeyPatch, fault: str, requests: int
) -> None:
    """However it refuses, and with no request more than that takes."""
    with Simulator(Settings(calls=5, speed=0)) as here, Simulator(Settings(calls=5, speed=0)) as there:
        here.set_faults([fault])
        monkeypatch.setattr(access, "KNOWN_HOSTS", (here.url, there.url))
        report = examined(here.url, requests, token="demo")  # the simulator's
        assert sum(there.requests_served().values()) == 1
    findings = found(report)
    assert [*wrong(report)] == [Check.REGION]
    assert findings[Check.REGION].value == there.url
    assert "set base_url to that" in findings[Check.REGION].text
    assert findings[Check.CREDENTIALS].value == "accepted"
    assert findings[Check.ACCOUNT].value == "known"
    assert report.requests == 2


def test_refused_credentials_are_told_although_no_request_is_left_for_other_regions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the one answer told isn't lost."""
    with Simulator(Settings(calls=5, speed=0)) as here:
        monkeypatch.setattr(access, "KNOWN_HOSTS", (here.url, f"http://{HOST}:{free_port()}"))
        report = examined(here.url, requests=1, token="another")
    assert [*wrong(report)] == [Check.CREDENTIALS]
    assert report.requests == 1


def test_credentials_that_no_region_accepts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of Exotel's hosts was asked once."""
    with ExitStack() as stack:
        simulators = [stack.enter_context(Simulator(Settings(speed=0))) for _ in range(3)]
        monkeypatch.setattr(access, "KNOWN_HOSTS", tuple(each.url for each in simulators))
        report = examined(simulators[1].url, token="another")
        assert [sum(each.requests_served().values()) for each in simulators] == [1, 1, 1]
    assert [*wrong(report)] == [Check.CREDENTIALS]


def test_credentials_go_nowhere_but_to_the_configured_host_unless_it_is_exotels_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host of one's own (a gateway, a simulator) has no regions."""
    with Simulator(Settings(speed=0)) as here, Simulator(Settings(speed=0)) as there:
        monkeypatch.setattr(access, "KNOWN_HOSTS", (there.url,))
        report = examined(here.url, token="another")
        assert not there.requests_served()
    assert [*wrong(report)] == [Check.CREDENTIALS]


def test_an_unknown_account_is_told() -> None:
    """The API has a code for that."""
    with Simulator(Settings(account_sid="other", speed=0)) as simulator:
        report = examined(simulator.url, token="demo")
    account = found(report)[Check.ACCOUNT]
    assert (account.verdict, account.value) == (Verdict.MUST_CHANGE, "unknown")
    assert "account_sid" in account.text


def test_a_404_without_a_code_is_no_unknown_account() -> None:
    """A path that isn't there answers so as well."""
    with answering(lambda _: (404, b"<html>nginx</html>")) as place:
        account = found(examined(f"http://{place}"))[Check.ACCOUNT]
    assert (account.verdict, account.value) == (Verdict.MUST_CHANGE, None)
    assert "There is no list of calls here: HTTP 404" in account.text


def test_a_secret_whose_file_has_gone_is_named(tmp_path: Path) -> None:
    """The API isn't asked."""
    file = tmp_path / "token"
    account = AccountConfig(
        account_sid="demo", base_url=f"http://{HOST}:1", api_key=Secret("demo"), api_token=Secret(file=file)
    )
    with raw_server(well) as server:
        asker = Asker(_at(account, server.url), 60)
        report = Examination(asker, lambda _: None).run()
        asker.close()
        assert server.heads == []
    assert f"secret file {file}: no such file" in wrong(report)[Check.LISTING]


def _at(account: AccountConfig, url: str) -> AccountConfig:
    return AccountConfig(
        account_sid=account.account_sid, base_url=url, api_key=account.api_key, api_token=account.api_token
    )


# The limit's headers


@pytest.mark.parametrize(
    ("headers", "value", "verdict", "words"),
    [
        ([b"X-RateLimit-Limit: 1200"], 1200, Verdict.GOOD, "1200 requests a minute"),
        ([b"X-RateLimit-Limit: 30"], 30, Verdict.WORKS, "lower it"),
        ([b"X-RateLimit-Limit: 1200, 1200;w=60"], 1200, Verdict.GOOD, "1200 requests a minute"),
        ([b"X-RateLimit-Limit: 5000;w=3600"], None, Verdict.WORKS, "isn't one of a minute"),
        ([b"X-RateLimit-Limit: 50, 50;w=1"], None, Verdict.WORKS, "isn't one of a minute"),
        (
            [b"X-RateLimit-Limit: 5000", b"X-RateLimit-Reset: 900"],
            None,
            Verdict.WORKS,
            "isn't one of a minute",
        ),
        ([b"X-RateLimit-Limit: unlimited"], False, Verdict.GOOD, "announces no limit"),
        ([b"X-RateLimit-Limit: 918012345678"], False, Verdict.GOOD, "announces no limit"),
        ([b"X-RateLimit-Limit: 0"], False, Verdict.GOOD, "announces no limit"),
        ([b'RateLimit: "default";r=50;t=30'], False, Verdict.GOOD, "RateLimit came"),
        ([], False, Verdict.GOOD, "announces no limit"),
    ],
)
def test_headers_of_the_limit_are_told_as_far_as_they_make_sense(
    headers: list[bytes], value: object, verdict: Verdict, words: str
) -> None:
    """A number that is no limit of a minute is none."""
    with raw_server(lambda connection, _: connection.write(answer(EMPTY_PAGE, *headers))) as server:
        limit = found(examined(server.url))[Check.RATE_LIMIT]
    assert (limit.value, limit.verdict) == (value, verdict)
    assert words in limit.text


# AgentStream


@pytest.mark.parametrize(
    ("status", "body", "verdict", "value"),
    [
        (404, b"", Verdict.GOOD, 404),
        (403, b"", Verdict.GOOD, 403),
        (400, b"{}", Verdict.GOOD, 400),
        (500, b"oops", Verdict.NOT_TOLD, None),
        (429, b"", Verdict.NOT_TOLD, None),
        (302, b"", Verdict.NOT_TOLD, None),
        (200, b"<html>welcome</html>", Verdict.NOT_TOLD, None),
    ],
)
def test_agent_streams_are_missing_only_where_the_api_says_so(
    status: int, body: bytes, verdict: Verdict, value: int | None
) -> None:
    """What went wrong for once, or makes no sense, tells nothing of the account."""

    def respond(path: str) -> tuple[int, bytes]:
        return (status, body) if "ActiveStreams" in path else (200, EMPTY_PAGE)

    with answering(respond) as place:
        streams = found(examined(f"http://{place}"))[Check.AGENT_STREAMS]
    assert (streams.verdict, streams.value) == (verdict, value)


# Answers that are none


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (answer(b"\0\xff garbage"), "not JSON"),
        (answer(b"<!doctype html><p>Sign in"), "HTML, not JSON"),
        (answer(b""), "the answer is empty"),
        (answer(b"[1]"), "JSON, but not an object"),
        (answer(b"{}", status=b"500 Oops"), "HTTP 500"),
        (answer(b"", b"Location: https://sso.example.com/?k=1", status=b"302 Found"), "HTTP 302"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "valid HTTP"),
        (b"", "closed without an answer"),
        (answer(b'{"response":')[:-4], "cut short"),
        (answer(b'{"response": {"active_calls": "none"}}'), "no list response.active_calls"),
    ],
)
def test_an_answer_that_is_no_list_is_told_in_one_line(data: bytes, words: str) -> None:
    """Once, with what to do, and not as a matter of credentials; nothing more is asked."""
    with raw_server(written(data)) as server:
        report = examined(server.url)
    assert [*wrong(report)] == [Check.LISTING]
    assert words in wrong(report)[Check.LISTING]
    assert "sso.example.com" not in as_text(report)
    assert report.requests in {1, 3}  # what may be over in a moment is asked again
    assert report.configuration == ""


def test_an_api_that_hangs_is_given_up_at_the_timeout() -> None:
    """The configured one."""
    with raw_server(lambda *_: None) as server:
        report = examined(server.url, timeout=0.3)
    assert found(report)[Check.LISTING].value == "timeout"
    assert report.requests == 3  # it may be over in a moment


def test_an_api_that_drips_is_given_up_at_the_timeout() -> None:
    """A byte now and then doesn't keep it waiting."""
    ended = threading.Event()

    def drip(connection: Connection, _head: str) -> bool:
        connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        with suppress(OSError):
            while not ended.wait(0.02):
                connection.socket.sendall(b" ")
        return False

    with raw_server(drip) as server:
        report = examined(server.url, timeout=0.3)
        ended.set()
    assert found(report)[Check.LISTING].value == "timeout"


# Echoes


@pytest.mark.parametrize("token", [TOKEN, "hushhush"], ids=["usual", "a word"])
def test_what_a_hostile_server_echoes_is_never_told(token: str) -> None:
    """The credentials, as they came and decoded, in messages, codes, fields and headers; and call_sids."""
    sids = [f"c0ffee{number:04d}sid" for number in range(30)]

    def respond(connection: Connection, head: str) -> None:
        sent = re.search(r"Authorization: Basic (\S+)", head)
        assert sent
        echo = f"{sent[1]} {token}"
        said = {"direction": token, "status": token, "agent_details": {"status": token}, "from": sent[1]}
        rows = [{**said, "call_sid": sid, "start_time": sent[1], echo: 5} for sid in sids]
        body = json.dumps({"response": {"active_calls": rows, "total_active": 30}, "request_id": token})
        headers = (f"X-RateLimit-Limit: {token}", f"Date: {token}", f"Server: {echo}")
        failed = json.dumps(
            {"response": {"error_data": {"code": token, "message": echo}}, "request_id": sids[0]}
        )
        lines = [each.encode() for each in headers]
        is_list = "/active" in head.split(" ")[1]
        connection.write(
            answer(body.encode(), *lines)
            if is_list
            else answer(failed.encode(), *lines, status=b"404 " + token.encode())
        )

    with raw_server(respond) as server:
        report = examined(server.url, token=token)
    told = as_text(report) + as_json([report])
    assert found(report)[Check.VALUES].value == {"direction": 1, "status": 1, "agent_details.status": 1}
    assert token not in told
    assert "Authorization" not in told
    assert not [sid for sid in sids if sid in told]
