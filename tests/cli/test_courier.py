"""docs/carrying.md: what it tells the courier to do, done."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubmirror.cli import node
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from tests.cli.shell import Said, flip
from tests.hub.small_mirror import SmallRepo, blob_of, publish

OLD, NEW, NEWER = (bytes([number]) * 40_000 for number in range(3))


@dataclass
class Courier:
    """Two hosts with a mirror each, and a folder that is carried between them."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def near(self) -> Path:
        return self.folder / "near"

    @property
    def far(self) -> Path:
        return self.folder / "far"

    def publish(self, *contents: bytes) -> str:
        """Publish weights on the connected host, and say which publication that is."""
        loose = {f"https://h.example/{one[0]}.pth": one for one in contents}
        return publish(self.near, loose=loose).hex

    def at(self, side: str, *words: str | Path, code: int = 0) -> Said:
        """Run a command on one side."""
        self.capture.readouterr()
        places = ["--mirror", self.folder / side, "--state", self.folder / f"{side}-state"]
        if words[0] == "receipt":
            del places[2:]
        ended = node.run([str(word) for word in (*words, *places)])
        out, err = self.capture.readouterr()
        assert ended == code, out + err
        return Said(ended, out, err)

    def export(self, name: str, *words: str | Path) -> Path:
        """Export into a folder, in parts of 64 kB."""
        out = self.folder / name
        self.at("near", "export", out, "--part-size", "64kB", *words)
        return out

    def carry(self, name: str, *words: str | Path) -> Path:
        """Export into a folder, in as few parts as can be."""
        out = self.folder / name
        self.at("near", "export", out, *words)
        return out

    def keep(self, name: str, said: Said) -> Path:
        """Keep what a command printed in a file."""
        path = self.folder / name
        path.write_text(said.out)
        return path

    def read(self) -> str:
        """Say what readers of the far side see."""
        with Mirror.open(self.far) as mirror:
            return mirror.current()[0].hex


@pytest.fixture
def courier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Courier:
    return Courier(tmp_path, capsys)


def test_there_and_back_with_a_receipt(courier: Courier) -> None:
    first = courier.publish(OLD, NEW)

    courier.at("far", "import", courier.export("media"))
    receipt = courier.keep("receipt.txt", courier.at("far", "receipt"))
    said = courier.at("near", "bundles", "acknowledge", receipt)

    assert courier.read() == first
    with Mirror.open(courier.far) as mirror:
        assert said.out.endswith(f": acknowledged by {mirror.id}\n")


def test_the_next_bundle_has_only_what_the_far_side_lacks(courier: Courier) -> None:
    courier.publish(OLD)
    courier.at("far", "import", courier.export("first"))
    have = courier.keep("have.json", courier.at("far", "have"))
    second = courier.publish(OLD, NEW)

    out = courier.export("second", "--have", have)
    courier.at("far", "import", out)

    listed = (out / "transfer-list.csv").read_text()
    assert Digest.of(NEW).hex in listed
    assert Digest.of(OLD).hex not in listed
    assert courier.read() == second


