"""``transfer-list.csv``: what is on the media, for whoever approves them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import pytest

from hubmirror.carry.licences import find_licences, name_licence
from hubmirror.carry.transfer_list import COLUMNS, Packed, transfer_list
from hubmirror.mirror import Mirror
from hubmirror.records import BlobRef
from tests.hub.small_mirror import SmallRepo, publish, tar_of

MIT = "MIT License\n\nPermission is hereby granted, free of charge, to any\nperson obtaining a copy"
URL = "https://h.example/resnet18.pth"


def listed(root: Path) -> list[Mapping[str, str]]:
    """Return the list of a bundle that carries all of a mirror in one part."""
    with Mirror.open(root) as mirror:
        serving = mirror.serving()
        packed = [
            Packed("p.tar", f"blobs/{blob.digest}", blob, blob.size_bytes, blob.digest)
            for blob in sorted(mirror.closure(serving.digest))
        ]
        text = transfer_list(mirror, serving.publication, serving.catalog.uses(), packed)
        return list(csv.DictReader(io.StringIO("".join(text), newline="")))


def test_every_member_has_its_line(tmp_path: Path) -> None:
    tree = {"hubconf.py": "", "LICENSE": MIT}
    root = tmp_path / "mirror"
    publish(root, [SmallRepo("acme/nets", {"main": tree}, {URL: b"weights"})])

    rows = listed(root)

    by_kind = {row["kind"]: row for row in rows}
    assert tuple(rows[0]) == COLUMNS
    assert set(by_kind) == {"other", "snapshot", "about", "catalog"}
    weights, snapshot = by_kind["other"], by_kind["snapshot"]
    assert (weights["url"], weights["repo"], weights["licence"]) == (URL, "acme/nets", "")
    assert weights["size_bytes"] == "7"
    assert snapshot["repo"].startswith("acme/nets@")
    assert snapshot["licence"] == "MIT (LICENSE)"
    assert all(row["path"].endswith(row["sha256"]) for row in rows)


def test_bytes_of_two_urls_name_both(tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    publish(root, loose={URL: b"weights", f"{URL}?v=2": b"weights"})

    (row,) = [row for row in listed(root) if row["url"]]

    assert row["url"] == f"{URL} {URL}?v=2"


def test_a_segment_has_a_line_with_its_own_size_and_digest(tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    publish(root, loose={URL: b"weights"})
    with Mirror.open(root) as mirror:
        serving = mirror.serving()
        (use,) = serving.catalog.uses()
        segment = Packed("p.tar", "path", BlobRef(use.digest, 7), 3, use.digest.of(b"wei"))

        text = "".join(transfer_list(mirror, serving.publication, [use], [segment]))

    assert text.splitlines()[1] == f"p.tar,path,{URL},,3,{use.digest.of(b'wei')},,other"


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)"])
def test_no_cell_is_a_formula(tmp_path: Path, name: str) -> None:
    root = tmp_path / "mirror"
    publish(root, loose={URL: b"weights"})
    with Mirror.open(root) as mirror:
        serving = mirror.serving()
        (use,) = serving.catalog.uses()
        packed = Packed(name, name, BlobRef(use.digest, 7), 7, use.digest)

        text = transfer_list(mirror, serving.publication, [use], [packed])

    (row,) = csv.DictReader(io.StringIO("".join(text)))
    assert row["part"] == row["path"] == f"'{name}"


def test_a_file_name_cannot_steer_who_reads_the_list(tmp_path: Path) -> None:
    root = tmp_path / "mirror"
    tree = {"hubconf.py": "", "LICENSE\r\n=1\x1b[2J": "?"}
    publish(root, [SmallRepo("acme/nets", {"main": tree})])

    (row,) = [row for row in listed(root) if row["kind"] == "snapshot"]

    assert row["licence"] == "LICENSE??=1?[2J"


def test_licences_are_looked_for_in_the_root_only(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.tar"
    path.write_bytes(tar_of({"COPYING": "ours", "UNLICENSE.md": MIT, "third_party/LICENSE": MIT}))

    assert find_licences(path) == "COPYING; MIT (UNLICENSE.md)"


def test_a_snapshot_without_a_licence_has_none(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.tar"
    path.write_bytes(tar_of({"hubconf.py": "", "license": None}))

    assert find_licences(path) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (MIT, "MIT"),
        ("  Apache License\n Version 2.0, January 2004\n", "Apache-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007", "GPL-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 2, June 1991 GNU Lesser General", "GPL-2.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\n  Version 3, 19 November 2007", "AGPL-3.0"),
        ("Attribution-NonCommercial 4.0 International\n", "CC-BY-NC-4.0"),
        ("Redistribution and use in source and binary\nforms, with or", "BSD-2-Clause"),
        (
            "Redistribution and use in source and binary forms ... Neither the name of",
            "BSD-3-Clause",
        ),
        ("All rights reserved. Licensed under our own terms, not the MIT license.", ""),
        ("", ""),
    ],
)
def test_a_licence_is_named_where_its_text_is_unmistakable(text: str, name: str) -> None:
    assert name_licence(text) == name
