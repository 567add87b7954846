"""A commit as a tar: all of it, nothing else, and the same bytes everywhere."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from hubmirror.errors import UpstreamError
from hubmirror.upstream import tars
from hubmirror.upstream.snapshots import Choices, write_snapshot
from tests.git.conftest import Bench, contents, members
from tests.upstream.gitcmd import git_environment, run_git
from tests.upstream.repos import Executable, Submodule, Symlink

LONG = "d" * 120 + "/" + "e" * 90 + "/" + "f" * 60 + ".py"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 4500000\n"


def listed(bench: Bench, commit: str) -> dict[str, bytes]:
    """What git itself says that a commit holds."""
    listing = run_git("--git-dir", str(bench.origin), "ls-tree", "-r", "-z", commit)
    found = {}
    for line in filter(None, listing.split("\0")):
        head, _, path = line.partition("\t")
        blob = ("git", "--git-dir", str(bench.origin), "cat-file", "blob", head.split()[2])
        found[path] = subprocess.run(
            blob, check=True, capture_output=True, env=dict(git_environment())
        ).stdout
    return found


def test_every_file_is_there_as_git_has_it(bench: Bench) -> None:
    commit = bench.repo.commit(
        {
            "hubconf.py": "print(1)\r\n",
            "bin/run": Executable("#!/bin/sh\n"),
            "empty": b"",
            "data.bin": bytes(range(256)) * 5000,
            "exactly": b"x" * 512,
            "naïve/ünï.py": "1",
            LONG: "long",
            "back\\slash": "kept",
            "new\nline": "kept",
            "README": "upper",
            "readme": "lower",
            "$Id$ ident": "$Id$\n",
            ".gitattributes": "* text=auto eol=crlf ident\n",
            "docs/.gitattributes": "*.md -text\n",
            "-dash": "1",
        }
    )
    bench.fetch("main")

    written, tar = bench.snapshot(commit)

    assert contents(tar) == listed(bench, commit)
    assert written.findings == ()
    assert written.size_bytes == len(tar)
    assert written.digest.hex == hashlib.sha256(tar).hexdigest()


def test_members_say_nothing_of_where_and_when(bench: Bench) -> None:
    commit = bench.repo.commit(
        {"b": "1", "a/c": Executable("1"), "a.b": "1", LONG: "1", "to": Symlink("b")}
    )
    bench.fetch("main")

    found = members(bench.snapshot(commit)[1])

    assert list(found) == sorted(found, key=str.encode)
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found.values()} == {
        (0, 0, "", "", 0)
    }
    assert {name: found[name].mode for name in ("b", "a/c", "a.b", "to")} == {
        "b": 0o644, "a/c": 0o755, "a.b": 0o644, "to": 0o777,
    }  # fmt: skip


def test_gnu_tar_reads_it(bench: Bench, tmp_path: Path) -> None:
    commit = bench.repo.commit(
        {"a/b": "1", LONG: "long", "new\nline": "2", "ünï": "3", "to": Symlink("a/b"),
         "d" * 200 + "/" + "e" * 200: "pax", "far": Symlink(LONG)}
    )  # fmt: skip
    bench.fetch("main")
    tar = tmp_path / "s.tar"
    tar.write_bytes(bench.snapshot(commit)[1])
    out = tmp_path / "out"
    out.mkdir()

    done = subprocess.run(
        ["tar", "-xf", str(tar), "-C", str(out)], capture_output=True, text=True, check=True
    )

    assert done.stderr == ""
    assert (out / "to").read_text() == "1"
    assert (out / "far").read_text() == "long"
    assert (out / ("d" * 200) / ("e" * 200)).read_text() == "pax"
    assert (out / "new\nline").read_text() == "2"


def test_names_that_are_not_utf8_are_kept(bench: Bench, tmp_path: Path) -> None:
    blob = bench.blob(b"1")
    long = b"\xff" * 150
    commit = bench.forge(
        b"100644 caf\xe9\0" + blob + b"120000 link\0" + bench.blob(b"caf\xe9")
        + b"100644 " + long + b"\0" + blob
    )  # fmt: skip
    written, tar = bench.snapshot(commit)
    (tmp_path / "s.tar").write_bytes(tar)
    out = tmp_path / "out"
    out.mkdir()

    subprocess.run(["tar", "-xf", str(tmp_path / "s.tar"), "-C", str(out)], check=True)

    assert set(contents(tar)) == {"caf\udce9", "\udcff" * 150}
    assert written.findings == ()
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["caf\udce9", "link", "\udcff" * 150]
    )
    assert (out / "link").read_bytes() == b"1"


def test_an_empty_commit_is_an_empty_tar(bench: Bench) -> None:
    commit = bench.repo.commit({})
    bench.fetch("main")

    assert contents(bench.snapshot(commit)[1]) == {}


# The same bytes ------------------------------------------------------------------------------


def test_the_bytes_do_not_depend_on_the_clone_or_the_host(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sealed: Path
) -> None:
    bench.repo.commit({"a": "0"})
    commit = bench.repo.commit(
        {
            "a": "1",
            "b.txt": "x\n$Id$\n",
            "v": "$Format:%H %P %T %ct %cI$",
            "tests/x": "1",
            ".gitattributes": "v export-subst\ntests export-ignore\n*.txt text eol=crlf ident\n",
            "z": Symlink("a"),
        }
    )
    bench.repo.tag("v1")
    bench.fetch("main")
    shallow = bench.snapshot(commit)
    config = sealed / ".gitconfig"
    config.write_text("[core]\nautocrlf = true\nattributesFile = /etc/passwd\n[tar]\numask = 077\n")
    (sealed / ".config" / "git").mkdir(parents=True)
    (sealed / ".config" / "git" / "attributes").write_text("* export-ignore\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    full = tmp_path / "full.git"
    run_git("clone", "--quiet", "--mirror", bench.file_url, str(full))
    bench.folder = full
    bench.git.clone(full).keep([commit])

    assert bench.snapshot(commit) == shallow
    assert shallow[0].digest.hex == (
        "fec15ea604d3b393208ac0d3ba11ca604dd924e0f1abfc1d38509948636163d4"
    )


# Attributes ----------------------------------------------------------------------------------


def test_export_ignore_leaves_out_what_git_archive_leaves_out(bench: Bench) -> None:
    commit = bench.repo.commit(
        {
            ".gitattributes": "/tests export-ignore\n*.md export-ignore\ndata/** export-ignore\n"
            "!keep export-ignore\n[attr]gone export-ignore\nold/ gone\ndeep/*/x export-ignore\n",
            "hubconf.py": "1",
            "tests/a/b": "1",
            "src/tests/a": "kept",
            "README.md": "1",
            "docs/README.md": "1",
            "docs/.gitattributes": "README.md -export-ignore\nsecret export-ignore=yes\n",
            "docs/secret": "kept: a value is not set",
            "data/x/y": "1",
            "data/.gitattributes": "x/y !export-ignore\n",
            "old/a": "1",
            "older": "kept",
            "deep/a/x/y": "1",
            "deep/x": "kept",
            "sub/.gitattributes": "* export-ignore\nkept -export-ignore\n",
            "sub/kept": "1",
            "sub/other": "1",
            "sub/kept-folder/x": "1",
        }
    )
    bench.fetch("main")

    written, tar = bench.snapshot(commit)

    assert contents(tar) == contents(_archive(bench, commit))
    assert "tests is left out, as export-ignore says" in written.findings
    assert "README.md is left out, as export-ignore says" in written.findings
    left_out = set(listed(bench, commit)) - set(contents(tar))
    named = [finding.split(" is left out")[0] for finding in written.findings]
    assert all(any(f"{path}/".startswith(f"{name}/") for name in named) for path in left_out)


def _archive(bench: Bench, commit: str) -> bytes:
    command = ["git", "--git-dir", str(bench.origin), "archive", commit]
    return subprocess.run(
        command, check=True, capture_output=True, env=dict(git_environment())
    ).stdout


def test_attributes_of_names_that_only_windows_minds_work(bench: Bench) -> None:
    commit = bench.repo.commit(
        {
            ".gitattributes": "*.x export-ignore\n",
            "a\\b.x": "1",
            "a\\b": "1",
            "c:d": "1",
        }
    )
    bench.fetch("main")

    assert set(contents(bench.snapshot(commit)[1])) == {".gitattributes", "a\\b", "c:d"}


def test_only_what_the_commit_itself_says_is_filled_in(bench: Bench) -> None:
    first = bench.repo.commit({"a": "1"})
    commit = bench.repo.commit(
        {
            ".gitattributes": "version.py export-subst\n",
            "version.py": "H=$Format:%H$ P=$Format:%P$ T=$Format:%T$\n"
            "t=$Format:%ct|%cI$ d=$Format:%d$\n",
            "other.py": "$Format:%H$",
        }
    )
    bench.fetch("main")

    written, tar = bench.snapshot(commit)

    tree = run_git("--git-dir", str(bench.origin), "rev-parse", f"{commit}^{{tree}}").strip()
    assert contents(tar)["version.py"].decode() == (
        f"H={commit} P={first} T={tree}\nt=1577836860|2020-01-01T00:01:00+00:00 d=$Format:%d$\n"
    )
    assert contents(tar)["other.py"] == b"$Format:%H$"
    assert written.findings == ("version.py: '$Format:%d$' stays as it is",)


def test_what_is_filled_in_is_what_git_fills_in(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    text = "$Format:%H$ $Format:$ $Format:no$ $Format:%T-%P$ x $Format:%ct\n%cI$ $Format:%H"
    commit = bench.repo.commit({".gitattributes": "v export-subst\n", "v": text})
    bench.fetch("main")

    assert contents(bench.snapshot(commit)[1]) == contents(_archive(bench, commit))


# What is not a plain file --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "is_kept"),
    [
        ("hubconf.py", True),
        ("./pkg/../hubconf.py", True),
        ("pkg", True),
        ("pkg/", True),
        (".", True),
        ("pkg/inner", True),
        ("module", True),
        ("/etc/passwd", False),
        ("../outside", False),
        ("pkg/../../outside", False),
        ("missing", False),
        ("hubconf.py/x", False),
        ("hubconf.py/", False),
        ("here", False),
        ("ignored", False),
        ("x" * 5000, False),
    ],
)
def test_links_stay_within_the_tree_or_are_left_out(
    bench: Bench, target: str, is_kept: bool
) -> None:
    commit = bench.repo.commit(
        {
            ".gitattributes": "ignored export-ignore\n",
            "ignored": "1",
            "hubconf.py": "1",
            "pkg/inner": Symlink("../hubconf.py"),
            "module": Submodule("1" * 40),
            "here": Symlink(target),
        }
    )
    bench.fetch("main")

    written, tar = bench.snapshot(commit)

    found = members(tar).get("here")
    assert (found is not None) is is_kept
    assert any("link here ->" in finding for finding in written.findings) is not is_kept
    if found is not None:
        assert (found.issym(), found.linkname) == (True, target)


def test_links_that_lead_through_a_link_that_is_left_out_go_too(bench: Bench) -> None:
    commit = bench.repo.commit(
        {
            "out": Symlink("/etc"),
            "through": Symlink("out/passwd"),
            "again": Symlink("through"),
            "loop-a": Symlink("loop-b"),
            "loop-b": Symlink("loop-a"),
            "up": Symlink("sub/up/x"),
            "sub/up": Symlink(".."),
            "x": "1",
        }
    )
    bench.fetch("main")

    written, tar = bench.snapshot(commit)

    assert set(members(tar)) == {"up", "sub/up", "x"}
    assert len(written.findings) == 5


def test_a_submodule_is_an_empty_folder_and_a_finding(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1", "third/party": Submodule("1" * 40)})
    bench.fetch("main")

    written, tar = bench.snapshot(commit)

    assert members(tar)["third/party"].isdir()
    assert written.findings == ("submodule third/party is not included",)


def test_a_pointer_is_included_and_found(bench: Bench) -> None:
    commit = bench.repo.commit(
        {"w.bin": POINTER, "doc.txt": "see version https://git-lfs.github.com/spec/v1\n"}
    )
    bench.fetch("main")

    written, tar = bench.snapshot(commit)

    assert contents(tar)["w.bin"] == POINTER.encode()
    assert written.findings == ("w.bin is a Git LFS pointer: its 4500000 bytes are not included",)


def test_findings_can_be_printed_and_stored(bench: Bench) -> None:
    target = bench.blob(b"/etc\x1b[31m\xff")
    commit = bench.forge(b"120000 a\n\x1b\xff\0" + target)

    (finding,) = bench.snapshot(commit)[0].findings

    assert finding.isprintable()
    finding.encode()


# Sizes ---------------------------------------------------------------------------------------


def test_a_snapshot_over_its_limit_is_refused_with_both_figures(bench: Bench) -> None:
    commit = bench.repo.commit({"a": b"x" * 600, "b": b"x" * 600})
    bench.fetch("main")
    stream = io.BytesIO()

    with pytest.raises(UpstreamError) as refused:
        write_snapshot(bench.git.clone(bench.folder), commit, stream, Choices(max_bytes=1000))

    assert "1200 bytes" in refused.value.message
    assert "1000" in refused.value.message
    assert stream.getvalue() == b""


def test_a_snapshot_at_its_limit_passes(bench: Bench) -> None:
    commit = bench.repo.commit({"a": b"x" * 600})
    bench.fetch("main")

    write_snapshot(bench.git.clone(bench.folder), commit, io.BytesIO(), Choices(max_bytes=600))


def test_a_large_file_passes_through_in_pieces(bench: Bench) -> None:
    class Gauge(io.RawIOBase):
        largest = 0

        def write(self, piece: object) -> int:
            size = len(bytes(piece))  # type: ignore[call-overload]
            self.largest = max(self.largest, size)
            return size

    commit = bench.repo.commit({"large": bytes(8_000_000), "z": "1"})
    bench.fetch("main")
    gauge = Gauge()

    written = write_snapshot(bench.git.clone(bench.folder), commit, gauge)  # type: ignore[arg-type]

    assert written.size_bytes > 8_000_000
    assert gauge.largest < 2_000_000


def test_a_file_of_more_than_8_gib_has_a_header_that_tar_reads() -> None:
    head = tars.file_header(b"large", 9 * 1024**3, is_executable=False)
    with tarfile.open(fileobj=io.BytesIO(head + tars.END), mode="r|") as opened:
        info = opened.next()

    assert info is not None
    assert info.size == 9 * 1024**3


def test_many_files_pass_through_one_git(bench: Bench) -> None:
    files = {f"d{number % 7}/f{number}": f"{number}\n" * (number % 50) for number in range(3000)}
    commit = bench.repo.commit(files)
    bench.fetch("main")

    assert contents(bench.snapshot(commit)[1]) == {
        path: text.encode() for path, text in files.items()
    }


# Reading single files ------------------------------------------------------------------------


def test_a_file_is_read_through_links(bench: Bench) -> None:
    commit = bench.repo.commit(
        {"real.py": "1", "hubconf.py": Symlink("real.py"), "out": Symlink("/etc/passwd"),
         "nowhere": Symlink("x"), "dir/a": "2", "a blob 3": "3"}
    )  # fmt: skip
    bench.fetch("main")
    clone = bench.git.clone(bench.folder)

    found = {
        path: clone.read_file(commit, path)
        for path in (
            "hubconf.py",
            "out",
            "nowhere",
            "dir",
            "dir/a",
            "no blob 5",
            "a blob 3",
            "a\nb",
        )
    }

    assert found == {
        "hubconf.py": b"1", "out": None, "nowhere": None, "dir": None, "dir/a": b"2",
        "no blob 5": None, "a blob 3": b"3", "a\nb": None,
    }  # fmt: skip
