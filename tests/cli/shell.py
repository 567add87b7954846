"""A person at a terminal, for tests: runs commands through the real entry, keeps what they say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubmirror.cli.app import run
from hubmirror.mirror import Mirror
from tests.writer import Writer


@dataclass(frozen=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # whatever JSON holds
        return json.loads(self.out)


@dataclass
class Shell:
    """A shell in a connected host's folder, whose environment names mirror and state."""

    writer: Writer
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: str | Path) -> Said:
        self.capture.readouterr()
        code = run([str(word) for word in words])
        out, err = self.capture.readouterr()
        return Said(code, out, err)

    def document(self, *words: str | Path, code: int = 0) -> Any:
        """Run with ``--json``: stdout is one document and nothing else."""
        said = self(*words, "--json")
        assert said.code == code, said.err
        return said.document

    def digests(self) -> list[str]:
        """Return the digests of every kept publication, the newest first."""
        with Mirror.open(self.writer.root) as mirror:
            current, _ = mirror.current()
            return [digest.hex for digest, _ in mirror.publications.history(current)]

    def blob(self, url: str) -> Path:
        """Return where the bytes of a checkpoint lie."""
        rows = [row for unit in self.writer.holdings().units for row in unit.checkpoints]
        (row,) = [row for row in rows if row.url == url]
        with Mirror.open(self.writer.root) as mirror:
            return mirror.blobs.path(row.digest)


def flip(path: Path) -> None:
    """Change one bit of a stored file, as a bad disk would."""
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def keys(part: object) -> set[str]:
    """Return every key in a JSON document, however deep."""
    if isinstance(part, dict):
        return set(part).union(*(keys(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(keys(value) for value in part))
    return set()
