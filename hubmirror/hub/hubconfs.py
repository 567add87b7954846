"""hubconf.py of a repo as a module that others can name, and the repo's modules by reference.

torch.hub gives it the name ``hubconf.py``, which cannot be imported, so that nothing it defines
can be pickled. Here it is ``_hubmirror_`` and digits that stand for the repo and its commit.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from hubmirror.errors import NotFoundError
from hubmirror.hub import clashes, pickles
from hubmirror.hub.imports import RealmLoader, import_for, realm_at, stage
from hubmirror.hub.isolation import isolated
from hubmirror.hub.realms import Realm

HUBCONF = "hubconf.py"
PREFIX = "_hubmirror_"


def name_of(folder: Path, commit: str) -> str:
    """Return the name of a repo's hubconf.py as a module; without a commit, by its place."""
    tag = commit or hashlib.sha256(str(folder).encode()).hexdigest()
    return f"{PREFIX}{tag[:12]}"


def run(folder: Path, name: str, realm: Realm | None) -> ModuleType:
    """Run a repo's hubconf.py, as torch.hub does at every load; on an error nothing stays."""
    place = str(folder / HUBCONF)
    loader = RealmLoader(realm, name, place) if realm else None
    spec = importlib.util.spec_from_file_location(name, place, loader=loader)
    if spec is None or spec.loader is None:
        raise ImportError(f"{place}: not a module")
    module = importlib.util.module_from_spec(spec)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        if before is not None:
            sys.modules[name] = before
        raise
    pickles.teach(module, folder, is_isolated=realm is not None)
    return module


def module(home: pickles.Home, name: str) -> ModuleType:
    """Return a module that a pickle refers to, run if this process has not done so yet.

    Raises:
        NotFoundError: when the repo is not where it was; says what to do.
    """
    folder = Path(home.folder)
    realm = realm_at(folder)
    found = (realm.modules if realm else {}).get(name)
    if name.startswith(PREFIX):
        found = sys.modules.get(name)
    if found is not None:
        return found
    if not (folder / HUBCONF).is_file():
        raise NotFoundError(
            f"{folder}: not here, where {name} was when this was pickled",
            hint="load the repo with hubmirror.load and give it a saved state_dict instead; "
            "or let both processes have one HUBMIRROR_CACHE",
        )
    if home.is_isolated and realm is None:
        realm = isolated(folder, clashes.own_names(folder))
    if not home.is_isolated and home.folder not in sys.path:
        sys.path.append(home.folder)
    if not name.startswith(PREFIX):
        return import_for(realm, name)
    with stage.showing(realm):
        return run(folder, name, realm)
