"""load, list and help: what a repo's code gets, and what a user reads when there is nothing."""

import builtins
import logging
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import hubmirror
from hubmirror.errors import InvalidInputError, NotFoundError, NotMirroredError, OfflineMissError
from hubmirror.mirror import Mirror
from hubmirror.records import RepoKey, UnitState
from tests.hub.small_mirror import SmallRepo, publish, weights

URL = "https://weights.example/net.pth"
HUBCONF = f"""
import sys
import torch

dependencies = ["torch"]

class Net:
    def __init__(self, value):
        self.value = value

def net(scale=1):
    "A net, scaled."
    return Net(torch.hub.load_state_dict_from_url({URL!r})["value"].item() * scale)

def where(**kwargs):
    return __file__, kwargs

def fail():
    raise TypeError("of the author's own")

def nett_old():
    pass
"""


def nets(ref: str = "main", hubconf: str = HUBCONF, **more: Any) -> SmallRepo:
    return SmallRepo("acme/nets", {ref: {"hubconf.py": hubconf}}, {URL: weights(3.0)}, **more)


def test_a_mirrored_entrypoint_loads_with_its_weights(mirror: Path) -> None:
    publish(mirror, [nets()])

    net = hubmirror.load("acme/nets", "net", scale=2, mirror=mirror)

    assert net.value == 6.0


@pytest.mark.parametrize(
    "spec",
    [
        "acme/nets",
        "acme/nets:",
        "acme/nets:main",
        "ACME/Nets:refs/heads/main",
        Path("acme/nets"),
        "https://github.com/Acme/nets.git",
        "https://github.com/acme/nets/tree/main",
        "git@github.com:acme/nets.git",
    ],
)
def test_every_spelling_of_a_spec_loads_the_same(mirror: Path, spec: str | Path) -> None:
    publish(mirror, [nets()])

    assert hubmirror.load(spec, "net", mirror=mirror).value == 3.0


def test_a_repo_without_ref_loads_its_default_branch(mirror: Path) -> None:
    trees = {"develop": {"hubconf.py": "def name(): return 'develop'"},
             "main": {"hubconf.py": "def name(): return 'main'"}}  # fmt: skip
    publish(mirror, [SmallRepo("acme/nets", trees, default_branch="develop")])

    assert hubmirror.load("acme/nets", "name", mirror=mirror) == "develop"


@pytest.mark.parametrize(("mirrored", "asked"), [("main", "master"), ("master", "main")])
def test_the_usual_names_of_a_default_branch_stand_for_each_other_with_a_warning(
    mirror: Path, caplog: pytest.LogCaptureFixture, mirrored: str, asked: str
) -> None:
    publish(mirror, [nets(mirrored, default_branch=mirrored)])

    file, _ = hubmirror.load(f"acme/nets:{asked}", "where", mirror=mirror)

    assert Path(file).parent.name == f"acme_nets_{asked}"
    assert f"the default branch '{mirrored}' is served" in caplog.text


def test_a_branch_with_a_slash_and_a_commit_load_under_torch_hubs_folder_names(
    mirror: Path,
) -> None:
    publish(mirror, [nets("feature/x")])
    (row,) = Mirror.open(mirror).catalog().units_named(RepoKey.parse("acme/nets"))
    assert row.repo is not None
    commit = row.repo.refs[0].commit

    specs = ["acme/nets:feature/x", f"acme/nets:{commit}", f"acme/nets:{commit[:7]}"]
    files = [hubmirror.load(spec, "where", mirror=mirror)[0] for spec in specs]

    names = [Path(file).parent.name for file in files]
    assert names == ["acme_nets_feature_x", f"acme_nets_{commit}", f"acme_nets_{commit[:7]}"]


def test_an_alias_loads_under_the_name_that_was_asked(mirror: Path) -> None:
    publish(mirror, [nets(aliases=("old-owner/Nets",))])

    file, _ = hubmirror.load("old-owner/Nets:main", "where", mirror=mirror)

    assert Path(file).parent.name == "old-owner_Nets_main"
    assert Path(file).parent.parent.name == "hub"


