"""From nothing but the names of entrypoints to models on a node without network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hubmirror.errors import ExitCode
from hubmirror.sync import Mode, SyncReport
from hubmirror.tracing import TraceReport
from tests import offline_node
from tests.tracing.tracer import Tracer, target
from tests.upstream import Upstream, hubs, missing_packages
from tests.upstream.hubs import HubRepo, pretrained
from tests.upstream.wheels import OMEGACONF, PESTO, SILERO
from tests.writer import Writer


@dataclass(frozen=True)
class World:
    """What was traced, and what came of a frozen sync while no upstream was there."""

    tracer: Tracer
    calls: list[tuple[HubRepo, str, str]]
    traced: TraceReport
    manifest: str
    synced: SyncReport


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("traced")
    with Upstream(folder / "upstream") as upstream:
        tracer = Tracer(Writer(folder), upstream)
        calls = list(_calls(upstream))
        traced = tracer(*(target(spec, call) for _, spec, call in calls), jobs=2)
        manifest = tracer.manifest.read_text()
        upstream.stop()
        synced = tracer.writer.sync(tracer.manifest, mode=Mode.FROZEN)
        yield World(tracer, calls, traced, manifest, synced)


def _calls(upstream: Upstream) -> Iterator[tuple[HubRepo, str, str]]:
    inner = hubs.plain_weights(upstream)
    vision = hubs.vision_standin(upstream)
    yield hubs.nested(upstream, inner), "acme/nested", "outer"
    yield vision, "pytorch/vision:v0.10.0", "resnet18(pretrained=True)"
    yield hubs.hashed_names(upstream), "acme/hashed-names", "net"
    same = hubs.same_basename(upstream)
    yield same, "acme/same-basename", "first"
    yield same, "acme/same-basename", "second"
    early = hubs.early_bound(upstream)
    for name in ("by_zoo", "by_file"):
        yield early, "acme/early-bound", name
    yield hubs.own_package(upstream), "acme/own-package", "net"
    yield hubs.annotated_tag(upstream), "acme/annotated-tag:v1.0", "net"
    yield hubs.master_default(upstream), "acme/master-default:main", "net"
    if not missing_packages(SILERO, PESTO, OMEGACONF):
        yield pretrained.silero(upstream), "real/silero", "jit"
        yield pretrained.pesto(upstream), "real/pesto", "mir_1k_g7"


def name_of(call: str) -> str:
    return call.partition("(")[0]


def test_every_trace_is_complete(world: World) -> None:
    assert {str(one.target): one.reasons() for one in world.traced.traces if one.reasons()} == {}
    assert world.traced.exit_code() is ExitCode.OK


def test_each_trace_saw_the_urls_that_the_entrypoint_needs_and_no_others(world: World) -> None:
    for (repo, _, call), trace in zip(world.calls, world.traced.traces, strict=True):
        wanted = {weights.url for weights in repo.entrypoint(name_of(call)).weights}

        assert {seen.url for seen in trace.urls} == wanted, str(trace.target)


def test_a_frozen_sync_publishes_with_no_upstream(world: World) -> None:
    assert world.synced.exit_code() is ExitCode.OK
    assert world.synced.published is not None
    assert world.tracer.writer.leftovers() == []


def test_the_manifest_names_nested_repos_as_entries_of_their_own(world: World) -> None:
    assert "  - repo: acme/plain-weights\n    checkpoints:\n" in world.manifest
    nested = world.tracer.lock["repos"]["acme/nested"]["entrypoints"]["outer()"]
    assert nested["repos"] == ["acme/plain-weights"]
    assert [url.rpartition("/")[2] for url in nested["urls"]] == ["small.pth"]


def test_all_of_it_loads_on_a_node_without_network(world: World) -> None:
    expected: dict[str, str] = {}
    wanted: list[offline_node.Call] = []
    for repo, spec, call in world.calls:
        given: dict[str, object] = {"pretrained": True} if "pretrained" in call else {}
        wanted.append((spec, name_of(call), given))
        expected[f"{spec} {name_of(call)}"] = repo.entrypoint(name_of(call)).state_digest

    assert offline_node.digests(world.tracer.writer.root, wanted) == expected
