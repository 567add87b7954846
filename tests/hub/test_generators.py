"""Entrypoints that are generators: their code runs after the load, and is served all the same."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch

import hubmirror
from hubmirror.errors import OfflineMissError
from tests.hub.small_mirror import SmallRepo, publish, weights

URL = "https://weights.example/one.pth"
GONE = "https://weights.example/gone.pth"
HUBCONF = f"""
import os
import torch

def fetch(url={URL!r}):
    return torch.hub.load_state_dict_from_url(url)["value"].item()

def each(*urls, ended=None):
    try:
        for url in urls:
            try:
                yield fetch(url)
            except KeyError as error:
                yield error
        return fetch()
    finally:
        if ended is not None:
            ended.append(fetch())

def untidy():
    torch.set_grad_enabled(False)
    yield os.path.basename(torch.hub.get_dir())
"""


@pytest.fixture(autouse=True)
def _published(mirror: Path) -> None:
    publish(mirror, [SmallRepo("acme/steps", {"main": {"hubconf.py": HUBCONF}}, {URL: weights(1)})])


def each(mirror: Path, *urls: str, **more: Any) -> Generator[Any, Any, Any]:
    steps: Generator[Any, Any, Any] = hubmirror.load(
        "acme/steps", "each", *urls, mirror=mirror, **more
    )
    return steps


def test_every_step_is_served(mirror: Path) -> None:
    assert list(each(mirror, URL, URL)) == [1.0, 1.0]


def test_what_is_not_mirrored_is_refused_in_a_step_too(mirror: Path) -> None:
    steps = each(mirror, URL, GONE)
    next(steps)

    with pytest.raises(OfflineMissError, match=r"gone\.pth: not mirrored"):
        next(steps)


def test_an_exception_of_the_user_reaches_the_generator(mirror: Path) -> None:
    steps = each(mirror, URL, URL)
    next(steps)
    thrown = KeyError("mine")

    assert steps.throw(thrown) is thrown


def test_a_generator_that_is_closed_ends_served(mirror: Path) -> None:
    ended: list[float] = []
    steps = each(mirror, URL, ended=ended)
    next(steps)

    steps.close()

    assert ended == [1.0]


def test_a_generator_returns_its_value(mirror: Path) -> None:
    steps = each(mirror)

    with pytest.raises(StopIteration) as end:
        next(steps)

    assert end.value.value == 1.0


def test_a_step_leaves_the_process_as_it_was(mirror: Path) -> None:
    folder = torch.hub.get_dir()

    during = next(hubmirror.load("acme/steps", "untidy", mirror=mirror))

    assert during == "hub"
    assert torch.hub.get_dir() == folder
    assert torch.is_grad_enabled()
