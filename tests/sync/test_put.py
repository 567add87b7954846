"""Files that a person fetched by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hubmirror.cli.app import commands
from hubmirror.errors import ExitCode, InvalidInputError, NotFoundError, VerificationError
from hubmirror.manifest.lock import lock_path, read_lock
from hubmirror.records import Digest
from hubmirror.sync.putting import put
from tests.upstream import Upstream
from tests.writer import Writer

URL = "https://gated.example/weights.pth"
BYTES = b"fetched by hand"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "downloaded"
    path.write_bytes(BYTES)
    return path


def digests(writer: Writer) -> dict[str, Digest]:
    return {row.url: row.digest for unit in writer.holdings().units for row in unit.checkpoints}


def test_the_next_sync_takes_what_was_put_and_asks_nobody(writer: Writer, source: Path) -> None:
    put(URL, source, None, writer.settings)

    report = writer.sync(writer.manifest(checkpoints=[{"url": URL}]))

    assert report.exit_code() is ExitCode.OK
    assert digests(writer) == {URL: Digest.of(BYTES)}
    assert writer.leftovers() == []


def test_what_was_put_survives_syncs_of_other_manifests(
    writer: Writer, upstream: Upstream, source: Path
) -> None:
    put(URL, source, None, writer.settings)
    other = upstream.put("/other.pth", b"other")

    writer.sync(writer.manifest(checkpoints=[{"url": other}], name="other"))
    writer.sync(writer.manifest(checkpoints=[{"url": other}], name="other"))
    report = writer.sync(writer.manifest(checkpoints=[{"url": URL}]))

    assert report.exit_code() is ExitCode.OK
    assert digests(writer)[URL] == Digest.of(BYTES)


def test_an_upgrade_does_not_bring_back_what_was_put_long_ago(
    writer: Writer, upstream: Upstream, source: Path
) -> None:
    url = upstream.put("/w.pth", b"the newer bytes")
    put(url, source, None, writer.settings)
    manifest = writer.manifest(checkpoints=[{"url": url}])
    writer.sync(manifest)
    lock = read_lock(lock_path(manifest))
    assert lock is not None
    lock_path(manifest).write_text(lock.without(url).encode())  # as `lock --upgrade` does

    writer.sync(manifest)

    assert digests(writer) == {url: Digest.of(b"the newer bytes")}


def test_a_second_put_replaces_the_first(writer: Writer, source: Path) -> None:
    put(URL, source, None, writer.settings)
    source.write_bytes(b"the right one")
    put(URL, source, None, writer.settings)

    writer.sync(writer.manifest(checkpoints=[{"url": URL}]))

    assert digests(writer) == {URL: Digest.of(b"the right one")}


def test_what_is_put_must_be_what_it_is_said_to_be(writer: Writer, source: Path) -> None:
    with pytest.raises(VerificationError, match="expected sha256 0000"):
        put(URL, source, Digest("0" * 64), writer.settings)
    with pytest.raises(VerificationError, match=r"says sha256 deadbeef\.\.\., got"):
        put("https://gated.example/w-deadbeef.pth", source, None, writer.settings)
    source.write_bytes(b"")
    with pytest.raises(VerificationError, match="the file is empty"):
        put(URL, source, None, writer.settings)
    with pytest.raises(NotFoundError, match="No such file"):
        put(URL, source.with_name("none"), None, writer.settings)
    with pytest.raises(InvalidInputError, match="not a URL that can be stored"):
        put("https://me:secret@gated.example/w.pth", source, None, writer.settings)

    assert writer.leftovers() == []
    assert not (writer.root / "current.json").exists()


def test_put_on_the_command_line(writer: Writer, source: Path) -> None:
    where = ["--mirror", str(writer.root), "--state", str(writer.folder / "state")]
    arguments = ["put", URL, str(source), "--sha256", Digest.of(BYTES).hex, *where]

    shown = CliRunner().invoke(commands, arguments)

    assert shown.exit_code == 0
    assert shown.output == f"{URL}: 15 B, sha256 {Digest.of(BYTES)}; waits for sync\n"
    assert lock_path(writer.folder / "team.yaml").exists() is False
