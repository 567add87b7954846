"""What stands beside the code: submodules, Git LFS, licence, requirements."""

from __future__ import annotations

import pytest

from hubmirror.scanning import Kind
from tests.scanning.memory import found, scanned, sure

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"


def test_submodules_are_told_of_without_their_passwords() -> None:
    scan = scanned(
        "",
        {
            ".gitmodules": '[submodule "a"]\n\tpath = third/a\n\turl = https://u:geheim@h/a.git\n'
            '[submodule "b"]\n\turl = ../b.git\n\tpath = b\n'
        },
    )

    assert list(sure(scan, Kind.SUBMODULE)) == ["third/a https://h/a.git", "b ../b.git"]


def test_pointers_of_git_lfs_are_told_of() -> None:
    scan = scanned(
        "",
        {
            ".gitattributes": "data/*.dat filter=lfs -text\n",
            "data/x.dat": POINTER,
            "w.pth": POINTER,
            "real.pth": b"PK",
        },
    )

    assert {one.subject: one.how for one in found(scan, Kind.LFS)} == {
        "data/x.dat": "a Git LFS pointer to 12,345 bytes",
        "w.pth": "a Git LFS pointer to 12,345 bytes",
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "Permission is hereby granted, free of charge, to any\n person obtaining a copy",
            "MIT",
        ),
        ("   Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3", "AGPL-3.0"),
        ("GNU GENERAL PUBLIC LICENSE\nVersion 3", "GPL-3.0"),
        ("Attribution-NonCommercial 4.0 International", "CC-BY-NC-4.0"),
        ("Redistributions of source code must retain ... Neither the name of", "BSD-3-Clause"),
        ("Ask us first.", "unknown"),
    ],
)
def test_well_known_licences_are_named(text: str, name: str) -> None:
    scan = scanned("", {"LICENSE.md": text})

    assert (scan.licence, scan.licence_file) == (name, "LICENSE.md")


def test_a_repo_without_a_licence_has_none() -> None:
    scan = scanned("")

    assert (scan.licence, scan.licence_file) == ("", "")


def test_requirements_of_every_packaging_file_are_listed() -> None:
    scan = scanned(
        "dependencies = ['torch', 'einops']",
        {
            "requirements.txt": "torch>=2.0\nnumpy  # maths\n",
            "pyproject.toml": "[project]\nrequires-python='>=3.9'\ndependencies=['einops']\n",
        },
    )

    assert scan.requirements == ("einops", "torch>=2.0", "numpy")
    assert scan.hubconf
    assert scan.hubconf.dependencies == ("torch", "einops")
    assert scan.hubconf.requires_python == ">=3.9"
