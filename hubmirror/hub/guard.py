"""Refuses the network to code in a scope: the last line, under everything that answers.

One audit hook, which Python cannot take out again; outside every scope it does nothing. It sees
what Python sees: native code that opens its own sockets (NCCL, gloo, libcurl) passes unseen, so
that distributed training works, and a proof needs a network namespace instead.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from hubmirror import urls
from hubmirror.errors import OfflineMissError
from hubmirror.hub import commands, scope
from hubmirror.hub.reach import Reach
from hubmirror.settings import OnMiss

_INTERNET = frozenset({"AF_INET", "AF_INET6"})


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
    wanted = asked(args, inside.reach)
    if wanted:
        inside.refused(wanted)
        raise inside.missed(
            OfflineMissError(
                f"{wanted}: the network is refused while code runs from {inside.where()}",
                hint="what this fetches must be mirrored: add its URL to the `checkpoints:` of "
                f"{inside.title or 'the repo'} in the manifest",
            )
        )


def look_up(original: Callable[..., Any], host: Any, *args: Any, **kwargs: Any) -> Any:
    """Answer ``socket.getaddrinfo``: what an allowed name is found to be may be reached."""
    found = original(host, *args, **kwargs)
    inside = scope.current()
    if inside is not None:
        inside.reach.remember(host, [str(address[0]) for *_, address in found])
    return found


def look_up_one(original: Callable[[str], str], host: str) -> str:
    """Answer ``socket.gethostbyname`` the same way."""
    found = original(host)
    inside = scope.current()
    if inside is not None:
        inside.reach.remember(host, [found])
    return found


def _url(args: tuple[Any, ...], reach: Reach) -> str:
    url = str(args[0])
    return urls.redact(url) if reach.leads_out(url) else ""


def _host(args: tuple[Any, ...], reach: Reach) -> str:
    return reach.beyond(args[0], args[1] if len(args) > 1 else None)


def _address(args: tuple[Any, ...], reach: Reach) -> str:
    match args:
        case (socket, (host, port, *_)) if socket.family.name in _INTERNET:
            return reach.beyond(host, port)
        case ((host, port, *_),):  # of getnameinfo
            return reach.beyond(host, port)
        case _:  # a Unix socket, or a message to whoever is connected already
            return ""


def _argv(args: tuple[Any, ...], _: Reach) -> str:
    given = args[1]
    if isinstance(given, str | bytes | os.PathLike):
        given = [given]
    return commands.networking([os.fsdecode(word) for word in given])


def _script(args: tuple[Any, ...], _: Reach) -> str:
    return commands.networking_in(os.fsdecode(args[0]))


_WATCHED: dict[str, Callable[[tuple[Any, ...], Reach], str]] = {
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
