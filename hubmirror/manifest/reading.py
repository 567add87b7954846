"""Manifests from files: finds them, reads them, and tells every fault at once.

Owns the order of reading: text, tree, shape, consistency, records.
pydantic is imported when a manifest is read, not when this module is.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Sequence
from pathlib import Path

from hubmirror.errors import Fault, InvalidInputError, StorageError
from hubmirror.manifest.consistency import find_faults
from hubmirror.manifest.nodes import MapNode, Node, ScalarNode, Tree
from hubmirror.manifest.syntax import invalid
from hubmirror.manifest.tree import read_tree
from hubmirror.manifest.values import check_source_name
from hubmirror.specs import Manifest
from hubmirror.version import __version__

_ENDINGS = (".json", ".yaml", ".yml")
_MOST_BYTES = 64 * 2**20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_VERSION = 1


def read_manifest(path: Path) -> Manifest:
    """Read a manifest.

    Raises:
        InvalidInputError: with all its faults, or because there is no such file.
        StorageError: when the file cannot be read.
    """
    return parse_content(read_content(path), file=str(path))


def read_content(path: Path) -> bytes:
    """Read the bytes of a manifest.

    Raises:
        InvalidInputError: because there is no such file, or it is far too large.
        StorageError: when the file cannot be read.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise InvalidInputError(f"{file}: no such file") from None
    except IsADirectoryError:
        raise InvalidInputError(f"{file}: expected a manifest, got a folder") from None
    except OSError as error:
        raise StorageError(f"{file}: cannot be read: {error.strerror}") from error
    if len(content) > _MOST_BYTES:
        raise InvalidInputError(f"{file}: larger than 64 MiB, which no manifest is")
    return content


def parse_content(content: bytes, *, file: str) -> Manifest:
    """Read the bytes of a manifest, as ``parse_manifest`` does its text."""
    return parse_manifest(decode_content(content, file), file=file)


def parse_manifest(text: str, *, file: str) -> Manifest:
    """Read the text of a manifest; ``file`` is for messages and the source's default name.

    Raises:
        InvalidInputError: with all its faults.
    """
    tree = read_tree(text, file=file)
    if faults := _version_faults(tree.root, file):
        raise invalid(file, faults)
    return _checked(tree, file)


def find_manifests(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return the manifests that paths stand for, each once; a folder stands for all in it.

    Files whose names start with a dot, and folders in folders, are passed over.

    Raises:
        InvalidInputError: naming every path that stands for nothing.
        StorageError: when a folder cannot be read.
    """
    found: dict[Path, Path] = {}
    problems: list[str] = []
    for path in paths:
        files = _manifests_in(path) if path.is_dir() else [path]
        if not files:
            problems.append(f"{path}: no *.yaml, *.yml or *.json file in this folder")
        elif not path.is_dir() and not path.exists():
            problems.append(f"{path}: no such file")
        for file in files:
            found.setdefault(file.resolve(), file)
    if problems:
        raise InvalidInputError("\n".join(problems))
    return tuple(found.values())


def check_sources(manifests: Iterable[Manifest]) -> None:
    """Refuse two manifests of one run with one source name.

    Raises:
        InvalidInputError: naming both files of every such pair.
    """
    files: dict[str, str] = {}
    faults = []
    for manifest in manifests:
        if manifest.name in files:
            message = (
                f"the source name {manifest.name!r} is taken by {files[manifest.name]}; "
                "give one of the two another `name:`"
            )
            faults.append(Fault(manifest.file, 0, 0, message))
        files.setdefault(manifest.name, manifest.file)
    if faults:
        raise InvalidInputError("two manifests with one source name:", faults=faults)


def _manifests_in(folder: Path) -> list[Path]:
    try:
        names = sorted(folder.iterdir())
    except OSError as error:
        raise StorageError(f"{folder}: cannot be read: {error.strerror}") from error
    return [
        path
        for path in names
        if path.suffix in _ENDINGS and not path.name.startswith(".") and path.is_file()
    ]


def decode_content(content: bytes, file: str) -> str:
    """Return the text of a manifest's bytes.

    Raises:
        InvalidInputError: with the place of the first byte that is not UTF-8.
    """
    if content.startswith(_UTF16):
        raise invalid(file, [Fault(file, 1, 1, "UTF-16 text; save the file as UTF-8")])
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line_start = before.rfind(b"\n") + 1
        line = before.count(b"\n") + 1
        column = len(before[line_start:].decode("utf-8")) + 1
        what = f"the byte 0x{content[error.start]:02x} is not UTF-8 text; save the file as UTF-8"
        raise invalid(file, [Fault(file, line, column, what)]) from None


def _version_faults(root: Node, file: str) -> list[Fault]:
    """Find a version that explains all other faults."""
    version = root.fields.get("version") if isinstance(root, MapNode) else None
    if not isinstance(version, ScalarNode) or not isinstance(version.value, int):
        return []
    if version.value <= _VERSION:
        return []
    message = (
        f"version: {version.text} needs a newer hubmirror; "
        f"this one, {__version__}, reads version {_VERSION}"
    )
    return [Fault(file, version.line, version.column, message)]


def _checked(tree: Tree, file: str) -> Manifest:
    from pydantic import ValidationError

    from hubmirror.manifest.building import build
    from hubmirror.manifest.models import ManifestEntry
    from hubmirror.manifest.wording import translate

    root, name = tree.root, Path(file).stem
    faults = [*tree.faults, *_name_faults(root, name, file), *find_faults(root, file=file)]
    try:
        entry = ManifestEntry.model_validate(root.value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        faults += [translate(detail, root, file) for detail in details]
        raise invalid(file, faults) from None
    if faults:
        raise invalid(file, faults)
    return build(entry, name=name, file=file)


def _name_faults(root: Node, name: str, file: str) -> list[Fault]:
    if not isinstance(root, MapNode) or "name" in root.fields:
        return []
    try:
        check_source_name(name)
    except InvalidInputError:
        message = (
            f"name: is missing, and {name!r}, from the file's name, is none; add `name: vision`"
        )
        return [Fault(file, 1, 1, message)]
    return []
