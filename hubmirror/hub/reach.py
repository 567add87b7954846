"""What code may reach while the network is refused to it: this machine, and hosts by choice.

Owns: what counts as near. ``guard`` and the HTTP answers ask here, so that they never disagree.
An address by which an allowed name is known is near from its look-up on: what connects next
says the address only.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_NETWORK_SCHEMES = frozenset({"ftp", "http", "https"})


@dataclass(frozen=True, slots=True)
class Reach:
    """What is near to the code of a scope.

    Attributes:
        proxy_ports: Ports of this machine that lead out of it: no part of it, then.
        allowed: Host names, suffixes such as ``.cluster.local`` (the name itself too), addresses
            and networks that are near by the user's choice.
        found: Addresses that look-ups of allowed names have given.
    """

    proxy_ports: frozenset[str] = frozenset()
    allowed: tuple[str, ...] = ()
    found: set[str] = field(default_factory=set)

    def beyond(self, host: Any, port: Any = None) -> str:
        """Return what is asked for, as ``host:port``, if it is not near; else nothing."""
        shown_port = os.fsdecode(port) if isinstance(port, str | bytes) else str(port or "")
        name = os.fsdecode(host or "").strip("[]").lower().rstrip(".")
        if _is_this_machine(name) and shown_port not in self.proxy_ports:
            return ""
        if self.allows(name):
            return ""
        return ":".join(part for part in (os.fsdecode(host or "localhost"), shown_port) if part)

    def leads_out(self, url: str) -> bool:
        """Tell whether a request for a URL would go beyond what is near."""
        parts = urlsplit(url)
        is_network = parts.scheme.lower() in _NETWORK_SCHEMES
        return is_network and bool(self.beyond(parts.hostname, parts.port))

    def allows(self, name: str) -> bool:
        """Tell whether a host is one of those that the user allows."""
        if not self.allowed:
            return False
        address = _address(name)
        if address is None:
            return any(_is_below(name, allowed) for allowed in self.allowed)
        return str(address) in self.found or any(map(_holding(address), self.allowed))

    def remember(self, host: Any, addresses: Iterable[str]) -> None:
        """Count addresses as near, if the name that they were found under is allowed."""
        name = os.fsdecode(host or "").lower().rstrip(".")
        if self.allows(name):
            parsed = (_address(address) for address in addresses)
            self.found.update(str(address) for address in parsed if address is not None)


def local_proxy_ports(proxies: Mapping[str, str]) -> frozenset[str]:
    """Return the ports on this machine that lead out of it, given the proxies in use."""
    found = set()
    for scheme, url in proxies.items():
        host, colon, port = url.rpartition("//")[2].rpartition("@")[2].strip("/").rpartition(":")
        if scheme != "no" and colon and _is_this_machine(host.strip("[]").lower()):
            found.add(port)
    return frozenset(found)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _is_this_machine(name: str) -> bool:
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _address(name: str) -> _Address | None:
    try:
        return ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None


def _is_below(name: str, allowed: str) -> bool:
    return name == allowed.lstrip(".") or (allowed.startswith(".") and name.endswith(allowed))


def _holding(address: _Address) -> Callable[[str], bool]:
    def holds(allowed: str) -> bool:
        try:
            return address in ipaddress.ip_network(allowed, strict=False)
        except ValueError:
            return False

    return holds
