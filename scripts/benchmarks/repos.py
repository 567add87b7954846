"""Makes git repositories to be served: the same commits on every machine.

Sources that look like Python, changed a little by each commit, and pictures that do not
compress; packed as a host would have them packed.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.upstream.gitcmd import AUTHOR, FIRST_COMMIT_AT_S, run_git

_WORDS = (
    *("self", "model", "layer", "weight", "bias", "forward", "tensor", "shape", "batch"),
    *("channel", "stride", "kernel", "padding", "norm", "dropout", "residual", "attention"),
    *("head", "query", "key", "value", "mask", "embedding", "position", "token", "image"),
    *("width", "height", "scale", "anchor", "box", "score", "loss", "optimizer"),
)
_SECONDS_BETWEEN = 3600
_CHANGED_FILES = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a repository is.

    Attributes:
        files: Sources in its tree.
        lines: Lines of a source.
        commits: Its history, on one branch, with a tag for every tenth.
        pictures: Commits that also replace a picture.
        picture_bytes: The size of a picture.
    """

    files: int
    lines: int
    commits: int
    pictures: int = 0
    picture_bytes: int = 0


SMALL = Shape(files=12, lines=60, commits=8)
MEDIUM = Shape(files=120, lines=200, commits=60, pictures=10, picture_bytes=90_000)
LARGE = Shape(files=240, lines=260, commits=3000, pictures=75, picture_bytes=150_000)


def make_repo(folder: Path, shape: Shape, seed: str) -> Path:
    """Make a bare repository, unless it is there already."""
    if (folder / "made").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    run_git("init", "--quiet", "--bare", "--initial-branch=main", str(folder))
    stream = b"".join(_history(shape, random.Random(seed)))
    _git(folder, "fast-import", "--quiet", "--done", stdin=stream)
    for number in range(9, shape.commits, 10):
        back = shape.commits - 1 - number
        _git(folder, "update-ref", f"refs/tags/v{number + 1}", f"main~{back}" if back else "main")
    _git(folder, "update-ref", "refs/heads/dev", "main~1")
    _git(folder, "repack", "-a", "-d", "-f", "--write-bitmap-index", "--quiet")
    _git(folder, "pack-refs", "--all")
    (folder / "made").touch()
    return folder


def commit_of(folder: Path, revision: str) -> str:
    """Return the commit that a revision means."""
    return _git(folder, "rev-parse", f"{revision}^{{commit}}").strip()


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    return run_git("--git-dir", str(folder), *arguments, stdin=stdin)


def _history(shape: Shape, seed: random.Random) -> Iterator[bytes]:
    names = [f"models/part_{number // 20}/module_{number}.py" for number in range(shape.files)]
    sources = {name: [_line(seed) for _ in range(shape.lines)] for name in names}
    for number in range(shape.commits):
        changed = names if number == 0 else seed.sample(names, _CHANGED_FILES)
        if number:
            for name in changed:
                _change(sources[name], seed)
        moment = FIRST_COMMIT_AT_S + number * _SECONDS_BETWEEN
        message = f"Change {changed[0]}\n".encode()
        yield f"commit refs/heads/main\ncommitter {AUTHOR} {moment} +0000\n".encode()
        yield b"data %d\n%b\n" % (len(message), message)
        if number == 0:
            yield _file("hubconf.py", _HUBCONF)
            yield _file("README.md", b"# A model\n")
        for name in changed:
            yield _file(name, "".join(sources[name]).encode())
        if shape.pictures and number % max(shape.commits // shape.pictures, 1) == 0:
            picture = f"docs/picture_{number % 17}.png"
            yield _file(picture, seed.randbytes(shape.picture_bytes))
    yield b"done\n"


def _line(seed: random.Random) -> str:
    words = seed.choices(_WORDS, k=5)
    return f"    {words[0]}_{words[1]} = {words[2]}({words[3]}, {words[4]}={seed.randrange(512)})\n"


def _change(lines: list[str], seed: random.Random) -> None:
    for _ in range(6):
        lines[seed.randrange(len(lines))] = _line(seed)


def _file(name: str, content: bytes) -> bytes:
    return b"M 100644 inline %b\ndata %d\n%b\n" % (name.encode(), len(content), content)


_HUBCONF = b'''dependencies = ["torch"]


def model(pretrained=False, **kwargs):
    """A model."""
    import torch

    return torch.nn.Linear(2, 2)
'''
