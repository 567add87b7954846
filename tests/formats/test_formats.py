"""Format 1 is read by this version and every later one; a newer format is refused by name.

``format-1`` was made once, by hubmirror 0.1, and is never made again: what it holds is what is
out there. Each test works on a copy.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

import hubmirror
from hubmirror.cli.app import run
from hubmirror.errors import FormatError, VerificationError
from hubmirror.mirror import Mirror
from hubmirror.verify import verify

KEPT = Path(__file__).parent / "format-1"
REPO = "acme/plain-weights"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return shutil.copytree(KEPT, tmp_path / "format-1")


def places(folder: Path, mirror: str = "mirror") -> Sequence[str]:
    return ["--mirror", str(folder / mirror), "--state", str(folder / "state")]


def test_a_mirror_of_format_1_is_whole(kept: Path) -> None:
    with Mirror.open(kept / "mirror") as mirror:
        assert verify(mirror).findings == ()
        assert [one.sequence for _, one in mirror.publications.sound()] == [2, 1]
        assert [one.spec for one in mirror.evidence(mirror.current()[1]).pins] == [f"{REPO}:main"]


def test_a_mirror_of_format_1_loads(kept: Path) -> None:
    model = hubmirror.load(REPO, "large", mirror=str(kept / "mirror"))

    assert isinstance(model, torch.nn.Module)


@pytest.mark.parametrize("words", [["status"], ["have"], ["list"], ["history"], ["show", REPO]])
def test_a_mirror_of_format_1_is_read_by_every_command(kept: Path, words: Sequence[str]) -> None:
    assert run([*words, "--mirror", str(kept / "mirror")]) == 0


def test_a_bundle_of_format_1_is_imported(kept: Path) -> None:
    code = run(["import", str(kept / "bundle"), *places(kept, "far")])

    with Mirror.open(kept / "far") as far, Mirror.open(kept / "mirror") as mirror:
        assert code == 0
        assert far.current() == mirror.current()
        assert verify(far).findings == ()


def test_a_mirror_of_format_1_is_repaired_from_its_bundle(kept: Path) -> None:
    shutil.rmtree(kept / "mirror" / "blobs")

    code = run(["repair", "--from", str(kept / "bundle"), "--take-over", *places(kept)])

    with Mirror.open(kept / "mirror") as mirror:
        assert code == 0
        assert verify(mirror).findings == ()


@pytest.mark.parametrize("words", [["manifest", "check"], ["lock"]])
def test_a_manifest_and_its_lock_are_read(kept: Path, words: Sequence[str]) -> None:
    assert run([*words, str(kept / "team.yaml")]) == 0


def test_a_mirror_of_format_2_is_refused_and_stays_as_it_is(kept: Path) -> None:
    root = kept / "mirror"
    marker = root / "hubmirror.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "min_reader": 2}))
    before = snapshot(kept)

    with pytest.raises(FormatError, match="needs a reader of format 2"):
        hubmirror.load(REPO, "large", mirror=str(root))
    codes = [
        run([*words, *places(kept)])
        for words in (["verify"], ["repair"], ["import", str(kept / "bundle")], ["pin", REPO])
    ]

    assert set(codes) == {VerificationError.exit_code}
    assert snapshot(kept) == before


def test_a_bundle_of_format_2_is_refused_and_changes_nothing(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in (kept / "bundle").glob("*.tar"):
        content = part.read_bytes()
        assert content.count(b'"min_reader":1') == 1
        part.write_bytes(content.replace(b'"min_reader":1', b'"min_reader":2'))
    before = blobs(kept)

    code = run(["import", str(kept / "bundle"), "--take-over", *places(kept)])

    assert code == VerificationError.exit_code
    assert "needs a reader of bundle format 2" in capsys.readouterr().err
    assert blobs(kept) == before


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blobs(folder: Path) -> dict[Path, bytes]:
    """Return all that readers see; a writer that came and went leaves its name only."""
    found = snapshot(folder / "mirror")
    return {path: content for path, content in found.items() if path.suffix in {"", ".json"}} | {
        folder / "mirror" / "writer.json": b""
    }
