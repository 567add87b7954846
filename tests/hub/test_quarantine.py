"""Nothing is loaded from what is quarantined, by whatever door it is asked for."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest

import hubmirror
from hubmirror.blobs import Blobs
from hubmirror.errors import ExitCode, RefusedError
from hubmirror.hub.doctor import diagnose
from hubmirror.hub.materializing import plan_layout
from hubmirror.lifecycle.marking import let_out, quarantine
from hubmirror.mirror import Mirror
from hubmirror.publications import Publications
from hubmirror.resolve import Spec
from hubmirror.settings import Settings
from hubmirror.writer import Turn
from tests.hub.small_mirror import SmallRepo, publish, weights

URL, SAME = "https://weights.example/net.pth", "https://elsewhere.example/copy.pth"
HUBCONF = f"""
import torch
def net(): return torch.hub.load_state_dict_from_url({URL!r})["value"].item()
def hidden():
    try:
        return net()
    except Exception:
        return torch.hub.load_state_dict_from_url({SAME!r})
"""
REPO = SmallRepo(
    "acme/nets", {"main": {"hubconf.py": HUBCONF}}, {URL: weights(3), SAME: weights(3)}
)
TURN = Turn("quarantine")


@pytest.fixture
def settings(mirror: Path, tmp_path: Path) -> Settings:
    publish(mirror, [REPO, SmallRepo("acme/other", {"main": {"hubconf.py": "def f(): return 1"}})])
    return Settings.load(mirror=str(mirror), state=str(tmp_path / "state"))


def test_quarantined_weights_are_refused_with_the_reason(settings: Settings, mirror: Path) -> None:
    quarantine(settings, URL, "withdrawn", TURN)

    with pytest.raises(RefusedError, match=r"net\.pth: quarantined since .*: withdrawn") as caught:
        hubmirror.load("acme/nets", "net", mirror=mirror)

    assert caught.value.exit_code is ExitCode.REFUSED


def test_the_same_bytes_are_refused_under_another_url(settings: Settings, mirror: Path) -> None:
    quarantine(settings, URL, "withdrawn", TURN)

    with pytest.raises(RefusedError, match=r"copy\.pth: quarantined"):
        hubmirror.load("acme/nets", "hidden", mirror=mirror)


def test_files_and_urllib_are_refused_as_well(
    settings: Settings, mirror: Path, tmp_path: Path
) -> None:
    quarantine(settings, URL, "withdrawn", TURN)

    with hubmirror.offline(mirror):
        with pytest.raises(RefusedError, match="withdrawn"):
            hubmirror.download_url_to_file(URL, str(tmp_path / "copy"))
        with pytest.raises(RefusedError, match="withdrawn"):
            urllib.request.urlopen(URL)


def test_a_quarantined_repo_runs_no_code(settings: Settings, mirror: Path) -> None:
    quarantine(settings, "acme/nets:main", "runs a miner", TURN)

    with pytest.raises(RefusedError, match=r"acme/nets: quarantined since .*: runs a miner"):
        hubmirror.load("acme/nets", "net", mirror=mirror)
    assert hubmirror.load("acme/other", "f", mirror=mirror) == 1


def test_a_job_held_to_an_older_publication_is_refused_too(
    settings: Settings, mirror: Path
) -> None:
    old = Publications(mirror).current()
    assert old
    quarantine(settings, URL, "withdrawn", TURN)

    with pytest.raises(RefusedError, match="withdrawn"):
        hubmirror.load("acme/nets", "net", mirror=mirror, publication=old.hex)


def test_what_is_let_out_loads_again(settings: Settings, mirror: Path) -> None:
    quarantine(settings, URL, "withdrawn", TURN)
    let_out(settings, URL, TURN)

    assert hubmirror.load("acme/nets", "net", mirror=mirror) == 3


def test_the_doctor_names_it(settings: Settings) -> None:
    quarantine(settings, URL, "withdrawn", TURN)

    found = diagnose(settings, [], 9999)

    (row,) = [one for one in found.findings if "quarantined" in one.message]
    assert (row.subject, row.exit_code) == ("acme/nets", ExitCode.REFUSED)


def test_torch_hubs_own_layout_leaves_it_out_and_refuses_what_is_named(
    settings: Settings, mirror: Path
) -> None:
    quarantine(settings, URL, "withdrawn", TURN)

    with Mirror.open(mirror) as opened:
        marked = opened.quarantine(opened.serving())
        layout = plan_layout(opened.catalog(), [], marked)
        with pytest.raises(RefusedError, match="withdrawn"):
            plan_layout(opened.catalog(), [Spec.parse("acme/nets")], marked)

    assert layout.checkpoints == {}
    assert f"{URL}: quarantined: withdrawn" in layout.left_out


def test_without_evidence_no_blob_is_read_for_it(
    settings: Settings, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.mirror
    with Mirror.open(mirror) as opened:
        serving = opened.serving()
        monkeypatch.delattr(Blobs, "read")

        assert opened.quarantine(serving).rows == {}
