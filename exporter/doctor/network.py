"""The way to the API's host: its name, its addresses, its certificate. No request is sent."""

from __future__ import annotations

import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from exporter.config import AccountConfig
from exporter.doctor.certificate import Certificate, read, read_refused
from exporter.doctor.finding import Check, Finding, Verdict
from exporter.exotel.connection import tls_context
from exporter.web.files import os_message

_MOST_ADDRESSES = 8
_LONGEST = 5.0  # seconds for an address to connect, and as many for each step of TLS
_SLOW = 1.0  # seconds to connect
_DAY = 86_400
_SOON = 14 * _DAY  # seconds before a certificate's end
_OUT_OF_TIME = {9, 10}  # OpenSSL's codes: not yet valid, expired
_OF_ANOTHER = {62, 64}  # for another host name, for another IP address
_NO_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}


@dataclass(frozen=True, slots=True)
class Address:
    """One address of the host: the seconds it took to connect, or why it didn't; and how TLS went."""

    address: str
    seconds: float | None = None
    why: str = ""
    refusal: str = ""
    """Why TLS failed."""
    remedy: str = ""
    """What to do about that."""
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """What was found of a host."""

    host: str
    is_tls: bool
    name_error: str = ""
    is_unknown: bool = False
    """Whether it is certain that there is no such host."""
    found: int = 0
    """Its addresses, of which not more than a few are tried."""
    addresses: tuple[Address, ...] = ()


def look_at(account: AccountConfig) -> Network:
    """Return what is found of the host of base_url, each address connected to once.

    Raises ApiError where the file of authorities can't be used.
    """
    url = urlsplit(account.base_url)
    host, is_tls = (url.hostname or "").rstrip("."), url.scheme == "https"
    port = url.port or (443 if is_tls else 80)
    context = tls_context(account.collection.tls_config.ca_file) if is_tls else None
    try:
        answer = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        is_no_name = isinstance(error, UnicodeError)
        is_unknown = is_no_name or getattr(error, "errno", None) == socket.EAI_NONAME
        why = "no host can have such a name" if is_no_name else os_message(error)
        return Network(host, is_tls, name_error=why, is_unknown=is_unknown)
    found = list({each[4]: each for each in answer}.values())
    with ThreadPoolExecutor(_MOST_ADDRESSES) as pool:
        addresses = pool.map(partial(_try, host=host, context=context), found[:_MOST_ADDRESSES])
        return Network(host, is_tls, found=len(found), addresses=tuple(addresses))


def judge(network: Network, now: float) -> list[Finding]:
    """Return the findings on a host, at a time in seconds since 1970."""
    if network.name_error:
        text = (
            f"The name {network.host} can't be resolved: {network.name_error}. Check base_url and this "
            "machine's DNS."
        )
        return [Finding(Check.NAME, Verdict.MUST_CHANGE, 0 if network.is_unknown else None, text)]
    text = f"{network.host} has {network.found} address{'es' * (network.found != 1)}."
    return [
        Finding(Check.NAME, Verdict.GOOD, network.found, text),
        _judge_addresses(network),
        *_judge_tls(network, now),
    ]


def _judge_addresses(network: Network) -> Finding:
    value = {
        each.address: None if each.seconds is None else round(each.seconds, 4) for each in network.addresses
    }
    times = [each.seconds for each in network.addresses if each.seconds is not None]
    evidence = "; ".join(
        f"{each.address}: {each.why or f'{(each.seconds or 0) * 1000:.0f} ms'}" for each in network.addresses
    )
    lost = len(network.addresses) - len(times)
    if not times:
        verdict = Verdict.MUST_CHANGE
        text = (
            "No address can be connected to: a firewall is in the way, a proxy has to be set as proxy_url, "
            "or the port in base_url is wrong."
        )
    elif lost:
        verdict = Verdict.WORKS
        text = (
            f"{lost} of {len(network.addresses)} addresses can't be connected to. The exporter goes on to "
            "the next one after a quarter of a second."
        )
    elif max(times) > _SLOW:
        verdict = Verdict.WORKS
        text = f"It takes up to {max(times):.1f} s to connect: look at what lies between here and Exotel."
    else:
        verdict, text = Verdict.GOOD, f"Connects in less than {max(1, ceil(max(times) * 1000))} ms."
    return Finding(Check.ADDRESSES, verdict, value, text, evidence)


