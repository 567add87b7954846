"""Two results have one fingerprint exactly where their tensors and plain values are equal."""

from __future__ import annotations

import enum
from collections import OrderedDict
from typing import Any

import pytest
import torch

from hubmirror.hub.fingerprints import fingerprint, settle


def net(value: float = 0.5) -> torch.nn.Module:
    made = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))
    for parameter in made.parameters():
        torch.nn.init.constant_(parameter, value)
    return made


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def test_it_is_the_same_in_every_process_and_version() -> None:
    made = {"net": torch.tensor([1.0, 2.0]), "names": ["a", 1, None]}

    assert fingerprint(made) == "2e44dca05d3308c22f8fb0f7e59377476e0bfe6ef7374948f754f6e0d24a461b"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (net(), net()),
        (net(), net().eval()),
        (net(), net().requires_grad_(False)),
        (torch.ones(2, 3), torch.ones(3, 2).t()),
        (torch.ones(2), torch.nn.Parameter(torch.ones(2))),
        ((1, "a"), [1, "a"]),
        ({"a": 1, "b": 2}, OrderedDict(b=2, a=1)),
        ({"a", "b"}, frozenset({"b", "a"})),
        (object(), object()),
        (torch.empty(1, device="meta"), torch.empty(1, device="meta")),
    ],
)
def test_equal_results_have_one(one: Any, other: Any) -> None:
    assert fingerprint(one) == fingerprint(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (net(0.5), net(0.25)),
        (torch.ones(2), torch.ones(2, dtype=torch.float64)),
        (torch.ones(2), torch.ones(2, 1)),
        (torch.zeros(2), torch.zeros(2, dtype=torch.bfloat16)),
        (torch.tensor(1j), torch.tensor(1j).conj()),
        (torch.zeros(2), torch.zeros(2).to_sparse()),
        ([1, [2]], [[1], 2]),
        (["ab"], ["a", "b"]),
        (1, True),
        (1, "1"),
        ({"a": 1}, {"a": 2}),
        (Colour.RED, Colour.BLUE),
        (torch.float16, torch.float32),
        (len, max),
        (net, net()),
    ],
)
def test_results_that_differ_have_two(one: Any, other: Any) -> None:
    assert fingerprint(one) != fingerprint(other)


def test_arrays_are_told_apart_by_all_of_them() -> None:
    numpy = pytest.importorskip("numpy")

    arrays = (numpy.zeros(2), numpy.zeros(2, dtype="f4"), numpy.ones(2), numpy.zeros((2, 1)))

    assert len({fingerprint(array) for array in arrays}) == 4
    assert fingerprint(numpy.zeros(2)) == fingerprint(arrays[0])


def test_untrained_weights_are_the_same_once_all_is_settled() -> None:
    settle()
    first = fingerprint(torch.nn.Linear(4, 4))
    settle()

    assert fingerprint(torch.nn.Linear(4, 4)) == first
    assert fingerprint(torch.nn.Linear(4, 4)) != first


def test_what_contains_itself_has_one() -> None:
    made: list[object] = []
    made.append(made)

    assert fingerprint(made)


def test_there_is_none_where_the_state_cannot_be_told() -> None:
    class Odd(torch.nn.Module):
        def state_dict(self, *args: Any, **kwargs: Any) -> Any:
            raise KeyError("no")

    assert fingerprint(Odd()) == ""


def test_taking_one_changes_nothing() -> None:
    made = net()
    before = [(value.data_ptr(), value.requires_grad) for value in made.parameters()]

    fingerprint(made)

    assert [(value.data_ptr(), value.requires_grad) for value in made.parameters()] == before
