"""Refuses the network to code in a scope: the last line, under everything that answers.

One audit hook, which Python cannot take out again; outside every scope it does nothing. It sees
what Python sees: native code that opens its own sockets (NCCL, gloo, libcurl) passes unseen, so
that distributed training works, and a proof needs a network namespace instead.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import sys
from collections.abc import Callable, Mapping, Set
from typing import Any
from urllib.parse import urlsplit

from hubmirror import urls
from hubmirror.errors import OfflineMissError
from hubmirror.hub import commands, scope
from hubmirror.settings import OnMiss

_INTERNET = frozenset({"AF_INET", "AF_INET6"})
_NETWORK_SCHEMES = frozenset({"ftp", "http", "https"})


@functools.cache
def install() -> None:
    """Put the guard up, once in the life of this process."""
    sys.addaudithook(_watch)


def _watch(event: str, args: tuple[Any, ...]) -> None:  # each event has its own arguments
    asked = _WATCHED.get(event)
    if asked is None:
        return
    inside = scope.current()
    if inside is None or inside.on_miss is OnMiss.ONLINE:
        return
    wanted = asked(args, inside.proxy_ports)
    if wanted:
        raise inside.missed(
            OfflineMissError(
                f"{wanted}: the network is refused while code runs from {inside.where()}",
                hint="what this fetches must be mirrored: add its URL to the `checkpoints:` of "
                f"{inside.title or 'the repo'} in the manifest",
            )
        )


def local_proxy_ports(proxies: Mapping[str, str]) -> frozenset[str]:
    """Return the ports on this machine that lead out of it, given the proxies in use."""
    found = set()
    for scheme, url in proxies.items():
        host, colon, port = url.rpartition("//")[2].rpartition("@")[2].strip("/").rpartition(":")
        if scheme != "no" and colon and _is_this_machine(host):
            found.add(port)
    return frozenset(found)


def leaves(url: str, proxy_ports: Set[str]) -> bool:
    """Tell whether a request for a URL would leave this machine."""
    parts = urlsplit(url)
    is_network = parts.scheme.lower() in _NETWORK_SCHEMES
    return is_network and bool(_outside(parts.hostname, parts.port, proxy_ports))


def _url(args: tuple[Any, ...], proxy_ports: Set[str]) -> str:
    url = str(args[0])
    return urls.redact(url) if leaves(url, proxy_ports) else ""


def _host(args: tuple[Any, ...], proxy_ports: Set[str]) -> str:
    return _outside(args[0], args[1] if len(args) > 1 else None, proxy_ports)


def _address(args: tuple[Any, ...], proxy_ports: Set[str]) -> str:
    match args:
        case (socket, (host, port, *_)) if socket.family.name in _INTERNET:
            return _outside(host, port, proxy_ports)
        case ((host, port, *_),):  # of getnameinfo
            return _outside(host, port, proxy_ports)
        case _:  # a Unix socket, or a message to whoever is connected already
            return ""


def _argv(args: tuple[Any, ...], _: Set[str]) -> str:
    given = args[1]
    if isinstance(given, str | bytes | os.PathLike):
        given = [given]
    return commands.networking([os.fsdecode(word) for word in given])


def _script(args: tuple[Any, ...], _: Set[str]) -> str:
    return commands.networking_in(os.fsdecode(args[0]))


_WATCHED: dict[str, Callable[[tuple[Any, ...], Set[str]], str]] = {
    "urllib.Request": _url,
    "socket.getaddrinfo": _host,
    "socket.gethostbyname": _host,
    "socket.gethostbyaddr": _host,
    "socket.getnameinfo": _address,
    "socket.connect": _address,
    "socket.sendto": _address,
    "socket.sendmsg": _address,
    "subprocess.Popen": _argv,
    "os.exec": _argv,
    "os.posix_spawn": _argv,
    "os.system": _script,
}


def _outside(host: Any, port: Any, proxy_ports: Set[str]) -> str:
    shown_port = os.fsdecode(port) if isinstance(port, str | bytes) else str(port or "")
    if _is_this_machine(host) and shown_port not in proxy_ports:
        return ""
    return ":".join(part for part in (os.fsdecode(host or "localhost"), shown_port) if part)


def _is_this_machine(host: str | bytes | None) -> bool:
    name = os.fsdecode(host or "").lower().strip("[]")
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
