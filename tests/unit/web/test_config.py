"""The web configuration: what is accepted of the toolkit's format, and one clear line for the rest."""

from __future__ import annotations

import errno
import json
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

from exporter.web.config import HEADERS, ActiveWebConfig, HttpServerConfig, RateLimit, WebConfig
from exporter.web.config_file import ConfigError
from exporter.web.sections import keys
from exporter.web.tls import TlsServerConfig
from tests.tools import ROOT
from tests.web import PASSWORD, hashed, write_authority, write_certificate, write_web

EXAMPLE = ROOT / "deploy" / "web.example.yaml"
EVERY_KEY = {
    *(key for part in (WebConfig, TlsServerConfig, HttpServerConfig, RateLimit) for key in keys(part)),
    *HEADERS,
}

A_KEY = "a private key in PEM that belongs to the certificate and isn't encrypted"
CERTS = "certificates in PEM"
FILE_OF = "the path of a file, relative to this one, with"
AUTH = "VerifyClientCertIfGiven or RequireAndVerifyClientCert"
ANY_AUTH = f"NoClientCert, RequestClientCert, {AUTH}"
ONLY_VERIFIED = "(Python's TLS requires no certificate that it doesn't verify)"
A_VERSION = "TLS12 or TLS13"
SUITES = "a list of cipher suites by their Go names"
CURVES = "a list of one of CurveP256, CurveP384, CurveP521, X25519, or of all four"
SANS = "a list of names, such as prometheus.example.com or 10.0.0.1"
A_HASH = "a bcrypt hash ($2a$, $2b$ or $2y$) of cost 4 to 18, as `htpasswd -nBC 10 ''` makes them"
A_NAME = "a name of 1 to 128 printable characters, none of them a colon"
A_LINE = "a line of printable ASCII, no space at either end"
AN_INTERVAL = "a duration from 0s to 3600s, like 10s, 500ms or 1m30s"
SECTIONS = "tls_server_config, http_server_config, rate_limit, basic_auth_users"
NO_FILE = "(no such file or directory)"
NO_OWNER = "(it doesn't belong to the certificate)"
HASH = "$2b$04$I3hT2.SNHT/03GZwdDgUIeX4UJmU1tfX.6ZnbQjZKB8b2gOYjIep2"


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
    for file, kind in (("broken.key", "PRIVATE KEY"), ("broken.crt", "CERTIFICATE")):
        (folder / file).write_text(f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n", encoding="ascii")
    (folder / "der.crt").write_bytes(ssl.PEM_cert_to_DER_cert((folder / "ca.pem").read_text()))
    (folder / "empty").write_text("", encoding="ascii")
    return folder


def read(file: Path) -> WebConfig:
    """What a program that is started with this file goes by."""
    return ActiveWebConfig(file).config


def errors(file: Path) -> list[str]:
    """The lines of the error, without the file and its line at their beginning."""
    with pytest.raises(ConfigError) as caught:
        read(file)
    lines = str(caught.value).splitlines()
    assert all(re.match(rf"{re.escape(str(file))}(:\d+)?: ", line) for line in lines)
    return [re.sub(r"^(:\d+)?: ", "", line.removeprefix(str(file))) for line in lines]


def tls_of(folder: Path, **keys: Any) -> TlsServerConfig:
    """The TLS section of a file without errors."""
    found = read(write_web(folder, keys)).tls_server_config
    assert found is not None
    return found


# What is read


def test_the_example_is_accepted_and_has_every_key(tmp_path: Path) -> None:
    """deploy/web.example.yaml passes where the files that it names are; some keys are commented out."""
    write_certificate(tmp_path, write_authority(tmp_path, "clients.crt"), "localhost")
    text = EXAMPLE.read_text(encoding="utf-8")
    (tmp_path / "web.yaml").write_text(text, encoding="utf-8")
    config = read(tmp_path / "web.yaml")
    assert config.tls_server_config is not None
    assert config.tls_server_config.client_auth_type == "RequireAndVerifyClientCert"
    assert [*config.basic_auth_users] == ["prometheus"]
    assert [key for key in EVERY_KEY if not re.search(rf"^[ #-]*{key}:", text, re.MULTILINE)] == []


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    """As in the toolkit: no TLS, no users, no headers, no limit."""
    file = tmp_path / "web.yaml"
    for text in ("", "{}", "# nothing"):
        file.write_text(text, encoding="ascii")
        assert read(file) == WebConfig()


def test_what_is_left_out_has_the_defaults_of_the_toolkit(files: Path) -> None:
    """A certificate and its key are enough: TLS 1.2 and 1.3, no certificates of clients."""
    context = tls_of(files).context
    versions = (context.minimum_version, context.maximum_version)
    assert versions == (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    assert context.verify_mode == ssl.CERT_NONE
    assert context.options & ssl.OP_CIPHER_SERVER_PREFERENCE


def test_certificates_may_stand_in_the_configuration_itself(files: Path) -> None:
    """`cert`, `key` and `client_ca` are what their files would hold, whatever surrounds it."""
    text = {name: (files / name).read_text() for name in ("server.crt", "server.key", "ca.pem")}
    (files / "surrounded.crt").write_text(f"Façade\r\n{text['server.crt']}", encoding="utf-8")
    (files / "both.pem").write_text(text["server.key"] + text["server.crt"], encoding="ascii")
    verify = {"client_auth_type": "VerifyClientCertIfGiven"}
    inline = {"cert": text["server.crt"], "key": text["server.key"], "client_ca": text["ca.pem"]}
    by_file = tls_of(files, client_ca_file="ca.pem", **verify)
    stripped = {key: value.strip() for key, value in inline.items()}
    assert tls_of(files, **stripped, cert_file=None, key_file=None, **verify) == by_file
    tls_of(files, cert_file="surrounded.crt")
    tls_of(files, cert_file="both.pem", key_file="both.pem")


def test_names_of_go_become_those_of_openssl(files: Path) -> None:
    """Suites keep their order; those of TLS 1.3, which can't be chosen, are accepted and dropped."""
    suites = ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]
    suites.append("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
    tls = tls_of(files, cipher_suites=suites, curve_preferences=["CurveP384"], min_version="TLS12")
    chosen = [each["name"] for each in tls.context.get_ciphers() if each["protocol"] == "TLSv1.2"]
    assert chosen == ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"]
    assert tls.context.minimum_version == ssl.TLSVersion.TLSv1_2
    tls_of(files, curve_preferences=["X25519", "CurveP256", "CurveP384", "CurveP521"])
    assert tls_of(files, cipher_suites=[], curve_preferences=[]) == tls_of(files)  # as templates leave them


def test_types_of_client_authentication_are_read(files: Path) -> None:
    """Four of Go's five can be served; of one that is only requested nothing would become."""
    for auth, mode in {
        "NoClientCert": ssl.CERT_NONE,
        "RequestClientCert": ssl.CERT_NONE,
        "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
        "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
    }.items():
        authority = {"client_ca_file": "ca.pem"} if mode != ssl.CERT_NONE else {}
        assert tls_of(files, client_auth_type=auth, **authority).context.verify_mode == mode


def test_authorities_may_stand_beside_certificates_that_are_only_requested(files: Path) -> None:
    """As in the toolkit, which refuses them beside NoClientCert alone."""
    assert tls_of(files, client_auth_type="RequestClientCert", client_ca_file="ca.pem").client_ca


def test_no_authorities_are_no_authorities(files: Path) -> None:
    """An empty file of them, or one that is half written, lets nobody in by the authorities of the system."""
    (files / "blank").write_text(" \n", encoding="ascii")
    for auth in ("NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"):
        for name in ("empty", "blank"):
            [error] = errors(write_web(files, {"client_auth_type": auth, "client_ca_file": name}))
            assert error.startswith(f'tls_server_config.client_ca_file: found "{name}" (nothing in it); ')


def test_whoever_lets_every_public_certificate_in_is_warned(files: Path) -> None:
    """It is what Go does, but hardly what is meant."""

    def warning(**keys: Any) -> str | None:
        return ActiveWebConfig(write_web(files, keys)).warning

    assert "tls_server_config.client_ca: found nothing (a certificate of any public authority" in str(
        warning(client_auth_type="RequireAndVerifyClientCert")
    )
    assert warning(client_auth_type="RequireAndVerifyClientCert", client_ca_file="ca.pem") is None
    assert warning(client_auth_type="RequireAndVerifyClientCert", client_allowed_sans=["a"]) is None
    assert warning() is None


def test_headers_and_limits_are_read(tmp_path: Path) -> None:
    """A number is a text in a header, an empty text is no header; http2 changes nothing."""
    headers = {"X-Frame-Options": "deny", "X-XSS-Protection": 0, "Content-Security-Policy": ""}
    http = {"http2": False, "headers": {**headers, "X-Content-Type-Options": None}}
    config = read(write_web(tmp_path, http_server_config=http, rate_limit={"interval": "10ms", "burst": 20}))
    assert config.http_server_config.headers == {"X-Frame-Options": "deny", "X-XSS-Protection": "0"}
    assert config.rate_limit == RateLimit(interval=0.01, burst=20)
    for nought in (0, "0", "0s"):
        assert read(write_web(tmp_path, rate_limit={"interval": nought})) == WebConfig()


def test_users_are_read(tmp_path: Path) -> None:
    """Any name that basic auth can carry; `$2a$` and `$2y$` are as good as `$2b$`; `${VAR}` means nothing."""
    users = {
        "alice": hashed(PASSWORD),
        "Ünï code!": hashed(PASSWORD).replace("$2b$", "$2y$"),
        "${USER}": hashed(PASSWORD).replace("$2b$", "$2a$"),
    }
    assert read(write_web(tmp_path, basic_auth_users=users)).basic_auth_users == users


# Errors

Error = tuple[Mapping[str, Any], str, str, str]

TLS_ERRORS: list[Error] = [
    # What stands in tls_server_config; then of its error the key, what was found, what is accepted.
    ({"cert_file": None}, "cert", "nothing", f"{CERTS} (or cert_file)"),
    ({"key_file": None}, "key", "nothing", f"{A_KEY} (or key_file)"),
    ({"cert_file": "no.crt"}, "cert_file", f'"no.crt" {NO_FILE}', f"{FILE_OF} {CERTS}"),
    ({"cert_file": ""}, "cert_file", '""', f"{FILE_OF} {CERTS}"),
    ({"cert_file": "empty"}, "cert_file", '"empty" (nothing in it)', f"{FILE_OF} {CERTS}"),
    ({"cert_file": "server.key"}, "cert_file", '"server.key" (no certificate in it)', CERTS),
    ({"cert_file": "broken.crt"}, "cert_file", '"broken.crt" (OpenSSL can\'t read it)', CERTS),
    ({"cert_file": "der.crt"}, "cert_file", '"der.crt" (not UTF-8 text)', f"{FILE_OF} {CERTS}"),
    ({"cert_file": "/dev/zero"}, "cert_file", '"/dev/zero" (not a regular file)', f"{FILE_OF} {CERTS}"),
    ({"cert": "x", "cert_file": None}, "cert", '"x" (no certificate in it)', CERTS),
    ({"key_file": "no.key"}, "key_file", f'"no.key" {NO_FILE}', f"{FILE_OF} {A_KEY}"),
    ({"key_file": "server.crt"}, "key_file", '"server.crt" (OpenSSL can\'t read it)', A_KEY),
    ({"key_file": "pkcs8.key"}, "key_file", '"pkcs8.key" (OpenSSL can\'t read it)', A_KEY),
    ({"key_file": "pem.key"}, "key_file", '"pem.key" (OpenSSL can\'t read it)', A_KEY),
    ({"key_file": "broken.key"}, "key_file", '"broken.key" (OpenSSL can\'t read it)', A_KEY),
    ({"key_file": "other.key"}, "key_file", f'"other.key" {NO_OWNER}', A_KEY),
    ({"key_file": "rsa.key"}, "key_file", f'"rsa.key" {NO_OWNER}', A_KEY),
    ({"key": PASSWORD, "key_file": None}, "key", "a text (OpenSSL can't read it)", A_KEY),
    (
        {"client_ca_file": "server.key", "client_auth_type": "RequireAndVerifyClientCert"},
        "client_ca_file",
        '"server.key" (no certificate in it)',
        CERTS,
    ),
    ({"client_ca_file": "ca.pem"}, "client_auth_type", '"NoClientCert" (client_ca is given)', AUTH),
    (
        {"client_auth_type": "RequestClientCert", "client_allowed_sans": ["a"]},
        "client_auth_type",
        '"RequestClientCert" (client_allowed_sans is given)',
        AUTH,
    ),
    *(
        ({"client_auth_type": name}, "client_auth_type", f'"{name}" {ONLY_VERIFIED}', ANY_AUTH)
        for name in ("RequireAnyClientCert", "RequireClientCert")
    ),
    ({"client_auth_type": "require"}, "client_auth_type", '"require"', ANY_AUTH),
    ({"client_allowed_sans": "a"}, "client_allowed_sans", '"a"', SANS),
    (
        {"client_allowed_sans": ["a b"]},
        "client_allowed_sans[0]",
        '"a b"',
        "a name of 1 to 255 printable characters without a space",
    ),
    *(({"min_version": old}, "min_version", json.dumps(old), A_VERSION) for old in ("TLS11", 1.2, True)),
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
    (
        {"curve_preferences": ["CurveP257"]},
        "curve_preferences[0]",
        '"CurveP257"',
        "CurveP256, CurveP384, CurveP521 or X25519",
    ),
    (
        {"curve_preferences": ["CurveP256", "X25519"]},
        "curve_preferences",
        '["CurveP256", "X25519"] (Python\'s TLS can be held to one curve, not to several)',
        CURVES,
    ),
]

OTHER_ERRORS: list[Error] = [
    # What stands in the file; then of its error the path of the key, what was found, what is accepted.
    ({"basic_auth_users": {"john": "doe"}}, "basic_auth_users.john", "a text", A_HASH),
    ({"basic_auth_users": {"john": None}}, "basic_auth_users.john", "nothing", A_HASH),
    (
        {"basic_auth_users": {"john": 12345678}},
        "basic_auth_users.john",
        "a number (put it in quotes)",
        A_HASH,
    ),
    ({"basic_auth_users": {"a:b": HASH}}, "basic_auth_users", "the key a…", A_NAME),
    ({"basic_auth_users": {"": HASH}}, "basic_auth_users", 'the key ""', A_NAME),
    ({"basic_auth_users": {5: HASH}}, "basic_auth_users", "the key 5 (put it in quotes)", A_NAME),
    ({"basic_auth_users": PASSWORD}, "basic_auth_users", "a text", "a mapping from names to bcrypt hashes"),
    ({"basic_auth_users": [HASH]}, "basic_auth_users", "a list", "a mapping from names to bcrypt hashes"),
    ({"http_server_config": {"http2": "on"}}, "http_server_config.http2", '"on"', "true or false"),
    *(
        (
            {"http_server_config": {"headers": {name: "deny"}}},
            "http_server_config.headers",
            f"the key {name}",
            re.sub(", ([^,]*)$", r" or \1", ", ".join(HEADERS)),
        )
        for name in ("Content-Type", "x-frame-options")
    ),
    *(
        (
            {"http_server_config": {"headers": {name: value}}},
            f"http_server_config.headers.{name}",
            found,
            accepted,
        )
        for name, value, found, accepted in (
            ("X-Frame-Options", "DENY", '"DENY"', "deny or sameorigin"),
            ("X-Content-Type-Options", "sniff", '"sniff"', "nosniff"),
            ("X-XSS-Protection", "1\r\nSet-Cookie: a", r'"1\r\nSet-Cookie: a"', A_LINE),
            ("X-XSS-Protection", True, "true", A_LINE),
        )
    ),
    (
        {"http_server_config": {"headers": "deny"}},
        "http_server_config.headers",
        '"deny"',
        f"a mapping with the keys {', '.join(HEADERS)}",
    ),
    ({"rate_limit": {"interval": 1}}, "rate_limit.interval", "1", AN_INTERVAL),
    ({"rate_limit": {"interval": False}}, "rate_limit.interval", "false", AN_INTERVAL),
    ({"rate_limit": {"burst": -1}}, "rate_limit.burst", "-1", "a whole number from 0 to 1000000"),
    (
        {"rate_limit": {"interval": "1s"}},
        "rate_limit.burst",
        "0 (with an interval, nothing would be answered)",
        "a whole number from 1 to 1000000",
    ),
    (
        {"tls_server_config": "on"},
        "tls_server_config",
        "a text",
        f"a mapping with the keys {', '.join(keys(TlsServerConfig))}",
    ),
]


def test_every_error_has_one_line(files: Path) -> None:
    """The file, the path of the key as it was given, what was found, what is accepted."""
    for tls, key, found, accepted in TLS_ERRORS:
        lines = errors(write_web(files, tls))
        assert lines == [f"tls_server_config.{key}: found {found}; accepted: {accepted}"]
    for sections, path, found, accepted in OTHER_ERRORS:
        lines = errors(write_web(files, **sections))
        assert lines == [f"{path}: found {found}; accepted: {accepted}"]


def test_lists_and_keys_that_are_none_are_refused(files: Path) -> None:
    """In the words of the engine, which other files are read with as well."""
    tls: Mapping[str, Any]
    for tls in (
        *({"client_allowed_sans": []}, {"curve_preferences": {}}, {"cert_filse": "x"}),
        *({"insecure_skip_verify": True}, {"cert": (files / "server.crt").read_text()}),
    ):
        [line] = errors(write_web(files, tls))
        assert line.startswith("tls_server_config")
    [line] = errors(write_web(files, auth_excluded_paths=["/-/healthy"]))
    assert line == f"found the unknown key auth_excluded_paths; accepted: {SECTIONS}"


def test_a_suite_that_is_unknown_is_an_error(files: Path) -> None:
    """Neither suites that Go calls insecure nor OpenSSL's names are accepted; the known ones are listed."""
    for name in ("TLS_RSA_WITH_RC4_128_SHA", "ECDHE-RSA-AES128-GCM-SHA256", "AES128", 5):
        [line] = errors(write_web(files, {"cipher_suites": ["TLS_AES_128_GCM_SHA256", name]}))
        shown = f'"{name}"' if isinstance(name, str) else name
        start, accepted = line.split("; accepted: ")
        assert start == f"tls_server_config.cipher_suites[1]: found {shown}"
        assert re.fullmatch(r"(TLS_\w+, )+TLS_\w+ or TLS_\w+", accepted)


def test_other_hashes_are_errors(tmp_path: Path) -> None:
    """Cut short, of another kind, of a cost that takes minutes, or such as no program writes: never shown."""
    for password_hash in (
        *(HASH[:-1], HASH + "a", HASH.replace("$2b$", "$2x$"), HASH.replace("$2b$", "$2$")),
        *(HASH.replace("$04$", cost) for cost in ("$03$", "$19$", "$4$")),
        *(f"{HASH[:28]}a{HASH[29:]}", f"{HASH[:-1]}B"),
        *("$1$aaaaaaaa$bbbbbbbbbbbbbbbbbbbbbb", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="),
    ):
        lines = errors(write_web(tmp_path, basic_auth_users={"john": password_hash}))
        assert lines == [f"basic_auth_users.john: found a text; accepted: {A_HASH}"]


def test_all_errors_are_told_at_once(files: Path) -> None:
    """In the order of the file, those of what doesn't go together among them."""
    versions = {"max_version": "TLS12", "min_version": "TLS13"}
    tls = {"key_file": "other.key", "client_ca_file": "ca.pem", **versions}
    users = {"jane": PASSWORD, "john": 5}
    file = write_web(files, tls, basic_auth_users=users, rate_limit={"interval": "1s"}, web={})
    assert [line.partition("; accepted: ")[0] for line in errors(file)] == [
        "basic_auth_users.jane: found a text",
        "basic_auth_users.john: found a number (put it in quotes)",
        "rate_limit.burst: found 0 (with an interval, nothing would be answered)",
        'tls_server_config.client_auth_type: found "NoClientCert" (client_ca is given)',
        f'tls_server_config.key_file: found "other.key" {NO_OWNER}',
        'tls_server_config.max_version: found "TLS12" (min_version is above it)',
        "found the unknown key web",
    ]


def test_what_openssl_lacks_is_an_error(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A curve, say, that its version doesn't know: told at the start, not by each connection."""

    def refuse(_self: ssl.SSLContext, name: str) -> None:
        raise ValueError(f"unknown elliptic curve name {name!r}")

    monkeypatch.setattr(ssl.SSLContext, "set_ecdh_curve", refuse)
    found = "[\"X25519\"] (unknown elliptic curve name 'x25519')"
    assert errors(write_web(files, {"curve_preferences": ["X25519"]})) == [
        f"tls_server_config.curve_preferences: found {found}; accepted: {CURVES}"
    ]


def test_certificates_are_read_where_there_is_no_file_in_memory(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenSSL reads files alone: where none can be made, the reason is told."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.delattr(os, "memfd_create")
    tls_of(files)
    monkeypatch.setattr("exporter.web.tls.NamedTemporaryFile", refuse)
    assert errors(write_web(files, {})) == [
        f'tls_server_config.cert_file: found "server.crt" (too many open files); accepted: {CERTS}'
    ]
    assert not [*Path(tempfile.gettempdir()).glob("tmp*.pem")]


def test_a_file_that_cannot_be_read_is_one_error(tmp_path: Path) -> None:
    """The reason is told; what can't be read again, a pipe for one, is no file to follow."""
    for name in ("none.yaml", ".", "/dev/null", "a" * 300):
        assert len(errors(tmp_path / name)) == 1
    (tmp_path / "web.yaml").write_text("rate_limit: {}\nrate_limit: {}", encoding="ascii")
    assert len(errors(tmp_path / "web.yaml")) == 1


# Secrets


def test_no_text_of_a_configuration_shows_a_secret(files: Path) -> None:
    """Neither repr nor str of the whole or of a part shows a key or a hash."""
    config = read(write_web(files, {}, basic_auth_users={"john": hashed(PASSWORD)}))
    key = (files / "server.key").read_text().splitlines()[1]
    for part in (config, config.tls_server_config):
        assert key not in f"{part!r} {part}"
        assert hashed(PASSWORD) not in f"{part!r} {part}"


def test_a_secret_in_the_wrong_form_is_not_shown(tmp_path: Path) -> None:
    """A forgotten space or quote makes a key or an alias of a password; the error keeps quiet."""
    file = tmp_path / "web.yaml"
    for text in (
        f"basic_auth_users: {{john:{PASSWORD}}}",
        f"basic_auth_users: john:{PASSWORD}",
        f"basic_auth_users: [john, {PASSWORD}]",
        f"basic_auth_users: {{john: [{PASSWORD}]}}",
        f"basic_auth_users: {{john: '{PASSWORD}}}",
        f"basic_auth_users: {{john: *{PASSWORD}}}",
        f"tls_server_config: {{key: {PASSWORD}}}",
        f"tls_server_config: {{key:{PASSWORD}}}",
        f"tls_server_config: {{key: [{PASSWORD}]}}",
    ):
        file.write_text(text, encoding="utf-8")
        assert PASSWORD not in "\n".join(errors(file))


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
            st.dictionaries(st.sampled_from(sorted(EVERY_KEY - {"key", "basic_auth_users"})), inner),
            st.dictionaries(st.sampled_from(["key", "basic_auth_users"]), HIDDEN),
        )
    ),
    max_leaves=20,
)


@given(tree=TREES)
def test_any_tree_gives_a_configuration_or_its_errors(files: Path, tree: object) -> None:
    """No tree raises anything but ConfigError, and nothing that is said shows a secret."""
    file = files / "any.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    try:
        said: object = read(file)
    except ConfigError as error:
        said = error
    assert PASSWORD not in f"{said!r} {said}"
