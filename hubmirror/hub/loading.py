"""What users call: torch.hub's own functions, answered from a mirror.

Signatures are those of torch.hub, so that a script changes one import. ``mirror=`` and
``publication=`` come on top; every other keyword reaches the entrypoint.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import os
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubmirror.errors import NotFoundError, NotMirroredError
from hubmirror.hub import hooks, repos, scope, torch_door
from hubmirror.hub.choices import Choices, MirrorLike, bare_scope, new_scope
from hubmirror.hub.scope import Scope
from hubmirror.settings import OnMiss, Settings


@contextlib.contextmanager
def offline(
    mirror: MirrorLike | None = None,
    *,
    publication: str | None = None,
    verify: str | None = None,
    isolate: str | None = None,
    on_miss: str | None = None,
    weights_only: str | None = None,
    allow_hosts: str | Iterable[str] | None = None,
) -> Iterator[None]:
    """Answer all of torch.hub from a mirror inside ``with``, and refuse the network.

    For code that calls ``torch.hub`` itself, and for what it fetches over HTTP or from Hugging
    Face. Threads that start inside belong to it.

    Args:
        mirror: The mirror's folder; otherwise HUBMIRROR, then the settings of user and machine.
        publication: Its digest, or leading digits; otherwise the newest, which then stays
            for the life of this process.
        verify: ``stat``, ``once`` or ``full``: how much is believed of the blobs of weights.
        isolate: ``auto``, ``never`` or ``always``: when a repo gets modules of its own.
        on_miss: ``error``, or ``online``: what is not mirrored is a matter of the network, and
            a machine without any mirror is served by it alone.
        weights_only: ``auto``, ``upstream`` or ``always``: when weights may be tensors only.
        allow_hosts: Host names, suffixes such as ``.cluster.local``, addresses and networks that
            may be reached all the same.

    Raises:
        NotFoundError: when there is no mirror, or no such publication.
        VerificationError: when the mirror cannot be believed.
    """
    with hooks.serving(
        new_scope(mirror, Choices(publication, verify, isolate, on_miss, weights_only, allow_hosts))
    ):
        yield


def load(
    repo_or_dir: str | os.PathLike[str],
    model: str,
    *args: Any,
    source: str = "github",
    trust_repo: bool | str | None = "check",
    force_reload: bool = False,
    verbose: bool = True,
    skip_validation: bool = False,
    mirror: MirrorLike | None = None,
    publication: str | None = None,
    **kwargs: Any,
) -> Any:
    """Load a model as ``torch.hub.load`` does, from a mirror and with no network.

    Never asks anything, prints to stderr only, and writes nowhere but into the node's cache.
    A local folder with a hubconf.py loads too, even where there is no mirror.

    Raises:
        NotMirroredError: when repo, ref, entrypoint or weights are not in the publication;
            says what to add to the manifest.
        MissingDependencyError: when the repo needs packages that are not installed.
        VerificationError: when bytes are not what they were.
        NotFoundError: when there is no mirror.
    """
    source = source.lower()
    if source not in ("github", "local"):
        raise ValueError(f'Unknown source: "{source}". Allowed values: "github" | "local".')
    repos.ignore(force_reload=force_reload, skip_validation=skip_validation, trust_repo=trust_repo)
    with _inside(mirror, publication) as inside:
        hub, asked = torch_door.hub(), os.fspath(repo_or_dir)
        folder = asked if source == "local" else _locate(asked, inside, verbose=verbose)
        if folder is not None:
            made = hub.load(str(folder), model, *args, source="local", **kwargs)
            return _in_steps(made, Path(folder), inside) if inspect.isgenerator(made) else made
        stock = {"force_reload": force_reload, "skip_validation": skip_validation}
        return hub.load(
            asked, model, *args, trust_repo=trust_repo, verbose=verbose, **stock, **kwargs
        )


def list(  # noqa: A001 - torch.hub calls it so
    github: str | os.PathLike[str],
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str | None = "check",
    verbose: bool = True,
    *,
    mirror: MirrorLike | None = None,
    publication: str | None = None,
) -> builtins.list[str]:
    """List the callables of a repo's hubconf.py as ``torch.hub.list`` does; runs its code."""
    repos.ignore(force_reload=force_reload, skip_validation=skip_validation, trust_repo=trust_repo)
    with _inside(mirror, publication) as inside:
        hub, asked = torch_door.hub(), os.fspath(github)
        folder = _locate(asked, inside, verbose=verbose)
        if folder is None:
            return [*hub.list(asked, force_reload, skip_validation, trust_repo, verbose)]
        with repos.attempt(folder):
            return [str(name) for name in hub.list(str(folder))]


