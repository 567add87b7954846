"""``hubmirror export`` as the courier and their scripts see it."""

from __future__ import annotations

import csv
import hashlib
import re
import subprocess
from pathlib import Path

import pytest

from hubmirror.cli import progress
from hubmirror.errors import ExitCode
from hubmirror.evidence import Evidence, Proof, Verdict
from hubmirror.mirror import Mirror
from hubmirror.proofs import basis, look_up
from hubmirror.publish import publish as publish_rows
from tests.carry.sender import random_bytes, url
from tests.cli.shell import Shell
from tests.hub.small_mirror import publish
from tests.samples import MODES, published_mirror

SIZES = (1000, 60_000, 400_000)


@pytest.fixture
def first(shell: Shell) -> str:
    """Publish three checkpoints; return the publication."""
    return publish_sizes(shell, *SIZES)


def publish_sizes(shell: Shell, *sizes: int) -> str:
    loose = {url(number): random_bytes(size, number) for number, size in enumerate(sizes)}
    return publish(shell.writer.root, loose=loose).hex


def parts(shell: Shell) -> list[Path]:
    return sorted((shell.writer.folder / "out").glob("*.tar"))


def test_a_bundle_is_told_with_its_parts(shell: Shell, first: str) -> None:
    said = shell("export", "out", "--part-size", "300kB")

    assert said.code == ExitCode.OK
    name = parts(shell)[0].name.removesuffix(".bundle-001.tar")
    assert re.fullmatch(
        rf"bundle {name}, 2 parts in out: sequence 1 \({first[:12]}\), 4 blobs, \d+\.\d kB\n",
        said.out,
    )
    lines = [f"wrote {part} ({part.stat().st_size:,} bytes)" for part in parts(shell)]
    assert said.err.splitlines() == lines


def test_a_dry_run_foresees_the_parts_to_the_byte_and_writes_nothing(
    shell: Shell, first: str
) -> None:
    planned = shell.document("export", "out", "--part-size", "300kB", "--dry-run")
    before = sorted(shell.writer.folder.iterdir())
    shown = shell("export", "out", "--part-size", "300kB", "--dry-run")
    assert sorted(shell.writer.folder.iterdir()) == before

    done = shell.document("export", "out", "--part-size", "300kB")

    for key in ("origin", "sequence", "publication", "base", "carries", "requires"):
        assert planned[key] == done[key]
    sizes = [part["size_bytes"] for part in done["parts"]]
    assert [part["size_bytes"] for part in planned["parts"]] == sizes
    assert shown.out.startswith(f"would write 2 parts to out: sequence 1 ({first[:12]}), 4 blobs")
    assert "  part 2: " in shown.out


def test_the_document_names_every_part_with_its_digest(shell: Shell, first: str) -> None:
    document = shell.document("export", "out", "--part-size", "300kB")

    assert document["publication"] == first
    assert [part["path"] for part in document["parts"]] == [str(path) for path in parts(shell)]
    for part in document["parts"]:
        content = Path(part["path"]).read_bytes()
        assert part["sha256"] == hashlib.sha256(content).hexdigest()
        assert (part["size_bytes"], part["kept"]) == (len(content), False)
    assert all(
        part["kept"] for part in shell.document("export", "out", "--part-size", "300kB")["parts"]
    )


