"""The Hugging Face cache, as far as its files are mirrored under their ``/resolve/`` URLs.

Owns: ``huggingface/<publication>/`` in the cache, laid out as huggingface_hub lays out its own. A
file gets its place there when it is asked for, and checked then: a repo of many gigabytes costs
what is used of it. The library's functions are answered and its settings left alone, for these
belong to the whole process.
Invariant: nobody changes a blob through a file here. It is a link to the blob where the kernel
refuses to write to that (read-only mount, mode 0444), else a copy.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit

from hubmirror.errors import OfflineMissError
from hubmirror.hub import scope
from hubmirror.hub.scope import Scope
from hubmirror.hub.shelves import Asked
from hubmirror.hub.supply import Supply
from hubmirror.hub.weights import copy_out, explain_miss
from hubmirror.records import CheckpointRow
from hubmirror.settings import OnMiss

_HOST = "https://huggingface.co"
_FOLDERS = {"dataset": "datasets/", "space": "spaces/"}
_COMMIT = re.compile(r"[0-9a-f]{40}")

Original = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Revision:
    """A repo of the Hugging Face hub at a revision, as code asks for it."""

    kind: str
    repo: str
    name: str

    @classmethod
    def of(cls, repo_id: str, repo_type: str | None, revision: str | None) -> Revision:
        """Fill in what huggingface_hub would."""
        return cls(repo_type or "model", repo_id, revision or "main")

    @property
    def url(self) -> str:
        """What the URLs of its files begin with."""
        name = quote(self.name, safe="")
        return f"{_HOST}/{_FOLDERS.get(self.kind, '')}{self.repo}/resolve/{name}/"

    def url_of(self, file: str) -> str:
        """Return the URL of one of its files."""
        return self.url + quote(file)

    @property
    def folder(self) -> str:
        """Its repo's folder in a cache."""
        return f"{self.kind}s--{self.repo.replace('/', '--')}"


# Answers to functions of huggingface_hub, each given the original first ----------------------


def answer_download(original: Original, **given: Any) -> Any:
    """Answer ``hf_hub_download``."""
    inside, revision = scope.current(), _revision(given)
    file = "/".join(part for part in (given.get("subfolder"), given["filename"]) if part)
    found = _files(inside, revision, [file])
    if inside is None or not found:
        missed = revision.url_of(file)
        return _own_cache(original, given, inside, lambda here: explain_miss(missed, here))
    placed = _place(inside.require_supply(file), revision, found)
    if given.get("local_dir") is not None:
        return str(_copy_into(Path(given["local_dir"]), found, placed) / file)
    return original(**given | {"cache_dir": str(placed.cache)} | _LOCALLY)


def answer_snapshot(original: Original, **given: Any) -> Any:
    """Answer ``snapshot_download``: with those files of the revision that are mirrored."""
    inside, revision = scope.current(), _revision(given)
    listed = _list_files(inside, revision)
    if inside is None or not listed:
        return _own_cache(original, given, inside, lambda here: _nothing_of(revision, here))
    wanted = original.__globals__["filter_repo_objects"](
        listed,
        allow_patterns=given.get("allow_patterns"),
        ignore_patterns=given.get("ignore_patterns"),
    )
    found = _files(inside, revision, wanted)
    placed = _place(inside.require_supply(revision.repo), revision, found)
    if given.get("local_dir") is not None:
        return str(_copy_into(Path(given["local_dir"]), found, placed))
    return original(**given | {"cache_dir": str(placed.cache)} | _LOCALLY)


def answer_probe(original: Original, **given: Any) -> Any:
    """Answer ``try_to_load_from_cache``."""
    inside, revision = scope.current(), _revision(given)
    found = _files(inside, revision, [given["filename"]])
    if inside is None or not found:
        return original(**given)
    placed = _place(inside.require_supply(revision.repo), revision, found)
    return original(**given | {"cache_dir": str(placed.cache)})


def answer_is_offline(original: Callable[[], bool]) -> bool:
    """Answer ``is_offline_mode``, which libraries ask before they ask the network."""
    inside = scope.current()
    return original() if inside is None or inside.on_miss is OnMiss.ONLINE else True


ANSWERS: dict[str, dict[str, Callable[..., Any]]] = {
    "huggingface_hub.file_download": {
        "hf_hub_download": answer_download,
        "try_to_load_from_cache": answer_probe,
    },
    "huggingface_hub._snapshot_download": {"snapshot_download": answer_snapshot},
    "huggingface_hub.constants": {"is_offline_mode": answer_is_offline},
}
"""Which functions of which modules are answered."""

