"""From what a caller chooses, and what the settings say, to a scope.

Owns: the mirrors that this process has open. A job sees one publication, however many modules of
it load something.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from hubmirror.errors import NotFoundError
from hubmirror.hub import scope
from hubmirror.hub.cache import open_cache
from hubmirror.hub.reach import Reach, local_proxy_ports
from hubmirror.hub.scope import Scope
from hubmirror.hub.shelves import MirrorShelf, Shelves
from hubmirror.hub.supply import Supply
from hubmirror.mirror import Mirror
from hubmirror.settings import OnMiss, Settings

MirrorLike = str | os.PathLike[str] | Mirror


@dataclass(frozen=True, slots=True)
class Choices:
    """What a caller says of a scope; None leaves it to the scope around, or to the settings."""

    publication: str | None = None
    verify: str | None = None
    isolate: str | None = None
    on_miss: str | None = None
    weights_only: str | None = None
    allow_hosts: str | Iterable[str] | None = None


_shelves = Shelves()


def bare_scope(settings: Settings, no_mirror: NotFoundError) -> Scope:
    """Return a scope for a machine without any mirror: it answers nothing."""
    inside = scope.open_scope(None, _reach(settings, scope.current()), no_mirror)
    inside.isolate, inside.on_miss = settings.isolate, settings.on_miss
    return inside


def _reach(settings: Settings, around: Scope | None) -> Reach:
    if around is not None and around.reach.allowed == settings.allow_hosts:
        return around.reach  # with the addresses that it has learned
    return Reach(local_proxy_ports(settings.proxies), settings.allow_hosts)


def _listed(hosts: str | Iterable[str] | None, around: Scope | None) -> str | None:
    if hosts is None:
        hosts = around.reach.allowed if around is not None else ()
    return hosts if isinstance(hosts, str) else ",".join(hosts)


def new_scope(mirror: MirrorLike | None, choices: Choices) -> Scope:
    """Return a scope of what was chosen and what the settings say, to be entered.

    Raises:
        NotFoundError: when there is no mirror, or no such publication.
        VerificationError: when the mirror cannot be believed.
    """
    publication = choices.publication
    around = scope.current()
    shelf = around.supply.shelf if around is not None and around.supply is not None else None
    if isinstance(shelf, MirrorShelf) and mirror is None:
        mirror, publication = shelf.mirror, publication or shelf.publication.hex
    root = mirror.root if isinstance(mirror, Mirror) else mirror
    settings = Settings.load(
        mirror=os.fspath(root) if root is not None else None,
        publication=publication,
        verify=choices.verify,
        isolate=choices.isolate or (around.isolate if around is not None else None),
        on_miss=choices.on_miss or (around.on_miss if around is not None else None),
        weights_only=choices.weights_only,
        allow_hosts=_listed(choices.allow_hosts, around),
    )
    if settings.recorder:
        return _recorded_scope(settings, around)
    try:
        shelf = _shelves.open(settings.require_mirror(), settings.publication)
    except NotFoundError as error:
        if settings.on_miss is OnMiss.ONLINE and not settings.mirror:
            return bare_scope(settings, error)
        raise
    supply = Supply(shelf, open_cache(settings), settings.verify, settings.weights_only)
    inside = scope.open_scope(supply, _reach(settings, around))
    inside.isolate, inside.on_miss = settings.isolate, settings.on_miss
    return inside


def _recorded_scope(settings: Settings, around: Scope | None) -> Scope:
    """Return a scope whose misses are asked for elsewhere, whatever a script says of mirrors."""
    from hubmirror.hub.recording.shelf import recording_shelf  # traces are rare

    cache = open_cache(settings)
    supply = Supply(recording_shelf(settings.recorder, cache), cache, settings.verify)
    inside = scope.open_scope(supply, _reach(settings, around))
    inside.isolate, inside.on_miss = settings.isolate, OnMiss.ERROR
    return inside
