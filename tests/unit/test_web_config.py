"""The web configuration: what is accepted of the toolkit's format, and one clear line for the rest."""

from __future__ import annotations

import errno
import os
import re
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import (
    BadConfig,
    HttpServerConfig,
    RateLimitConfig,
    TlsServerConfig,
    User,
    WebConfig,
    web_from_file,
)
from exporter.config.headers import _VALUES
from exporter.config.sections import keys
from tests.tools import ROOT
from tests.web import PASSWORD, hashed, write_authority, write_certificate, write_web

EXAMPLE = ROOT / "deploy" / "web.example.yaml"
EVERY_KEY = sorted(
    {
        *(
            key
            for part in (WebConfig, TlsServerConfig, HttpServerConfig, RateLimitConfig)
            for key in keys(part)
        ),
        *_VALUES,
    }
)

FOLDER = "from this file's folder"
A_KEY = "a private key in PEM that belongs to the certificate and isn't encrypted"
A_KEY_FILE = f"the path of a file with {A_KEY}, {FOLDER}"
CERTS = "certificates in PEM"
A_CERT_FILE = f"the path of a file of {CERTS}, {FOLDER}"
AUTH = "VerifyClientCertIfGiven or RequireAndVerifyClientCert"
ANY_AUTH = f"NoClientCert, RequestClientCert, {AUTH}"
ONLY_VERIFIED = "(Python's TLS requires no certificate that it doesn't verify)"
A_VERSION = "TLS12 or TLS13"
SUITES = "a list of cipher suites by their Go names"
A_SUITE = re.compile(r"(TLS_\w+, )+TLS_\w+ or TLS_\w+")
CURVES = "a list of one of CurveP256, CurveP384, CurveP521, X25519, or of all four"
A_CURVE = "CurveP256, CurveP384, CurveP521 or X25519"
SANS = "a list of names, such as prometheus.example.com or 10.0.0.1"
A_HASH = "a bcrypt hash ($2a$, $2b$ or $2y$) of cost 4 to 18, as `htpasswd -nBC 10 ''` makes them"
A_NAME = "1 to 128 printable characters, none of them a colon"
USERS = "a mapping from names to bcrypt hashes"
HEADERS = ", ".join(_VALUES)
A_LINE = "a line of printable ASCII, no space at either end"
AN_INTERVAL = "0, or a duration from 0.001s to 3600s, like 10s, 500ms or 1m30s"
A_BURST = "a whole number from 0 to 1000000"
SECTIONS = "basic_auth_users, tls_server_config, http_server_config, rate_limit"
TLS_KEYS = ", ".join(keys(TlsServerConfig))
UNKNOWN = "a key that is unknown here"
HASH = "$2b$04$I3hT2.SNHT/03GZwdDgUIeX4UJmU1tfX.6ZnbQjZKB8b2gOYjIep2"
NO_FILE = "(no such file or directory)"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate, its key, an authority, and files that are none of these."""
    folder = tmp_path_factory.mktemp("web")
    authority = write_authority(folder)
    write_certificate(folder, authority, "localhost")
    write_certificate(folder, authority, "localhost", file="other")
    issued = authority.issue_cert("localhost", key_type=trustme.KeyType.RSA)
    issued.private_key_pem.write_to_path(str(folder / "rsa.key"))
    key = load_pem_private_key((folder / "server.key").read_bytes(), None)
    for name, form in (("pkcs8", PrivateFormat.PKCS8), ("pem", PrivateFormat.TraditionalOpenSSL)):
        secret = key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(PASSWORD.encode()))
        (folder / f"{name}.key").write_bytes(secret)
    (folder / "broken.key").write_text(_pem("PRIVATE KEY"), encoding="ascii")
    (folder / "broken.crt").write_text(_pem("CERTIFICATE"), encoding="ascii")
    (folder / "der.crt").write_bytes(ssl.PEM_cert_to_DER_cert((folder / "ca.pem").read_text()))
    (folder / "empty").write_text("", encoding="ascii")
    return folder


def _pem(kind: str) -> str:
    return f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n"


def mistakes(file: Path) -> list[str]:
    """The error's lines; each begins with the file, which is left out here."""
    with pytest.raises(BadConfig) as caught:
        web_from_file(file)
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}: ") for line in lines)
    return [line.removeprefix(f"{file}: ") for line in lines]