def help(  # noqa: A001 - torch.hub calls it so
    github: str | os.PathLike[str],
    model: str,
    force_reload: bool = False,
    skip_validation: bool = False,
    trust_repo: bool | str | None = "check",
    *,
    mirror: MirrorLike | None = None,
    publication: str | None = None,
) -> str | None:
    """Return the docstring of an entrypoint as ``torch.hub.help`` does; runs the repo's code."""
    repos.ignore(force_reload=force_reload, skip_validation=skip_validation, trust_repo=trust_repo)
    with _inside(mirror, publication) as inside:
        hub, asked = torch_door.hub(), os.fspath(github)
        folder = _locate(asked, inside, verbose=True)
        doc: str | None
        if folder is None:
            doc = hub.help(asked, model, force_reload, skip_validation, trust_repo)
            return doc
        with repos.attempt(folder):
            repos.check_requirements(folder)
            doc = hub.help(str(folder), model)
            return doc


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """Load weights by their full URL, as ``torch.hub.load_state_dict_from_url`` does.

    Raises:
        OfflineMissError: when the publication does not hold them.
        VerificationError: when their bytes are not what they were.
    """
    with _inside(None, None):
        return torch_door.hub().load_state_dict_from_url(
            url, model_dir, map_location, progress, check_hash, file_name, weights_only
        )


def download_url_to_file(
    url: str, dst: str, hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Write a copy of a mirrored file, as ``torch.hub.download_url_to_file`` does.

    Raises:
        OfflineMissError: when the publication does not hold it.
        VerificationError: when its bytes are not what they were.
    """
    with _inside(None, None):
        torch_door.hub().download_url_to_file(url, dst, hash_prefix, progress)


def _in_steps(
    steps: Generator[Any, Any, Any], folder: Path, inside: Scope
) -> Generator[Any, Any, Any]:
    """Run a generator that an entrypoint gave: its code runs later, each step as in the load."""
    step = functools.partial(next, steps)
    while True:
        with hooks.serving(replace(inside, is_open=True)), repos.attempt(folder):
            try:
                made = step()
            except StopIteration as end:
                return end.value
        try:
            step = functools.partial(steps.send, (yield made))
        except BaseException as error:  # noqa: BLE001 - whatever is thrown, the repo's code gets it
            step = functools.partial(steps.throw, error)


def _locate(asked: str, inside: Scope, *, verbose: bool) -> Path | None:
    """Return the folder of a repo, or None where stock torch.hub is to find it."""
    try:
        return repos.locate(asked, inside, verbose=verbose)
    except NotMirroredError:
        if inside.on_miss is OnMiss.ERROR:
            raise
        return None


@contextlib.contextmanager
def _inside(mirror: MirrorLike | None, publication: str | None) -> Iterator[Scope]:
    around = scope.current()
    if around is not None and mirror is None and publication is None:
        yield around
        return
    try:
        inside = new_scope(mirror, Choices(publication))
    except NotFoundError as error:
        if mirror is not None or publication is not None:
            raise
        inside = bare_scope(Settings.load(), error)
    with hooks.serving(inside):
        yield inside