@pytest.mark.parametrize(
    "scale", [pytest.param(1, id="20 MB"), pytest.param(50, id="1 GB", marks=pytest.mark.long)]
)
def test_an_increment_is_hardly_larger_than_what_is_new(courier: Courier, scale: int) -> None:
    held = {f"https://h.example/{at}.pth": at.to_bytes(1) * 1_000_000 * scale for at in range(20)}
    publish(courier.near, loose=held)
    courier.at("far", "import", courier.carry("first"))
    have = courier.keep("have.json", courier.at("far", "have"))
    new = b"new" * (200_000 * scale // 3)
    publish(courier.near, loose=held | {"https://h.example/new.pth": new})

    out = courier.carry("second", "--have", have)
    courier.at("far", "import", out)
    again = courier.at("far", "import", out)

    carried = sum(path.stat().st_size for path in out.iterdir())
    assert len(new) < carried < len(new) + 100_000
    assert again.out.startswith("nothing to do")
    assert "all good" in courier.at("far", "verify").out


def test_a_receipt_is_enough_to_base_the_next_bundle_on(courier: Courier) -> None:
    courier.publish(OLD)
    courier.at("far", "import", courier.export("first"))
    receipt = courier.keep("receipt.txt", courier.at("far", "receipt"))
    second = courier.publish(OLD, NEW)

    out = courier.export("second", "--receipt", receipt)
    courier.at("far", "import", out)

    assert Digest.of(OLD).hex not in (out / "transfer-list.csv").read_text()
    assert courier.read() == second


def test_a_receipt_that_misses_something_is_no_base(courier: Courier) -> None:
    courier.publish(OLD)
    courier.at("far", "import", courier.export("first"))
    blob_of(courier.far, OLD).unlink()
    lacking = courier.keep("receipt.txt", courier.at("far", "receipt", code=ExitCode.VERIFICATION))

    out = courier.folder / "second"
    said = courier.at("near", "export", out, "--receipt", lacking, code=ExitCode.VERIFICATION)

    assert "misses 1 of 2 blobs" in said.err
    assert "hubmirror have" in said.err


def test_a_receipt_of_what_is_not_kept_here_is_no_base(courier: Courier) -> None:
    courier.publish(OLD)
    courier.at("far", "import", courier.export("first"))
    receipt = courier.keep("receipt.txt", courier.at("far", "receipt"))
    shutil.rmtree(courier.near)
    courier.publish(NEW)

    out = courier.folder / "second"
    said = courier.at("near", "export", out, "--receipt", receipt, code=ExitCode.NOT_FOUND)

    assert "receipt.txt" in said.err
    assert "no publication" in said.err


def test_a_receipt_of_a_view_is_a_base_for_the_same_view_only(courier: Courier) -> None:
    repos = [SmallRepo(f"acme/{name}", {"main": {"hubconf.py": name}}) for name in "ab"]
    publish(courier.near, repos)
    courier.at("far", "import", courier.export("first", "--repos", "acme/a"))
    receipt = courier.keep("receipt.txt", courier.at("far", "receipt"))
    publish(courier.near, [*repos, SmallRepo("acme/c", {"main": {"hubconf.py": ""}})])
    out = courier.folder / "other"

    based = courier.export("second", "--repos", "acme/a", "--receipt", receipt)
    words = ("export", out, "--repos", "acme/b", "--receipt", receipt)
    said = courier.at("near", *words, code=ExitCode.REFUSED)

    courier.at("far", "import", based)
    assert "give the same --repos as then" in said.err


def test_parts_come_in_any_order_and_what_is_missing_is_named(courier: Courier) -> None:
    first = courier.publish(OLD, NEW, NEWER)
    parts = sorted(courier.export("media").glob("*.tar"))

    said = courier.at("far", "import", parts[-1], code=ExitCode.INCOMPLETE)
    courier.at("far", "import", *parts[:-1])

    assert len(parts) > 2
    assert all(part.name in said.err for part in parts[:-1])
    assert courier.read() == first


def test_a_damaged_part_is_named_and_imported_again_alone(courier: Courier) -> None:
    first = courier.publish(OLD, NEW, NEWER)
    media = courier.export("media")
    part = max(media.glob("*.tar"))
    good = part.read_bytes()
    part.chmod(0o644)
    part.write_bytes(good[:20_000] + b"\xff" + good[20_001:])

    said = courier.at("far", "import", media, code=ExitCode.VERIFICATION)
    part.write_bytes(good)
    courier.at("far", "import", part)

    assert part.name in said.err
    assert courier.read() == first


def test_a_lost_part_is_written_again_by_the_same_command(courier: Courier) -> None:
    first = courier.publish(OLD, NEW)
    media = courier.export("media")
    lost = max(media.glob("*.tar"))
    content = lost.read_bytes()
    lost.unlink()
    courier.publish(OLD, NEW, NEWER)

    courier.export("media", "--publication", first)

    assert lost.read_bytes() == content


def test_a_bundle_without_its_base_waits_and_have_brings_the_rest(courier: Courier) -> None:
    old = courier.publish(OLD)
    new = courier.publish(OLD, NEW)
    gap = courier.export("gap", "--since", old)
    said = courier.at("far", "import", gap, code=ExitCode.INCOMPLETE)
    have = courier.keep("have.json", courier.at("far", "have"))

    rest = courier.export("rest", "--have", have)
    courier.at("far", "import", rest)

    assert Digest.of(OLD).hex in said.err
    assert Digest.of(NEW).hex not in (rest / "transfer-list.csv").read_text()
    assert courier.read() == new


def test_over_a_diode_a_gap_is_noticed_and_made_up_for(courier: Courier) -> None:
    first = courier.publish(OLD)
    whole = courier.export("1")
    second = courier.publish(OLD, NEW)
    late = courier.export("2", "--since", first)
    third = courier.publish(OLD, NEW, NEWER)
    early = courier.export("3", "--since", second)
    courier.at("far", "import", whole)

    courier.at("far", "import", early, code=ExitCode.INCOMPLETE)
    courier.at("far", "import", late)
    courier.at("far", "import", early)

    assert courier.read() == third


def test_an_old_medium_is_refused(courier: Courier) -> None:
    first = courier.publish(OLD)
    old = courier.export("old")
    second = courier.publish(OLD, NEW)
    courier.at("far", "import", courier.export("new"))

    courier.at("far", "import", old, code=ExitCode.REFUSED)
    assert courier.read() == second
    courier.at("far", "import", old, "--allow-rollback")
    assert courier.read() == first


def test_a_blob_that_has_gone_bad_is_carried_again(courier: Courier) -> None:
    courier.publish(OLD, NEW)
    courier.at("far", "import", courier.export("media"))
    bad = blob_of(courier.far, OLD)
    flip(bad)

    assert str(bad) in courier.at("far", "verify", code=ExitCode.VERIFICATION).err
    bad.unlink()
    have = courier.keep("have.json", courier.at("far", "have"))
    courier.at("far", "import", courier.export("again", "--have", have))

    assert "missing      0" in courier.at("far", "receipt", "--hash").out


def test_where_signers_are_named_only_what_they_signed_is_taken(courier: Courier) -> None:
    first = courier.publish(OLD)
    key, allowed = courier.folder / "key", courier.folder / "allowed_signers"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    allowed.write_text(f"courier@site {key.with_suffix('.pub').read_text()}")
    unsigned, signed = courier.export("unsigned"), courier.export("signed", "--sign", key)

    courier.at("far", "import", unsigned, "--allowed-signers", allowed, code=ExitCode.REFUSED)
    courier.at("far", "import", signed, "--allowed-signers", allowed)

    assert courier.read() == first


def test_anybodys_tools_check_and_unpack_the_parts(courier: Courier) -> None:
    courier.publish(OLD, NEW)
    media = courier.export("media")
    out = courier.folder / "out"
    out.mkdir()

    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=media, check=True)
    for part in sorted(media.glob("*.tar")):
        subprocess.run(["tar", "-xf", str(part)], cwd=out, check=True)

    digest = Digest.of(NEW)
    folder = out / "blobs" / "sha256" / digest.hex[:2]
    pieces = sorted(folder.glob(f"{digest}*"))
    assert b"".join(piece.read_bytes() for piece in pieces) == NEW
    assert json.loads((out / "root.json").read_text())["sequence"] == 1