def _judge_tls(network: Network, now: float) -> list[Finding]:
    if not network.is_tls:
        return [_judge_clear_text(network)]
    if refused := next((each for each in network.addresses if each.refusal), None):
        return [_judge_refusal(refused, now)]
    certificates = [each.certificate for each in network.addresses if each.certificate]
    if not certificates:
        return []
    first = min(certificates, key=lambda certificate: certificate.ends)
    shown = f"for {first.shown_names}; issued by {first.issuer}; ends on {first.shown_end}"
    if first.ends - now >= _SOON:
        return [Finding(Check.TLS, Verdict.GOOD, "verified", f"The certificate is verified: {shown}.")]
    text = (
        f"The certificate is verified, but ends {_in_days(first.ends - now)}. Unless it is renewed, every "
        "collection fails from then on."
    )
    return [Finding(Check.TLS, Verdict.WORKS, "verified", text, shown)]


def _judge_clear_text(network: Network) -> Finding:
    if all(ip_address(each.address.partition("%")[0]).is_loopback for each in network.addresses):
        return Finding(Check.TLS, Verdict.GOOD, "off", "No TLS, which this machine itself doesn't need.")
    text = "The API key and token travel in clear text: use https:// in base_url."
    return Finding(Check.TLS, Verdict.WORKS, "off", text)


def _in_days(seconds: float) -> str:
    days = max(0, int(seconds // _DAY))
    return f"in {days} day{'s' * (days != 1)}" if days else "within a day"


def _judge_refusal(address: Address, now: float) -> Finding:
    shown = ""
    if certificate := address.certificate:
        ends = f"{'ended' if certificate.ends < now else 'ends'} on {certificate.shown_end}"
        shown = f" It is for {certificate.shown_names}, issued by {certificate.issuer}, and {ends}."
    text = f"TLS fails: {address.refusal}.{shown} {address.remedy}"
    return Finding(Check.TLS, Verdict.MUST_CHANGE, "refused", text, f"seen at {address.address}")


def _try(target: tuple[Any, ...], host: str, context: ssl.SSLContext | None) -> Address:
    """Return how it goes to connect to an address, and to speak TLS there."""
    shown, began = str(target[4][0]), time.monotonic()
    try:
        connected = _connect(target)
    except OSError as error:
        return Address(shown, why=_why(error))
    found = Address(shown, time.monotonic() - began)
    try:
        if context is None:
            connected.close()
            return found
        with connected, context.wrap_socket(connected, server_hostname=host) as secured:
            return replace(found, certificate=read(secured.getpeercert()))
    except ssl.SSLCertVerificationError as error:
        certificate = read_refused(partial(_connect, target), host)
        refusal = error.verify_message.rstrip(".")
        return replace(found, refusal=refusal, remedy=_remedy(error), certificate=certificate)
    except (OSError, ValueError) as error:
        return replace(found, refusal=_why(error), remedy=_remedy(error))


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {_LONGEST:g} s"
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    return reason.lower().replace("_", " ") if reason else os_message(error)


def _remedy(error: Exception) -> str:
    """Return what to do about a failure of TLS."""
    code = getattr(error, "verify_code", None)
    if code in _OUT_OF_TIME:
        return "Whoever runs the host has to renew it, unless this machine's clock is wrong."
    if code in _OF_ANOTHER:
        return "Check the host in base_url, and whether a proxy or firewall of yours answers in its place."
    if code is not None:
        return (
            "If a proxy or firewall of yours intercepts TLS, set tls_config.ca_file to the certificate of "
            "its authority; else check base_url."
        )
    if isinstance(error, ssl.SSLError) and error.reason in _NO_TLS:
        return "No TLS is spoken there: check scheme and port in base_url."
    return "Check the port in base_url, and what lies between here and Exotel."


def _connect(target: tuple[Any, ...]) -> socket.socket:
    """Return a connection to one address; raise OSError."""
    family, kind, protocol, _, name = target
    connecting = socket.socket(family, kind, protocol)
    connecting.settimeout(_LONGEST)
    try:
        connecting.connect(name)
    except OSError:
        connecting.close()
        raise
    return connecting
