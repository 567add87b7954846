"""``sync --rehearse`` publishes what was proved, and nothing else."""

from __future__ import annotations

from pathlib import Path

from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.records import UnitState
from hubmirror.rehearsing import Judge, Options
from hubmirror.sync import Options as HowToSync
from hubmirror.sync import SyncReport, sync
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.writer import Writer, wanted

HUBCONF = """import torch


def net():
    return torch.hub.load_state_dict_from_url("{url}")
"""


def rehearsed(writer: Writer, manifest: Path) -> SyncReport:
    judge = Judge(writer.settings, Options(notify=writer.said.append))
    return sync([manifest], writer.settings, HowToSync(judge=judge, notify=writer.said.append))


def test_only_what_was_proved_is_published(tmp_path: Path, upstream: Upstream) -> None:
    writer = Writer(tmp_path)
    good = hubs.plain_weights(upstream)
    url = good.weights[0].url
    bad = RepoBuilder.create(upstream, "acme/bad")
    bad.commit({"hubconf.py": HUBCONF.format(url="http://h.example/never.pth")})
    entry = {"repo": bad.name, "url": upstream.git_url(bad.name), "entrypoints": ["net()"]}
    manifest = writer.manifest([wanted(good, entrypoints=["small()"]), entry])

    report = rehearsed(writer, manifest)

    assert report.exit_code() is ExitCode.REFUSED
    assert writer.unit(good.name).state is UnitState.COMPLETE
    assert writer.unit(bad.name).state is UnitState.INCOMPLETE
    failure = next(unit.failure for unit in report.units if unit.name == bad.name)
    assert "asked for at acme/bad hubconf.py:5" in str(failure)
    assert "- url: http://h.example/never.pth" in str(failure)

    # Once it asks for what is mirrored it advances, and what is proved is not loaded again.
    bad.commit({"hubconf.py": HUBCONF.format(url=url)})
    writer.said.clear()

    assert rehearsed(writer, manifest).exit_code() is ExitCode.OK
    assert [line for line in writer.said if "rehearsed" in line] == [
        "rehearsed acme/bad:main net(): proved"
    ]
    with Mirror.open(writer.root) as mirror:
        assert len(mirror.evidence(mirror.serving().publication).proofs) == 2

    # A commit that fails is held back: readers see the one before, and its proof holds.
    before = writer.unit(bad.name).repo
    bad.commit({"hubconf.py": HUBCONF.format(url="http://h.example/never.pth")})

    assert rehearsed(writer, manifest).exit_code() is ExitCode.REFUSED
    assert writer.unit(bad.name).state is UnitState.STALE
    assert writer.unit(bad.name).repo == before
    with Mirror.open(writer.root) as mirror:
        assert len(mirror.evidence(mirror.serving().publication).proofs) == 2
