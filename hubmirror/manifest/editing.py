"""Adds to a manifest what was found to be needed, and keeps all that its author wrote.

Owns: the proof that the edited text means what it should. Invariant: a
text that comes out reads back as the manifest that went in plus what was added, nothing else.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hubmirror import files
from hubmirror.errors import InvalidInputError
from hubmirror.manifest.addresses import name_repo
from hubmirror.manifest.insertion import Insertions, Item, Value
from hubmirror.manifest.merging import joined, missing_of
from hubmirror.manifest.nodes import ListNode, MapNode, Node
from hubmirror.manifest.reading import decode_content, parse_manifest, read_content
from hubmirror.manifest.tree import read_tree
from hubmirror.specs import CheckpointSpec, Lfs, Manifest, RepoSpec

EMPTY = "# What hubmirror mirrors: `hubmirror sync` brings it in.\nversion: 1\n\nrepos: []\n"
_BOM = "\ufeff"


def add_repo(
    text: str,
    wanted: RepoSpec,
    *,
    file: str,
    default_branch: str = "",
    remarks: Mapping[str, str] | None = None,
) -> str:
    """Return the text of a manifest with what it lacks of a repo; unchanged if that is nothing.

    An entry that has the repo's name, or has it among its aliases, is added to: refs, aliases,
    entrypoints, checkpoints, and the sha256 of a checkpoint that has none. Its other choices
    stay; those of ``wanted`` count for a new entry only. A ``wanted`` without refs asks an entry
    that is there for no ref.

    Args:
        text: The manifest; ``EMPTY`` for one that does not exist yet.
        wanted: The repo as the manifest shall want it.
        file: For messages, and the source's default name.
        default_branch: What an entry without refs stands for; named when others join it.
        remarks: Comments for new lines, by the name of the repo, the ref, alias, call or URL
            that they are about.

    Raises:
        InvalidInputError: when the manifest has faults or contradicts ``wanted``, or the result
            would not read back as it should.
    """
    bom, text = text[: text.startswith(_BOM)], text.removeprefix(_BOM)
    before = parse_manifest(text, file=file)
    at = next((i for i, repo in enumerate(before.repos) if wanted.key in repo.names()), None)
    if at is None:
        missing, repos = wanted, (*before.repos, wanted)
    else:
        missing = missing_of(before.repos[at], wanted, default_branch)
        repos = tuple(
            joined(repo, missing) if i == at else repo for i, repo in enumerate(before.repos)
        )
    if repos == before.repos:
        return bom + text
    edited = _inserted(text, at, missing, remarks or {}, file)
    _prove(edited, replace(before, repos=repos), file)
    return bom + edited


def add_checkpoints(text: str, wanted: Sequence[CheckpointSpec], *, file: str) -> str:
    """Return the text of a manifest with checkpoints that belong to no repo, where it lacks them.

    One that is there, of a repo or of none, stays as it is.

    Raises:
        InvalidInputError: when the manifest has faults, or the result would not read back.
    """
    bom, text = text[: text.startswith(_BOM)], text.removeprefix(_BOM)
    before = parse_manifest(text, file=file)
    known = {one.url for one in before.all_checkpoints()}
    missing = tuple(one for one in wanted if one.url not in known)
    root = read_tree(text, file=file).root
    if not missing or not isinstance(root, MapNode):
        return bom + text
    changes = Insertions(text)
    new = [_checkpoint(one, {}) for one in missing]
    changes.extend(root, "checkpoints", new, after=("version", "name", "repos"))
    edited = changes.apply()
    _prove(edited, replace(before, checkpoints=(*before.checkpoints, *missing)), file)
    return bom + edited


def edit_manifest(path: Path, edit: Callable[[str], str]) -> bool:
    """Replace a manifest by its edited self, in one step; say whether anything changed.

    A missing file is made. Permissions stay, and a symlink still leads to the file.

    Raises:
        InvalidInputError: when ``edit`` does; the file is then as it was.
        OSError: when it cannot be read or written.
    """
    final = path.resolve()
    exists = final.exists()
    text = decode_content(read_content(path), str(path)) if exists else EMPTY
    edited = edit(text)
    if exists and edited == text:
        return False
    mode = stat.S_IMODE(final.stat().st_mode) if exists else files.Modes().file
    files.write(edited.encode(), final, staging=final.parent, modes=files.Modes(file=mode))
    return True


def _inserted(
    text: str, at: int | None, missing: RepoSpec, remarks: Mapping[str, str], file: str
) -> str:
    root = read_tree(text, file=file).root
    fields = dict(_fields(missing, remarks))
    changes = Insertions(text)
    if not isinstance(root, MapNode):
        return text
    if at is None:
        item = Item(fields, remarks.get(missing.title, ""))
        changes.extend(root, "repos", [item], after=())
        return changes.apply()
    entry = _items(root, "repos")[at]
    if not isinstance(entry, MapNode):
        return text
    before = ["repo", "url"]
    for key in ("refs", "aliases", "entrypoints"):
        value = fields.get(key)
        if isinstance(value, Sequence) and not isinstance(value, str):
            changes.extend(entry, key, value, after=before)
        before.append(key)
    new = []
    checkpoints = {_url(node): node for node in _items(entry, "checkpoints")}
    for spec in missing.checkpoints:
        node = checkpoints.get(spec.url)
        if isinstance(node, MapNode):
            changes.add(node, "sha256", spec.checksum, after=("url",))
        else:
            new.append(_checkpoint(spec, remarks))
    changes.extend(entry, "checkpoints", new, after=before)
    return changes.apply()


def _items(node: MapNode, key: str) -> Sequence[Node]:
    held = node.fields.get(key)
    return held.items if isinstance(held, ListNode) else []


def _url(node: Node) -> object:
    return node.fields["url"].value if isinstance(node, MapNode) else None


def _fields(repo: RepoSpec, remarks: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    yield "repo", repo.title
    if repo.url != _implied_url(repo.title):
        yield "url", repo.url
    calls = [one.call.removesuffix("()") for one in repo.entrypoints]
    lists = (("refs", repo.refs), ("aliases", repo.aliases), ("entrypoints", calls))
    for key, values in lists:
        if values:
            yield key, [Item(value, remarks.get(value, "")) for value in values]
    if repo.checkpoints:
        yield "checkpoints", [_checkpoint(one, remarks) for one in repo.checkpoints]
    if repo.submodules:
        yield "submodules", True
    if repo.lfs is not Lfs.POINTER:
        yield "lfs", repo.lfs.value


def _implied_url(title: str) -> str:
    try:
        return name_repo(title, "")[1]
    except InvalidInputError:
        return ""


def _checkpoint(spec: CheckpointSpec, remarks: Mapping[str, str]) -> Item:
    fields: dict[str, Value] = {"url": spec.url}
    if spec.checksum:
        fields["sha256"] = spec.checksum
    if spec.fallbacks:
        fields["urls"] = [Item(url) for url in spec.fallbacks]
    if spec.fetch_url:
        fields["fetch_url"] = spec.fetch_url
    return Item(fields, remarks.get(spec.url, ""))


def _prove(edited: str, expected: Manifest, file: str) -> None:
    """Refuse a text that does not mean what it should: anchors, for instance, stand for several."""
    try:
        meant = parse_manifest(edited, file=file)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{file}: what would be added does not make a manifest; nothing was changed:\n"
            f"{error.message}"
        ) from error
    if meant != expected:
        raise InvalidInputError(
            f"{file}: its entry is written in a way that nothing can be added to by itself "
            "(an anchor that others share, or a merge); nothing was changed",
            hint="add the lines by hand: `hubmirror scan --manifest` prints them",
        )
