"""What a repo's entry may choose: submodules, LFS, drift, limits, unreachable commits."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode, InvalidInputError
from hubmirror.mirror import Mirror
from hubmirror.sync.options import Mode
from hubmirror.upstream.submodules import resolve_url
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.upstream.repos import Submodule
from tests.writer import Writer, wanted

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"
HUBCONF = "def net():\n    pass\n"


def gitmodules(path: str, url: str) -> str:
    return f'[submodule "x"]\n\tpath = {path}\n\turl = {url}\n'


@pytest.fixture
def parent(upstream: Upstream) -> RepoBuilder:
    """A repo with a submodule that has a submodule."""
    deepest = RepoBuilder.create(upstream, "owner/deepest")
    pinned = deepest.commit({"deepest.py": "3"})
    deepest.commit({"deepest.py": "4"})
    child = RepoBuilder.create(upstream, "owner/child")
    child_commit = child.commit(
        {"child.py": "2", "lib": Submodule(pinned), ".gitmodules": gitmodules("lib", "../deepest")}
    )
    repo = RepoBuilder.create(upstream, "owner/parent")
    repo.commit(
        {
            "hubconf.py": HUBCONF,
            "sub": Submodule(child_commit),
            ".gitmodules": gitmodules("sub", "../child"),
        }
    )
    return repo


def entry(repo: RepoBuilder, upstream: Upstream, **fields: object) -> dict[str, object]:
    return {"repo": repo.name, "url": upstream.git_url(repo.name), **fields}


def files_of(writer: Writer, name: str) -> list[str]:
    repo = writer.unit(name).repo
    assert repo is not None
    with (
        Mirror.open(writer.root) as mirror,
        tarfile.open(mirror.blobs.path(repo.snapshots[0].digest)) as tar,
    ):
        return [member.name for member in tar if member.isreg()]


def test_submodules_come_with_all_within_them(
    writer: Writer, upstream: Upstream, parent: RepoBuilder
) -> None:
    report = writer.sync(writer.manifest([entry(parent, upstream, submodules=True)]))

    assert report.exit_code() is ExitCode.OK
    assert not report.units[0].warnings
    assert {"sub/child.py", "sub/lib/deepest.py"} <= set(files_of(writer, "owner/parent"))


def test_switching_submodules_remakes_the_snapshot_once(
    writer: Writer, upstream: Upstream, parent: RepoBuilder
) -> None:
    writer.sync(writer.manifest([entry(parent, upstream)]))
    without = files_of(writer, "owner/parent")

    switched = writer.sync(writer.manifest([entry(parent, upstream, submodules=True)]))
    again = writer.sync(writer.manifest([entry(parent, upstream, submodules=True)]))
    back = writer.sync(writer.manifest([entry(parent, upstream)]))

    assert switched.published
    assert again.is_idle()
    assert back.published
    assert files_of(writer, "owner/parent") == without


@pytest.mark.parametrize("mode", [Mode.LOCKED, Mode.FROZEN])
def test_a_choice_that_the_lock_does_not_have_is_refused(
    writer: Writer, upstream: Upstream, parent: RepoBuilder, mode: Mode
) -> None:
    writer.sync(writer.manifest([entry(parent, upstream)]))
    path = writer.manifest([entry(parent, upstream, submodules=True)])
    lock = path.with_name(f"{path.name}.lock").read_bytes()

    with pytest.raises(InvalidInputError, match="wanted with submodules"):
        writer.sync(path, mode=mode)

    assert path.with_name(f"{path.name}.lock").read_bytes() == lock


@pytest.mark.parametrize(
    "url",
    ["ext::touch% {}", "--upload-pack=touch {}", "file:///etc", "../../../../../x", "", "../gone"],
)
def test_a_hostile_or_missing_submodule_fails_the_unit(
    writer: Writer, upstream: Upstream, tmp_path: Path, url: str
) -> None:
    touched = tmp_path / "touched"
    repo = RepoBuilder.create(upstream, "owner/name")
    modules = gitmodules("sub", url.format(touched)) + gitmodules("../x", "../y")
    modules += gitmodules(".git/hooks", "../y")
    repo.commit({"hubconf.py": HUBCONF, "sub": Submodule("1" * 40), ".gitmodules": modules})

    report = writer.sync(writer.manifest([entry(repo, upstream, submodules=True)]))

    assert report.failed()
    said = str(report.units[0].failure)
    assert "submodule 'sub'" in said or "malformed" in said  # git's own fsck sees some of these
    assert not touched.exists()


def test_a_relative_address_is_resolved_against_the_parent() -> None:
    assert resolve_url("https://h/o/n", "../m") == "https://h/o/m"
    assert resolve_url("git@h:o/n.git", "../m.git") == "git@h:o/m.git"
    assert resolve_url("file:///srv/o/n", "./m") == "file:///srv/o/n/m"
    assert resolve_url("https://h/o/n", "https://other/m") == "https://other/m"


def test_lfs_pointers_fail_the_unit_that_refuses_them(writer: Writer, upstream: Upstream) -> None:
    repo = RepoBuilder.create(upstream, "owner/name")
    repo.commit({"hubconf.py": HUBCONF, "w.bin": POINTER})

    kept = writer.sync(writer.manifest([entry(repo, upstream)]))
    refused = writer.sync(writer.manifest([entry(repo, upstream, lfs="fail")]))

    assert kept.exit_code() is ExitCode.OK
    assert "w.bin" in str(refused.units[0].failure)


@pytest.mark.parametrize(
    ("kind", "policy", "code", "moves"),
    [
        ("tag", "fail", ExitCode.REFUSED, False),
        ("tag", "hold", ExitCode.REFUSED, False),
        ("tag", "follow", ExitCode.OK, True),
        ("branch", "fail", ExitCode.REFUSED, False),
        ("branch", "hold", ExitCode.REFUSED, False),
        ("branch", "follow", ExitCode.OK, True),
    ],
)
def test_a_ref_that_moved_is_judged_by_its_policy(
    writer: Writer, upstream: Upstream, kind: str, policy: str, code: ExitCode, moves: bool
) -> None:
    repo = RepoBuilder.create(upstream, "owner/name")
    first = repo.commit({"hubconf.py": HUBCONF})
    repo.tag("v1")
    ref = "v1" if kind == "tag" else "main"
    path = writer.manifest([entry(repo, upstream, refs=[ref], **{f"on_moved_{kind}": policy})])
    writer.sync(path)
    second = repo.commit({"hubconf.py": HUBCONF + "\n"})
    repo.tag("v1")

    report = writer.sync(path)

    found = writer.unit("owner/name").repo
    assert found is not None
    assert report.exit_code() is code
    assert found.refs[0].commit == (second if moves else first)
    is_said = policy == "hold" or (kind, policy) == ("tag", "follow")  # a branch is there to move
    assert any("was moved upstream" in line for line in report.units[0].warnings) == is_said


@pytest.mark.parametrize("allowed", [True, False])
def test_a_commit_on_no_branch_needs_permission(
    writer: Writer, upstream: Upstream, allowed: bool
) -> None:
    repo = RepoBuilder.create(upstream, "owner/name")
    repo.commit({"hubconf.py": HUBCONF})
    orphan = repo.commit({"hubconf.py": HUBCONF, "x": "1"}, branch="gone")
    repo.delete("heads/gone")

    report = writer.sync(
        writer.manifest([entry(repo, upstream, refs=[orphan], allow_unreachable=allowed)])
    )

    assert bool(report.failed()) is not allowed


def test_a_repo_over_its_own_limit_is_refused(writer: Writer, upstream: Upstream) -> None:
    repo = RepoBuilder.create(upstream, "owner/name")
    repo.commit({"hubconf.py": HUBCONF, "big": "x" * 2000})

    report = writer.sync(writer.manifest([entry(repo, upstream, max_size="1kB")], max_size="1GB"))

    assert "the limit is 1000" in str(report.units[0].failure)


def test_a_glob_passes_over_what_is_no_hub_repo(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    builder = RepoBuilder(upstream, hub.name)
    builder.tag("v2")
    builder.tag("v1", builder.commit({"hubconf.py": None}))
    manifest = writer.manifest([wanted(hub, refs=["v*"])])

    report = writer.sync(manifest)
    again = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert any(
        "passed over" in warning and ":v1: " in warning for warning in report.units[0].warnings
    )
    assert again.is_idle()
    repo = writer.unit(hub.name).repo
    assert repo is not None
    names = [ref.name for ref in repo.refs]
    assert "v2" in names
    assert "v1" not in names


def test_a_ref_that_was_typed_is_never_passed_over(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    builder = RepoBuilder(upstream, hub.name)
    builder.tag("v2")
    builder.tag("v1", builder.commit({"hubconf.py": None}))

    report = writer.sync(writer.manifest([wanted(hub, refs=["v*", "v1"])]))

    assert report.exit_code() is ExitCode.INCOMPLETE
