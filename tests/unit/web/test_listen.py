"""Where the program listens."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.listen import Address, CannotListen, bound_address, listen

IPV4 = "0.0.0.0"  # noqa: S104  # every interface, as the tests want it
NEEDS_IPV6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


def test_an_address_is_written_as_it_is_read() -> None:
    """What Prometheus's own exporters accept."""
    for text, address in {
        ":9927": Address("", 9927),
        "127.0.0.1:0": Address("127.0.0.1", 0),
        "localhost:80": Address("localhost", 80),
        "[::1]:9927": Address("::1", 9927),
        "[fe80::1%eth0]:9927": Address("fe80::1%eth0", 9927),
        "[fe80::1%wlan-0.7]:9927": Address("fe80::1%wlan-0.7", 9927),
    }.items():
        assert Address.parse(text) == address
        assert str(address) == text


@given(
    host=st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).map(str)
    | st.from_regex(r"[a-z][a-z0-9.-]*", fullmatch=True),
    port=st.integers(0, 65535),
)
def test_every_address_is_read_as_it_is_written(host: str, port: int) -> None:
    """Names, IPv4 and IPv6, with any port."""
    assert Address.parse(str(Address(host, port))) == Address(host, port)


def test_a_port_may_be_the_name_of_a_service() -> None:
    """As in Go: those of /etc/services, in any case."""
    texts = (":http", ":HTTP", "localhost:http", "[::1]:http")
    assert [Address.parse(text).port for text in texts] == [80] * 4


def test_what_is_no_address_is_refused_with_what_is_accepted() -> None:
    """The error names what was found."""
    for text in (
        *("", "9927", "localhost", ":65536", "::1:9927", "a b:1", "http://x:1", ":-1", ":+1", ":0x1F"),
        *(":no-such-service", "[::1%]:1", "[fe80::1%eth0:1", "fe80::1%eth0:1", "[localhost]:1"),
    ):
        with pytest.raises(ValueError, match=f"^found {re.escape(repr(text))}; accepted: host:port"):
            Address.parse(text)


@pytest.mark.parametrize(
    ("host", "bound", "answers", "refuses"),
    [
        pytest.param("", "::", ["127.0.0.1", "::1"], [], marks=NEEDS_IPV6),
        pytest.param("::", "::", ["127.0.0.1", "::1"], [], marks=NEEDS_IPV6),
        pytest.param("::1", "::1", ["::1"], ["127.0.0.1"], marks=NEEDS_IPV6),
        pytest.param(IPV4, IPV4, ["127.0.0.1"], ["::1"], marks=NEEDS_IPV6),
        ("127.0.0.1", "127.0.0.1", ["127.0.0.1"], []),
        ("localhost", "127.0.0.1", ["127.0.0.1"], []),
    ],
)
def test_each_address_answers_whom_it_names(
    host: str, bound: str, answers: list[str], refuses: list[str]
) -> None:
    """`[::]` is IPv4 as well, as in Prometheus's own programs; what is told is what is really bound."""
    [listening] = listen([Address(host, 0)])
    with closing(listening):
        told = bound_address(listening)
        assert told.host == bound
        for each in answers:
            socket.create_connection((each, told.port)).close()
        for each in refuses:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection((each, told.port))


def link_local() -> Iterator[str]:
    """Give the link-local addresses of this machine, with their zones."""
    table = Path("/proc/net/if_inet6")
    for line in table.read_text(encoding="ascii").splitlines() if table.exists() else ():
        digits, *_, name = line.split()
        if digits.startswith("fe80"):
            yield f"{socket.inet_ntop(socket.AF_INET6, bytes.fromhex(digits))}%{name}"


@pytest.mark.parametrize("host", list(link_local()))
def test_a_zone_is_bound_and_told(host: str) -> None:
    """An address that only one interface has."""
    [listening] = listen([Address.parse(f"[{host}]:0")])
    with closing(listening):
        told = bound_address(listening)
        assert told.host == host
        socket.create_connection((told.host, told.port)).close()


def test_a_zone_that_is_not_there_is_told() -> None:
    """With the address as it was given."""
    with pytest.raises(CannotListen, match=r"can't listen on \[fe80::1%nosuch0\]:0: "):
        listen([Address("fe80::1%nosuch0", 0)])


def test_a_name_without_ipv4_is_listened_on_by_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of its addresses, as in Go: IPv4 only if it has one."""
    found = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found])
    [listening] = listen([Address("six.example.com", 0)])
    with closing(listening):
        assert bound_address(listening).host == "::1"


def test_without_ipv6_every_interface_is_listened_on_by_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose kernel has none still serves, and the log tells of IPv4."""
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    [listening] = listen([Address("", 0)])
    with closing(listening):
        assert bound_address(listening).host == IPV4


def test_all_addresses_are_listened_on_or_none() -> None:
    """Where one is taken, those before it are free again."""
    [taken] = listen([Address("127.0.0.1", 0)])
    with closing(taken):
        [free] = listen([Address("127.0.0.1", 0)])
        address = bound_address(free)
        free.close()
        with pytest.raises(CannotListen, match="address already in use"):
            listen([address, bound_address(taken)])
        with closing(socket.socket()) as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            assert again.connect_ex((address.host, address.port)) == errno.ECONNREFUSED
