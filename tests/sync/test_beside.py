"""What goes on while a sync is at work: rollbacks and quarantines wait for none, and last."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.index import Index
from hubmirror.lifecycle.going_back import release, roll_back
from hubmirror.lifecycle.keeping import Rule
from hubmirror.lifecycle.marking import quarantine
from hubmirror.lifecycle.pruning import prune
from hubmirror.mirror import Mirror
from hubmirror.records import Digest
from hubmirror.sync import Options, SyncReport, sync
from hubmirror.writer import Turn
from tests.lifecycle.site import DAY, NOW
from tests.upstream import Upstream, hubs
from tests.writer import Writer, wanted

TURN = Turn("test")


def sync_and_meanwhile(writer: Writer, manifest: Path, deed: Callable[[], object]) -> SyncReport:
    """Sync, and do something else once the first file was fetched."""
    done: list[object] = []

    def notice(_: str) -> None:
        if not done:
            done.append(deed())

    report = sync([manifest], writer.settings, Options(notify=notice))
    assert done
    return report


def quarantined(writer: Writer) -> list[Digest]:
    with Mirror.open(writer.root) as mirror:
        return [one.digest for one in mirror.evidence(mirror.current()[1]).quarantine]


def test_a_quarantine_set_during_a_sync_survives_what_that_publishes(
    writer: Writer, upstream: Upstream
) -> None:
    one, two = (upstream.put(f"/{name}.pth", name.encode()) for name in ("one", "two"))
    writer.sync(writer.manifest(checkpoints=[{"url": one}]))
    manifest = writer.manifest(checkpoints=[{"url": one}, {"url": two}])

    report = sync_and_meanwhile(
        writer, manifest, lambda: quarantine(writer.settings, one, "bad", TURN)
    )

    assert report.published
    assert report.published.publication.sequence == 3
    assert len(writer.holdings().units) == 2
    assert quarantined(writer) == [Digest.of(b"one")]


def test_a_rollback_during_a_sync_holds_what_that_would_publish(
    writer: Writer, upstream: Upstream
) -> None:
    urls = [upstream.put(f"/{name}.pth", name.encode()) for name in ("one", "two", "three")]
    first = writer.sync(writer.manifest(checkpoints=[{"url": urls[0]}])).published
    assert first
    writer.sync(writer.manifest(checkpoints=[{"url": urls[1]}]))
    manifest = writer.manifest(checkpoints=[{"url": urls[2]}])

    report = sync_and_meanwhile(
        writer, manifest, lambda: roll_back(writer.settings, first.digest.hex, "worse", TURN)
    )

    assert report.held
    assert report.exit_code() is ExitCode.REFUSED
    assert [unit.name for unit in writer.holdings().units] == [urls[0]]
    release(writer.settings, TURN)
    upstream.clear_log()
    assert writer.sync(manifest).published
    assert [unit.name for unit in writer.holdings().units] == [urls[2]]
    assert upstream.fetched_files() == []


def test_news_of_what_is_known_do_not_write_the_index_anew(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upstream.put("/one.pth", b"one")
    manifest = writer.manifest(checkpoints=[{"url": url}])
    writer.sync(manifest)
    quarantine(writer.settings, url, "bad", TURN)
    monkeypatch.delattr(Index, "replace_all")

    assert writer.sync(manifest).is_idle()


def test_what_arrived_for_a_unit_that_is_not_whole_survives_a_prune(
    writer: Writer, upstream: Upstream
) -> None:
    hub, gone = hubs.plain_weights(upstream), upstream.url("/gone.pth")
    urls = [weights.url for weights in hub.weights]
    rows = [{"url": url} for url in (*urls, gone)]
    manifest = writer.manifest([wanted(hub, checkpoints=rows)])
    assert writer.sync(manifest).exit_code() is ExitCode.INCOMPLETE
    upstream.put("/gone.pth", b"back")
    upstream.clear_log()

    prune(writer.settings, Rule(1, 0, reader_grace_s=0), TURN, NOW + DAY)
    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.OK
    assert [path for path in upstream.fetched_files() if path.endswith(".pth")] == ["/gone.pth"]
