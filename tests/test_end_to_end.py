"""The main job from manifest to model: synced here, loaded on a node with nothing but a mirror."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubmirror import urls
from hubmirror.errors import ExitCode
from hubmirror.sync import Mode
from tests import offline_node, services
from tests.upstream import Upstream, hubs, missing_packages
from tests.upstream.hubs import HubRepo, pretrained
from tests.upstream.wheels import FACENET, LPIPS, OMEGACONF, PESTO, SILERO
from tests.writer import Writer, wanted


@dataclass(frozen=True)
class World:
    """An upstream with hub repos, real weights among them, and a mirror of all of it."""

    upstream: Upstream
    writer: Writer
    manifest: Path
    repos: tuple[HubRepo, ...]

    def entrypoints(self) -> list[tuple[HubRepo, str, str]]:
        """Return repo, entrypoint and the digest that it must have, for all that load."""
        return [
            (repo, entry.name, entry.state_digest)
            for repo in self.repos
            for entry in repo.entrypoints
            if entry.state_digest
        ]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    missing = missing_packages(LPIPS, FACENET, SILERO, PESTO, OMEGACONF)
    services.require(not missing, f"not installed: {', '.join(missing)}; see scripts/weights.txt")
    folder = tmp_path_factory.mktemp("world")
    with Upstream(folder / "upstream") as upstream:
        inner = hubs.plain_weights(upstream)
        repos = (
            pretrained.lpips(upstream),
            pretrained.facenet(upstream),
            pretrained.silero(upstream),
            pretrained.pesto(upstream),
            hubs.vision_standin(upstream),
            inner,
            hubs.nested(upstream, inner),
            hubs.hashed_names(upstream),
            hubs.same_basename(upstream),
            hubs.early_bound(upstream),
            hubs.in_repo_weights(upstream),
            hubs.own_package(upstream),
            hubs.annotated_tag(upstream),
            hubs.master_default(upstream),
        )
        writer = Writer(folder)
        manifest = writer.manifest([wanted(repo, **refs_of(repo)) for repo in repos])
        report = writer.sync(manifest)
        assert report.exit_code() is ExitCode.OK
        yield World(upstream, writer, manifest, repos)


def refs_of(repo: HubRepo) -> dict[str, object]:
    return {"refs": ["v0.10.0"]} if repo.name == "pytorch/vision" else {}


def call_of(repo: HubRepo, name: str) -> offline_node.Call:
    if repo.name == "pytorch/vision":
        return f"{repo.name}:v0.10.0", name, {"pretrained": True}
    return repo.name, name, {}


def test_the_manifest_is_of_the_promised_size(world: World) -> None:
    urls_wanted = {weights.url for repo in world.repos for weights in repo.weights}

    assert len(world.repos) >= 5
    assert len(urls_wanted) >= 12


def test_a_second_run_asks_for_refs_only_and_frozen_for_nothing(world: World) -> None:
    world.upstream.clear_log()

    assert world.writer.sync(world.manifest).is_idle()

    asked = [(request.method, request.path) for request in world.upstream.requests]
    assert len([path for _, path in asked if path.endswith("/info/refs")]) == len(world.repos)
    assert all("/git/" in path for _, path in asked)
    assert not any(path.endswith((".pth", ".pt")) for _, path in asked)
    world.upstream.clear_log()
    assert world.writer.sync(world.manifest, mode=Mode.FROZEN).is_idle()
    assert world.upstream.requests == []


def test_every_entrypoint_loads_on_a_node_with_nothing_but_the_mirror(world: World) -> None:
    calls = [call_of(repo, name) for repo, name, _ in world.entrypoints()]
    expected = {
        f"{spec} {name}": digest
        for (spec, name, _), (_, _, digest) in zip(calls, world.entrypoints(), strict=True)
    }
    world.upstream.stop()
    try:
        found = offline_node.digests(world.writer.root, calls)
    finally:
        world.upstream.start()

    assert found == expected
    assert len(found) >= 20


def test_what_loads_equals_plain_torch_hub_with_a_cache_filled_by_hand(
    world: World, tmp_path: Path
) -> None:
    services.require_program("unshare")
    chosen = [
        (repo, name, digest)
        for repo, name, digest in world.entrypoints()
        if repo.name in ("real/lpips", "real/facenet", "real/pesto", "pytorch/vision")
    ]
    for number, (repo, name, digest) in enumerate(chosen):
        tree, home = tmp_path / str(number) / "tree", tmp_path / str(number) / "torch"
        ref = "v0.10.0" if repo.name == "pytorch/vision" else repo.default_branch
        subprocess.run(
            [
                "git",
                "-c",
                "advice.detachedHead=false",
                "clone",
                "--quiet",
                "--branch",
                ref,
                repo.url,
                str(tree),
            ],
            check=True,
        )
        fill(home, repo, name, world)

        assert offline_node.plain_digest(tree, call_of(repo, name), home) == digest

    assert len(chosen) == 11


def fill(home: Path, repo: HubRepo, name: str, world: World) -> None:
    """Copy an entrypoint's weights to where torch.hub looks for them: under their base name."""
    checkpoints = home / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    with world.writer.catalog() as catalog:
        for weights in repo.entrypoint(name).weights:
            row = catalog.find_checkpoint(weights.url)
            assert row is not None
            blob = world.writer.root / "blobs" / "sha256" / row.digest.hex[:2] / row.digest.hex
            (checkpoints / urls.file_name(weights.url)).write_bytes(blob.read_bytes())
