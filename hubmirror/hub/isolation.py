"""Decides which repos get a realm: modules of their own.

By the setting ``isolate``: ``auto`` isolates a repo whose modules have names that the process
has loaded, or could import, from elsewhere; everything else stays as torch.hub does it. Once
isolated, a repo stays so in this process, so that its classes keep their identity.
"""

from __future__ import annotations

import functools
import importlib
import logging
from pathlib import Path

from hubmirror.hub import clashes, pickles
from hubmirror.hub.imports import open_realm, realm_at, stage
from hubmirror.hub.notices import warn_once
from hubmirror.hub.realms import Realm
from hubmirror.settings import Isolate

_log = logging.getLogger(__name__)

# The names of repos that were loaded into the process's own modules.
_plain: dict[Path, frozenset[str]] = {}


def realm_for(folder: Path, title: str, isolate: Isolate) -> Realm | None:
    """Return the realm in which a repo's code is to run; None for the process's own modules."""
    if isolate is Isolate.NEVER:
        _warn(folder, title)
        return None
    realm = realm_at(folder)
    if realm is not None:
        return realm
    with stage.showing(None):
        is_new = folder not in _plain
        names = _names_of(folder, title) if is_new else _plain[folder]
        if isolate is Isolate.AUTO and not _clashes(folder, names, is_new=is_new):
            _plain[folder] = names
            return None
    return isolated(folder, names)


def isolated(folder: Path, names: frozenset[str]) -> Realm:
    """Return the realm of a repo, made if need be."""
    teach = functools.partial(pickles.teach, folder=folder, is_isolated=True)
    return open_realm(folder, names, teach)


def _clashes(folder: Path, names: frozenset[str], *, is_new: bool) -> bool:
    return bool(
        clashes.loaded_elsewhere(folder, names)
        or (is_new and clashes.importable_elsewhere(folder, names))
    )


def _names_of(folder: Path, title: str) -> frozenset[str]:
    """Return the names of a repo's modules, but for those of which the installed one must run."""
    names = clashes.own_names(folder)
    compiled = clashes.compiled_elsewhere(folder, names)
    for name, place in compiled.items():
        importlib.import_module(name)  # from here on nothing in the repo's folder hides it
        warn_once(
            _log,
            "%s has the sources of %r, which is installed here with its compiled parts: "
            "the installed one is used, %s",
            title,
            name,
            place,
        )
    return names - frozenset(compiled)


def _warn(folder: Path, title: str) -> None:
    for name, place in clashes.loaded_elsewhere(folder, clashes.own_names(folder)).items():
        warn_once(
            _log,
            "%s has a module %r of its own, but this process has loaded another one, from %s, and "
            "will run that, because `isolate` is `never`",
            title,
            name,
            place,
        )