def test_every_keyword_that_torch_hub_does_not_take_reaches_the_entrypoint(mirror: Path) -> None:
    publish(mirror, [nets()])

    _, given = hubmirror.load(
        "acme/nets", "where", mirror=mirror, verbose=False, verify="x", isolate=1
    )

    assert given == {"verify": "x", "isolate": 1}


def test_an_open_mirror_serves_as_well_as_a_path(mirror: Path) -> None:
    publish(mirror, [nets()])

    with Mirror.open(mirror) as opened:
        first = hubmirror.load("acme/nets", "net", mirror=opened)
    second = hubmirror.load("acme/nets", "net", mirror=str(mirror))

    assert first.value == second.value == 3.0


def test_the_mirror_of_the_environment_is_used(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror, [nets()])
    monkeypatch.setenv("HUBMIRROR", str(mirror))

    assert hubmirror.load("acme/nets", "net").value == 3.0


def test_nothing_is_printed_to_stdout(mirror: Path, capfd: pytest.CaptureFixture[str]) -> None:
    publish(mirror, [nets("v1")])

    hubmirror.load("acme/nets:v1", "net", mirror=mirror)

    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("hubmirror: acme/nets:v1 (commit ")
    assert err.endswith(f") from {mirror}\n")


def test_verbose_false_prints_nothing(mirror: Path, capfd: pytest.CaptureFixture[str]) -> None:
    publish(mirror, [nets()])

    hubmirror.load("acme/nets", "net", mirror=mirror, verbose=False)

    assert capfd.readouterr() == ("", "")


