"""The HTTP client of an account, against requests-mock."""

from __future__ import annotations

import errno
import gzip
import os
import socket
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from http.client import BadStatusLine, RemoteDisconnected
from pathlib import Path

import pytest
import requests
import requests_mock
import urllib3.exceptions

from exporter.config import AccountConfig, CollectionConfig, Secret, TlsConfig
from exporter.exotel import client as client_module
from exporter.exotel.client import Client
from exporter.exotel.deadline import Deadline
from exporter.exotel.enums import Endpoint
from exporter.exotel.errors import ApiError, Reason
from exporter.exotel.models import Page
from tests.unit.test_decode import FAILURES, ROW, page, v3_error

BASE = "https://exotel.test"
URL = f"{BASE}/v3/accounts/acme1/calls/active"
TOKEN = "t0ken-é"


class Heard:
    """What an observer of the client was told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.retries: list[tuple[str, str]] = []

    def request(self, endpoint: str, code: str, seconds: float) -> None:
        """Hear of a request."""
        assert seconds >= 0
        self.requests.append((endpoint, code))

    def retry(self, endpoint: str, reason: str) -> None:
        """Hear of a retry."""
        self.retries.append((endpoint, reason))


@pytest.fixture
def api() -> Iterator[requests_mock.Mocker]:
    """Answers for every request; one that no test announced fails."""
    with requests_mock.Mocker() as mocker:
        yield mocker


def account(token: Secret | None = None) -> AccountConfig:
    """Return an account whose API is the mocked one."""
    return AccountConfig(
        name="acme",
        account_sid="acme1",
        base_url=BASE,
        api_key=Secret("key"),
        api_token=token or Secret(TOKEN),
    )


def ask(config: AccountConfig | None = None, heard: Heard | None = None, seconds: float = 5) -> Page:
    """Ask for rows 40 to 59."""
    client = Client(config or account(), heard or Heard())
    try:
        [page] = client.pages([(40, 20)], Deadline.after(seconds))
        return page
    finally:
        client.close()


def test_a_page_is_asked_for_as_the_api_documents(api: requests_mock.Mocker) -> None:
    """Offset, limit and the account stand in the URL; credentials in the header alone, in UTF-8."""
    api.get(URL, content=page(ROW))
    assert ask().rows == 1
    [request] = api.request_history
    assert request.qs == {"offset": ["40"], "limit": ["20"]}
    assert request.headers["Authorization"] == "Basic " + b64encode(f"key:{TOKEN}".encode()).decode()
    assert request.headers["User-Agent"].startswith("exotel-exporter/")
    assert "key" not in request.url


def test_every_request_is_reported_with_its_endpoint_and_status(api: requests_mock.Mocker) -> None:
    """The counters are fed by an observer: the client knows nothing of metrics."""
    heard = Heard()
    api.get(URL, [{"content": page(ROW)}, {"status_code": 403}, {"exc": requests.ReadTimeout}])
    ask(heard=heard)
    for _ in range(2):
        with pytest.raises(ApiError):
            ask(heard=heard)
    assert heard.requests == [("calls", "200"), ("calls", "403"), ("calls", "timeout")]
    assert not heard.retries


@pytest.mark.parametrize(("status", "body", "reason", "_text"), FAILURES)
def test_each_kind_of_failure_reaches_the_caller_as_its_reason(
    api: requests_mock.Mocker, status: int, body: bytes, reason: Reason, _text: str
) -> None:
    """What the answers' own tests show holds through the client too."""
    api.get(URL, status_code=status, content=body)
    with pytest.raises(ApiError) as caught:
        ask()
    assert caught.value.reason == reason


def test_a_redirect_is_not_followed(api: requests_mock.Mocker) -> None:
    """Credentials never leave for another host: that host is not even asked."""
    api.get(URL, status_code=302, headers={"Location": "https://elsewhere.test/"})
    elsewhere = api.get("https://elsewhere.test/", content=page(ROW))
    with pytest.raises(ApiError) as caught:
        ask()
    assert caught.value.reason == Reason.REDIRECT
    assert not elsewhere.called


