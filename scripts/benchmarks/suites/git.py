"""Git repos over smart HTTP: nothing new, first fetches, and snapshots."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from scripts.benchmarks.cases import Case, Contender
from scripts.benchmarks.commands import Mirror
from scripts.benchmarks.processes import PYTHON, run_prepared, run_shell
from scripts.benchmarks.repos import LARGE, MEDIUM, SMALL, Shape, commit_of, make_repo
from scripts.benchmarks.workbench import Workbench, write_manifest
from scripts.benchmarks.workers.job import Job

_GIT_WAYS = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}
_FETCHED = (
    "From the question for refs until the wanted one is in a new clone; imports are not part "
    "of ours, git's start is part of both. Ours checks all that it receives (fsckObjects)."
)


def cases(bench: Workbench) -> Sequence[Case]:
    base_url = bench.web().git
    medium = _repo(bench, "medium", MEDIUM)
    large = _repo(bench, "large", LARGE)
    pinned = commit_of(large, "main~3")
    found = [_unchanged(bench, base_url)]
    for title, repo, ref, target in (
        ("First fetch of a repo of 1.4 MB", medium, "", 0.95),
        ("First fetch of a repo of 18 MB", large, "", 0.95),
        ("Repo of 18 MB, pinned to a tag", large, _any_tag(large), 1.0),
        ("Repo of 18 MB, pinned to a commit of its history", large, pinned, 1.0),
    ):
        url = f"{base_url}/{repo.name}"
        peers = (_clone("--mirror", url, target), _checked_clone(url))
        found.append(Case(title, _FETCHED, _ours(url, ref), peers, warms_up=True))
    found += [
        _snapshot(bench, "Snapshot of a commit, 1.4 MB repo", medium),
        _snapshot(bench, "Snapshot of a commit, 18 MB repo", large),
    ]
    return found


def _repo(bench: Workbench, name: str, shape: Shape) -> Path:
    if bench.is_quick:
        name, shape = f"quick_{name}", SMALL
    return make_repo(bench.repos / f"{name}.git", shape, name)


def _any_tag(repo: Path) -> str:
    """Return a tag in the middle of the history."""
    packed = (repo / "packed-refs").read_text().split()
    tags = [word for word in packed if word.startswith("refs/tags/")]
    return tags[len(tags) // 2].removeprefix("refs/tags/") if tags else "dev"


def _ours(url: str, ref: str) -> Contender:
    def run(folder: Path) -> float:
        job = Job(str(folder), words={"url": url, "ref": ref})
        return run_prepared(PYTHON, "ours_git_fetch", job, variables=_GIT_WAYS).seconds

    return Contender("hubmirror", run)


def _clone(options: str, url: str, target: float | None = None) -> Contender:
    script = f"git clone --quiet {options} {url} clone.git"
    return Contender(f"`git clone {options}`", partial(_seconds, script), target)


def _checked_clone(url: str) -> Contender:
    peer = _clone("-c fetch.fsckObjects=true --mirror", url)
    return Contender("the same with fsckObjects", peer.run)


def _seconds(script: str, folder: Path) -> float:
    return run_shell(script, folder=folder, variables=_GIT_WAYS).seconds


def _unchanged(bench: Workbench, base_url: str) -> Case:
    names = [f"small_{number:03}.git" for number in range(bench.size(200, 4))]
    for name in names:
        make_repo(bench.repos / name, SMALL, name)
    kept = bench.folder / "unchanged"
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    mirror = Mirror(kept, {"HUBMIRROR_JOBS": "8", **_GIT_WAYS})
    urls = {name.removesuffix(".git"): f"{base_url}/{name}" for name in names}
    write_manifest(mirror.manifest, repos=repo_lines(urls))
    mirror.sync()
    lines = "".join(f"{url} clones/{name}.git\n" for name, url in urls.items())
    (kept / "clones.txt").write_text(lines)
    run_shell(
        "mkdir clones; xargs -P8 -L1 git clone --quiet --mirror < clones.txt",
        folder=kept,
        variables=_GIT_WAYS,
    )
    fetch = "ls -d clones/*.git | xargs -P8 -I{} git --git-dir={} fetch --quiet"
    ask = "cut -d' ' -f1 clones.txt | xargs -P8 -I{} git ls-remote {}"
    peers = (
        Contender("`git fetch`, 8 processes", lambda _: _seconds(fetch, kept), 5.0),
        Contender("`git ls-remote`, 8 processes", lambda _: _seconds(ask, kept)),
    )
    return Case(
        f"No-op sync of {len(names)} unchanged repos",
        "The whole command `hubmirror sync` with 8 jobs, from its start to its end.",
        Contender("`hubmirror sync`", lambda _: mirror.sync().seconds),
        peers,
        warms_up=True,
    )


def repo_lines(urls: Mapping[str, str]) -> list[str]:
    """Write repos as a manifest has them."""
    return [f"  - repo: bench/{name}\n    url: {url}" for name, url in urls.items()]


def _snapshot(bench: Workbench, title: str, repo: Path) -> Case:
    commit = commit_of(repo, "main")
    archive = f"git --git-dir={repo} archive {commit} | tar x"
    _check_agreement(bench, repo, commit, archive)

    def run(folder: Path) -> float:
        job = Job(str(folder), words={"clone": str(repo), "commit": commit})
        return run_prepared(PYTHON, "ours_snapshot", job, variables=_GIT_WAYS).seconds

    return Case(
        title,
        "From a clone that is there: ours until the tar is durable under its digest; "
        "`git archive` until tar has written the files. That both hold the same files with the "
        "same bytes is checked before.",
        Contender("hubmirror", run),
        (Contender("`git archive \\| tar x`", partial(_seconds, archive), 1.5),),
        warms_up=True,
    )


def _check_agreement(bench: Workbench, repo: Path, commit: str, archive: str) -> None:
    folder = bench.folder / "agreement"
    shutil.rmtree(folder, ignore_errors=True)
    theirs, ours = folder / "theirs", folder / "ours"
    for one in (theirs, ours):
        one.mkdir(parents=True)
    _seconds(archive, theirs)
    job = Job(str(folder), words={"clone": str(repo), "commit": commit})
    run_prepared(PYTHON, "ours_snapshot", job, variables=_GIT_WAYS)
    (blob,) = (folder / "mirror" / "blobs").rglob("?" * 64)
    _seconds(f"tar xf {blob}", ours)
    run_shell("diff -r theirs ours", folder=folder)
    shutil.rmtree(folder)
