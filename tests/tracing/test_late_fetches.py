"""What is fetched after a load, and what a script asks that nobody has edited."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.tracing import Target
from tests.hub.small_mirror import weights
from tests.tracing.tracer import Tracer
from tests.upstream import RepoBuilder, Upstream, hubs
from tests.writer import Writer

LATE = """dependencies = ["torch"]
import torch


class Late(torch.nn.Linear):
    def forward(self, inputs):
        state = torch.hub.load_state_dict_from_url("https://weights.example/late.pth")
        return super().forward(inputs) + len(state)


def net():
    return Late(2, 1)
"""

SCRIPT = """
import sys
import torch

net = torch.hub.load("acme/nested", "outer", trust_repo=True)
torch.hub.download_url_to_file("https://weights.example/late.pth", "extra.pth", progress=False)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def tracer(tmp_path: Path) -> Iterator[Tracer]:
    with Upstream(tmp_path / "upstream") as upstream:
        upstream.put("/late.pth", weights(1.0))
        yield Tracer(Writer(tmp_path), upstream)


def test_a_call_after_the_load_is_part_of_the_trace(tracer: Tracer, tmp_path: Path) -> None:
    RepoBuilder.create(tracer.upstream, "acme/late").commit({"hubconf.py": LATE})
    use = tmp_path / "use.py"
    use.write_text("import torch\n\n\ndef call(model):\n    model(torch.zeros(1, 2))\n")

    trace = tracer.one("acme/late", "net", call=use)

    assert trace.reasons() == ()
    assert [one.url for one in trace.urls] == ["https://weights.example/late.pth"]
    assert trace.urls[0].asker.repo == "acme/late"


def test_a_script_is_traced_unedited(tracer: Tracer, tmp_path: Path) -> None:
    hubs.nested(tracer.upstream, hubs.plain_weights(tracer.upstream))
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)

    (trace,) = tracer(Target(command=(sys.executable, str(script), "0"))).traces

    assert trace.reasons() == ()
    assert [one.asked for one in trace.repos] == ["acme/nested", "acme/plain-weights"]
    assert str(trace.repos[0].asker) == "train.py:5"
    manifest = tracer.manifest.read_text()
    assert "  - repo: acme/nested\n" in manifest
    assert "\ncheckpoints:\n  - url: https://weights.example/late.pth\n" in manifest


def test_a_script_that_fails_is_no_complete_trace(tracer: Tracer, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import sys\nsys.exit(4)\n")

    (trace,) = tracer(Target(command=(sys.executable, str(script)))).traces

    assert trace.reasons() == ("it stopped early: it ended with exit code 4",)
