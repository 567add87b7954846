"""``hubmirror import`` as the courier and the sysadmin of the far side see it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.carry.handmade import Handmade, source_mirror
from tests.cli.shell import Shell

OLD = {"https://h.example/a.pth": b"a" * 300_000, "https://h.example/b.pth": b"b" * 4_000}


@pytest.fixture
def source(tmp_path: Path) -> Mirror:
    source_mirror(tmp_path / "source", OLD)
    return Mirror.open(tmp_path / "source")


@pytest.fixture
def parts(source: Mirror, tmp_path: Path) -> list[Path]:
    bundle = Handmade.of(source, current(source), parts=3, split=[300_000])
    return bundle.write(tmp_path / "medium")


def current(mirror: Mirror) -> Digest:
    return mirror.current()[0]


def test_the_last_part_publishes(shell: Shell, parts: list[Path]) -> None:
    first = shell("import", parts[2], parts[0])
    last = shell("import", parts[1])

    assert first.code == 3
    assert f"1 part of 3 still missing:\n  {parts[1].name}" in first.err
    assert last.code == 0
    assert last.out.startswith("published sequence 1 (")
    assert shell("list").code == 0


def test_a_damaged_part_and_a_lost_one_are_told_apart(shell: Shell, parts: list[Path]) -> None:
    whole = parts[0].read_bytes()
    parts[0].write_bytes(whole[:-3000] + b"?" + whole[-2999:])
    parts[1].rename(parts[1].with_name("lost"))

    said = shell("import", parts[0], parts[2])

    assert said.code == 4
    lines = said.err.splitlines()
    assert any(line.startswith(f"damaged: {parts[0]}: blobs/sha256/") for line in lines)
    assert any("expected sha256" in line and "got" in line for line in lines)
    assert f"  write part 1 to its medium again: {parts[0].name}; what was good stays" in lines
    at = lines.index("1 part of 3 still missing:")
    assert lines[at + 1] == f"  {parts[1].name}"


def test_the_base_that_is_missing_is_named(shell: Shell, source: Mirror, tmp_path: Path) -> None:
    before = current(source)
    have = [blob.digest for blob in source.closure(before)]
    source_mirror(source.root, OLD | {"https://h.example/new.pth": b"new"})
    bundle = Handmade.of(source, current(source), have=have)
    bundle.base["publication"] = before.hex

    said = shell("import", *bundle.write(tmp_path / "medium"))

    assert said.code == 3
    assert f"made for a mirror that has publication {before.hex[:12]}: 2 blobs" in said.err
    assert "`hubmirror export --have FILE`" in said.err


def test_an_older_bundle_is_refused_with_the_way_back(
    shell: Shell, source: Mirror, parts: list[Path], tmp_path: Path
) -> None:
    source_mirror(source.root, OLD | {"https://h.example/new.pth": b"new"})
    shell("import", *Handmade.of(source, current(source)).write(tmp_path / "newer"))

    said = shell("import", *parts)

    assert said.code == 6
    assert "--allow-rollback" in said.err
    assert shell("import", *parts, "--allow-rollback").code == 0


def test_an_unsigned_bundle_is_refused_where_signatures_are_required(
    shell: Shell, parts: list[Path], tmp_path: Path
) -> None:
    signers = tmp_path / "signers"
    signers.write_text("")

    refused = shell("import", *parts, "--allowed-signers", signers)

    assert refused.code == 6
    assert "not signed, and this machine requires signatures" in refused.err
    assert not shell.writer.root.exists()


def test_an_unsigned_bundle_is_taken_with_a_warning_where_that_is_the_policy(
    shell: Shell, parts: list[Path], tmp_path: Path
) -> None:
    signers = tmp_path / "signers"
    signers.write_text("")

    warned = shell("import", *parts, "--allowed-signers", signers, "--signatures", "warn")

    assert warned.code == 0
    assert "warning: " in warned.err


def test_a_bundle_signed_by_nobody_who_may_is_refused_by_policy(
    shell: Shell, source: Mirror, tmp_path: Path
) -> None:
    bundle = Handmade.of(source, current(source))
    bundle.signature = b"-----BEGIN SSH SIGNATURE-----\nbm9uZQ==\n-----END SSH SIGNATURE-----\n"
    signers = tmp_path / "signers"
    signers.write_text("")

    said = shell("import", *bundle.write(tmp_path / "m"), "--allowed-signers", signers)

    assert said.code == 6
    assert "its signature is not accepted: " in said.err
    assert str(signers) in said.err
    assert not shell.writer.root.exists()


def test_a_check_says_so_and_leaves_no_mirror(shell: Shell, parts: list[Path]) -> None:
    said = shell("import", parts[0].parent, "--check")

    assert said.code == 0
    assert said.out.startswith("all is well: an import would publish sequence 1 (")
    assert not shell.writer.root.exists()


def test_json_is_one_document_of_success_and_of_failure(shell: Shell, parts: list[Path]) -> None:
    missing = shell.document("import", parts[0], code=3)
    done = shell.document("import", *parts)
    nothing = shell.document("import", parts[0].with_name("nowhere"), code=5)

    assert missing["bundles"][0]["missing"] == [2, 3]
    assert done["bundles"][0]["outcome"] == "published"
    assert nothing["error"]["exit_code"] == 5
