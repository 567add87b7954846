"""Views: whole or not there, safe whatever the tar says, each under torch.hub's own name."""

import io
import os
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hubmirror.errors import VerificationError
from hubmirror.hub.unpacking import unpack
from hubmirror.hub.views import Views
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from hubmirror.resolve import Resolved, Spec, resolve
from tests.hub.small_mirror import Link, SmallRepo, Tree, blob_of, publish, tar_of

TREE: Tree = {
    "bin/tool.sh": "#!/bin/sh\n",
    "hubconf.py": "def net(): pass\n",
    "link.py": Link("hubconf.py"),
    "odd/back\\slash\nand newline.txt": b"\xff",
    "third_party/submodule": None,
}


def resolved(mirror: Path, spec: str) -> Resolved:
    with Mirror.open(mirror) as opened:
        return resolve(opened.catalog(), Spec.parse(spec))


def views(mirror: Path, tmp_path: Path) -> Views:
    return Views(Mirror.open(mirror).blobs, tmp_path / "cache")


def unpacked(tmp_path: Path, content: bytes) -> Path:
    blob, folder = tmp_path / "blob", tmp_path / "tree"
    blob.write_bytes(content)
    folder.mkdir()
    unpack(blob, Digest.of(content), folder)
    return folder


def test_a_view_is_the_tree_of_the_commit(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [SmallRepo("acme/nets", {"main": TREE})])

    folder = views(mirror, tmp_path).open(resolved(mirror, "acme/nets")).folder

    found = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert found == {*TREE, "bin", "odd", "third_party"}
    assert (folder / "odd/back\\slash\nand newline.txt").read_bytes() == b"\xff"
    assert (folder / "link.py").readlink() == Path("hubconf.py")
    assert (folder / "bin/tool.sh").stat().st_mode & 0o777 == 0o755
    assert (folder / "hubconf.py").stat().st_mode & 0o777 == 0o644


def test_every_asked_name_has_its_own_view(mirror: Path, tmp_path: Path) -> None:
    trees = {"feature/x": TREE, "feature_x": {**TREE, "other.py": ""}}
    publish(mirror, [SmallRepo("a_b/c", trees), SmallRepo("a/b_c", trees, aliases=("Old/C",))])
    specs = ["a_b/c:feature/x", "a_b/c:feature_x", "a/b_c:feature/x", "Old/C:feature/x"]

    folders = [views(mirror, tmp_path).open(resolved(mirror, spec)).folder for spec in specs]

    assert len(set(folders)) == 4
    assert [folder.name for folder in folders] == [*["a_b_c_feature_x"] * 3, "Old_C_feature_x"]
    assert {folder.parent.name for folder in folders} == {"hub"}


def test_a_view_is_made_once(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [SmallRepo("acme/nets", {"main": TREE})])
    asked = resolved(mirror, "acme/nets")
    first = views(mirror, tmp_path).open(asked).folder
    (first / "written by a hubconf").touch()

    assert views(mirror, tmp_path).open(asked).folder == first
    assert (first / "written by a hubconf").exists()


@pytest.mark.parametrize("mark", [None, "0" * 64])
def test_a_folder_without_the_right_mark_is_replaced(
    mirror: Path, tmp_path: Path, mark: str | None
) -> None:
    publish(mirror, [SmallRepo("acme/nets", {"main": TREE})])
    asked = resolved(mirror, "acme/nets")
    folder = views(mirror, tmp_path).open(asked).folder
    (folder / "hubconf.py").write_text("half")
    (folder.parent.parent / "whole").unlink()
    if mark:
        (folder.parent.parent / "whole").write_text(mark)

    views(mirror, tmp_path).open(asked)

    assert (folder / "hubconf.py").read_text() == TREE["hubconf.py"]
    assert [path.name for path in folder.parents[2].iterdir()] == ["acme_nets_main"]


def test_what_killed_processes_left_is_removed_once_nobody_can_be_at_work_on_it(
    mirror: Path, tmp_path: Path
) -> None:
    publish(mirror, [SmallRepo("acme/nets", {"main": TREE})])
    left, at_work = (tmp_path / "cache/views/other/new-1", tmp_path / "cache/views/other/new-2")
    for folder in (left, at_work):
        (folder / "tree").mkdir(parents=True)
    yesterday = time.time() - 25 * 60 * 60
    os.utime(left, (yesterday, yesterday))

    views(mirror, tmp_path).open(resolved(mirror, "acme/nets"))

    assert not left.exists()
    assert at_work.exists()


def test_other_bytes_than_the_digest_leave_no_view(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [SmallRepo("acme/nets", {"main": TREE})])
    blob = blob_of(mirror, tar_of(TREE))
    content = blob.read_bytes()
    blob.chmod(0o644)
    blob.write_bytes(content.replace(b"def net", b"def bad"))

    with pytest.raises(VerificationError, match="expected sha256"):
        views(mirror, tmp_path).open(resolved(mirror, "acme/nets"))

    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_bytes_after_the_end_of_the_tar_count_too(tmp_path: Path) -> None:
    content = tar_of(TREE)
    (tmp_path / "blob").write_bytes(content + b"more")
    (tmp_path / "tree").mkdir()

    with pytest.raises(VerificationError, match="expected sha256"):
        unpack(tmp_path / "blob", Digest.of(content), tmp_path / "tree")


def test_a_symlink_may_point_anywhere_inside(tmp_path: Path) -> None:
    tree: Tree = {"a/one.py": "1", "a/up.py": Link("../b/two.py"), "b/two.py": "2", "c": Link("a")}

    folder = unpacked(tmp_path, tar_of(tree))

    assert (folder / "c/up.py").read_text() == "2"


@pytest.mark.parametrize(
    "tree",
    [
        {"../out.py": "x"},
        {"/abs.py": "x"},
        {"a/../../out.py": "x"},
        {"a//b.py": "x"},
        {"link": Link("/etc/passwd")},
        {"link": Link("../../etc/passwd")},
        {"a/b/c/deep.py": "x", "d": Link("a/b/c"), "e": Link("d/../../../../..")},
        {"a": Link("b"), "a/file.py": "x", "b/there.py": "x"},
    ],
)
def test_a_name_that_leads_out_is_refused(tmp_path: Path, tree: Tree) -> None:
    with pytest.raises(VerificationError, match="not a snapshot"):
        unpacked(tmp_path, tar_of(tree))

    assert {path.name for path in tmp_path.iterdir()} == {"blob", "tree", "home"}


def _hardlink(member: tarfile.TarInfo) -> None:
    member.type, member.linkname = tarfile.LNKTYPE, "hubconf.py"


def _device(member: tarfile.TarInfo) -> None:
    member.type, member.devmajor, member.devminor = tarfile.CHRTYPE, 1, 3


def _fifo(member: tarfile.TarInfo) -> None:
    member.type = tarfile.FIFOTYPE


def _sparse(member: tarfile.TarInfo) -> None:
    member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 40)}


@pytest.mark.parametrize("change", [_hardlink, _device, _fifo, _sparse])
def test_only_files_folders_and_symlinks_come_out(
    tmp_path: Path, change: Callable[[tarfile.TarInfo], None]
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("odd")
        change(member)
        archive.addfile(member)

    with pytest.raises(VerificationError, match="neither file, folder nor symlink"):
        unpacked(tmp_path, buffer.getvalue())
