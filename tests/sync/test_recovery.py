"""What a writer makes of a mirror, state or lock that lost something: nothing goes unsaid."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import (
    ExitCode,
    InvalidInputError,
    LockedError,
    RefusedError,
    StorageError,
    VerificationError,
)
from hubmirror.files import exclusive
from hubmirror.manifest.lock import lock_path, read_lock
from hubmirror.records import Digest
from hubmirror.settings import Settings
from hubmirror.sync import Options, sync
from tests.upstream import Upstream, faults, hubs
from tests.writer import Writer, wanted


@pytest.mark.parametrize("content", [None, b'{"serial'])
def test_a_lost_current_json_costs_no_source(
    writer: Writer, upstream: Upstream, content: bytes | None
) -> None:
    one = writer.manifest([wanted(hubs.plain_weights(upstream))], name="one")
    two = writer.manifest([wanted(hubs.hashed_names(upstream))], name="two")
    writer.sync(one)
    writer.sync(two)
    before = writer.holdings()
    (writer.root / "current.json").unlink()
    if content:
        (writer.root / "current.json").write_bytes(content)

    report = writer.sync(one)

    assert report.published is not None
    assert report.published.publication.sequence == 3
    assert writer.holdings() == before


def test_what_other_sources_had_is_not_lost_without_a_word(
    writer: Writer, upstream: Upstream
) -> None:
    one = writer.manifest([wanted(hubs.plain_weights(upstream))], name="one")
    two = writer.manifest([wanted(hubs.hashed_names(upstream))], name="two")
    writer.sync(one)
    report = writer.sync(two)
    assert report.published is not None
    (writer.root / "publications" / f"{report.published.digest}.json").unlink()
    for path in (writer.folder / "state").glob("index.db*"):
        path.unlink()

    with pytest.raises(VerificationError, match="the current publication is damaged"):
        writer.sync(one)


def test_a_lost_lock_file_comes_back_from_what_was_published(
    writer: Writer, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = writer.manifest([wanted(hub)])
    writer.sync(manifest)
    lock = writer.folder / "team.yaml.lock"
    text = lock.read_text()
    lock.unlink()
    upstream.clear_log()

    report = writer.sync(manifest)

    assert report.locks == (str(lock),)
    assert lock.read_text() == text
    assert not [path for path in upstream.fetched_files() if path.endswith(".pth")]


def test_two_states_cannot_write_one_mirror_at_once(writer: Writer, upstream: Upstream) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)
    other = Settings.load(mirror=str(writer.root), state=str(writer.folder / "other-state"))

    with (
        exclusive(writer.root / ".incoming" / "writer.lock"),
        pytest.raises(LockedError, match=r"writer\.lock: held by process"),
    ):
        sync([manifest], other, Options())


def test_the_state_cannot_lie_in_the_mirror(writer: Writer, upstream: Upstream) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    inside = Settings.load(mirror=str(writer.root), state=str(writer.root / "state"))

    with pytest.raises(StorageError, match="cannot lie in the mirror"):
        sync([manifest], inside, Options())


def test_what_a_killed_run_was_writing_is_cleared_by_the_next_one(
    writer: Writer, upstream: Upstream
) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    writer.sync(manifest)
    (writer.root / ".incoming" / "new-left").write_bytes(b"half")
    upstream.stop()

    writer.sync(manifest)

    assert writer.leftovers() == []


def test_a_missing_lock_folder_is_made(writer: Writer, upstream: Upstream) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])
    options = Options(lock_dir=writer.folder / "some" / "locks")

    report = sync([manifest], writer.settings, options)

    assert report.locks == (str(writer.folder / "some" / "locks" / "team.yaml.lock"),)


def test_a_mirror_is_a_folder(writer: Writer, upstream: Upstream) -> None:
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))])

    with pytest.raises(InvalidInputError, match="only folders can be mirrors today"):
        sync([manifest], Settings.load(mirror="s3://bucket/x"), Options())


def test_a_url_of_two_sources_can_be_seen_anew(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/w.pth", b"before")
    one = writer.manifest(checkpoints=[{"url": url}], name="one")
    two = writer.manifest(checkpoints=[{"url": url}], name="two")
    writer.sync(one, two)
    upstream.put("/w.pth", b"after")
    for manifest in (one, two):
        let_go(manifest, url)

    report = writer.sync(one, two)

    assert report.exit_code() is ExitCode.OK
    digests = {row.digest for unit in writer.holdings().units for row in unit.checkpoints}
    assert digests == {Digest.of(b"after")}


def test_a_pin_that_one_of_two_sources_let_go_is_not_brought_back_silently(
    writer: Writer, upstream: Upstream
) -> None:
    url = upstream.put("/w.pth", b"before")
    one = writer.manifest(checkpoints=[{"url": url}], name="one")
    two = writer.manifest(checkpoints=[{"url": url}], name="two")
    writer.sync(one, two)
    upstream.put("/w.pth", b"after")
    let_go(one, url)

    with pytest.raises(RefusedError, match="contradict each other"):
        writer.sync(one)


def let_go(manifest: Path, url: str) -> None:
    path = lock_path(manifest)
    lock = read_lock(path)
    assert lock is not None
    path.write_text(lock.without(url).encode())


def test_the_words_of_a_failure_are_no_news(writer: Writer, upstream: Upstream) -> None:
    good = upstream.put("/good.pth", b"good")
    url = upstream.put("/w.pth", b"w", fault=faults.Status(404))
    manifest = writer.manifest(checkpoints=[{"url": good}, {"url": url}])
    writer.sync(manifest)
    upstream.put("/w.pth", b"w", fault=faults.Status(410))

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.INCOMPLETE
    assert report.published is None


def test_an_outage_is_one_though_some_bytes_were_held(writer: Writer, upstream: Upstream) -> None:
    held = upstream.put("/held.pth", b"held")
    manifest = writer.manifest([wanted(hubs.plain_weights(upstream))], checkpoints=[{"url": held}])
    writer.sync(manifest)
    before = writer.holdings()
    upstream.stop()

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.UPSTREAM
    assert writer.holdings() == before


def test_a_ref_that_is_not_there_is_named_with_its_repo(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)

    report = writer.sync(writer.manifest([wanted(hub, refs=["v9.*"])]))

    assert report.units[0].failure is not None
    assert report.units[0].failure.message.startswith(f"{hub.name}: no branch or tag matches")
