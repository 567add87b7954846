"""Parts that lie, or were damaged: named, refused, and nothing is written outside the mirror."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubmirror.carry import tar
from hubmirror.carry.outcome import ImportReport, Outcome
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.carry.far_side import LARGE, FarSide
from tests.carry.handmade import (
    BLOCK,
    Handmade,
    Member,
    Part,
    blob_member,
    canonical,
    header,
    segment_member,
)

Pair = tuple[Digest, Digest]
FOLDER = "medium"


def tree(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all that lies in a folder but for a far side: kind and size, and what is in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] != "far":
            status = path.lstat()
            is_small = path.is_file() and not path.is_symlink() and status.st_size < 2**30
            body = path.read_bytes() if is_small else b""
            found[str(name)] = status.st_mode, status.st_size, body
    return found


@pytest.fixture
def take(far: FarSide, tmp_path: Path) -> Callable[..., ImportReport]:
    """Import, and see afterwards that the world outside the far side is what it was."""

    def import_all(*parts: Path, **choices: bool) -> ImportReport:
        before = tree(tmp_path)
        report = far.take(*parts, **choices)
        assert tree(tmp_path) == before
        return report

    return import_all


def only_fault(report: ImportReport) -> str:
    """Return what is said of the one file that is damaged."""
    faults = [*report.faults, *(one for bundle in report.bundles for one in bundle.faults)]
    (fault,) = faults
    return fault.message


def no_trace(far: FarSide) -> bool:
    """Tell whether nothing was published."""
    return not (far.root / "current.json").exists()


@pytest.fixture
def honest(source: Mirror, publications: Pair) -> Handmade:
    return Handmade.of(source, publications[0], parts=2, split=[LARGE])


def member_starts(content: bytes) -> list[int]:
    """Return where each member's header begins, by Python's own tar reader."""
    import io

    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return [one.offset for one in archive.getmembers()]


# One byte that is another one, in every kind of member, and in what stands around members.


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x20
    path.write_bytes(content)


@pytest.mark.parametrize("where", ["name", "size", "kind", "checksum", "empty"])
@pytest.mark.parametrize("member", range(5))
def test_a_flipped_byte_in_a_header_is_found(
    take: Callable[..., ImportReport],
    far: FarSide,
    honest: Handmade,
    tmp_path: Path,
    member: int,
    where: str,
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    start = member_starts(parts[0].read_bytes())[member]
    at = {"name": 3, "size": 130, "kind": 156, "checksum": 150, "empty": 480}[where]
    flip(parts[0], start + at)

    report = take(*parts)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert only_fault(report).startswith(f"{parts[0]}: ")
    assert no_trace(far)


@pytest.mark.parametrize("member", range(6))
def test_a_flipped_byte_in_a_member_names_it(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path, member: int
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    content = parts[0].read_bytes()
    with tarfile.open(parts[0]) as archive:
        tampered = archive.getmembers()[member]
    if not tampered.size:
        pytest.skip("nothing in it to flip")
    flip(parts[0], tampered.offset_data)

    report = take(*parts)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert only_fault(report).startswith(f"{parts[0]}: {tampered.name}: ")
    assert no_trace(far)
    parts[0].write_bytes(content)
    assert take(parts[0]).exit_code() == ExitCode.OK


def test_a_flipped_byte_in_padding_is_found(
    take: Callable[..., ImportReport], honest: Handmade, tmp_path: Path
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    with tarfile.open(parts[0]) as archive:
        (large,) = [one for one in archive.getmembers() if "." in one.name.rpartition("/")[2][40:]]
    flip(parts[0], large.offset_data + large.size)

    report = take(*parts)

    assert "its padding is not zero bytes" in only_fault(report)


def test_a_flipped_byte_in_the_end_is_found(
    take: Callable[..., ImportReport], honest: Handmade, tmp_path: Path
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    flip(parts[1], parts[1].stat().st_size - 1)

    assert "something stands where the tar should end" in only_fault(take(*parts))


# Files that are too short or too long.


def test_a_part_cut_off_anywhere_is_named_and_its_good_blobs_stay(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    content = parts[0].read_bytes()
    places = [0, 1, 511, 512, 700, *(start + 5 for start in member_starts(content))]
    places += [len(content) - 1, len(content) - BLOCK, len(content) - 2 * BLOCK]

    for place in places:
        parts[0].write_bytes(content[:place])
        report = take(*parts)

        assert report.exit_code() == ExitCode.VERIFICATION, place
        assert only_fault(report).startswith(f"{parts[0]}: "), place
        assert no_trace(far)

    assert len(list((far.root / "blobs").rglob("*"))) > 5
    parts[0].write_bytes(content)
    assert take(*parts).exit_code() == ExitCode.OK


@pytest.mark.parametrize("more", [b"\0", bytes(BLOCK), b"x" * BLOCK], ids=["byte", "block", "text"])
def test_what_follows_the_end_is_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path, more: bytes
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    parts[1].write_bytes(parts[1].read_bytes() + more)

    assert "something follows the end of the part" in only_fault(take(*parts))
    assert no_trace(far)


def test_two_parts_in_one_file_are_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    parts[0].write_bytes(parts[0].read_bytes() + parts[1].read_bytes())
    parts[1].unlink()

    assert "something follows the end of the part" in only_fault(take(parts[0]))
    assert no_trace(far)


# Other members than the list names, and lists that are not the root's.


def test_members_in_another_order_are_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    part = honest.parts[1]
    listed = part.list_bytes(2)
    part.members.reverse()
    part.raw_list = listed
    parts[1].write_bytes(honest.encode(2))

    report = take(*parts)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert "expected 'blobs/sha256/" in only_fault(report)
    assert no_trace(far)


def test_a_member_twice_is_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    honest.parts[0].members.append(honest.parts[0].members[0])

    report = take(*honest.write(tmp_path / FOLDER))

    assert "names something twice" in only_fault(report)
    assert no_trace(far)


def test_a_member_that_the_list_does_not_have_is_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    honest.parts[0].members.append(Member("blobs/sha256/aa/" + "a" * 64, b"stowaway"))

    report = take(*honest.write(tmp_path / FOLDER))

    assert "what it lists takes" in only_fault(report)
    assert no_trace(far)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size_bytes", 1),
        ("size_bytes", 10**18),
        ("size_bytes", -1),
        ("name", "../../../../escaped"),
        ("name", "/tmp/escaped"),
        ("name", "blobs/sha256/aa/../../../../escaped"),
        ("sha256", "../escaped"),
        ("sha256", 7),
        ("unknown", True),
    ],
)
def test_a_list_that_says_other_things_of_a_member_is_refused(
    take: Callable[..., ImportReport],
    far: FarSide,
    honest: Handmade,
    tmp_path: Path,
    field: str,
    value: object,
) -> None:
    def lie(listed: dict[str, Any]) -> None:
        listed["members"][2] = listed["members"][2] | {field: value}

    honest.parts[0].rewrite = lie

    report = take(*honest.write(tmp_path / FOLDER))

    assert report.exit_code() == ExitCode.VERIFICATION
    assert str(honest.root()["name"]) in only_fault(report)
    assert no_trace(far)


KINDS: dict[str, dict[str, Any]] = {
    "hard link": {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd", "size": 0},
    "symbolic link": {"type": tarfile.SYMTYPE, "linkname": "../../../../etc", "size": 0},
    "character device": {"type": tarfile.CHRTYPE, "size": 0},
    "block device": {"type": tarfile.BLKTYPE, "size": 0},
    "folder": {"type": tarfile.DIRTYPE, "size": 0},
    "pipe": {"type": tarfile.FIFOTYPE, "size": 0},
    "contiguous file": {"type": tarfile.CONTTYPE},
    "sparse file": {"type": tarfile.GNUTYPE_SPARSE},
    "owner": {"uid": 1000, "uname": "root"},
    "setuid": {"mode": 0o4755},
    "time": {"mtime": 1},
    "name": {"name": "../../../../escaped"},
    "absolute name": {"name": "/tmp/escaped"},
    "long name": {"name": "a/" * 200 + "escaped"},
    "pax size": {"pax_headers": {"size": "9223372036854775807"}},
    "pax path": {"pax_headers": {"path": "../../escaped"}},
    "pax sparse": {
        "pax_headers": {"GNU.sparse.major": "1", "GNU.sparse.realsize": "1152921504606846976"}
    },
    "pax comment": {"pax_headers": {"comment": "x"}},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["among the blobs", "in the place of the root"])
def test_a_member_of_any_other_kind_is_refused(
    take: Callable[..., ImportReport],
    far: FarSide,
    honest: Handmade,
    tmp_path: Path,
    kind: str,
    place: str,
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    content = parts[0].read_bytes()
    with tarfile.open(parts[0]) as archive:
        honest_one = archive.getmembers()[0 if "root" in place else -1]
    changed = header(honest_one.name, honest_one.size, **KINDS[kind])
    before, after = content[: honest_one.offset], content[honest_one.offset + BLOCK :]
    parts[0].write_bytes(before + changed + after)

    report = take(*parts)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert only_fault(report).startswith(f"{parts[0]}: ")
    assert no_trace(far)


def test_the_part_of_another_bundle_in_the_place_of_ours_is_named(
    take: Callable[..., ImportReport],
    far: FarSide,
    source: Mirror,
    publications: Pair,
    tmp_path: Path,
) -> None:
    ours = Handmade.of(source, publications[1], parts=2)
    theirs = Handmade.of(source, publications[1], parts=3)
    parts, others = ours.write(tmp_path / FOLDER), theirs.write(tmp_path / "other")
    parts[1].write_bytes(others[1].read_bytes())

    report = take(*parts)

    assert report.exit_code() == ExitCode.INCOMPLETE
    assert [bundle.missing() for bundle in report.bundles] in ([(2,), (1, 3)], [(1, 3), (2,)])
    assert no_trace(far)


def test_the_root_of_one_bundle_before_the_blobs_of_another_is_refused(
    take: Callable[..., ImportReport],
    far: FarSide,
    source: Mirror,
    publications: Pair,
    tmp_path: Path,
) -> None:
    ours = Handmade.of(source, publications[1], parts=2)
    theirs = Handmade.of(source, publications[1], parts=3)
    root = canonical(ours.root())
    folder = tmp_path / FOLDER
    parts = ours.write(folder)
    parts[1].write_bytes(theirs._encode_part(2, root, signed=False))

    report = take(*parts)

    assert "none of the 2 that the root names" in only_fault(report)
    assert no_trace(far)


# Roots that lie.


def test_a_root_that_promises_less_than_its_parts_hold_is_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    honest.changes = {"carries": {"count": 3, "size_bytes": 300}}

    report = take(*honest.write(tmp_path / FOLDER))

    assert report.exit_code() == ExitCode.VERIFICATION
    assert "the root says that the bundle carries 3 blobs of 300 bytes" in report.bundles[0].reason
    assert no_trace(far)


def shrink(fields: dict[str, Any]) -> None:
    fields["parts"][1]["size_bytes"] -= BLOCK


def drop_part(fields: dict[str, Any]) -> None:
    del fields["parts"][1]


@pytest.mark.parametrize("lie", [shrink, drop_part])
def test_a_root_that_knows_less_of_its_parts_is_refused(
    take: Callable[..., ImportReport],
    far: FarSide,
    honest: Handmade,
    tmp_path: Path,
    lie: Callable[[dict[str, Any]], None],
) -> None:
    honest.finish = lie

    report = take(*honest.write(tmp_path / FOLDER))

    assert report.exit_code() == ExitCode.VERIFICATION
    assert no_trace(far)


def test_segments_that_are_as_listed_and_no_blob_together_are_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    for part in honest.parts:
        for at, member in enumerate(part.members):
            if member.listed and "blob" in member.listed:
                other = segment_member(bytes(LARGE), 0, len(member.content))
                sha256 = other.listed["sha256"] if other.listed else ""
                listed = member.listed | {"sha256": sha256}
                part.members[at] = Member(member.name, other.content, listed)

    report = take(*honest.write(tmp_path / FOLDER))

    assert report.exit_code() == ExitCode.VERIFICATION
    assert "its segments are what the bundle lists, but together" in only_fault(report)
    assert no_trace(far)


def test_a_bundle_without_a_blob_that_its_publication_names_is_refused(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    honest.parts[1].members.pop(0)

    report = take(*honest.write(tmp_path / FOLDER))

    assert report.exit_code() == ExitCode.VERIFICATION
    assert "1 blobs that the publication names are missing" in report.bundles[0].reason
    assert no_trace(far)


def test_a_catalog_that_is_none_is_never_published(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path
) -> None:
    fake = blob_member(b"SQLite format 3\0 and nothing of the kind")
    publication = json.loads(honest.publication)
    catalog = publication["catalog"]
    honest.parts[0].members = [
        fake if one.name.endswith(catalog["sha256"]) else one for one in honest.parts[0].members
    ]
    listed = fake.listed or {}
    publication["catalog"] = {"sha256": listed["sha256"], "size_bytes": listed["size_bytes"]}
    honest.publication = json.dumps(publication, sort_keys=True, indent=1).encode() + b"\n"

    report = take(*honest.write(tmp_path / FOLDER))

    assert report.exit_code() == ExitCode.VERIFICATION
    assert "not a catalog" in report.bundles[0].reason
    assert no_trace(far)
    assert not list((far.root / "publications").glob("*"))


@pytest.mark.parametrize("field", ["format", "min_reader"])
def test_a_bundle_of_a_newer_format_is_refused_by_name(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path, field: str
) -> None:
    honest.changes = {field: 2}

    report = take(*honest.write(tmp_path / FOLDER))

    assert report.exit_code() == ExitCode.VERIFICATION
    if field == "min_reader":
        assert "needs a reader of bundle format 2" in report.faults[0].message
    assert not far.root.exists()


# Bombs: what claims to be larger, deeper or more than there is.


def bare_part(path: Path, root: bytes) -> Path:
    """Write a file that begins like a part."""
    path.write_bytes(header("root.json", len(root)) + root + bytes(2 * BLOCK))
    return path


BOMBS = {
    "deep": b"[" * 200_000,
    "deep object": b'{"min_reader":' * 50_000,
    "huge number": b'{"min_reader":1,"sequence":' + b"9" * 100_000 + b"}",
    "infinite": b'{"min_reader":1e999}',
    "sequence of infinity": b'{"min_reader":1,"origin":"x","sequence":1e999,"base":'
    b'{"publication":null}}',
    "not text": b"\xff\xfe\0",
    "null": b"null",
    "empty": b"",
    "twice": b'{"min_reader":1,"min_reader":1}',
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_root_that_is_no_root_is_a_fault_of_its_file(
    take: Callable[..., ImportReport], far: FarSide, tmp_path: Path, bomb: str
) -> None:
    part = bare_part(tmp_path / "x.bundle-001.tar", BOMBS[bomb])

    report = take(part)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert only_fault(report).startswith(f"{part}: root.json: ")
    assert not far.root.exists()


@pytest.mark.parametrize("claimed", [2**30, 8**11, 2**62])
def test_a_claimed_size_is_not_believed_before_it_is_possible(
    take: Callable[..., ImportReport], tmp_path: Path, claimed: int
) -> None:
    part = tmp_path / "x.bundle-001.tar"
    part.write_bytes(tar.header("root.json", claimed))
    os.truncate(part, 2**40)  # sparse: there may well be that many bytes

    report = take(part)

    assert "at most 1,048,576 can be" in only_fault(report)


def test_a_list_of_a_gigabyte_is_not_read(
    take: Callable[..., ImportReport], honest: Handmade, tmp_path: Path
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    with tarfile.open(parts[1]) as archive:
        listed = archive.getmember("members.json")
    content = parts[1].read_bytes()
    parts[1].write_bytes(content[: listed.offset] + header("members.json", 2**30))
    os.truncate(parts[1], 2**31)

    assert "members.json: claims 1,073,741,824 bytes" in only_fault(take(*parts))


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_list_that_is_no_list_is_a_fault_of_its_part(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path, bomb: str
) -> None:
    honest.parts[0] = Part(honest.parts[0].members, raw_list=BOMBS[bomb])

    report = take(*honest.write(tmp_path / FOLDER))

    assert "not a list of members" in only_fault(report)
    assert no_trace(far)


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_publication_that_is_none_is_a_fault_of_its_part(
    take: Callable[..., ImportReport], far: FarSide, honest: Handmade, tmp_path: Path, bomb: str
) -> None:
    publication = json.loads(honest.publication)
    honest.changes = {"origin": publication["origin"], "sequence": 1}
    bundle = Handmade(honest.publication, honest.parts, [])
    bundle.changes = {"publication": Digest.of(BOMBS[bomb]).hex}
    folder = tmp_path / FOLDER
    parts = bundle.write(folder)
    root = canonical(bundle.root())
    bundle.publication = BOMBS[bomb]
    parts[0].write_bytes(bundle._encode_part(1, root, signed=False))

    report = take(parts[0])

    assert "publication" in only_fault(report)
    assert report.exit_code() == ExitCode.VERIFICATION
    assert not far.root.exists()


# Things that are no files.


def test_a_pipe_and_a_device_are_no_parts(far: FarSide, tmp_path: Path, honest: Handmade) -> None:
    honest.write(tmp_path / FOLDER)
    os.mkfifo(tmp_path / FOLDER / "pipe.bundle-003.tar")
    (tmp_path / FOLDER / "link.bundle-004.tar").symlink_to("/dev/zero")

    report = far.take(tmp_path / FOLDER)

    assert report.bundles[0].outcome is Outcome.PUBLISHED
    assert [fault.file.name for fault in report.faults] == [
        "link.bundle-004.tar",
        "pipe.bundle-003.tar",
    ]
    assert all("not a regular file" in fault.message for fault in report.faults)


# Whatever is in the way of a name or a size.

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=90)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=NAMES, size=st.one_of(st.integers(0, 2**63), st.integers(0, 20_000)))
def test_no_name_and_no_size_but_the_listed_ones_pass(
    far: FarSide, honest: Handmade, tmp_path: Path, name: str, size: int
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    content = parts[1].read_bytes()
    with tarfile.open(parts[1]) as archive:
        last = archive.getmembers()[-1]
    parts[1].write_bytes(
        content[: last.offset] + header(name, size) + content[last.offset + BLOCK :]
    )
    before = tree(tmp_path)

    report = far.take(parts[1])

    assert report.exit_code() == ExitCode.VERIFICATION
    assert str(parts[1]) in only_fault(report)
    assert tree(tmp_path) == before
    assert no_trace(far)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_no_byte_of_a_part_can_be_another_one(
    far: FarSide, honest: Handmade, tmp_path: Path, place: float, change: int
) -> None:
    parts = honest.write(tmp_path / FOLDER)
    content = bytearray(parts[1].read_bytes())
    content[int(place * len(content))] ^= change
    parts[1].write_bytes(content)

    report = far.take(*parts, check=True)

    assert report.exit_code() == ExitCode.VERIFICATION
    assert str(parts[1]) in only_fault(report)
