"""The folders of a sandbox, and the environment that points there.

Owns: which variables of the caller a child may see. Everything else is left out, so that no
token, proxy or setting of the user reaches code that nobody vouches for.
"""

from __future__ import annotations

import os
import site
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_SEEN = frozenset(
    {"LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "TZ", "VIRTUAL_ENV"}
)
_SEEN_PREFIXES = ("CUDA_", "HIP_", "LC_", "MKL_", "NVIDIA_", "OMP_", "OPENBLAS_", "ROCR_")
_FIXED = {
    "PYTHONDONTWRITEBYTECODE": "1",  # it may not write beside what it imports
    "PYTHONHASHSEED": "0",  # the same order of sets, whoever runs it
    "PYTHONNOUSERSITE": "1",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one sandbox; all of them are gone when it ends.

    Attributes:
        root: What they all lie in. The child may write anywhere below.
    """

    root: Path

    @property
    def home(self) -> Path:
        """What the child takes for its user's home."""
        return self.root / "home"

    @property
    def cache(self) -> Path:
        """Where caches belong by XDG."""
        return self.root / "cache"

    @property
    def torch(self) -> Path:
        """What torch takes for its home."""
        return self.root / "torch"

    @property
    def hugging_face(self) -> Path:
        """What the libraries of Hugging Face take for their home."""
        return self.root / "hugging-face"

    @property
    def temporary(self) -> Path:
        """Where temporary files go."""
        return self.root / "tmp"

    @property
    def work(self) -> Path:
        """The folder in which the child starts."""
        return self.root / "work"

    @property
    def exchange(self) -> Path:
        """For files that the child is given, or hands back: no variable points there."""
        return self.root / "exchange"

    def make(self) -> None:
        """Make them all, empty and private."""
        wanted = (self.exchange, self.work, *map(Path, self._pointers().values()))
        for folder in dict.fromkeys(wanted):
            folder.mkdir(mode=0o700)

    def variables(self, outer: Mapping[str, str]) -> dict[str, str]:
        """Return the child's environment: ours, and what it may see of the caller's."""
        return dict(_visible(outer)) | _python_path(outer) | _FIXED | self._pointers()

    def _pointers(self) -> dict[str, str]:
        folders = {
            "HOME": self.home,
            "HF_HOME": self.hugging_face,
            "TMPDIR": self.temporary,
            "TORCH_HOME": self.torch,
            "XDG_CACHE_HOME": self.cache,
            "XDG_CONFIG_HOME": self.root / "config",
            "XDG_DATA_HOME": self.root / "data",
            "XDG_RUNTIME_DIR": self.root / "runtime",
            "XDG_STATE_HOME": self.root / "state",
        }
        return {name: str(folder) for name, folder in folders.items()}


def _python_path(outer: Mapping[str, str]) -> dict[str, str]:
    """Let a child find what this user has installed for himself, with another home or not."""
    users = [site.getusersitepackages()] if site.ENABLE_USER_SITE else []
    found = [outer.get("PYTHONPATH", ""), *users]
    return {"PYTHONPATH": os.pathsep.join(filter(None, found))} if any(found) else {}


def _visible(outer: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in outer.items():
        if name in _SEEN or name.startswith(_SEEN_PREFIXES):
            yield name, value
