"""The classic layout: plain torch.hub loads from it, and nothing in it is mixed up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.errors import RefusedError, VerificationError
from hubmirror.hub.materializing import Materialized, materialize, plan_layout
from hubmirror.mirror import Mirror
from hubmirror.resolve import Spec
from tests import services
from tests.hub.small_mirror import SmallRepo, blob_of, publish, weights

URL = "https://weights.example/net-v1/weights.pth"
HUBCONF = f"""
import torch
from helper import twice
def net(): return twice(torch.hub.load_state_dict_from_url({URL!r})["value"].item())
def nested(): return torch.hub.load("other/nets", "net")
"""
NETS = SmallRepo(
    "acme/nets",
    {"main": {"hubconf.py": HUBCONF, "helper.py": "def twice(x): return 2 * x"}},
    {URL: weights(3.0)},
)
OTHER = SmallRepo(
    "other/nets", {"dev": {"hubconf.py": "def net(): return 'dev'"}}, default_branch="dev"
)


def write(mirror: Path, home: Path, *specs: str) -> Materialized:
    with Mirror.open(mirror) as opened:
        layout = plan_layout(opened.catalog(), [Spec.parse(spec) for spec in specs])
        return materialize(opened, layout, home)


def plain_torch(home: Path, expression: str) -> str:
    """Evaluate with stock torch.hub alone, in a network namespace without a way out."""
    unshare = services.require_program("unshare")
    program = (
        f"import os, sys, torch\nfound = {expression}\n"
        "sys.stdout.write(repr(found))\nassert 'hubmirror' not in sys.modules"
    )
    done = subprocess.run(
        [unshare, "-rn", sys.executable, "-W", "ignore", "-I", "-c", program],
        env={"PATH": os.environ["PATH"], "TORCH_HOME": str(home)},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("torch.hub.load('acme/nets:main', 'net')", "6.0"),
        ("torch.hub.load('acme/nets:master', 'net')", "6.0"),
        ("torch.hub.load('acme/nets', 'net')", "6.0"),
        ("torch.hub.load('acme/nets', 'nested')", "'dev'"),
    ],
)
def test_plain_torch_loads_from_it_with_no_network(
    mirror: Path, tmp_path: Path, expression: str, value: str
) -> None:
    publish(mirror, [NETS, OTHER])

    write(mirror, tmp_path / "torch")

    assert plain_torch(tmp_path / "torch", expression) == value


def test_every_name_of_every_ref_is_there(mirror: Path, tmp_path: Path) -> None:
    tree = NETS.trees["main"]
    trees = {"main": tree, "feature/x": tree, "refs/tags/v1": tree}
    publish(mirror, [replace(NETS, trees=trees, aliases=("Old/Nets",))])

    write(mirror, tmp_path)

    names = {path.name for path in (tmp_path / "hub").iterdir() if path.is_dir()}
    refs = ("main", "master", "feature_x", "v1")
    assert names == {f"{repo}_{ref}" for repo in ("acme_nets", "Old_Nets") for ref in refs} | {
        "checkpoints"
    }
    assert (tmp_path / "hub" / "trusted_list").read_text() == "Old_Nets\nacme_nets\n"
    assert (tmp_path / "hub" / "checkpoints" / "weights.pth").read_bytes() == weights(3.0)


def test_a_spec_brings_its_own_and_no_more(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [NETS, OTHER], {"https://weights.example/loose.pth": weights(1.0)})

    done = write(mirror, tmp_path, "acme/nets:main")

    assert done.written == ("acme_nets_main", "acme_nets_master", "checkpoints/weights.pth")


def test_two_weights_of_one_file_name_are_refused_by_name(mirror: Path, tmp_path: Path) -> None:
    other = "https://elsewhere.example/weights.pth"
    publish(mirror, [NETS], {other: weights(4.0)})

    with pytest.raises(RefusedError) as caught:
        write(mirror, tmp_path / "torch")

    assert URL in caught.value.message
    assert other in caught.value.message
    assert not (tmp_path / "torch").exists()


def test_two_urls_of_the_same_bytes_share_a_file(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [NETS], {"https://elsewhere.example/weights.pth": weights(3.0)})

    write(mirror, tmp_path)

    assert (tmp_path / "hub" / "checkpoints" / "weights.pth").read_bytes() == weights(3.0)


def test_two_repos_of_one_folder_name_are_refused_by_name(mirror: Path, tmp_path: Path) -> None:
    first = SmallRepo("a_b/c", {"main": {"hubconf.py": "one = 1"}})
    publish(mirror, [first, SmallRepo("a/b_c", {"main": {"hubconf.py": "two = 2"}})])

    with pytest.raises(RefusedError, match=r"a_b_c_main: a/b_c:main .* and a_b/c:main"):
        write(mirror, tmp_path)


def test_a_second_time_nothing_is_written(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [NETS])
    first = write(mirror, tmp_path)

    second = write(mirror, tmp_path)

    assert (second.written, second.kept) == ((), first.written)


def test_it_follows_the_mirror(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [OTHER])
    write(mirror, tmp_path)
    publish(mirror, [replace(OTHER, trees={"dev": {"hubconf.py": "def net(): return 'new'"}})])

    write(mirror, tmp_path)

    assert "new" in (tmp_path / "hub" / "other_nets_dev" / "hubconf.py").read_text()


def test_what_a_killed_run_left_is_made_good(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [NETS])
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "new-half").write_bytes(b"half")
    (checkpoints / "weights.pth").write_bytes(b"<html>")

    write(mirror, tmp_path)

    assert [path.name for path in checkpoints.iterdir()] == ["weights.pth"]
    assert (checkpoints / "weights.pth").read_bytes() == weights(3.0)


def test_a_folder_of_the_users_own_is_left_alone(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [NETS])
    own = tmp_path / "hub" / "acme_nets_main"
    own.mkdir(parents=True)

    with pytest.raises(RefusedError, match="was not made by hubmirror"):
        write(mirror, tmp_path)

    assert list(own.iterdir()) == []


def test_a_damaged_blob_gets_no_name(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [NETS])
    blob = blob_of(mirror, weights(3.0))
    blob.chmod(0o644)
    blob.write_bytes(weights(4.0))

    with pytest.raises(VerificationError, match="expected sha256"):
        write(mirror, tmp_path)

    assert list((tmp_path / "hub" / "checkpoints").iterdir()) == []


def test_a_folder_holds_the_repos_files_and_no_others(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [NETS])

    write(mirror, tmp_path)

    found = {path.name for path in (tmp_path / "hub" / "acme_nets_main").iterdir()}
    assert found == {"hubconf.py", "helper.py"}


def test_a_folder_that_was_being_made_when_it_was_killed_is_made_again(
    mirror: Path, tmp_path: Path
) -> None:
    publish(mirror, [NETS])
    write(mirror, tmp_path)
    folder = tmp_path / "hub" / "acme_nets_main"
    shutil.move(folder, tmp_path / "hub" / "new-killed")

    done = write(mirror, tmp_path)

    assert "acme_nets_main" in done.written
    assert (folder / "hubconf.py").read_text() == HUBCONF
    assert not (tmp_path / "hub" / "new-killed").exists()