def tls_of(folder: Path, **keys: Any) -> TlsServerConfig:
    """The TLS section of a file without mistakes."""
    found = web_from_file(write_web(folder, keys)).config.tls_server_config
    assert found is not None
    return found


# What is read


def test_the_example_is_accepted(tmp_path: Path) -> None:
    """deploy/web.example.yaml passes where the files that it names are."""
    authority = write_authority(tmp_path, "clients.crt")
    write_certificate(tmp_path, authority, "localhost")
    file = tmp_path / "web.yaml"
    file.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    found = web_from_file(file)
    assert found.warnings == ()
    assert found.config.tls_server_config is not None
    assert found.config.tls_server_config.client_auth_type == "RequireAndVerifyClientCert"
    assert [user.name for user in found.config.basic_auth_users] == ["prometheus"]


@pytest.mark.parametrize("key", EVERY_KEY)
def test_every_key_stands_in_the_example(key: str) -> None:
    """No key of the format is missing from deploy/web.example.yaml, be it commented out."""
    assert re.search(rf"^[ #-]*{key}:", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    """As in the toolkit: no TLS, no users, no headers, no limit."""
    assert web_from_file(write_web(tmp_path)).config == WebConfig()


def test_what_is_left_out_has_the_defaults_of_the_toolkit(files: Path) -> None:
    """A certificate and its key are enough: TLS 1.2 and 1.3, no certificates of clients."""
    tls = tls_of(files)
    assert (tls.min_version, tls.max_version) == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert (tls.client_auth_type, tls.client_ca, tls.client_allowed_sans) == ("NoClientCert", None, ())
    assert (tls.cipher_suites, tls.prefer_server_cipher_suites, tls.curve_preferences) == (None, True, None)


def test_certificates_may_stand_in_the_configuration_itself(files: Path) -> None:
    """`cert`, `key` and `client_ca` are what their files would hold, whatever surrounds it."""
    text = {name: (files / name).read_text() for name in ("server.crt", "server.key", "ca.pem")}
    inline = {
        "cert": f"Façade\r\n{text['server.crt']}",
        "key": text["server.key"],
        "client_ca": text["ca.pem"],
    }
    verify = {"client_auth_type": "VerifyClientCertIfGiven"}
    absent = {"cert_file": None, "key_file": None}
    assert tls_of(files, **inline, **absent, **verify) == tls_of(files, client_ca_file="ca.pem", **verify)


def test_a_certificate_and_its_key_may_share_a_file(files: Path) -> None:
    """What many programs write: each is found among the other's lines."""
    both = "".join((files / f"server.{part}").read_text() for part in ("key", "crt"))
    (files / "both.pem").write_text(both, encoding="ascii")
    assert tls_of(files, cert_file="both.pem", key_file="both.pem") == tls_of(files)


def test_names_of_go_become_those_of_openssl(files: Path) -> None:
    """Suites keep their order; those of TLS 1.3, which can't be chosen, are accepted and dropped."""
    suites = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]
    suites.append("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
    tls = tls_of(files, cipher_suites=suites, curve_preferences=["CurveP384"], min_version="TLS12")
    assert tls.cipher_suites == ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256")
    assert tls.curve_preferences == "secp384r1"
    assert tls_of(files, curve_preferences=["X25519", "CurveP256", "CurveP384", "CurveP521"]) == tls_of(files)
    assert tls_of(files, cipher_suites=[], curve_preferences=[]) == tls_of(files)  # as templates leave them


@pytest.mark.parametrize(
    ("auth", "mode"),
    [
        ("NoClientCert", ssl.CERT_NONE),
        ("RequestClientCert", ssl.CERT_NONE),
        ("VerifyClientCertIfGiven", ssl.CERT_OPTIONAL),
        ("RequireAndVerifyClientCert", ssl.CERT_REQUIRED),
    ],
)
def test_types_of_client_authentication_are_read(files: Path, auth: str, mode: ssl.VerifyMode) -> None:
    """Four of Go's five can be served; of one that is only requested nothing would become."""
    authority = {"client_ca_file": "ca.pem"} if mode != ssl.CERT_NONE else {}
    assert tls_of(files, client_auth_type=auth, **authority).client_auth_type.mode == mode


def test_headers_and_limits_are_read(tmp_path: Path) -> None:
    """A number is a text in a header, an empty text is no header; http2 changes nothing."""
    headers = {"X-Frame-Options": "deny", "X-XSS-Protection": 0, "Content-Security-Policy": ""}
    http = {"http2": False, "headers": {**headers, "X-Content-Type-Options": None}}
    file = write_web(tmp_path, http_server_config=http, rate_limit={"interval": "10ms", "burst": 20})
    config = web_from_file(file).config
    assert config.http_server_config.headers == (("X-Frame-Options", "deny"), ("X-XSS-Protection", "0"))
    assert config.rate_limit == RateLimitConfig(interval=0.01, burst=20)
    for nought in (0, "0", "0s"):
        assert web_from_file(write_web(tmp_path, rate_limit={"interval": nought})).config == WebConfig()


def test_users_are_read(tmp_path: Path) -> None:
    """Any name will do that basic auth can transmit; `$2a$` and `$2y$` are as good as `$2b$`."""
    users = {"alice": hashed(PASSWORD), "Ünï code!": hashed(PASSWORD).replace("$2b$", "$2y$")}
    found = web_from_file(write_web(tmp_path, basic_auth_users=users)).config.basic_auth_users
    assert found == tuple(User(name, password_hash) for name, password_hash in users.items())


def test_variables_have_no_meaning(tmp_path: Path) -> None:
    """A name stands as it is: the toolkit knows no ${VAR}."""
    file = write_web(tmp_path, basic_auth_users={"${USER}": hashed(PASSWORD)})
    assert web_from_file(file).config.basic_auth_users[0].name == "${USER}"


def test_files_are_noted_as_they_were_read(files: Path) -> None:
    """The configuration knows every file that it came from, itself among them, so that it can be watched."""
    file = write_web(files, {"client_ca_file": "ca.pem", "client_auth_type": "VerifyClientCertIfGiven"})
    assert set(web_from_file(file).stamps) == {
        file,
        *(files / n for n in ("server.crt", "server.key", "ca.pem")),
    }


# Mistakes

Mistake = tuple[Mapping[str, Any], str, str, str]

TLS_MISTAKES: list[Mistake] = [
    # What stands in tls_server_config; then of its mistake the key, what was found, what is accepted.
    ({"cert_file": None}, "cert", "nothing", f"{CERTS} (or cert_file)"),
    ({"key_file": None}, "key", "nothing", f"{A_KEY} (or key_file)"),
    ({"cert_file": "no.crt"}, "cert_file", f'"no.crt" {NO_FILE}', A_CERT_FILE),
    ({"cert_file": ""}, "cert_file", '""', A_CERT_FILE),
    ({"cert_file": "empty"}, "cert_file", '"empty" (no certificate in it)', A_CERT_FILE),
    ({"cert_file": "server.key"}, "cert_file", '"server.key" (no certificate in it)', A_CERT_FILE),
    (
        {"cert_file": "broken.crt"},
        "cert_file",
        '"broken.crt" (a certificate in it that can\'t be read)',
        A_CERT_FILE,
    ),
    ({"cert_file": "der.crt"}, "cert_file", '"der.crt" (not UTF-8 text)', A_CERT_FILE),
    ({"cert_file": "."}, "cert_file", '"." (is a directory)', A_CERT_FILE),
    ({"cert_file": "/dev/zero"}, "cert_file", '"/dev/zero" (not a regular file)', A_CERT_FILE),
    ({"cert": "x"}, "cert", "it and cert_file too", "one of the two"),
    ({"cert": "x", "cert_file": None}, "cert", '"x" (no certificate in it)', CERTS),
    ({"key_file": "no.key"}, "key_file", f'"no.key" {NO_FILE}', A_KEY_FILE),
    ({"key_file": "server.crt"}, "key_file", '"server.crt" (no private key in it)', A_KEY_FILE),
    ({"key_file": "pkcs8.key"}, "key_file", '"pkcs8.key" (an encrypted private key)', A_KEY_FILE),
    ({"key_file": "pem.key"}, "key_file", '"pem.key" (an encrypted private key)', A_KEY_FILE),
    ({"key_file": "broken.key"}, "key_file", '"broken.key" (a private key that can\'t be read)', A_KEY),
    ({"key_file": "other.key"}, "key_file", '"other.key" (it doesn\'t match the certificate)', A_KEY),
    ({"key_file": "rsa.key"}, "key_file", '"rsa.key" (it doesn\'t match the certificate)', A_KEY),
    ({"key": PASSWORD, "key_file": None}, "key", "a text (no private key in it)", A_KEY),
    (
        {"client_ca_file": "ca.pem"},
        "client_auth_type",
        "nothing (certificates of authorities are given)",
        AUTH,
    ),
    (
        {"client_ca_file": "ca.pem", "client_auth_type": "NoClientCert"},
        "client_auth_type",
        '"NoClientCert" (certificates of authorities are given)',
        AUTH,
    ),
    (
        {"client_auth_type": "RequestClientCert", "client_allowed_sans": ["a"]},
        "client_auth_type",
        '"RequestClientCert" (client_allowed_sans is given)',
        AUTH,
    ),
    (
        {"client_auth_type": "RequireAnyClientCert"},
        "client_auth_type",
        f'"RequireAnyClientCert" {ONLY_VERIFIED}',
        ANY_AUTH,
    ),
    (
        {"client_auth_type": "RequireClientCert"},
        "client_auth_type",
        f'"RequireClientCert" {ONLY_VERIFIED}',
        ANY_AUTH,
    ),
    ({"client_auth_type": "require"}, "client_auth_type", '"require"', ANY_AUTH),
    ({"client_auth_type": True}, "client_auth_type", "true", ANY_AUTH),
    ({"client_allowed_sans": []}, "client_allowed_sans", "[]", SANS),
    ({"client_allowed_sans": "a"}, "client_allowed_sans", '"a"', SANS),
    (
        {"client_allowed_sans": ["a b"]},
        "client_allowed_sans[0]",
        '"a b"',
        "a name of 1 to 255 printable characters without a space",
    ),
    ({"min_version": "TLS10"}, "min_version", '"TLS10"', A_VERSION),
    ({"min_version": "TLS11"}, "min_version", '"TLS11"', A_VERSION),
    ({"min_version": 1.2}, "min_version", "1.2", A_VERSION),
    ({"max_version": "TLS11"}, "max_version", '"TLS11"', A_VERSION),
    (
        {"min_version": "TLS13", "max_version": "TLS12"},
        "max_version",
        '"TLS12" (min_version is above it)',
        "TLS13",
    ),
    ({"cipher_suites": "TLS_AES_128_GCM_SHA256"}, "cipher_suites", '"TLS_AES_128_GCM_SHA256"', SUITES),
    (
        {"cipher_suites": ["TLS_AES_128_GCM_SHA256"], "max_version": "TLS12"},
        "cipher_suites",
        '["TLS_AES_128_GCM_SHA256"] (max_version is TLS12)',
        "at least one suite of TLS 1.2",
    ),
    ({"prefer_server_cipher_suites": "often"}, "prefer_server_cipher_suites", '"often"', "true or false"),
    ({"curve_preferences": ["CurveP257"]}, "curve_preferences[0]", '"CurveP257"', A_CURVE),
    ({"curve_preferences": {}}, "curve_preferences", "a mapping", CURVES),
    (
        {"curve_preferences": ["CurveP256", "X25519"]},
        "curve_preferences",
        '["CurveP256", "X25519"] (Python\'s TLS can be held to one curve, not to several)',
        CURVES,
    ),
    ({"cert_filse": "x"}, "cert_filse", UNKNOWN, "cert_file"),
    ({"insecure_skip_verify": True}, "insecure_skip_verify", UNKNOWN, TLS_KEYS),
]


@pytest.mark.parametrize(
    ("tls", "key", "found", "accepted"),
    TLS_MISTAKES,
    ids=[f"{key}={found}" for _, key, found, _ in TLS_MISTAKES],
)
def test_a_mistake_in_tls_has_one_line(
    files: Path, tls: Mapping[str, Any], key: str, found: str, accepted: str
) -> None:
    """The file, the path of the key as it was given, what was found, what is accepted."""
    lines = mistakes(write_web(files, tls))
    assert lines == [f"tls_server_config.{key}: found {found}; accepted: {accepted}"]


@pytest.mark.parametrize("name", ["TLS_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-AES128-GCM-SHA256", "AES128", 5])
def test_a_suite_that_is_unknown_is_a_mistake(files: Path, name: object) -> None:
    """Neither suites that Go calls insecure nor OpenSSL's names are accepted; the known ones are listed."""
    tls = {"cipher_suites": ["TLS_AES_128_GCM_SHA256", name]}
    [line] = mistakes(write_web(files, tls))
    shown = f'"{name}"' if isinstance(name, str) else name
    start, accepted = line.split("; accepted: ")
    assert start == f"tls_server_config.cipher_suites[1]: found {shown}"
    assert A_SUITE.fullmatch(accepted)


OTHER_MISTAKES: list[Mistake] = [
    # What stands in the file; then of its mistake the path of the key, what was found, what is accepted.
    ({"basic_auth_users": {"john": "doe"}}, "basic_auth_users.john", "a text that is no such hash", A_HASH),
    ({"basic_auth_users": {"john": None}}, "basic_auth_users.john", "nothing", A_HASH),
    ({"basic_auth_users": {"john": 12345678}}, "basic_auth_users.john", "a number", A_HASH),
    ({"basic_auth_users": {"a:b": hashed("x")}}, "basic_auth_users.a…", "a text", A_NAME),
    ({"basic_auth_users": {"": hashed("x")}}, "basic_auth_users.", "a text", A_NAME),
    ({"basic_auth_users": {5: hashed("x")}}, "basic_auth_users.5", "a number (put it in quotes)", A_NAME),
    ({"basic_auth_users": PASSWORD}, "basic_auth_users", "a text", USERS),
    ({"basic_auth_users": [PASSWORD]}, "basic_auth_users", "a list", USERS),
    ({"http_server_config": {"http2": "on"}}, "http_server_config.http2", '"on"', "true or false"),
    (
        {"http_server_config": {"headers": {"Content-Type": "x"}}},
        "http_server_config.headers.Content-Type",
        UNKNOWN,
        HEADERS,
    ),
    (
        {"http_server_config": {"headers": {"x-frame-options": "deny"}}},
        "http_server_config.headers.x-frame-options",
        UNKNOWN,
        HEADERS,
    ),
    (
        {"http_server_config": {"headers": {"X-Frame-Options": "DENY"}}},
        "http_server_config.headers.X-Frame-Options",
        '"DENY"',
        "deny or sameorigin",
    ),
    (
        {"http_server_config": {"headers": {"X-Frame-Options": ""}}},
        "http_server_config.headers.X-Frame-Options",
        '""',
        "deny or sameorigin",
    ),
    (
        {"http_server_config": {"headers": {"X-Content-Type-Options": "sniff"}}},
        "http_server_config.headers.X-Content-Type-Options",
        '"sniff"',
        "nosniff",
    ),
    (
        {"http_server_config": {"headers": {"X-XSS-Protection": "1\r\nSet-Cookie: a"}}},
        "http_server_config.headers.X-XSS-Protection",
        r'"1\r\nSet-Cookie: a"',
        A_LINE,
    ),
    (
        {"http_server_config": {"headers": {"X-XSS-Protection": True}}},
        "http_server_config.headers.X-XSS-Protection",
        "true",
        A_LINE,
    ),
    (
        {"http_server_config": {"headers": "deny"}},
        "http_server_config.headers",
        "a text",
        f"a mapping with the keys {HEADERS}",
    ),
    ({"rate_limit": {"interval": 1}}, "rate_limit.interval", "1", AN_INTERVAL),
    ({"rate_limit": {"interval": False}}, "rate_limit.interval", "false", AN_INTERVAL),
    ({"rate_limit": {"burst": -1}}, "rate_limit.burst", "-1", A_BURST),
    (
        {"rate_limit": {"interval": "1s"}},
        "rate_limit.burst",
        "nothing (with an interval, nothing would be answered)",
        "a whole number from 1 to 1000000",
    ),
    ({"auth_excluded_paths": ["/-/healthy"]}, "auth_excluded_paths", UNKNOWN, SECTIONS),
    (
        {"tls_server_config": "on"},
        "tls_server_config",
        "a text",
        f"a mapping with the keys {TLS_KEYS}",
    ),
]


@pytest.mark.parametrize(
    ("sections", "path", "found", "accepted"),
    OTHER_MISTAKES,
    ids=[f"{path}={found}" for _, path, found, _ in OTHER_MISTAKES],
)
def test_a_mistake_elsewhere_has_one_line(
    tmp_path: Path, sections: Mapping[str, Any], path: str, found: str, accepted: str
) -> None:
    """The same holds for users, headers and the rate limit, and for sections that aren't known."""
    lines = mistakes(write_web(tmp_path, **sections))
    assert lines == [f"{path}: found {found}; accepted: {accepted}"]


@pytest.mark.parametrize(
    "password_hash",
    [
        HASH[:-1],
        HASH + "a",
        HASH.replace("$2b$", "$2x$"),
        HASH.replace("$2b$", "$2$"),
        HASH.replace("$04$", "$03$"),
        HASH.replace("$04$", "$19$"),
        HASH.replace("$04$", "$4$"),
        f"{HASH[:28]}a{HASH[29:]}",
        f"{HASH[:-1]}B",
        "$1$aaaaaaaa$bbbbbbbbbbbbbbbbbbbbbb",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    ],
)
def test_other_hashes_are_mistakes(tmp_path: Path, password_hash: str) -> None:
    """Cut short, of another kind, of a cost that takes minutes, or such as no program writes: never shown."""
    lines = mistakes(write_web(tmp_path, basic_auth_users={"john": password_hash}))
    assert lines == [f"basic_auth_users.john: found a text that is no such hash; accepted: {A_HASH}"]


def test_all_mistakes_are_told_at_once(files: Path) -> None:
    """Who has made seven mistakes learns of seven, those of what doesn't go together among them."""
    tls = {"key_file": "other.key", "min_version": "TLS1", "client_ca_file": "ca.pem"}
    users = {"jane": PASSWORD, "john": 5}
    file = write_web(files, tls, basic_auth_users=users, rate_limit={"interval": "1s"}, web={})
    assert mistakes(file) == [
        f"web: found {UNKNOWN}; accepted: {SECTIONS}",
        f'tls_server_config.min_version: found "TLS1"; accepted: {A_VERSION}',
        'tls_server_config.key_file: found "other.key" (it doesn\'t match the certificate); '
        f"accepted: {A_KEY}",
        "tls_server_config.client_auth_type: found nothing (certificates of authorities are given); "
        f"accepted: {AUTH}",
        "rate_limit.burst: found nothing (with an interval, nothing would be answered); "
        "accepted: a whole number from 1 to 1000000",
        f"basic_auth_users.jane: found a text that is no such hash; accepted: {A_HASH}",
        f"basic_auth_users.john: found a number; accepted: {A_HASH}",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("- a", f"the file: found a list; accepted: a mapping with the keys {SECTIONS}"),
        (
            "rate_limit: {}\nrate_limit: {}",
            "line 2: found the key rate_limit a second time; accepted: each key once",
        ),
        (
            "a: [",
            "line 1, column 5: found a YAML error (expected the node content, but found '<stream end>'); "
            "accepted: YAML, with texts in quotes",
        ),
    ],
)
def test_a_file_that_is_no_such_yaml_is_one_mistake(tmp_path: Path, text: str, line: str) -> None:
    """It is read as the exporter's own configuration is, and answered alike."""
    file = tmp_path / "web.yaml"
    file.write_text(text, encoding="utf-8")
    assert mistakes(file) == [line]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("none.yaml", "no such file or directory"),
        (".", "is a directory"),
        ("/dev/null", "not a regular file"),
        ("a" * 300, "file name too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_mistake(tmp_path: Path, name: str, found: str) -> None:
    """The reason is told; what can't be read again, a pipe for one, is no file to follow."""
    lines = mistakes(tmp_path / name)
    assert lines == [f"the file: found {found}; accepted: the path of a readable YAML file"]


def test_what_openssl_lacks_is_a_mistake(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A curve, say, that its version doesn't know: told at the start, not by each connection."""

    def refuse(_self: ssl.SSLContext, name: str) -> None:
        raise ValueError(f"unknown elliptic curve name {name!r}")

    monkeypatch.setattr(ssl.SSLContext, "set_ecdh_curve", refuse)
    assert mistakes(write_web(files, {"curve_preferences": ["X25519"]})) == [
        "tls_server_config: found what can't be served (unknown elliptic curve name 'X25519'); "
        "accepted: what OpenSSL has here"
    ]


def test_a_system_that_has_no_room_for_the_key_is_a_mistake(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL reads keys from files alone: where none can be made, the reason is told."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "memfd_create", refuse)
    assert web_from_file(write_web(files, {})).warnings == ()
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    assert mistakes(write_web(files, {})) == [
        f'tls_server_config.key_file: found "server.key" (too many open files); accepted: {A_KEY}'
    ]


# What is accepted, but warned of


@pytest.mark.parametrize(
    ("days", "why"), [((-2, -1), "certificate has expired"), ((1, 2), "certificate is not yet valid")]
)
def test_a_certificate_out_of_its_time_is_warned_of(tmp_path: Path, days: tuple[int, int], why: str) -> None:
    """It may be served, as the toolkit would; but clients won't like it."""
    write_certificate(tmp_path, trustme.CA(), "localhost", days=days)
    file = write_web(tmp_path, {})
    [warning] = web_from_file(file).warnings
    assert str(warning) == (
        f"{file}: tls_server_config: found what no client accepts ({why}); "
        "accepted: a certificate that is valid now, and what fits it"
    )


def test_suites_that_do_not_fit_the_certificate_are_warned_of(files: Path) -> None:
    """Suites for RSA and a certificate of another kind: each is good by itself, but nobody can connect."""
    tls = {"max_version": "TLS12", "cipher_suites": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]}
    [warning] = web_from_file(write_web(files, tls)).warnings
    assert warning.found == "what no client accepts (no shared cipher)"


@pytest.mark.parametrize(
    ("tls", "is_warned"),
    [
        ({"client_auth_type": "RequireAndVerifyClientCert"}, True),
        ({"client_auth_type": "RequireAndVerifyClientCert", "client_ca_file": "ca.pem"}, False),
        ({"client_auth_type": "RequireAndVerifyClientCert", "client_allowed_sans": ["a"]}, False),
        ({"client_auth_type": "VerifyClientCertIfGiven"}, False),
    ],
)
def test_a_door_that_is_open_to_every_certificate_is_warned_of(
    files: Path, tls: Mapping[str, Any], is_warned: bool
) -> None:
    """Without authorities of one's own those of the system vouch for clients, as in Go: for anybody."""
    file = write_web(files, tls)
    warning = (
        f"{file}: tls_server_config.client_ca: found nothing (whoever has a certificate of a public "
        "authority comes in); accepted: your own authorities, or client_allowed_sans"
    )
    assert [str(each) for each in web_from_file(file).warnings] == [warning] * is_warned


# Secrets


def test_no_text_of_a_configuration_shows_a_secret(files: Path) -> None:
    """Neither repr nor str of the whole or of a part shows a key or a hash."""
    file = web_from_file(write_web(files, {}, basic_auth_users={"john": hashed(PASSWORD)}))
    key = (files / "server.key").read_text().splitlines()[1]
    for part in (file, file.config, file.config.tls_server_config, file.config.basic_auth_users):
        assert key not in f"{part!r} {part}"
        assert hashed(PASSWORD) not in f"{part!r} {part}"


@pytest.mark.parametrize(
    "text",
    [
        f"basic_auth_users: {{john:{PASSWORD}}}",
        f"basic_auth_users: john:{PASSWORD}",
        f"basic_auth_users: [john, {PASSWORD}]",
        f"basic_auth_users: {{john: [{PASSWORD}]}}",
        f"basic_auth_users: {{john: '{PASSWORD}}}",
        f"basic_auth_users: {{john: *{PASSWORD}}}",
        f"tls_server_config: {{key: {PASSWORD}}}",
        f"tls_server_config: {{key:{PASSWORD}}}",
        f"tls_server_config: {{key: [{PASSWORD}]}}",
    ],
)
def test_a_secret_in_the_wrong_form_is_not_shown(tmp_path: Path, text: str) -> None:
    """A forgotten space or quote makes a key or an alias of a password; the error keeps quiet."""
    file = tmp_path / "web.yaml"
    file.write_text(text, encoding="utf-8")
    assert PASSWORD not in "\n".join(mistakes(file))


# Whatever the file holds

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
PLAUSIBLE = st.sampled_from(
    ["server.crt", "server.key", "ca.pem", "TLS12", "RequireAndVerifyClientCert", "deny", "1s", ["X25519"], 5]
)
HIDDEN = st.sampled_from([PASSWORD, [PASSWORD], {f"john:{PASSWORD}": 1}, {"john": PASSWORD}, f"\n{PASSWORD}"])
TREES = st.recursive(
    SCALARS | PLAUSIBLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.builds(
            lambda plain, hidden: {**plain, **hidden},
            st.dictionaries(
                st.sampled_from([key for key in EVERY_KEY if key not in {"key", "basic_auth_users"}]), inner
            ),
            st.dictionaries(st.sampled_from(["key", "basic_auth_users"]), HIDDEN),
        )
    ),
    max_leaves=20,
)


@given(tree=TREES)
def test_any_tree_gives_a_configuration_or_its_mistakes(files: Path, tree: object) -> None:
    """No tree raises anything but BadConfig, and nothing that is said shows a secret."""
    file = files / "any.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try:
        said: object = web_from_file(file)
    except BadConfig as error:
        said = error
    assert PASSWORD not in f"{said!r} {said}"
