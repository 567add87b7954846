"""A sync of hostile repos writes into mirror, state and lock, and runs nothing of theirs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubmirror.mirror import Mirror
from hubmirror.records import UnitState
from hubmirror.verify import verify
from tests.kills import ROOT
from tests.upstream import RepoBuilder, Upstream
from tests.upstream.gitcmd import run_git
from tests.upstream.repos import Entry, Submodule, Symlink

HUBCONF = "def net():\n    pass\n"
HOOKS = ("post-checkout", "post-index-change", "post-merge", "reference-transaction", "update")
FOLDERS = ("home", "cwd", "tmp", "run", "config", "cache", "data", "etc", "team", "mirror", "state")

Picture = dict[str, tuple[object, ...]]


@dataclass(frozen=True)
class Sandbox:
    """All that one host has: a home, a folder for each purpose, and one like ``/etc``."""

    root: Path

    @property
    def canary(self) -> Path:
        """What the commands of hostile repos would make."""
        return self.root / "canary"

    def environment(self) -> dict[str, str]:
        folders = {"HOME": "home", "TMPDIR": "tmp", "XDG_RUNTIME_DIR": "run"}
        folders |= {f"XDG_{name.upper()}_HOME": name for name in ("config", "cache", "data")}
        named = {name: str(self.root / folder) for name, folder in folders.items()}
        return {"PATH": os.environ["PATH"], **named}

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", "hubmirror", "sync", str(self.root / "team/m.yaml")]
        command += ["--mirror", str(self.root / "mirror"), "--state", str(self.root / "state")]
        environment = {**self.environment(), "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            [*command, "--json"],
            cwd=self.root / "cwd",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def sync(self) -> tuple[int, Any]:  # whatever JSON holds
        with self.start() as process:
            said, complaint = process.communicate()
        return process.returncode, json.loads(said or json.dumps(complaint))

    def picture(self) -> Picture:
        """Describe every path in it that no sync may touch."""
        return {
            path: what
            for path, what in _picture(self.root).items()
            if path.partition("/")[0] not in ("mirror", "state") and path != "team/m.yaml.lock"
        }


def _picture(root: Path) -> Picture:
    found: Picture = {}
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        name = path.relative_to(root).as_posix()
        # A folder's time tells of files that came and went: the lock's, and temporary ones.
        moment = 0 if name in ("team", "tmp", "mirror", "state") else about.st_mtime_ns
        kind = stat.S_IFMT(about.st_mode), about.st_mode, about.st_size if content else 0
        found[name] = (*kind, moment, hashlib.sha256(content).hexdigest())
    return found


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path / "root")
    for folder in FOLDERS:
        (made.root / folder).mkdir(parents=True)
    (made.root / "etc/passwd").write_text("root:x:0:0\n")
    (made.root / "home/.gitconfig").write_text(
        f"[core]\nhooksPath = {made.root}/etc\nfsmonitor = touch {made.canary}\n"
    )
    return made


def forged(repo: RepoBuilder, upstream: Upstream, rows: Sequence[tuple[str, bytes, bytes]]) -> None:
    """Point ``main`` at a tree of these modes, names and contents, which git would not write."""
    where = ("--git-dir", str(upstream.repo_folder(repo.name)))
    tree = b""
    for mode, name, content in [("100644", b"hubconf.py", HUBCONF.encode()), *rows]:
        if mode == "40000":
            made = run_git(*where, "rev-parse", "main^{tree}")
        else:
            made = run_git(*where, "hash-object", "-w", "--stdin", stdin=content)
        tree += mode.encode() + b" " + name + b"\0" + bytes.fromhex(made.strip())
    literally = ("hash-object", "-t", "tree", "--literally", "-w", "--stdin")
    root = run_git(*where, *literally, stdin=tree).strip()
    who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    repo.branch("main", run_git(*where, *who, "commit-tree", "-m", "x", root).strip())


def with_gitmodules(path: str, url: str, more: str = "") -> dict[str, Entry]:
    text = f'[submodule "x"]\n\tpath = {path}\n\turl = {url}\n{more}'
    return {".gitmodules": text, "sub": Submodule("1" * 40)}


def trapped(folder: Path, canary: Path) -> None:
    """Fill a served repo with hooks and settings that run a command."""
    (folder / "hooks").mkdir(exist_ok=True)
    for name in HOOKS:
        (folder / "hooks" / name).write_text(f"#!/bin/sh\ntouch {canary}\n")
        (folder / "hooks" / name).chmod(0o755)
    with (folder / "config").open("a") as config:
        config.write(
            f"[core]\nfsmonitor = touch {canary}\nsshCommand = touch {canary}\nsymlinks = true\n"
            f"pager = touch {canary}\nhooksPath = {folder}/hooks\nalternateRefsCommand = "
            f"touch {canary}\n[uploadpack]\npackObjectsHook = touch {canary}\n"
            f'[filter "evil"]\nsmudge = touch {canary}\nprocess = touch {canary}\n'
        )


def hostile_repos(sandbox: Sandbox, upstream: Upstream) -> list[dict[str, object]]:
    """Serve one repo for each trick; give their entries of the manifest."""
    etc, canary = sandbox.root / "etc", sandbox.canary
    plain: dict[str, dict[str, Entry]] = {
        "links": {"passwd": Symlink(f"{etc}/passwd"), "out": Symlink("../../../../etc")},
        "chain": {"a": Symlink("b/c"), "b/c": Symlink("../d"), "d": Symlink("..")},
        "odd": {"back\\slash": "x", "..\\up": "x", "con": "x", "-rf": "x", "new\nline": "x"},
        "filters": {".gitattributes": "* filter=evil diff=evil merge=evil export-subst text\n"},
        "ext": with_gitmodules("sub", f"ext::sh -c touch% {canary}"),
        "climbing": with_gitmodules("sub", "../../../../../etc"),
        "option": with_gitmodules("sub", f"--upload-pack=touch {canary}"),
        "elsewhere": with_gitmodules("etc/sub", "https://h.invalid/x"),
        "update": with_gitmodules("sub", "https://h.invalid/x", f"update = !touch {canary}\n"),
    }
    trees: dict[str, list[tuple[str, bytes, bytes]]] = {
        "dotdot": [("40000", b"..", b"")],
        "dotgit": [("40000", b".git", b"")],
        "upper": [("40000", b".GIT", b"")],
        "short": [("40000", b"git~1", b"")],
        "slash": [("100644", b"../../etc/passwd", b"evil")],
        "twice": [("120000", b"x", str(etc).encode()), ("100644", b"x", b"evil")],
        "below": [("120000", b"x", str(etc).encode()), ("40000", b"x", b"")],
    }
    for name in (*plain, *trees):
        repo = RepoBuilder.create(upstream, f"evil/{name}")
        repo.commit({"hubconf.py": HUBCONF, **plain.get(name, {})})
        if name in trees:
            forged(repo, upstream, trees[name])
    entries: list[dict[str, object]] = []
    for name in (*plain, *trees):
        url = upstream.git_url(f"evil/{name}")
        entries.append({"repo": f"evil/{name}", "url": url, "submodules": True})
        trapped(upstream.repo_folder(f"evil/{name}"), canary)
    local = upstream.repo_folder("evil/filters")
    return [*entries, {"repo": "evil/local", "url": f"file://{local}"}]


def write_manifest(sandbox: Sandbox, repos: Sequence[dict[str, object]]) -> None:
    (sandbox.root / "team/m.yaml").write_text(json.dumps({"version": 1, "repos": repos}))


WHOLE = {"evil/links", "evil/chain", "evil/odd", "evil/filters", "evil/local"}
REFUSED = {
    "ext": "submodule 'sub': not a git URL",
    "climbing": "submodule 'sub': '../../../../../etc' leads out of ",
    "elsewhere": "submodule 'sub': .gitmodules gives it no address",
    "option": "gitmodulesUrl",
    "update": "gitmodulesUpdate",
    "dotdot": "hasDotdot",
    "dotgit": "hasDotgit",
    "upper": "hasDotgit",
    "short": "hasDotgit",
    "slash": "fullPathname",
    "twice": "duplicateEntries",
    "below": "duplicateEntries",
}
"""Why each of the others is not published: our own words, or the name of git's own check."""