@pytest.mark.parametrize(
    ("error", "reason", "text"),
    [
        (
            requests.ConnectTimeout(),
            Reason.TIMEOUT,
            "exotel.test: no complete answer within 0.0 s (what was left of 5 s)",
        ),
        (
            requests.ReadTimeout(),
            Reason.TIMEOUT,
            "exotel.test: no complete answer within 0.0 s (what was left of 5 s)",
        ),
        (requests.exceptions.SSLError(), Reason.TLS, "TLS failed"),
        (requests.exceptions.ProxyError(), Reason.CONNECTION, "proxy"),
        (
            requests.ConnectionError(OSError(111, "Connection refused")),
            Reason.CONNECTION,
            "exotel.test: connection refused",
        ),
        (requests.ConnectionError(f"{URL}?token={TOKEN}"), Reason.CONNECTION, "ConnectionError"),
        (requests.exceptions.ChunkedEncodingError(), Reason.CONNECTION, "ChunkedEncodingError"),
        (urllib3.exceptions.IncompleteRead(3, 9), Reason.CONNECTION, "cut short"),
        (
            requests.exceptions.ProxyError(OSError("Tunnel connection failed: 407 +919876543210")),
            Reason.CONNECTION,
            "refused the tunnel with HTTP 407: check the credentials in proxy_url",
        ),
        (
            requests.ConnectionError(RemoteDisconnected("")),
            Reason.CONNECTION,
            "closed without an answer",
        ),
        (requests.ConnectionError(BadStatusLine("SSH-2.0")), Reason.CONNECTION, "answer isn't valid HTTP"),
        (urllib3.exceptions.DecodeError("…"), Reason.BAD_RESPONSE, "decompressed"),
        (ConnectionResetError(104, "Connection reset by peer"), Reason.CONNECTION, "connection reset"),
        (
            requests.ConnectionError(socket.gaierror(-2, "Name or service not known")),
            Reason.CONNECTION,
            "exotel.test can't be resolved: name or service not known",
        ),
        (
            requests.exceptions.InvalidHeader(f"Content-Length {TOKEN}"),
            Reason.BAD_RESPONSE,
            "Content-Length header isn't one number",
        ),
        *(
            (
                OSError(code, os.strerror(code)),
                Reason.RESOURCES,
                os.strerror(code).lower(),
            )
            for code in (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EADDRNOTAVAIL)
        ),
        (MemoryError(), Reason.RESOURCES, "out of memory"),
    ],
)
def test_a_request_without_an_answer_has_one_reason(
    api: requests_mock.Mocker, error: Exception, reason: Reason, text: str
) -> None:
    """Exceptions of the libraries become one typed error, whose text holds nothing of the URL."""
    api.get(URL, exc=error)
    with pytest.raises(ApiError) as caught:
        ask()
    assert caught.value.reason == reason
    assert text in caught.value.detail
    assert TOKEN not in caught.value.detail
    assert caught.value.status is None


def test_a_compressed_answer_is_read(api: requests_mock.Mocker) -> None:
    """The client asks for gzip, and undoes it."""
    api.get(URL, content=gzip.compress(page(ROW)), headers={"Content-Encoding": "gzip"})
    assert ask().rows == 1
    assert api.request_history[0].headers["Accept-Encoding"] == "gzip"


