"""The examples of the exporter-toolkit (v0.17.1: web/testdata, docs/web-config.yml, web/web-config.yml).

Each stands under its name, with certificates of our own. What the toolkit accepts is accepted, or refused for
a reason that the documentation gives; what it refuses is refused.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from exporter.web.config import ActiveWebConfig
from exporter.web.config_file import ConfigError
from tests.tools import ROOT
from tests.web import hashed, write_authority, write_certificate

PAIR = {"cert_file": "server.crt", "key_file": "server.key"}
IF_GIVEN = {**PAIR, "client_auth_type": "VerifyClientCertIfGiven"}
REQUIRED = {**PAIR, "client_auth_type": "RequireAndVerifyClientCert"}
ANY = {**PAIR, "client_auth_type": "RequireAnyClientCert"}
RSA = ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384")
SUITES = (
    *RSA,
    *("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    *("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    *("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"),
    *("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
)
HEADERS = {
    "X-Frame-Options": "deny",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-XSS-Protection": 1,
    "Content-Security-Policy": "default-src 'self' *.test.example.net",
}
USERS = {name: hashed(name).replace("$2b$", "$2y$") for name in ("alice", "bob", "carol", "dave")}


def tls(section: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A file of TLS alone, with these keys beside those of a section."""
    return {"tls_server_config": {**section, **more}}


def headers(**names: str) -> dict[str, Any]:
    """A file of headers alone; - is written _ here."""
    return {"http_server_config": {"headers": {name.replace("_", "-"): text for name, text in names.items()}}}


ACCEPTED: Mapping[str, Any] = {
    "docs/web-config": {
        **tls(PAIR),
        "basic_auth_users": USERS,
        "rate_limit": {"interval": "1s", "burst": 20},
    },
    "web/web-config": tls(PAIR),
    "web_config_empty": None,
    "web_config_headers.good": {"http_server_config": {"headers": HEADERS}},
    "web_config_users_noTLS.good": {"basic_auth_users": USERS},
    "web_config_users.good": {**tls(PAIR), "basic_auth_users": USERS},
    "web_config_rate_limiter_nonblocking": {"rate_limit": {"interval": 0, "burst": 0}},
    "web_config_noAuth.good": tls(IF_GIVEN),
    "web_config_noAuth.good.blocking": tls(REQUIRED),
    "web_config_auth_clientCAs_missing.bad": tls(REQUIRED),  # which the toolkit accepts
    "web_config_noAuth_allCiphers.good": tls(IF_GIVEN, cipher_suites=[*SUITES]),
    "web_config_noAuth_allCurves.good": tls(
        IF_GIVEN, curve_preferences=["CurveP256", "CurveP384", "CurveP521", "X25519"]
    ),
    "web_config_noAuth_noHTTP2.good": {
        **tls(IF_GIVEN, cipher_suites=[RSA[1]], max_version="TLS12"),
        "http_server_config": {"http2": False},
    },
    # Which the toolkit refuses, as a browser's HTTP/2 couldn't use that suite. There is no HTTP/2 here.
    "web_config_noAuth_noHTTP2Cipher.bad": tls(IF_GIVEN, cipher_suites=[RSA[1]], max_version="TLS12"),
    "web_config_noAuth_someCiphers.good": tls(
        IF_GIVEN, cipher_suites=[*RSA], min_version="TLS12", max_version="TLS12"
    ),
    "web_config_noAuth_someCiphers_noOrder.good": tls(
        IF_GIVEN,
        cipher_suites=[*reversed(RSA)],
        prefer_server_cipher_suites=False,
        min_version="TLS12",
        max_version="TLS12",
    ),
    "web_config_noAuth_someCurves.good": tls(IF_GIVEN, min_version="TLS13", curve_preferences=["CurveP521"]),
    "tls_config_noAuth.requireandverifyclientcert.good": tls(REQUIRED, client_ca_file="ca.pem"),
    "web_config_auth_client_san.good": tls(
        REQUIRED, client_ca_file="ca.pem", client_allowed_sans=["one", "test3", "two"]
    ),
    "web_config_auth_client_san.bad": tls(REQUIRED, client_ca_file="ca.pem", client_allowed_sans=["bad"]),
}

