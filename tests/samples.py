"""Small holdings for tests that need rows and no bytes, or a published mirror of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from hubmirror import files
from hubmirror.mirror import Mirror
from hubmirror.publish import Published, publish
from hubmirror.records import (
    CheckpointRow,
    Digest,
    Holdings,
    RefKind,
    RefRow,
    RepoKey,
    RepoRow,
    SnapshotRow,
    Source,
    Unit,
    UnitState,
)

MODES = files.Modes()
COMMIT = "a" * 40
OTHER_COMMIT = "b" * 40


def snapshot(commit: str = COMMIT, content: bytes = b"tar") -> SnapshotRow:
    return SnapshotRow(
        commit=commit,
        digest=Digest.of(content),
        size_bytes=len(content),
        entrypoints=("alexnet", "resnet18"),
        open_ended=False,
        dependencies=("torch",),
        requires_torch="1.10",
        about=Digest.of(b"about"),
        about_size_bytes=5,
    )


def repo(title: str = "pytorch/vision", **changes: Any) -> RepoRow:  # fields, by name
    row = RepoRow(
        title=title,
        key=RepoKey.parse(title),
        url=f"https://github.com/{title}",
        default_branch="main",
        aliases=("old-owner/vision",),
        refs=(
            RefRow("both", RefKind.BRANCH, OTHER_COMMIT),
            RefRow("both", RefKind.TAG, COMMIT),
            RefRow("feature/x", RefKind.BRANCH, COMMIT),
            RefRow("main", RefKind.BRANCH, OTHER_COMMIT),
            RefRow("v0.10.0", RefKind.TAG, COMMIT),
        ),
        snapshots=(snapshot(), snapshot(OTHER_COMMIT, b"other tar")),
    )
    return replace(row, **changes)


def unit(source: str = "team", **changes: Any) -> Unit:  # fields, by name
    row = Unit(
        source=source,
        name="pytorch/vision",
        state=UnitState.COMPLETE,
        reason="",
        repo=repo(),
        checkpoints=(checkpoint("https://h.example/resnet18.pth", b"weights"),),
        wanted=("resnet18(pretrained=True)",),
    )
    return replace(row, **changes)


def checkpoint(url: str, content: bytes, redirect: str = "") -> CheckpointRow:
    return CheckpointRow(url, Digest.of(content), len(content), redirect)


def holdings(*units: Unit) -> Holdings:
    found = units or (unit(),)
    sources = sorted({one.source for one in found})
    return Holdings(tuple(Source(name, "{}") for name in sources), found)


CONTENTS = (b"tar", b"other tar", b"about", b"weights", b"more weights")


def published_mirror(root: Path, wanted: Holdings | None = None) -> tuple[Mirror, Published]:
    """Make a mirror that holds CONTENTS and has published these holdings."""
    mirror = Mirror.create(root, MODES)
    for content in CONTENTS:
        with files.staged(mirror.incoming) as (stream, path):
            stream.write(content)
            stream.flush()
            mirror.blobs.add(path, Digest.of(content), MODES)
    done = publish(mirror, wanted or holdings(), MODES)
    if done is None:
        raise AssertionError
    return mirror, done
