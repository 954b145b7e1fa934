"""Addresses to listen on, written as Prometheus's own programs take them, and the sockets bound to them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import ip_address

from exporter.web.files import os_message

_BACKLOG = 2048
_ADDRESS = re.compile(
    r"(?P<host>\[[0-9a-fA-F:.]+(?:%[^\[\]\s]+)?\]|[^:\[\]\s]*):(?P<port>[0-9]{1,5}|[A-Za-z][A-Za-z0-9-]*)"
)
_LOCAL = frozenset({"", "0.0.0.0", "::", "127.0.0.1", "::1"})  # noqa: S104  # compared, not bound
_ACCEPTED = "host:port, :port or [IPv6]:port, with a port up to 65535 or the name of a service"


class CannotListen(Exception):
    """An address is in use, isn't this machine's, or needs rights that the program lacks."""


@dataclass(frozen=True, slots=True)
class Address:
    """A host and port to listen on; an empty host stands for every interface, port 0 for a free port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address written as `host:port`, `:port` or `[IPv6]:port`.

        The port may be the name of a service in /etc/services. Raise ValueError for anything else.
        """
        match = _ADDRESS.fullmatch(text)
        port = _port(match["port"]) if match else None
        if match is None or port is None:
            raise ValueError(f"found {text!r}; accepted: {_ACCEPTED}")
        return cls(match["host"].strip("[]"), port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local(self) -> Address:
        """Return the address at which a program on this machine reaches it."""
        return Address("localhost", self.port) if self.host in _LOCAL else self

    @property
    def is_loopback(self) -> bool:
        """Return whether it is plain that no other machine reaches it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def _port(text: str) -> int | None:
    try:
        port = int(text) if text.isdigit() else socket.getservbyname(text.lower(), "tcp")
    except OSError:
        return None
    return port if port <= 65535 else None


def listen(addresses: Iterable[Address]) -> list[socket.socket]:
    """Return a listening socket for each address. Raise CannotListen."""
    return all_or_none(map(_listening, addresses))


def all_or_none(sockets: Iterable[socket.socket]) -> list[socket.socket]:
    """Return sockets that are opened one by one; leave none open if one can't be."""
    with ExitStack() as opened:
        found = [opened.enter_context(each) for each in sockets]
        opened.pop_all()
    return found


def _listening(address: Address) -> socket.socket:
    """Listen as Go does: at `[::]` for IPv4 as well, at one address of a name, of IPv4 if it has one."""
    has_both = socket.has_dualstack_ipv6()
    host = address.host or ("::" if has_both else "0.0.0.0")  # noqa: S104  # as asked for
    try:
        found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, where = min(found, key=lambda each: each[0] != socket.AF_INET)
        is_both = has_both and family == socket.AF_INET6
        return socket.create_server(where, family=family, backlog=_BACKLOG, dualstack_ipv6=is_both)
    except UnicodeError:
        raise CannotListen(f"can't listen on {address}: no name that a host can have") from None
    except OSError as error:
        why = os_message(error).split(" (while", 1)[0]
        raise CannotListen(f"can't listen on {address}: {why}") from None


def bound_address(listening: socket.socket) -> Address:
    """Return the address that a socket really listens on."""
    host, port, *rest = listening.getsockname()
    zone = rest[1] if rest else 0
    return Address(f"{host}%{socket.if_indextoname(zone)}" if zone else host, port)