def test_nobody_is_asked_whether_a_repo_is_trusted(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = nets(hubconf="import torch\ndef nested(): return torch.hub.load('stranger/x', 'one')")
    stranger = SmallRepo("stranger/x", {"main": {"hubconf.py": "def one(): return 1"}})
    publish(mirror, [outer, stranger])
    monkeypatch.setattr(builtins, "input", lambda *_: pytest.fail("somebody was asked"))

    assert hubmirror.load("acme/nets", "nested", mirror=mirror, trust_repo=False) == 1


def test_what_a_mirror_decides_for_itself_is_ignored_with_one_warning(
    mirror: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(mirror, [nets()])

    kinds: list[dict[str, Any]] = [{"force_reload": True}, {"skip_validation": True}]
    for asked in (*kinds, {"trust_repo": True}):
        hubmirror.load("acme/nets", "net", mirror=mirror, **asked)
        hubmirror.list("acme/nets", mirror=mirror, **asked)

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "force_reload, skip_validation and trust_repo are ignored" in caplog.text


def test_list_and_help_answer_as_torch_hub_does(mirror: Path) -> None:
    publish(mirror, [nets()])

    assert hubmirror.list("acme/nets", mirror=mirror) == ["Net", "fail", "net", "nett_old", "where"]
    assert hubmirror.help("acme/nets:main", "net", mirror=mirror) == "A net, scaled."


def test_a_nested_repo_without_ref_comes_from_the_mirror(mirror: Path) -> None:
    outer = SmallRepo("acme/outer", {"main": {"hubconf.py": (
        "import torch\n"
        "def model():\n"
        "    return torch.hub.load('acme/nets', 'net', force_reload=True).value\n"
    )}})  # fmt: skip
    publish(mirror, [outer, nets()])

    assert hubmirror.load("acme/outer", "model", mirror=mirror) == 3.0


def test_a_nested_repo_that_is_not_mirrored_is_named(mirror: Path) -> None:
    hubconf = "import torch\ndef model(): return torch.hub.load('acme/gone:v2', 'x')"
    publish(mirror, [nets(hubconf=hubconf)])

    with pytest.raises(NotMirroredError, match=r"acme/gone: not mirrored") as caught:
        hubmirror.load("acme/nets", "model", mirror=mirror)

    assert "- repo: acme/gone\n      refs: [v2]" in caught.value.hint


def test_a_wrong_entrypoint_is_answered_with_the_right_ones(mirror: Path) -> None:
    publish(mirror, [nets()])

    with pytest.raises(NotMirroredError, match=r"no entrypoint 'nett'.*did you mean 'net'") as got:
        hubmirror.load("acme/nets", "nett", mirror=mirror)

    assert got.value.hint == "it has: fail, net, nett_old, where"


def test_errors_of_the_entrypoint_itself_pass_unchanged(mirror: Path) -> None:
    publish(mirror, [nets()])

    with pytest.raises(TypeError, match=r"^of the author's own$"):
        hubmirror.load("acme/nets", "fail", mirror=mirror)
    with pytest.raises(TypeError, match="unexpected keyword argument 'sclae'"):
        hubmirror.load("acme/nets", "net", sclae=2, mirror=mirror)


def test_a_miss_that_a_hubconf_swallows_is_told_in_the_end(mirror: Path) -> None:
    publish(mirror, [nets(hubconf=(
        "import torch\n"
        "def model():\n"
        "    try:\n"
        "        state = torch.hub.load_state_dict_from_url('https://weights.example/gone.pth')\n"
        "    except Exception:\n"
        "        state = None\n"
        "    return state['value']\n"
    ))])  # fmt: skip

    with pytest.raises(TypeError) as caught:
        hubmirror.load("acme/nets", "model", mirror=mirror)

    assert "https://weights.example/gone.pth: not mirrored" in caught.value.__notes__[0]


def test_a_fallback_for_a_network_that_is_down_works(mirror: Path) -> None:
    publish(mirror, [nets(hubconf=(
        "import torch, urllib.error\n"
        "def model():\n"
        "    try:\n"
        "        return torch.hub.load_state_dict_from_url('https://weights.example/gone.pth')\n"
        "    except urllib.error.URLError:\n"
        "        return 'untrained'\n"
    ))])  # fmt: skip

    assert hubmirror.load("acme/nets", "model", mirror=mirror) == "untrained"


def test_an_incomplete_unit_is_refused_with_the_reason(mirror: Path) -> None:
    broken = SmallRepo("acme/nets", {}, state=UnitState.INCOMPLETE, reason="HTTP 404 for a.pth")
    publish(mirror, [broken])

    with pytest.raises(NotMirroredError, match=r"incomplete.*HTTP 404 for a\.pth"):
        hubmirror.load("acme/nets", "net", mirror=mirror)


def test_a_stale_unit_loads_with_one_warning(
    mirror: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(mirror, [nets(state=UnitState.STALE, reason="the upstream was down")])

    for _ in range(2):
        assert hubmirror.load("acme/nets", "net", mirror=mirror).value == 3.0

    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "the upstream was down" in caplog.text


def test_a_job_sees_one_publication(mirror: Path) -> None:
    first = publish(mirror, [nets(hubconf="def number(): return 1")])
    assert hubmirror.load("acme/nets", "number", mirror=mirror) == 1

    second = publish(mirror, [nets(hubconf="def number(): return 2")])

    assert hubmirror.load("acme/nets", "number", mirror=mirror) == 1
    assert hubmirror.load("acme/nets", "number", mirror=mirror, publication=second.hex[:9]) == 2
    assert hubmirror.load("acme/nets", "number", mirror=mirror, publication=first.hex) == 1


def test_a_publication_that_is_not_there_is_refused(mirror: Path) -> None:
    publish(mirror, [nets()])

    with pytest.raises(NotFoundError, match="no publication"):
        hubmirror.load("acme/nets", "net", mirror=mirror, publication="0" * 64)


def test_without_any_mirror_the_error_names_the_four_places() -> None:
    with pytest.raises(NotFoundError, match="no mirror is configured") as caught:
        hubmirror.load("acme/nets", "net")

    assert "mirror=" in caught.value.hint
    assert "HUBMIRROR" in caught.value.hint
    assert "config.yaml" in caught.value.hint
    assert "no-such-settings.yaml" in caught.value.hint  # stands for /etc/hubmirror/config.yaml


def test_an_explicit_mirror_that_is_none_is_refused_even_for_a_local_folder(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text("def one(): return 1")

    with pytest.raises(NotFoundError, match="no mirror here"):
        hubmirror.load(tmp_path, "one", source="local", mirror=tmp_path / "nowhere")


@pytest.mark.parametrize("written", [str, lambda path: path, lambda path: f"./{path.name}"])
@pytest.mark.parametrize("source", ["local", "github"])
def test_a_plain_local_folder_loads_without_a_mirror(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    written: Callable[[Path], str | Path],
    source: str,
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "hubconf.py").write_text("dependencies = ['torch']\ndef one(n): return n")
    monkeypatch.chdir(tmp_path)

    assert hubmirror.load(written(folder), "one", 1, source=source) == 1


def test_list_and_help_take_a_plain_local_folder(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text("def one():\n    'The one.'")

    assert hubmirror.list(str(tmp_path)) == ["one"]
    assert hubmirror.help(tmp_path, "one") == "The one."


def test_a_wrong_entrypoint_of_a_local_folder_is_answered_with_the_right_ones(
    tmp_path: Path,
) -> None:
    (tmp_path / "hubconf.py").write_text("def one(): pass")

    with pytest.raises(NotMirroredError, match="did you mean 'one'") as caught:
        hubmirror.load(str(tmp_path), "onee")

    assert caught.value.hint == "it has: one"


def test_a_local_folder_that_downloads_is_told_that_there_is_no_mirror(tmp_path: Path) -> None:
    (tmp_path / "hubconf.py").write_text(HUBCONF)

    with pytest.raises(OfflineMissError, match=r"net\.pth.*no mirror is configured") as caught:
        hubmirror.load(str(tmp_path), "net")

    assert "HUBMIRROR" in caught.value.hint


def test_a_local_folder_is_served_from_the_mirror_that_there_is(
    mirror: Path, tmp_path: Path
) -> None:
    publish(mirror, [nets()])
    (tmp_path / "hubconf.py").write_text(HUBCONF)

    net = hubmirror.load(str(tmp_path), "net", source="local", mirror=mirror)

    assert net.value == 3.0


def test_what_is_neither_spec_nor_folder_is_told_how_a_spec_is_written(mirror: Path) -> None:
    publish(mirror, [nets()])

    with pytest.raises(InvalidInputError, match="owner/name"):
        hubmirror.load("nets", "net", mirror=mirror)
    with pytest.raises(NotFoundError, match=r"no hubconf\.py here"):
        hubmirror.load("./nets", "net", mirror=mirror)
    with pytest.raises(ValueError, match='Unknown source: "gitlab"'):
        hubmirror.load("acme/nets", "net", source="gitlab", mirror=mirror)


def test_objects_of_a_hubconf_can_be_pickled(mirror: Path) -> None:
    publish(mirror, [nets()])

    net = hubmirror.load("acme/nets", "net", mirror=mirror)

    assert pickle.loads(pickle.dumps(net)).value == 3.0


def test_a_hubconf_that_fails_leaves_no_module_behind(mirror: Path) -> None:
    publish(mirror, [nets(hubconf="raise ValueError('at import')\ndef net(): pass")])
    before = set(sys.modules)

    with pytest.raises(ValueError, match="at import"):
        hubmirror.load("acme/nets", "net", mirror=mirror)

    assert not [name for name in set(sys.modules) - before if name.startswith("_hubmirror")]


def test_nothing_appears_where_torch_hub_keeps_its_cache(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, [nets()])

    hubmirror.load("acme/nets", "net", mirror=mirror)

    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == [".cache"]
    assert sorted(path.name for path in (tmp_path / "home" / ".cache").iterdir()) == ["hubmirror"]
