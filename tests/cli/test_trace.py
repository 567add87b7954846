"""``hubmirror trace`` as its user meets it."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from tests.cli.shell import Shell
from tests.upstream import Upstream, hubs


def test_what_a_manifest_lacks_is_printed_then_written_then_synced(
    shell: Shell, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)
    entry = {"repo": hub.name, "url": hub.url, "entrypoints": ["small", "large"]}
    manifest = shell.writer.manifest([entry])

    said = shell("trace", manifest, "--jobs", "2")
    written = shell("trace", manifest, "--to", manifest)
    upstream.stop()
    synced = shell("sync", "--frozen", manifest)

    assert said.code == 0, said.err
    assert f"{hub.name} small(): complete, result " in said.out
    assert f"the manifest lacks:\n\nrepos:\n  - repo: {hub.name}\n" in said.out
    assert (
        f"    checkpoints:\n      - url: {upstream.url('/acme/plain-weights/small.pth')}"
        in said.out
    )
    assert f"fetched {upstream.url('/acme/plain-weights/large.pth')} (1,829 bytes)" in said.err
    assert written.out.endswith(f"wrote {manifest} and {manifest}.lock\n")
    assert synced.code == 0, synced.err
    assert "2 checkpoints" in synced.out


def test_an_incomplete_trace_says_why_and_what_the_code_said(
    shell: Shell, upstream: Upstream
) -> None:
    hub = hubs.needs_missing_packages(upstream)
    entry = {"repo": hub.name, "url": hub.url, "entrypoints": ["net"]}

    said = shell("trace", shell.writer.manifest([entry]))

    assert said.code == 3
    assert f"incomplete: {hub.name} net()\n  it stopped early: MissingDependencyError: " in said.err
    assert "    |   pip install not_installed_one not_installed_two" in said.err
    assert f"{hub.name} net(): incomplete\n" in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give a MANIFEST, a SPEC and its ENTRYPOINT, or -- and a command"),
        (["acme/nets"], "give a MANIFEST, a SPEC and its ENTRYPOINT, or -- and a command"),
        (["a/b", "c", "d"], "give a MANIFEST, a SPEC and its ENTRYPOINT, or -- and a command"),
        (["a/b", "c", "--", "python"], "give a MANIFEST, a SPEC and its ENTRYPOINT"),
        (["m.yaml", "--to", "n.yaml"], "what is traced of m.yaml can be written --to it only"),
    ],
)
def test_wrong_usage_is_refused_with_the_ways_to_use_it(
    shell: Shell, words: list[str], message: str
) -> None:
    said = shell("trace", *words)

    assert said.code == 2
    assert f"hubmirror: {message}" in said.err


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ("{", "--kwargs: not JSON"),
        ("[1]", '--kwargs: expected one object, such as {"pretrained": true}'),
        ('{"a b": 1}', "expected the name of an argument, got 'a b'"),
    ],
)
def test_kwargs_that_are_none_are_refused(shell: Shell, kwargs: str, message: str) -> None:
    said = shell("trace", "acme/nets", "net", "--kwargs", kwargs)

    assert said.code == 65
    assert message in said.err


def test_a_manifest_that_declares_no_entrypoint_is_refused(shell: Shell) -> None:
    said = shell("trace", shell.writer.manifest([{"repo": "acme/nets"}]))

    assert said.code == 65
    assert "no repo in it has `entrypoints:`" in said.err
    assert "hubmirror trace OWNER/REPO[:REF] ENTRYPOINT" in said.err


def test_without_torch_the_line_for_pip_is_said(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = importlib.util.find_spec

    def without_torch(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "torch" else original(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without_torch)

    said = shell("trace", "acme/nets", "net")

    assert said.code == 5
    assert said.err.endswith("pip install torch\n")
    assert not Path(shell.writer.root).exists()
