"""``hubmirror lock``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from hubmirror import files, layout
from hubmirror.cli import options, render
from hubmirror.errors import NotFoundError
from hubmirror.manifest.lock import DEFAULT_BRANCH, Lock, lock_path, read_lock
from hubmirror.settings import Settings


@click.command(
    epilog="""\b
Examples:
  hubmirror lock manifest.yaml
  hubmirror lock manifest.yaml --upgrade pytorch/vision:v0.10.0
  hubmirror lock manifest.yaml --upgrade https://example.org/w.pth && hubmirror sync manifest.yaml
"""
)
@click.argument("manifest", metavar="MANIFEST", type=click.Path(path_type=Path))
@click.option(
    "--upgrade",
    "names",
    metavar="URL|OWNER/REPO[:REF]",
    multiple=True,
    help="Let go of this pin: a checkpoint's URL, a repo, or one of its refs. Repeatable.",
)
@options.mirror
@options.lock_dir
@options.as_json
def command(
    manifest: Path,
    names: tuple[str, ...],
    mirror: str | None,
    *,
    lock_dir: Path | None,
    as_json: bool,
) -> None:
    """Show what the lock of a manifest pins, or let go of a pin.

    Sync refuses a tag that moved upstream and a URL whose bytes changed. Once you know why,
    --upgrade accepts it: the next sync resolves anew what was let go, and pins it again. Nothing
    else is changed, and nothing is fetched. It waits for no sync of the mirror that is at work:
    the exit code is then 75.
    """
    path = lock_path(manifest, lock_dir)
    if names:
        settings = Settings.load(mirror=mirror)
        with _without_sync(settings):
            before, after, let_go = _let_go(path, names)
            content = after.encode().encode()
            files.write(content, path, staging=path.parent, modes=settings.modes)
    else:
        before = after = _read(path)
        let_go = ()
    if as_json:
        render.document(_fields(path, after, let_go))
    elif let_go:
        _show_let_go(path, before, let_go)
    else:
        _show(path, after)


@contextlib.contextmanager
def _without_sync(settings: Settings) -> Iterator[None]:
    """Keep out a sync of the mirror: it would write the lock as it read it, pins and all.

    Raises:
        LockedError: when one is at work.
    """
    incoming = Path(settings.mirror).expanduser() / layout.INCOMING
    with contextlib.ExitStack() as held:
        if settings.mirror and incoming.is_dir():
            held.enter_context(files.exclusive(incoming / layout.LOCK, "lock"))
        yield


def _let_go(path: Path, names: Sequence[str]) -> tuple[Lock, Lock, tuple[str, ...]]:
    """Return a lock before and after, and what was let go."""
    before = after = _read(path)
    let_go = tuple(dict.fromkeys(key for name in names for key in _keys(before, name)))
    for key in let_go:
        after = after.without(key)
    return before, after, let_go


def _read(path: Path) -> Lock:
    lock = read_lock(path)
    if lock is None:
        raise NotFoundError(
            f"{path}: no such lock",
            hint="`hubmirror sync MANIFEST` writes it; if it is kept elsewhere: --lock-dir DIR",
        )
    return lock


def _keys(lock: Lock, name: str) -> Sequence[str]:
    """Name what a lock must let go of for one thing to be resolved anew.

    A tag that a glob found is locked under that glob, and under its own name if that was
    typed too: as long as one of them pins it, sync refuses to see it move.
    """
    title, _, ref = name.partition(":")
    keys = [
        f"{repo.key}:{request.ref}"
        for repo in lock.repos
        if repo.key in (title, title.lower())
        for request in repo.requests
        if ref in (request.ref, *(row.name for row in request.rows))
    ]
    return keys or [name]


def _show_let_go(path: Path, before: Lock, let_go: Sequence[str]) -> None:
    stood_for = {
        f"{repo.key}:{request.ref}": ", ".join(row.name for row in request.rows)
        for repo in before.repos
        for request in repo.requests
    }
    for key in let_go:
        names = stood_for.get(key, "")
        is_more = names and not key.endswith(f":{names}")
        render.say(f"let go of {key}{f' (it stood for {names})' if is_more else ''}")
    render.say(f"wrote {path}; the next `hubmirror sync` resolves anew what was let go")


def _show(path: Path, lock: Lock) -> None:
    render.say(f"{path}: what source {lock.source!r} is pinned to")
    refs = [
        (repo.key, _typed(request.ref), row.name, row.kind.value, row.commit)
        for repo in lock.repos
        for request in repo.requests
        for row in request.rows
    ]
    if refs:
        render.say("")
        render.table(("REPO", "REF", "STANDS FOR", "KIND", "COMMIT"), refs)
    traced = [
        (repo.key, one.call, one.commit[:12], str(len(one.urls)), ", ".join(one.repos) or "-")
        for repo in lock.repos
        for one in repo.entrypoints
    ]
    if traced:
        render.say("")
        render.table(("REPO", "ENTRYPOINT", "TRACED AT", "URLS", "NEEDS THE REPOS"), traced)
    if lock.checkpoints:
        render.say("")
        render.table(
            ("URL", "SHA256", "SIZE"),
            [(row.url, row.digest.hex, render.size(row.size_bytes)) for row in lock.checkpoints],
        )


def _typed(ref: str) -> str:
    return "(default branch)" if ref == DEFAULT_BRANCH else ref


def _fields(path: Path, lock: Lock, let_go: Sequence[str]) -> dict[str, object]:
    return {
        "lock": str(path),
        "source": lock.source,
        "let_go": list(let_go),
        "repos": [
            {
                "repo": repo.key,
                "url": repo.url,
                "default_branch": repo.default_branch,
                "refs": [
                    {
                        "ref": request.ref,
                        "name": row.name,
                        "kind": row.kind.value,
                        "commit": row.commit,
                    }
                    for request in repo.requests
                    for row in request.rows
                ],
                "snapshots": [
                    {"commit": row.commit, "sha256": row.digest.hex, "size_bytes": row.size_bytes}
                    for row in repo.snapshots
                ],
                "entrypoints": [
                    {
                        "call": one.call,
                        "commit": one.commit,
                        "urls": list(one.urls),
                        "repos": list(one.repos),
                        "absent": list(one.absent),
                        "result": one.result.hex if one.result else None,
                        "incomplete": list(one.incomplete),
                    }
                    for one in repo.entrypoints
                ],
            }
            for repo in lock.repos
        ],
        "checkpoints": [
            {"url": row.url, "sha256": row.digest.hex, "size_bytes": row.size_bytes}
            for row in lock.checkpoints
        ],
    }
