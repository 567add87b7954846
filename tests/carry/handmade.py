"""Bundles built by hand, honest or hostile, without the project's own writer.

``Handmade.of(mirror, publication)`` is honest; a test changes what it wants to be a lie (a root's
fields, what a part lists, a member's header) and calls ``write``. What follows from what was
changed is worked out anew: a root that was changed before ``write`` has a bundle id that fits.

Owns: the bytes of format 1, written from its description. Tar headers come from Python's tarfile.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubmirror import files
from hubmirror.mirror import Mirror
from hubmirror.publish import publish
from hubmirror.records import BlobRef, CheckpointRow, Digest, Holdings, Source, Unit, UnitState

MODES = files.Modes()
BLOCK = 512


def source_mirror(root: Path, contents: Mapping[str, bytes]) -> Digest:
    """Publish just these checkpoints, by URL, in a mirror that may have published before."""
    mirror = Mirror.create(root, MODES)
    rows = []
    for url, content in contents.items():
        digest = Digest.of(content)
        if not mirror.blobs.path(digest).exists():
            with files.staged(mirror.incoming) as (stream, path):
                stream.write(content)
                stream.flush()
                mirror.blobs.add(path, digest, MODES)
        rows.append(CheckpointRow(url, digest, len(content)))
    units = tuple(Unit("hand", row.url, UnitState.COMPLETE, "", None, (row,)) for row in rows)
    done = publish(mirror, Holdings((Source("hand", "{}"),), units), MODES)
    if done is None:
        raise AssertionError("nothing new to publish")
    return done.digest


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def canonical(fields: object) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@dataclass
class Member:
    """One member of a part: its bytes, its header, and what the part's list says of it.

    ``header`` is made from name and size where it is None.
    """

    name: str
    content: bytes
    listed: dict[str, Any] | None = None
    header: bytes | None = None

    def encode(self) -> bytes:
        return (self.header or header(self.name, len(self.content))) + padded(self.content)


def header(name: str, size: int, /, **changes: Any) -> bytes:  # fields of TarInfo
    info = tarfile.TarInfo(name)
    info.mode = 0o444
    info.size = size
    for key, value in changes.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.PAX_FORMAT)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def blob_member(content: bytes) -> Member:
    digest = sha256(content)
    name = f"blobs/sha256/{digest[:2]}/{digest}"
    return Member(name, content, {"name": name, "sha256": digest, "size_bytes": len(content)})


def segment_member(content: bytes, start: int, end: int) -> Member:
    digest, piece = sha256(content), content[start:end]
    name = f"blobs/sha256/{digest[:2]}/{digest}.{start:016d}"
    listed = {
        "name": name,
        "sha256": sha256(piece),
        "size_bytes": len(piece),
        "blob": digest,
        "offset": start,
        "blob_size_bytes": len(content),
    }
    return Member(name, piece, listed)


@dataclass
class Part:
    """What one part holds after its head.

    ``rewrite`` changes the list of members as JSON fields; ``raw_list`` takes its place as bytes.
    """

    members: list[Member]
    rewrite: Callable[[dict[str, Any]], None] | None = None
    raw_list: bytes | None = None

    def list_bytes(self, number: int) -> bytes:
        if self.raw_list is not None:
            return self.raw_list
        fields = {"number": number, "members": [one.listed for one in self.members if one.listed]}
        if self.rewrite:
            self.rewrite(fields)
        return canonical(fields)


@dataclass
class Handmade:
    """A bundle to be written; every field may be changed before that."""

    publication: bytes
    parts: list[Part]
    required: list[BlobRef]
    base: dict[str, Any] = field(default_factory=lambda: {"kind": "nothing", "publication": None})
    changes: dict[str, Any] = field(default_factory=dict)
    signature: bytes | None = None
    finish: Callable[[dict[str, Any]], None] | None = None

    @classmethod
    def of(
        cls,
        mirror: Mirror,
        publication: Digest,
        *,
        parts: int = 1,
        have: Collection[Digest] = (),
        split: Sequence[int] = (),
    ) -> Handmade:
        """Build an honest bundle: blobs dealt out over the parts in their order.

        Args:
            mirror: Where the publication lies.
            publication: What is carried.
            parts: How many parts there are.
            have: Blobs that the other side has.
            split: Sizes of blobs that are to be carried in one segment for each part.
        """
        content = (mirror.root / "publications" / f"{publication}.json").read_bytes()
        first = mirror.publications.read(publication).own_blobs()
        closure = mirror.closure(publication)
        carried = [blob for blob in closure if blob.digest not in have]
        carried.sort(key=lambda blob: (blob not in first, blob))
        made = [Part([]) for _ in range(parts)]
        whole = [blob for blob in carried if blob.size_bytes not in split]
        for at, blob in enumerate(whole):
            number = 0 if blob in first else at * parts // len(whole)
            made[number].members.append(blob_member(mirror.blobs.read(blob.digest)))
        for blob in carried:
            if blob.size_bytes in split:
                body = mirror.blobs.read(blob.digest)
                edges = [at * len(body) // parts for at in range(parts + 1)]
                for part, start, end in zip(made, edges, edges[1:], strict=False):
                    part.members.append(segment_member(body, start, end))
        required = sorted(blob for blob in closure if blob.digest in have)
        base = {"kind": "have" if have else "nothing", "publication": None}
        return cls(content, made, required, base)

    def members(self) -> list[Member]:
        return [member for part in self.parts for member in part.members]

    def requires(self) -> bytes:
        return b"".join(
            blob.digest.raw + blob.size_bytes.to_bytes(8, "big") for blob in sorted(self.required)
        )

    def root(self) -> dict[str, Any]:
        """Return the root's fields as they follow from the parts, with the changes in them."""
        fields = self._fields()
        for _ in range(4):  # the sizes of parts are written in the root, which is in every part
            fields = self._fields(canonical(fields))
        return fields

    def _fields(self, root: bytes = b"") -> dict[str, Any]:
        publication = json.loads(self.publication)
        requires = self.requires()
        sizes: dict[str, int] = {}
        for member in self.members():
            listed = member.listed or {}
            key = listed.get("blob", listed.get("sha256", ""))
            sizes[key] = listed.get("blob_size_bytes", listed.get("size_bytes", 0))
        lists = [part.list_bytes(number) for number, part in enumerate(self.parts, 1)]
        fields: dict[str, Any] = {
            "format": 1,
            "min_reader": 1,
            "origin": publication["origin"],
            "sequence": publication["sequence"],
            "publication": sha256(self.publication),
            "base": self.base,
            "requires": {
                "sha256": sha256(requires),
                "count": len(self.required),
                "size_bytes": sum(blob.size_bytes for blob in self.required),
            },
            "carries": {"count": len(sizes), "size_bytes": sum(sizes.values())},
            "parts": [
                {
                    "members_sha256": sha256(listed),
                    "members_bytes": len(listed),
                    "size_bytes": len(self._encode_part(number, root, signed=False)),
                }
                for number, listed in enumerate(lists, 1)
            ],
            **self.changes,
        }
        if self.finish:
            self.finish(fields)
        fields["bundle"] = sha256(canonical(fields))
        origin, sequence = str(fields["origin"]), int(fields["sequence"])
        fields["name"] = f"{origin[:8]}-{sequence:06d}-{fields['bundle'][:8]}"
        return fields

    def _encode_part(self, number: int, root: bytes, *, signed: bool) -> bytes:
        part = self.parts[number - 1]
        head = [Member("root.json", root)]
        if signed and self.signature is not None:
            head.append(Member("root.json.sig", self.signature))
        head.append(Member("publication.json", self.publication))
        head.append(Member("members.json", part.list_bytes(number)))
        if number == 1:
            head.append(Member("requires.bin", self.requires()))
        return b"".join(one.encode() for one in [*head, *part.members]) + bytes(2 * BLOCK)

    def encode(self, number: int) -> bytes:
        """Return the bytes of one part."""
        return self._encode_part(number, canonical(self.root()), signed=True)

    def write(self, folder: Path) -> list[Path]:
        """Write every part; return their paths in order."""
        folder.mkdir(parents=True, exist_ok=True)
        fields = self.root()
        root = canonical(fields)
        paths = []
        for number in range(1, len(self.parts) + 1):
            path = folder / f"{fields['name']}.bundle-{number:03d}.tar"
            path.write_bytes(self._encode_part(number, root, signed=True))
            paths.append(path)
        return paths