def test_a_body_without_end_is_not_read_to_its_end(
    api: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page may weigh is bounded, and compressed weight counts as what it unpacks to."""
    monkeypatch.setitem(client_module.BODY_LIMITS, Endpoint.CALLS, 1000)
    api.get(URL, content=gzip.compress(b" " * 100_000), headers={"Content-Encoding": "gzip"})
    with pytest.raises(ApiError) as caught:
        ask()
    assert caught.value.reason == Reason.BAD_RESPONSE
    assert "longer than" in caught.value.detail


def test_a_secret_file_is_read_anew_for_each_request(api: requests_mock.Mocker, tmp_path: Path) -> None:
    """A rotated token works at once, with no restart."""
    file = tmp_path / "token"
    api.get(URL, content=page(ROW))
    for token in ("old", "new"):
        file.write_text(f"{token}\n")
        ask(account(token=Secret(file=file)))
        assert (
            api.request_history[-1].headers["Authorization"]
            == "Basic " + b64encode(f"key:{token}".encode()).decode()
        )


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file or directory"), ("", "empty"), (" \n", "empty"), ("a\nb", "not one line")],
)
def test_a_secret_file_that_holds_no_secret_is_a_local_failure(
    api: requests_mock.Mocker, tmp_path: Path, content: str | None, why: str
) -> None:
    """The API refused nothing: nothing is asked without credentials, and the error names the file."""
    endpoint, file = api.get(URL, content=page(ROW)), tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ApiError) as caught:
        ask(account(token=Secret(file=file)))
    assert caught.value.reason == Reason.SECRET
    assert caught.value.detail.startswith(f"secret file {file}: {why}")
    assert not endpoint.called


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
def test_a_file_that_nothing_is_left_to_open_with_is_a_lack_of_resources(
    api: requests_mock.Mocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The file is all right, be it a secret's or that of the authorities."""
    endpoint, file = api.get(URL, content=page(ROW)), tmp_path / "file"
    file.write_text(TOKEN)

    def lacking(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    for opener in (Path, os):
        monkeypatch.setattr(opener, "open", lacking)
    collection = CollectionConfig(tls_config=TlsConfig(ca_file=file))
    for config in (account(token=Secret(file=file)), replace(account(), collection=collection)):
        with pytest.raises(ApiError) as caught:
            ask(config)
        assert caught.value.reason == Reason.RESOURCES
        assert os.strerror(number).lower() in caught.value.detail
    assert not endpoint.called


def test_nothing_is_asked_once_the_deadline_is_over(api: requests_mock.Mocker) -> None:
    """A request that can't be answered in time is not made."""
    endpoint = api.get(URL, content=page(ROW))
    with pytest.raises(ApiError) as caught:
        ask(seconds=0)
    assert caught.value.reason == Reason.TIMEOUT
    assert not endpoint.called


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        ({"status_code": 503}, "server_error"),
        ({"status_code": 429}, "rate_limited"),
        ({"exc": requests.ConnectionError}, "connection"),
    ],
)
def test_what_another_try_can_mend_is_tried_again(
    api: requests_mock.Mocker, failure: dict[str, object], reason: str
) -> None:
    """A server that stumbles once costs a retry, which is told, and no scrape."""
    heard = Heard()
    api.get(URL, [failure, {"content": page(ROW)}])
    assert ask(heard=heard).rows == 1
    assert heard.retries == [("calls", reason)]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
def test_what_no_other_try_can_mend_is_not_tried_again(api: requests_mock.Mocker, status: int) -> None:
    """Wrong credentials stay wrong, and asking on may lock the account."""
    endpoint = api.get(URL, status_code=status)
    with pytest.raises(ApiError):
        ask()
    assert endpoint.call_count == 1


def test_a_failure_that_stays_is_tried_three_times(api: requests_mock.Mocker) -> None:
    """Then it is told."""
    endpoint = api.get(URL, status_code=500)
    with pytest.raises(ApiError) as caught:
        ask()
    assert caught.value.reason == Reason.SERVER_ERROR
    assert endpoint.call_count == 3


def test_a_pause_that_the_api_asks_for_is_kept(api: requests_mock.Mocker) -> None:
    """Retry-After beyond the deadline: no second try, no further request, the reason is told."""
    endpoint = api.get(URL, status_code=429, headers={"Retry-After": "30"})
    heard = Heard()
    client = Client(account(), heard)
    for _ in range(2):
        with pytest.raises(ApiError) as caught:
            list(client.pages([(0, 20)], Deadline.after(5)))
        assert caught.value.reason == Reason.RATE_LIMITED
    client.close()
    assert endpoint.call_count == 1
    assert client.rate_limiter.remaining() == 0
    assert not heard.retries
    assert "the API wants no requests for another" in caught.value.detail


