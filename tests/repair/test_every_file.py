"""Every kind of file, damaged in every way: verify names it, load refuses it, repair mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import hubmirror
from hubmirror.cli.app import run
from hubmirror.errors import HubmirrorError
from hubmirror.mirror import Mirror
from hubmirror.repair import UPSTREAM
from hubmirror.verify import verify
from tests.repair.world import World, cut, delete, flip

REPO = "acme/plain-weights"
REFUSED, OLDER, UNHARMED = "refused", "an older publication, with a warning", "unharmed"


@dataclass(frozen=True)
class Kind:
    """A kind of file: what a reader gets without it, and where it is had again."""

    name: str
    reader: str
    source: str
    is_promised: bool = True
    may_be_missing: bool = False


KINDS = (
    Kind("checkpoint", REFUSED, UPSTREAM),
    Kind("snapshot", REFUSED, UPSTREAM),
    Kind("about", REFUSED, UPSTREAM),  # by `show`: no load reads it
    Kind("catalog", REFUSED, UPSTREAM),  # from the index, which is asked always
    Kind("evidence", REFUSED, "far"),
    Kind("publication", OLDER, "far"),
    Kind("current.json", OLDER, UPSTREAM),
    Kind("hubmirror.json", REFUSED, UPSTREAM),
    Kind("writer.json", UNHARMED, UPSTREAM, may_be_missing=True),
    # No reader relies on the writer's own files.
    Kind("index.db", UNHARMED, UPSTREAM, is_promised=False),
    Kind("mirror-id", UNHARMED, UPSTREAM, is_promised=False),
    Kind("verified.db", UNHARMED, UPSTREAM, is_promised=False),
    Kind("last-success", UNHARMED, UPSTREAM, is_promised=False),
    Kind("audit.jsonl", UNHARMED, UPSTREAM, is_promised=False),
)


@pytest.mark.parametrize("damage", [flip, cut, delete])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_is_damaged_is_named_refused_and_mended(
    world: World,
    kind: Kind,
    damage: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("HUBMIRROR_VERIFY", "full")
    path = world.file(kind.name)
    damage(path)

    named = _verify(world)
    got = _read(world, caplog)
    report = world.repair(world.far if kind.source == "far" else kind.source)
    caplog.clear()

    is_named = kind.is_promised and not (kind.may_be_missing and damage is delete)
    assert any(str(path) in line for line in named) is is_named, named
    assert got == kind.reader
    assert report.left == ()
    assert _verify(world) == ()
    assert _read(world, caplog) == UNHARMED
    assert world.repair(UPSTREAM).mended == ()


def _verify(world: World) -> tuple[str, ...]:
    try:
        with Mirror.open(world.root) as mirror:
            return verify(mirror).faults
    except HubmirrorError as error:
        return (error.message.replace(str(world.root), f"{world.root}/hubmirror.json", 1),)


def _read(world: World, caplog: pytest.LogCaptureFixture) -> str:
    try:
        hubmirror.load(REPO, "large", mirror=str(world.root))
    except HubmirrorError:
        return REFUSED
    if run(["show", REPO, "--mirror", str(world.root)]):
        return REFUSED
    return OLDER if "the newest sound publication is served" in caplog.text else UNHARMED