_ASKED = Asked("huggingface_hub")
_LOCALLY = {"local_files_only": True, "force_download": False}


def _revision(given: dict[str, Any]) -> Revision:
    return Revision.of(given["repo_id"], given.get("repo_type"), given.get("revision"))


def _own_cache(
    original: Original,
    given: dict[str, Any],
    inside: Scope | None,
    explain: Callable[[Scope], OfflineMissError],
) -> Any:
    """Let the library look into its own cache, which its user may have filled."""
    if inside is None or inside.on_miss is OnMiss.ONLINE:
        return original(**given)
    try:
        return original(**given | _LOCALLY)
    except original.__globals__["LocalEntryNotFoundError"] as error:
        miss = inside.missed(explain(inside))
        error.add_note(f"hubmirror: {miss}")
        raise error from miss


def _nothing_of(revision: Revision, inside: Scope) -> OfflineMissError:
    return OfflineMissError(
        f"{revision.repo} at {revision.name}: no file of it is mirrored in {inside.where()}",
        hint=f"to mirror it, add to the manifest, for each of its files:\n"
        f"    checkpoints:\n      - url: {revision.url}FILE",
        wanted=revision.url,
    )


# Files and their places ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Placed:
    cache: Path
    snapshot: Path


def _list_files(inside: Scope | None, revision: Revision) -> list[str]:
    """Return the paths in the repo of all files of a revision that are there."""
    found = inside.supply.urls_below(revision.url) if inside and inside.supply else ()
    return [unquote(urlsplit(url).path.partition("/resolve/")[2].partition("/")[2])
            for url in found]  # fmt: skip


def _files(
    inside: Scope | None, revision: Revision, files: Iterable[str]
) -> dict[str, CheckpointRow]:
    """Return those files of a revision that are there, by their path in the repo."""
    found = ((file, _find(inside, revision.url_of(file))) for file in files)
    return {file: row for file, row in found if row}


def _find(inside: Scope | None, url: str) -> CheckpointRow | None:
    if inside is None or inside.supply is None:
        return None
    try:
        return inside.supply.find(url, _ASKED)
    except (HTTPError, OfflineMissError):  # the library has its own words for both
        return None


def _place(supply: Supply, revision: Revision, files: dict[str, CheckpointRow]) -> _Placed:
    """Give files their places, each once its bytes may be believed."""
    cache = supply.folder("huggingface")
    repo = cache / revision.folder
    commit = _commit(supply, revision)
    placed = _Placed(cache, repo / "snapshots" / commit)
    for file, row in files.items():
        _link(supply.blob(row), placed.snapshot / file)
    if commit != revision.name:
        _write(repo / "refs" / revision.name, commit)
    return placed


def _commit(supply: Supply, revision: Revision) -> str:
    """Return the commit that a revision stands for; of a name it is made of what it holds."""
    if _COMMIT.fullmatch(revision.name):
        return revision.name
    rows = supply.rows_below(revision.url)
    held = "\n".join(f"{row.url} {row.digest.hex}" for row in rows)
    return hashlib.sha1(held.encode(), usedforsecurity=False).hexdigest()


def _link(blob: Path, final: Path) -> None:
    is_safe = not os.access(blob, os.W_OK)
    if _is_placed(blob, final, is_link=is_safe):
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    if not is_safe:
        copy_out(blob, final)
        stamp = blob.stat().st_mtime_ns
        os.utime(final, ns=(stamp, stamp))
        return
    private = _private(final)
    private.symlink_to(blob)
    private.replace(final)


def _is_placed(blob: Path, final: Path, *, is_link: bool) -> bool:
    try:
        if is_link:
            return final.readlink() == blob
        found, original = final.lstat(), blob.stat()
    except OSError:  # not there, or no link
        return False
    same = (found.st_size, found.st_mtime_ns) == (original.st_size, original.st_mtime_ns)
    return same and not final.is_symlink()  # who wrote to the copy gets a new one


def _write(final: Path, text: str) -> None:
    final.parent.mkdir(parents=True, exist_ok=True)
    private = _private(final)
    private.write_text(text)
    private.replace(final)


def _private(final: Path) -> Path:
    return final.with_name(f"{final.name}.{uuid.uuid4().hex}.partial")


def _copy_into(folder: Path, files: dict[str, CheckpointRow], placed: _Placed) -> Path:
    folder = folder.expanduser().resolve()
    for file in files:
        final = folder / file
        final.parent.mkdir(parents=True, exist_ok=True)
        copy_out(placed.snapshot / file, final)
    return folder