def test_a_pause_that_is_asked_for_inside_a_200_is_kept(api: requests_mock.Mocker) -> None:
    """The body alone tells that there were too many requests; the header beside it counts all the same."""
    inside = v3_error(200, 10724)
    endpoint = api.get(URL, content=inside, headers={"Retry-After": "30"})
    client = Client(account(), Heard())
    for _ in range(2):
        with pytest.raises(ApiError) as caught:
            list(client.pages([(0, 20)], Deadline.after(5)))
        assert caught.value.reason == Reason.RATE_LIMITED
    client.close()
    assert endpoint.call_count == 1
    assert 29 < client.rate_limiter.retry_after() <= 30


def test_secrets_are_read_once_for_a_collection(
    api: requests_mock.Mocker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever asks whether they have changed; all requests that follow are made with them."""
    file, reads = tmp_path / "token", list[Secret]()
    file.write_text("old")
    reveal = Secret.reveal

    def counted(secret: Secret) -> str:
        reads.append(secret)
        return reveal(secret)

    monkeypatch.setattr(Secret, "reveal", counted)
    api.get(URL, content=page(ROW))
    client = Client(account(token=Secret(file=file)), Heard())
    for token, is_new in (("old", True), ("old", False), ("new", True)):
        file.write_text(token)
        reads.clear()
        assert client.has_new_credentials() == is_new
        for _ in range(2):
            list(client.pages([(0, 20), (20, 20)], Deadline.after(5)))
        assert sum(secret.file is not None for secret in reads) == 1
        sent = {request.headers["Authorization"] for request in api.request_history[-4:]}
        assert sent == {"Basic " + b64encode(f"key:{token}".encode()).decode()}
    client.close()


def test_the_environment_neither_lends_a_proxy_nor_credentials(
    api: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only what is configured counts: no HTTPS_PROXY, no .netrc."""
    (tmp_path / ".netrc").write_text("machine exotel.test login other password other")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:3128")
    api.get(URL, content=page(ROW))
    ask()
    assert not api.request_history[-1].proxies
    assert "b3RoZXI6b3RoZXI" not in api.request_history[-1].headers["Authorization"]


def test_the_configured_proxy_is_used(api: requests_mock.Mocker) -> None:
    """`proxy_url` reaches the request."""
    collection = CollectionConfig(proxy_url=Secret("http://user:pass@proxy.test:3128"))
    config = AccountConfig(
        account_sid="acme1", base_url=BASE, api_key=Secret("k"), api_token=Secret("t"), collection=collection
    )
    api.get(URL, content=page(ROW))
    ask(config)
    assert api.request_history[-1].proxies["https"] == "http://user:pass@proxy.test:3128"


def test_an_authority_that_is_gone_is_a_local_failure_that_names_its_file(
    api: requests_mock.Mocker, tmp_path: Path
) -> None:
    """Nothing is asked without it, and the line says what to put back."""
    endpoint = api.get(URL, content=page(ROW))
    collection = CollectionConfig(tls_config=TlsConfig(ca_file=tmp_path / "gone.pem"))
    with pytest.raises(ApiError) as caught:
        ask(replace(account(), collection=collection))
    assert caught.value.reason == Reason.SECRET
    assert caught.value.detail == f"tls_config.ca_file {tmp_path / 'gone.pem'}: no such file or directory"
    assert not endpoint.called


def test_an_authority_that_is_a_pipe_is_not_waited_for(api: requests_mock.Mocker, tmp_path: Path) -> None:
    """To open it would take until somebody writes."""
    endpoint, file = api.get(URL, content=page(ROW)), tmp_path / "pipe"
    os.mkfifo(file)
    with pytest.raises(ApiError) as caught:
        ask(replace(account(), collection=CollectionConfig(tls_config=TlsConfig(ca_file=file))))
    assert (caught.value.reason, endpoint.called) == (Reason.SECRET, False)
