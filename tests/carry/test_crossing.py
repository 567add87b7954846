"""The whole way of a courier: three media, shuffled, one corrupt and one lost; then models load."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest
import torch

import hubmirror
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from tests.carry.far_side import FarSide
from tests.carry.handmade import Handmade
from tests.hub.small_mirror import SmallRepo, publish

HUBCONF = """
import torch
dependencies = ["torch"]

def small():
    return torch.hub.load_state_dict_from_url("https://w.example/{name}/small.pth")["value"].item()

def large():
    return torch.hub.load_state_dict_from_url("https://w.example/{name}/large.pth")["value"].item()
"""


def saved(value: float, floats: int) -> bytes:
    buffer = io.BytesIO()
    bulk = torch.rand(floats, generator=torch.Generator().manual_seed(int(value)))
    torch.save({"value": torch.tensor(value), "bulk": bulk}, buffer)
    return buffer.getvalue()


def repo(name: str, number: int, floats: int) -> SmallRepo:
    weights = {
        f"https://w.example/{name}/small.pth": saved(number, 100),
        f"https://w.example/{name}/large.pth": saved(number + 0.5, floats),
    }
    trees = {"main": {"hubconf.py": HUBCONF.format(name=name)}}
    return SmallRepo(f"acme/{name}", trees, weights)


def cross(folder: Path, floats: int) -> None:
    """Carry a mirror over three media; a byte of the second is wrong, the third comes later."""
    source = folder / "source"
    publication = publish(source, [repo("one", 1, floats), repo("two", 2, 5_000)])
    large = len(saved(1.5, floats))
    medium = Handmade.of(Mirror.open(source), publication, parts=3, split=[large])
    parts = medium.write(folder / "media")
    good = parts[1].read_bytes()
    with parts[1].open("r+b") as stream:
        stream.seek(len(good) - 5_000)
        stream.write(bytes([good[-5_000] ^ 0xFF]))
    brought = [parts[0], parts[1]]
    random.Random(6).shuffle(brought)
    far = FarSide(folder / "far")

    first = far.take(*brought)

    (bundle,) = first.bundles
    assert first.exit_code() == ExitCode.VERIFICATION
    assert [(fault.file, fault.number) for fault in bundle.faults] == [(parts[1], 2)]
    assert bundle.missing() == (2, 3)
    assert far.current() is None

    parts[1].write_bytes(good)
    assert far.take(parts[2]).exit_code() == ExitCode.INCOMPLETE
    assert far.take(parts[1]).exit_code() == ExitCode.OK
    assert far.leftovers() == []
    for name, number in (("one", 1), ("two", 2)):
        spec = f"acme/{name}"
        assert hubmirror.load(spec, "small", mirror=far.root) == number
        assert hubmirror.load(spec, "large", mirror=far.root) == number + 0.5


def test_three_media_of_which_one_is_corrupt_and_one_lost_bring_every_model(
    tmp_path: Path,
) -> None:
    cross(tmp_path, floats=75_000)


@pytest.mark.long
def test_the_same_with_media_of_a_hundred_megabytes(tmp_path: Path) -> None:
    cross(tmp_path, floats=74_000_000)
