"""One upstream, one mirror and one rehearsal of it for all tests of this folder that only look."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hubmirror import settings
from hubmirror.manifest.lock import LockedEntrypoint, lock_path, read_lock
from hubmirror.rehearsing import Options, Outcome, RehearsalReport, rehearse
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.writer import Writer, wanted

NEVER = "http://h.example/never.pth"
GONE = "http://h.example/gone.pth"
TROUPE = f'''dependencies = ["torch"]
import os
import torch


def swallows():
    try:
        torch.hub.load_state_dict_from_url("{NEVER}")
    except Exception:
        pass
    return torch.nn.Linear(2, 2)


def fails():
    return torch.hub.load_state_dict_from_url("{NEVER}")


def asks_for_the_gone():
    try:
        torch.hub.load_state_dict_from_url("{GONE}")
    except Exception:
        pass
    return os.listdir(os.path.expanduser("~")), os.environ.get("HF_TOKEN")


def lacks():
    import not_installed_anywhere


def dies():
    os.kill(os.getpid(), 9)
'''


@dataclass(frozen=True)
class Stage:
    """A mirror whose entrypoints were rehearsed once; ``manifest`` declares one that loads."""

    writer: Writer
    manifest: Path
    report: RehearsalReport

    def outcome(self, call: str) -> Outcome:
        return next(one for one in self.report.outcomes if one.standing.call == call)


@pytest.fixture(scope="session")
def performed(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")
    with pytest.MonkeyPatch.context() as patch, Upstream(folder / "upstream") as upstream:
        patch.setenv("HOME", str(folder / "home"))
        patch.setenv("HF_TOKEN", "hf_secret")
        patch.setattr(settings, "SITE_FILE", folder / "no-such-settings.yaml")
        inner = hubs.plain_weights(upstream)
        outer = hubs.nested(upstream, inner)
        troupe = RepoBuilder.create(upstream, "acme/troupe")
        commit = troupe.commit({"hubconf.py": TROUPE})
        calls = ["swallows()", "fails()", "asks_for_the_gone()", "lacks()", "dies()"]
        writer = Writer(folder)
        team = writer.manifest([wanted(inner), wanted(outer, entrypoints=["outer()"])])
        entry = {
            "repo": "acme/troupe",
            "url": upstream.git_url("acme/troupe"),
            "entrypoints": calls,
        }
        odd = writer.manifest([entry], name="odd")
        writer.sync(team, odd)
        _write_trace(odd, LockedEntrypoint("asks_for_the_gone()", commit, absent=(GONE,)))
        writer.sync(team, odd)
        return Stage(writer, team, rehearse(writer.settings, Options()))


def _write_trace(manifest: Path, trace: LockedEntrypoint) -> None:
    lock = read_lock(lock_path(manifest))
    assert lock is not None
    (traced,) = lock.repos
    text = replace(lock, repos=(replace(traced, entrypoints=(trace,)),)).encode()
    lock_path(manifest).write_text(text)
