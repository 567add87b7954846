"""Repos as code asks for them: from ``owner/name:ref`` to a hubconf.py that runs.

Holds the answers to torch.hub's own functions for that: where the repo is, how its hubconf.py
is imported, what it depends on, which entrypoint is meant.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from hubmirror.errors import (
    HubmirrorError,
    InvalidInputError,
    NotFoundError,
    NotMirroredError,
)
from hubmirror.hub import hubconfs, isolation, leftovers, requirements, scope, torch_door
from hubmirror.hub.hubconfs import HUBCONF
from hubmirror.hub.imports import stage
from hubmirror.hub.notices import warn_once
from hubmirror.hub.realms import Realm
from hubmirror.hub.requirements import Repo
from hubmirror.hub.scope import Scope
from hubmirror.hub.views import View
from hubmirror.naming import did_you_mean, shorten
from hubmirror.resolve import Spec, check_spec

_log = logging.getLogger(__name__)


def locate(asked: str, inside: Scope, *, verbose: bool) -> Path:
    """Return the folder of what was asked for: a view, or a plain local folder.

    Raises:
        InvalidInputError: when it is neither a spec nor a folder.
        NotFoundError: when it is a path, and no hubconf.py is there.
        NotMirroredError: when the publication does not hold it.
    """
    folder = _plain_folder(asked)
    if folder:
        return folder
    spec = check_spec(asked)
    try:
        view = inside.require_supply(str(spec)).view(spec)
    except NotMirroredError as error:
        if error not in inside.misses:
            inside.missed(error)
        raise
    if verbose:
        _tell(view, inside)
    return view.folder


def _plain_folder(asked: str) -> Path | None:
    looks_like_path = asked.startswith(("./", "../", "/", "~")) or asked in (".", "..")
    if not looks_like_path and not asked.startswith(".") and _is_spec(asked):
        return None
    folder = Path(asked).expanduser().absolute()
    if (folder / HUBCONF).is_file():
        return folder
    if looks_like_path:
        raise NotFoundError(f"{folder}: no {HUBCONF} here")
    return None


def _is_spec(text: str) -> bool:
    try:
        Spec.parse(text)
    except HubmirrorError:
        return False
    return True


def _tell(view: View, inside: Scope) -> None:
    if sys.stderr and inside.supply:
        resolved, place = view.resolved, inside.supply.shelf.place
        name = f"{resolved.spec.name}:{resolved.spec.ref or resolved.ref.name}"
        sys.stderr.write(f"hubmirror: {name} (commit {resolved.ref.commit[:12]}) from {place}\n")


def _view(folder: Path, inside: Scope) -> View | None:
    return inside.supply.view_at(folder) if inside.supply else None


def _title(folder: Path, inside: Scope) -> str:
    view = _view(folder, inside)
    return view.title if view else str(folder)


def describe(folder: Path, inside: Scope) -> Repo:
    """Return what is known of a repo without running it."""
    view = _view(folder, inside)
    if view:
        row = view.resolved.snapshot
        return Repo(view.title, folder, row.entrypoints, row.dependencies, row.requires_torch)
    from hubmirror.hubconf import read_hubconf  # many modules, which no view needs

    try:
        read = read_hubconf(lambda name: _read(folder / name))
    except InvalidInputError:  # running it will say what is wrong
        return Repo(str(folder), folder, (), (), "")
    names = tuple(entrypoint.name for entrypoint in read.entrypoints)
    return Repo(str(folder), folder, names, read.dependencies, read.requires_torch)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None


def check_requirements(folder: Path) -> None:
    """Refuse a repo that cannot run here, before any of its code does.

    Raises:
        MissingDependencyError: naming all that is missing.
    """
    requirements.check(describe(folder, _here()), torch_door.version())


@contextlib.contextmanager
def attempt(folder: Path) -> Iterator[None]:
    """Run a repo's code; one repo at a time, and nothing of the process is left changed.

    Raises:
        MissingDependencyError: in place of the import of something that is not installed.
    """
    outer = _here()
    view = _view(folder, outer)
    with scope.loading(outer, view.title if view else "") as inner:
        realm = _realm_for(folder, inner)
        around = leftovers.hub_folder(folder.parent) if view else contextlib.nullcontext()
        if outer.is_loading:
            with stage.showing(realm), around:
                yield
            return
        with (
            leftovers.cleared(folder, stays_importable=realm is None and folder.is_dir()),
            _misses_named(inner),
            _imports_explained(folder, inner),
            stage.showing(realm),
            around,
        ):
            yield


def _realm_for(folder: Path, inside: Scope) -> Realm | None:
    if not folder.is_dir():
        return None
    return isolation.realm_for(folder, _title(folder, inside), inside.isolate)


@contextlib.contextmanager
def _misses_named(inside: Scope) -> Iterator[None]:
    # Many a hubconf catches everything, and fails later for what then looks like a reason.
    try:
        yield
    except Exception as error:
        misses = list(dict.fromkeys(str(miss) for miss in inside.misses if miss is not error))
        if misses and error not in inside.misses:
            error.add_note("\n".join(["hubmirror: before this, it was refused:", *misses]))
        raise


@contextlib.contextmanager
def _imports_explained(folder: Path, inside: Scope) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        explained = requirements.explain(error, describe(folder, inside))
        if explained:
            raise explained from error
        raise


# Answers to functions of torch.hub, each given the original first ---------------------------


def answer_repo(
    _: Callable[..., str],
    github: str | os.PathLike[str],
    force_reload: bool = False,
    trust_repo: bool | str | None = None,
    *__: Any,
    verbose: bool = True,
    skip_validation: bool = False,
    **___: Any,
) -> str:
    """Answer ``_get_cache_or_reload``: no network, no prompt, no ``trusted_list``."""
    ignore(force_reload=force_reload, skip_validation=skip_validation, trust_repo=trust_repo)
    return str(locate(os.fspath(github), _here(), verbose=verbose))


def ignore(
    *, force_reload: bool, skip_validation: bool, trust_repo: bool | str | None = None
) -> None:
    """Say once that a mirror decides for itself what is newest, and what is trusted."""
    if force_reload or skip_validation or trust_repo not in (None, "check"):
        warn_once(
            _log,
            "force_reload, skip_validation and trust_repo are ignored: what is trusted is what "
            "the mirror's manifest names, and `hubmirror sync` alone moves it",
        )


def parse_spec(_: Callable[..., Any], github: str) -> tuple[str, str, str]:
    """Answer ``_parse_repo_info``: the default branch is the mirrored one."""
    spec = check_spec(os.fspath(github))
    owner, name = spec.name.rsplit("/", 1)
    if spec.ref:
        return owner, name, spec.ref
    return owner, name, _here().require_supply(str(spec)).resolve(spec).ref.name


def run_repo(
    original: Callable[..., Any], folder: str, model: str, *args: Any, **kwargs: Any
) -> Any:
    """Answer ``_load_local``: the same, with the requirements asked first."""
    path = Path(folder).absolute()
    with attempt(path):
        if (path / HUBCONF).is_file():  # torch.hub has its own words for a folder without
            check_requirements(path)
        return original(folder, model, *args, **kwargs)


def import_hubconf(_: Callable[..., ModuleType], __: str, path: str) -> ModuleType:
    """Answer ``_import_module``: under a name of its own, so that its classes can be pickled."""
    folder = Path(path).absolute().parent
    view = _view(folder, _here())
    name = hubconfs.name_of(folder, view.resolved.ref.commit if view else "")
    shown = stage.shown if stage.shown and stage.shown.folder == folder else None
    return hubconfs.run(folder, name, shown)


def check_dependencies(_: Callable[..., None], module: ModuleType) -> None:
    """Answer ``_check_dependencies``: all at once, and pip's names count too."""
    names = getattr(module, "dependencies", None)
    if names is not None:
        folder = Path(module.__file__ or "").parent
        repo = Repo(_title(folder, _here()), folder, (), tuple(names), "")
        requirements.check(repo, torch_door.version())


def find_entrypoint(original: Callable[..., Any], module: ModuleType, model: str) -> Any:
    """Answer ``_load_entry_from_hubconf``: with the names that there are."""
    try:
        return original(module, model)
    except HubmirrorError:
        raise
    except RuntimeError as error:
        repo = describe(Path(module.__file__ or "").parent, _here())
        names = sorted(repo.entrypoints)
        raise NotMirroredError(
            f"{repo.title}: no entrypoint {model!r} in {HUBCONF}{did_you_mean(model, names)}",
            hint=f"it has: {shorten(names)}" if names else "",
        ) from error


def _here() -> Scope:
    inside = scope.current()
    if inside is None:  # hooks answer in scopes only
        raise HubmirrorError("a hook of hubmirror was called outside every scope")
    return inside
