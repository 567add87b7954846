"""Whose code is asking: the frame of a repo's own file that is nearest to the question.

Owns: what a path in the cache says of the repo it belongs to, and what a path says of where code
wants to have a file.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import FrameType

from hubmirror.hub import scope, torch_door
from hubmirror.hub.views import view_parent
from hubmirror.records import RefRow, RepoRow

_OWN = str(Path(__file__).parents[2])


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a repo, as ``owner/name`` and ``file.py:12``; empty for code of no repo."""

    repo: str = ""
    line: str = ""


class Places:
    """The repos that were loaded in this process, by the folders of their views."""

    def __init__(self, cache: Path) -> None:
        self._views = f"{cache / 'views'}{os.sep}"
        self._titles: dict[str, str] = {}
        self._lock = threading.Lock()

    def add(self, repo: RepoRow, ref: RefRow) -> None:
        """Remember whose views will lie where."""
        with self._lock:
            self._titles[view_parent(repo.key, ref.commit)] = repo.title

    def of_file(self, file: str) -> tuple[str, str]:
        """Return the repo that a file belongs to, and its path there; empty for all others."""
        if not file.startswith(self._views):
            return "", ""
        parent, *rest = PurePath(file.removeprefix(self._views)).parts
        return self._titles.get(parent, ""), str(PurePath(*rest[3:]))

    def here(self) -> Place:
        """Return the innermost line of a repo's code that is running; of any code without one."""
        outermost = Place()
        frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - there is no other way
        while frame is not None:
            file = frame.f_code.co_filename
            repo, path = self.of_file(file)
            if repo:
                return Place(repo, f"{path}:{frame.f_lineno}")
            if not outermost.line and self._is_script(file):
                outermost = Place("", f"{PurePath(file).name}:{frame.f_lineno}")
            frame = frame.f_back
        inside = scope.current()
        title = inside.title if inside is not None else ""
        return Place(title, "") if title else outermost

    def _is_script(self, file: str) -> bool:
        main = sys.modules.get("__main__")
        return file == getattr(main, "__file__", None) and not file.startswith(_OWN)

    def kind_of(self, file: str) -> str:
        """Say where a file lies that code wants to have."""
        if not file:
            return "memory"
        path = Path(file).expanduser().absolute()
        if path.is_relative_to(Path(torch_door.hub().get_dir()) / "checkpoints"):
            return "checkpoints"
        if self.of_file(str(path))[0]:
            return "repo"
        for name, folder in (("cwd", Path.cwd()), ("home", Path.home())):
            if path.is_relative_to(folder):
                return name
        return "elsewhere"