def check_published(sandbox: Sandbox) -> None:
    with Mirror.open(sandbox.root / "mirror") as mirror:
        units = [unit for unit in mirror.catalog().holdings().units if unit.repo]
        assert verify(mirror).faults == ()
    assert {unit.name for unit in units if unit.state is UnitState.COMPLETE} == WHOLE
    for name, reason in REFUSED.items():
        (unit,) = [unit for unit in units if unit.name == f"evil/{name}"]
        assert reason in unit.reason


def check_untouched(sandbox: Sandbox, before: Picture) -> None:
    assert sandbox.picture() == before
    assert not sandbox.canary.exists()
    assert list((sandbox.root / "tmp").iterdir()) == []


def test_hostile_repos_change_nothing_but_mirror_state_and_lock(
    sandbox: Sandbox, upstream: Upstream
) -> None:
    write_manifest(sandbox, hostile_repos(sandbox, upstream))
    before = sandbox.picture()

    code, report = sandbox.sync()

    assert code == 3, report
    check_untouched(sandbox, before)
    check_published(sandbox)


def test_a_killed_sync_of_hostile_repos_changes_nothing_else_either(
    sandbox: Sandbox, upstream: Upstream
) -> None:
    write_manifest(sandbox, hostile_repos(sandbox, upstream))
    before = sandbox.picture()

    with sandbox.start() as process:
        deadline = time.monotonic() + 60
        while not any((sandbox.root / "state").glob("git/evil-filters-*")):  # some are done
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    killed = process.returncode
    check_untouched(sandbox, before)
    code, report = sandbox.sync()

    assert (killed, code) == (-signal.SIGKILL, 3), report
    check_untouched(sandbox, before)
    check_published(sandbox)


@pytest.mark.parametrize(
    "entry",
    [
        {"repo": "evil/x", "url": "ext::sh%20-c%20touch%20{canary}"},
        {"repo": "evil/x", "url": "--upload-pack=touch%20{canary}"},
        {"repo": "evil/x", "refs": ["--upload-pack=touch {canary}"]},
        {"repo": "evil/--upload-pack=touch"},
        {"repo": "../../etc/passwd"},
    ],
    ids=["ext", "option", "ref", "name", "path"],
)
def test_a_manifest_that_smuggles_a_command_is_refused_before_anything_is_made(
    sandbox: Sandbox, entry: dict[str, object]
) -> None:
    text = json.dumps({"version": 1, "repos": [entry]})
    (sandbox.root / "team/m.yaml").write_text(text.replace("{canary}", str(sandbox.canary)))
    before = _picture(sandbox.root)

    code, report = sandbox.sync()

    assert code == 65, report
    assert _picture(sandbox.root) == before
