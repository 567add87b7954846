"""From nothing but the names of entrypoints to models on a node without network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.sync import Mode
from tests import offline_node
from tests.tracing.tracer import Tracer, target
from tests.upstream import Upstream, hubs, missing_packages
from tests.upstream.hubs import HubRepo, pretrained
from tests.upstream.wheels import FACENET, LPIPS, OMEGACONF, PESTO, SILERO
from tests.writer import Writer


@pytest.mark.parametrize("most", [5, pytest.param(99, marks=pytest.mark.long)])
def test_a_manifest_that_nobody_typed_loads_on_a_node_without_network(
    tmp_path: Path, most: int
) -> None:
    with Upstream(tmp_path / "upstream") as upstream:
        tracer = Tracer(Writer(tmp_path), upstream)
        calls = list(_calls(upstream))[:most]

        traced = tracer(*(target(spec, call) for _, spec, call in calls), jobs=2)
        upstream.stop()
        synced = tracer.writer.sync(tracer.manifest, mode=Mode.FROZEN)
        given = [(spec, name_of(call), arguments_of(call)) for _, spec, call in calls]
        found = offline_node.digests(tracer.writer.root, given)

    assert [one.reasons() for one in traced.traces] == [()] * len(calls)
    assert synced.exit_code() is ExitCode.OK
    assert tracer.writer.leftovers() == []
    for (repo, spec, call), trace in zip(calls, traced.traces, strict=True):
        entrypoint = repo.entrypoint(name_of(call))
        assert {one.url for one in trace.urls} == {one.url for one in entrypoint.weights}
        assert found[f"{spec} {name_of(call)}"] == entrypoint.state_digest


def test_a_nested_repo_is_an_entry_of_its_own(tmp_path: Path) -> None:
    with Upstream(tmp_path / "upstream") as upstream:
        hubs.nested(upstream, hubs.plain_weights(upstream))
        tracer = Tracer(Writer(tmp_path), upstream)

        trace = tracer.one("acme/nested", "outer")

    edge = tracer.lock["repos"]["acme/nested"]["entrypoints"]["outer()"]
    assert "  - repo: acme/plain-weights\n    checkpoints:\n" in tracer.manifest.read_text()
    assert [str(one.asker) for one in trace.repos] == ["", "acme/nested: hubconf.py:7"]
    assert edge["repos"] == ["acme/plain-weights"]
    assert [url.rpartition("/")[2] for url in edge["urls"]] == ["small.pth"]


def _calls(upstream: Upstream) -> Iterator[tuple[HubRepo, str, str]]:
    vision = hubs.vision_standin(upstream)
    same = hubs.same_basename(upstream)
    early = hubs.early_bound(upstream)
    yield hubs.nested(upstream, hubs.plain_weights(upstream)), "acme/nested", "outer"
    yield vision, "pytorch/vision:v0.10.0", "resnet18(pretrained=True)"
    yield same, "acme/same-basename", "second"
    yield early, "acme/early-bound", "by_file"
    yield hubs.annotated_tag(upstream), "acme/annotated-tag:v1.0", "net"
    yield vision, "pytorch/vision:v0.10.0", "alexnet(pretrained=True)"
    yield same, "acme/same-basename", "first"
    yield early, "acme/early-bound", "by_hub"
    yield early, "acme/early-bound", "by_zoo"
    yield hubs.hashed_names(upstream), "acme/hashed-names", "net"
    yield hubs.in_repo_weights(upstream), "acme/in-repo-weights", "net"
    yield hubs.own_package(upstream), "acme/own-package", "net"
    yield hubs.master_default(upstream), "acme/master-default:main", "net"
    if not missing_packages(LPIPS, FACENET, SILERO, PESTO, OMEGACONF):
        yield pretrained.lpips(upstream), "real/lpips", "alex"
        yield pretrained.facenet(upstream), "real/facenet", "pnet"
        silero = pretrained.silero(upstream)
        yield silero, "real/silero", "jit"
        yield silero, "real/silero", "plain"
        yield pretrained.pesto(upstream), "real/pesto", "mir_1k_g7"


def name_of(call: str) -> str:
    return call.partition("(")[0]


def arguments_of(call: str) -> dict[str, object]:
    return {"pretrained": True} if "pretrained" in call else {}
