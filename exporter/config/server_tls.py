"""The TLS context that serves a web configuration, and what its clients will think of the certificate."""

from __future__ import annotations

import ssl
from contextlib import suppress

from exporter.config import keypair
from exporter.config.web import TlsServerConfig

_FLIGHTS = 4  # of messages: more than any handshake takes


class CannotServe(Exception):
    """OpenSSL lacks what the settings ask for, or forbids it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def server_context(tls: TlsServerConfig) -> ssl.SSLContext:
    """Make the context. Raises CannotServe."""
    try:
        return _context(tls)
    except ssl.SSLError as error:
        raise CannotServe(_reason(error)) from None
    except ValueError as error:  # a curve that isn't known
        raise CannotServe(str(error)) from None
    except keypair.Unfit as error:
        raise CannotServe(error.why) from None


def _context(tls: TlsServerConfig) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = tls.min_version
    context.maximum_version = tls.max_version
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    if tls.cipher_suites:
        context.set_ciphers(":".join(("@SECLEVEL=2", *tls.cipher_suites)))
    elif tls.cipher_suites is not None:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.curve_preferences:
        context.set_ecdh_curve(tls.curve_preferences)
    if tls.client_ca:
        context.load_verify_locations(cadata=tls.client_ca)
        # As in Go, each of these certificates is an authority, be it signed by another one.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    elif tls.client_auth_type.mode != ssl.CERT_NONE:
        _trust_the_system(context)
    context.verify_mode = tls.client_auth_type.mode
    keypair.load(context, tls.cert, tls.key)
    return context


def _trust_the_system(context: ssl.SSLContext) -> None:
    """Verify with the authorities of the system, whatever the environment says of them."""
    places = ssl.get_default_verify_paths()
    context.load_verify_locations(capath=places.openssl_capath)
    with suppress(OSError):  # many systems have the folder alone; what can't be read vouches for nobody
        context.load_verify_locations(cafile=places.openssl_cafile)


def trouble(tls: TlsServerConfig) -> str | None:
    """Say why no client will connect, even one that trusts the certificate: because it has expired, say.

    A handshake in memory finds that out.
    """
    try:
        server = server_context(tls)
    except CannotServe as error:
        return error.why
    server.verify_mode = ssl.CERT_NONE
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=tls.cert)
    try:
        _shake_hands(server, client)
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except ssl.SSLError as error:
        return _reason(error)
    return None


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or "unknown error").replace("_", " ").lower()


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> None:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(_FLIGHTS):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
