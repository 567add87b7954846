"""Repos made of strings, and what a scan says of them."""

from __future__ import annotations

from textwrap import dedent

from hubmirror.scanning import Finding, Kind, Scan
from hubmirror.scanning.scan import scan
from hubmirror.scanning.trees import Origin

HEAD = "import torch\nfrom torch.hub import load_state_dict_from_url\n"


class MemoryTree:
    """A ``Tree`` of strings and bytes."""

    def __init__(self, files: dict[str, str | bytes]) -> None:
        self._files = {
            path: text.encode() if isinstance(text, str) else text for path, text in files.items()
        }
        self.paths = sorted(self._files)
        self.left_out: list[tuple[str, str]] = []

    def read(self, path: str) -> bytes | None:
        return self._files.get(path)


def scanned(hubconf: str, files: dict[str, str | bytes] | None = None, title: str = "") -> Scan:
    """Scan a repo with this hubconf.py, whose imports are there, and these other files."""
    code = {
        path: dedent(text) if isinstance(text, str) else text
        for path, text in (files or {}).items()
    }
    return scan(MemoryTree({"hubconf.py": HEAD + dedent(hubconf), **code}), Origin(title=title))


def found(scan: Scan, kind: Kind) -> list[Finding]:
    return [one for one in scan.findings if one.kind is kind]


def sure(scan: Scan, kind: Kind = Kind.URL) -> dict[str, str]:
    """Return what was found, with how sure it is."""
    return {one.subject: one.confidence.value for one in found(scan, kind)}


def calls(scan: Scan) -> dict[str, list[str]]:
    """Return the calls that lead to each address."""
    return {one.subject: [str(call) for call in one.calls] for one in found(scan, Kind.URL)}