REFUSED: Mapping[str, tuple[Any, tuple[str, ...]]] = {
    # What stands in the file, and of each line the key and what was found.
    "web_config_junk": ("hWkNKCp3fvIx3jKnsaBI\nTuEjdwNS8A2vYdFbiKqr", (": found a text",)),
    "web_config_junk_key": (
        tls({"cert_filse": "server.crt"}),
        ("cert: found nothing", "key: found nothing", ": found the unknown key cert_filse"),
    ),
    "web_config_noAuth_certPath_empty.bad": (tls(PAIR, cert_file=""), ('cert_file: found ""',)),
    "web_config_noAuth_cert_empty.bad": (tls({"cert": "", "key_file": "server.key"}), ('cert: found ""',)),
    "web_config_noAuth_keyPath_empty.bad": (tls(PAIR, key_file=""), ('key_file: found ""',)),
    "web_config_noAuth_key_empty.bad": (
        tls({"cert_file": "server.crt", "key": ""}),
        ("key: found a text",),
    ),
    "web_config_noAuth_certPath_keyPath_empty.bad": (
        tls({"cert_file": "", "key_file": "", "client_auth_type": "x"}),
        ('cert_file: found ""', 'client_auth_type: found "x"', 'key_file: found ""'),
    ),
    "web_config_noAuth_certPath_invalid.bad": (
        tls(PAIR, cert_file="somefile"),
        ('cert_file: found "somefile" (no such file or directory)',),
    ),
    "web_config_noAuth_keyPath_invalid.bad": (
        tls({"cert_file": "server.cert", "key_file": "somefile"}),
        (
            'cert_file: found "server.cert" (no such file or directory)',
            'key_file: found "somefile" (no such file or directory)',
        ),
    ),
    "web_config_noAuth_certPath_keyPath_invalid.bad": (
        tls({"cert_file": "somefile", "key_file": "somefile"}),
        (
            'cert_file: found "somefile" (no such file or directory)',
            'key_file: found "somefile" (no such file or directory)',
        ),
    ),
    "web_config_noAuth.bad": (
        tls(PAIR, client_ca_file="/dev/null"),
        ('client_ca_file: found "/dev/null" (not a regular file)',),
    ),
    "web_config_auth_clientCAs_invalid.bad": (
        tls(PAIR, client_ca_file="somefile"),
        ('client_ca_file: found "somefile" (no such file or directory)',),
    ),
    "web_config_auth_user_list_invalid.bad": (
        {**tls(PAIR), "basic_auth_users": {"john": "doe"}},
        ("basic_auth_users.john: found a text",),
    ),
    "web_config_noAuth_inventedCiphers.bad": (
        tls(IF_GIVEN, cipher_suites=["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048"]),
        ('cipher_suites[0]: found "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA2048"',),
    ),
    "web_config_noAuth_inventedCurves.bad": (
        tls(IF_GIVEN, curve_preferences=["CurveP257"]),
        ('curve_preferences[0]: found "CurveP257"',),
    ),
    "web_config_noAuth_wrongTLSVersion.bad": (
        tls(IF_GIVEN, min_version="TLS111"),
        ('min_version: found "TLS111"',),
    ),
    "web_config_headers_content_type_options.bad": (
        headers(X_Content_Type_Options="sniff"),
        ('headers.X-Content-Type-Options: found "sniff"',),
    ),
    "web_config_headers_frame_options.bad": (
        headers(X_Frame_Options="foo"),
        ('headers.X-Frame-Options: found "foo"',),
    ),
    "web_config_headers_extra_header.bad": (
        headers(Content_Type="foo"),
        ("headers: found the key Content-Type",),
    ),
}

ANY_CERTIFICATE = (
    'client_auth_type: found "RequireAnyClientCert" '
    "(Python's TLS requires no certificate that it doesn't verify)"
)
REFUSED_HERE: Mapping[str, tuple[Any, str, str]] = {
    # What stands in the file, the line's key with what was found, and what the documentation speaks of.
    "tls_config_noAuth.requireanyclientcert.good": (tls(ANY), ANY_CERTIFICATE, "`RequireAnyClientCert`"),
    "web_config_rate_limiter_one_second": (
        {"rate_limit": {"interval": "1s", "burst": 0}},
        "rate_limit.burst: found 0 (with an interval, nothing would be answered)",
        "`burst: 0`",
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an RSA certificate, its key, and an authority."""
    folder = tmp_path_factory.mktemp("examples")
    authority = write_authority(folder)
    write_certificate(folder, authority, "localhost", key_type=trustme.KeyType.RSA)
    return folder


def write(folder: Path, document: Any) -> Path:
    """A file of this document, of nothing for None."""
    file = folder / "web.yaml"
    file.write_text(yaml.safe_dump(document) if document is not None else "", encoding="utf-8")
    return file


def errors(file: Path) -> list[str]:
    """The keys of invalid values, each with what was found."""
    with pytest.raises(ConfigError) as caught:
        ActiveWebConfig(file)
    lines = (f"{each.path}: found {each.found}" for each in caught.value.errors)
    return [re.sub(r"^(tls|http)_server_config\.?", "", line) for line in lines]


def shake_hands(context: ssl.SSLContext) -> None:
    """Have a client, who believes in any certificate, connect in memory."""
    context.verify_mode = ssl.CERT_NONE  # the client has no certificate
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server)
    server = context.wrap_bio(to_server, to_client, server_side=True)
    for end in (client, server) * 4:
        with suppress(ssl.SSLWantReadError):
            end.do_handshake()
    assert client.cipher() is not None


def test_what_the_toolkit_accepts_is_accepted(files: Path) -> None:
    """And can be served: no handshake fails for it."""
    for document in ACCEPTED.values():
        tls_section = ActiveWebConfig(write(files, document)).config.tls_server_config
        if tls_section:
            shake_hands(tls_section.context)


def test_a_certificate_and_its_key_may_stand_in_the_file_itself(files: Path) -> None:
    """web_config_noAuth_tlsInline.good, and tls_config_noAuth.requireanyclientcertkeyinline.good."""
    cert, key = ((files / f"server.{part}").read_text(encoding="ascii") for part in ("crt", "key"))
    inline = {"cert": cert, "key": key, "client_auth_type": "VerifyClientCertIfGiven"}
    active = ActiveWebConfig(write(files, tls(inline)))
    assert active.config.tls_server_config is not None
    shake_hands(active.config.tls_server_config.context)
    assert errors(write(files, tls(ANY, key_file=None, key=key))) == [ANY_CERTIFICATE]


def test_what_the_toolkit_refuses_is_refused(files: Path) -> None:
    """With a line for each error, and none for anything else."""
    found = {name: errors(write(files, document)) for name, (document, _) in REFUSED.items()}
    assert found == {name: [*lines] for name, (_, lines) in REFUSED.items()}


def test_what_is_refused_here_alone_is_documented(files: Path) -> None:
    """The line says why, and so does the list of what differs."""
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    differences = page.partition("accepted here too, except for these:")[2].partition("\n| key ")[0]
    for document, line, documented in REFUSED_HERE.values():
        assert errors(write(files, document)) == [line]
        assert documented in differences