def test_the_list_names_every_member_of_every_part(shell: Shell, first: str) -> None:
    shell("export", "out", "--part-size", "300kB")

    with (shell.writer.folder / "out" / "transfer-list.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    members = []
    for part in parts(shell):
        words = ["tar", "-tf", str(part)]
        listed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        members += [(part.name, name) for name in listed.split() if name.startswith("blobs/")]
    assert [(row["part"], row["path"]) for row in rows] == members
    assert {row["url"] for row in rows} == {"", *(url(number) for number in range(3))}


def test_only_what_the_far_side_lacks_is_carried(shell: Shell, first: str) -> None:
    (shell.writer.folder / "have.json").write_text(shell("have").out)
    publish_sizes(shell, *SIZES, 5000)

    said = shell("export", "out", "--have", "have.json")
    document = shell.document("export", "out", "--have", "have.json")

    assert re.search(
        r"2 blobs, .*, on top of 3 blobs \(461\.0 kB\) that the far side has", said.out
    )
    assert document["base"] == {"kind": "have", "publication": first}
    assert document["carries"]["blobs"] == 2


@pytest.mark.parametrize("option", ["--have", "--since"])
def test_where_there_is_nothing_to_carry_nothing_is_written(
    shell: Shell, first: str, option: str
) -> None:
    (shell.writer.folder / "have.json").write_text(shell("have").out)
    known = "have.json" if option == "--have" else first[:10]

    said = shell("export", "out", option, known)
    document = shell.document("export", "out", option, known)

    assert said.code == ExitCode.OK
    assert said.out == f"nothing to carry: the far side has sequence 1 ({first[:12]}) already\n"
    assert (document["bundle"], document["parts"]) == (None, [])
    assert not (shell.writer.folder / "out").exists()


def test_an_older_publication_may_be_carried(shell: Shell, first: str) -> None:
    publish_sizes(shell, 10)

    document = shell.document("export", "out", "--publication", first[:12])

    assert (document["publication"], document["sequence"]) == (first, 1)


@pytest.mark.parametrize(
    ("words", "code", "message", "hint"),
    [
        (["--part-size", "floppy"], 65, "expected fat32, dvd, or a size", ""),
        (["--part-size", "2kB"], 65, "parts of 2,000 bytes are too small", "--part-size"),
        (["--name", "Vision"], 65, "'Vision' is no name for files", "lower-case letters"),
        (["--since", "1234"], 5, "0 publications begin with '1234'", "hubmirror history"),
        (["--have", "gone.json"], 74, "gone.json: No such file", ""),
        (["--have", "a", "--since", "b"], 2, "not allowed with argument", "export"),
        (["--sign", "gone"], 74, "gone", ""),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(
    shell: Shell, first: str, words: list[str], code: int, message: str, hint: str
) -> None:
    said = shell("export", "out", *words)

    assert said.code == code
    assert message in said.err
    assert hint in said.err
    assert not parts(shell)


def test_the_least_size_that_is_named_will_do(shell: Shell, first: str) -> None:
    said = shell("export", "out", "--part-size", "2kB")
    hinted = re.search(r"--part-size (\d+kB)", said.err)
    assert hinted

    assert shell("export", "out", "--part-size", hinted[1]).code == ExitCode.OK


def test_a_long_export_says_now_and_then_how_far_it_is(
    shell: Shell, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)

    said = shell("export", "out")

    assert re.search(r"^\d+\.\d kB of \d+\.\d kB, \d+\.\d .B/s, 0 s left$", said.err, re.MULTILINE)


def test_a_signed_bundle_is_signed_in_every_part(shell: Shell, first: str) -> None:
    key = shell.writer.folder / "key"
    words = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(key)]
    subprocess.run(words, check=True)

    shell("export", "out", "--part-size", "300kB", "--sign", key)
    before = [path.stat().st_ino for path in parts(shell)]
    again = shell("export", "out", "--part-size", "300kB", "--sign", key)

    assert again.code == ExitCode.OK
    assert [path.stat().st_ino for path in parts(shell)] == before
    for part in parts(shell):
        words = ["tar", "-xOf", str(part), "root.json.sig"]
        signature = subprocess.run(words, check=True, capture_output=True).stdout
        assert signature.startswith(b"-----BEGIN SSH SIGNATURE-----")
        assert part.stat().st_size <= 300_000


def test_parts_that_somebody_else_signed_are_written_again(shell: Shell, first: str) -> None:
    for name in ("one", "other"):
        key = shell.writer.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    shell("export", "out", "--sign", "one")

    document = shell.document("export", "out", "--sign", "other")

    assert [part["kept"] for part in document["parts"]] == [False]


def test_what_is_not_proved_is_not_carried_where_that_is_required(shell: Shell) -> None:
    mirror, published = published_mirror(shell.writer.root)
    first = shell("export", "out", "--require-proved")
    with mirror:
        proofs = proved(mirror, "feature/x"), proved(mirror, "main")
        publish_rows(mirror, mirror.catalog().holdings(), MODES, Evidence(proofs))

    second = shell("export", "out", "--require-proved")

    assert first.code == ExitCode.REFUSED
    assert "pytorch/vision:main resnet18(pretrained=True): unproved" in first.err
    assert second.code == ExitCode.OK, second.err
    assert published.publication.sequence == 1


def proved(mirror: Mirror, ref: str) -> Proof:
    url = "https://h.example/resnet18.pth"
    call = "resnet18(pretrained=True)"
    return Proof(
        source="team",
        unit="pytorch/vision",
        call=call,
        verdict=Verdict.PROVED,
        basis=basis(call, look_up(mirror.catalog(), [url])),
        result="",
        torch="2.13.0",
        python="3.11.9",
        platform="Linux-x86_64",
        at="2026-11-25T19:00:00+00:00",
        ref=ref,
        relied=(url,),
    )
