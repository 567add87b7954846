"""What a weight file is, told by the same bytes that torch reads: torch is the judge."""

from __future__ import annotations

import argparse
import io
import json
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import _weights_only_unpickler as unpickler

from hubmirror.inspection import inspect_file
from hubmirror.inspection.allowlist import ALLOWED, OPCODES, TORCH
from hubmirror.records import Contents, WeightsKind

TENSORS = {"weight": torch.ones(3), "half": torch.ones(2, dtype=torch.float16)}
HARMLESS = [
    TENSORS,
    OrderedDict(weight=torch.nn.Parameter(torch.ones(2)), size=torch.Size([1])),
    {"epoch": 3, "lr": 0.1, "name": "net", "none": None, "done": True, "big": 10**30},
    [torch.ones(2).to_sparse(), torch.device("cpu"), torch.float32, {1, 2}, 1j],
    [b"bytes", bytearray(b"more"), (1, 2, 3, 4), []],
]
NEEDY = [
    ({"args": argparse.Namespace(lr=1)}, "argparse.Namespace"),
    (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
    ({"run": print}, "builtins.print"),
]


def saved(path: Path, value: object, *, legacy: bool = False, protocol: int = 2) -> Path:
    torch.save(value, path, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
    return path


@pytest.mark.skipif(not torch.__version__.startswith(TORCH), reason="the list of another torch")
def test_the_list_of_names_is_torchs_own() -> None:
    assert set(unpickler._get_allowed_globals()) == ALLOWED


def test_the_list_of_instructions_is_torchs_own() -> None:
    known = {name for name in vars(pickle) if hasattr(unpickler, name) and name.isupper()}

    assert known == OPCODES


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("value", HARMLESS, ids=range(len(HARMLESS)))
def test_tensors_only_is_what_weights_only_loads(
    tmp_path: Path, value: object, legacy: bool
) -> None:
    path = saved(tmp_path / "w.pth", value, legacy=legacy)

    assert inspect_file(path) == Contents(WeightsKind.TENSORS_ONLY)
    torch.load(path, weights_only=True)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(("value", "name"), NEEDY, ids=[name for _, name in NEEDY])
def test_what_weights_only_refuses_is_told_by_name(
    tmp_path: Path, value: object, name: str, legacy: bool
) -> None:
    path = saved(tmp_path / "w.pth", value, legacy=legacy)

    assert inspect_file(path) == Contents(WeightsKind.NEEDS_GLOBALS, (name,))
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_instructions_that_weights_only_does_not_know_need_all_of_pickle(tmp_path: Path) -> None:
    path = saved(tmp_path / "w.pth", TENSORS, protocol=4)

    assert inspect_file(path) == Contents(WeightsKind.NEEDS_GLOBALS)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)


def test_names_of_protocol_4_are_told_too(tmp_path: Path) -> None:
    value = [argparse.Namespace(), argparse.Namespace, argparse.ArgumentTypeError]
    path = saved(tmp_path / "w.pth", value, protocol=4)

    assert inspect_file(path).globals == ("argparse.ArgumentTypeError", "argparse.Namespace")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_told_from_tensors(tmp_path: Path) -> None:
    script = torch.jit.script(torch.nn.Linear(1, 1))
    script.save(str(tmp_path / "w.pt"))  # type: ignore[no-untyped-call]

    assert inspect_file(tmp_path / "w.pt") == Contents(WeightsKind.TORCHSCRIPT)


def test_safetensors_are_told_by_their_header(tmp_path: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "x": {"dtype": "F32", "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    path = tmp_path / "w"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))

    assert inspect_file(path) == Contents(WeightsKind.SAFETENSORS)


@pytest.mark.parametrize("legacy", [False, True])
def test_an_archive_around_one_file_is_what_the_file_is(tmp_path: Path, legacy: bool) -> None:
    inner = saved(tmp_path / "inner.pth", TENSORS, legacy=legacy)
    with zipfile.ZipFile(tmp_path / "w.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inner, "inner.pth")

    assert inspect_file(tmp_path / "w.zip") == Contents(WeightsKind.TENSORS_ONLY)


def test_the_oldest_format_needs_all_of_pickle(tmp_path: Path) -> None:
    content = pickle.dumps(OrderedDict(x=1), 2)
    with tarfile.open(tmp_path / "w.tar", "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    assert inspect_file(tmp_path / "w.tar") == Contents(WeightsKind.NEEDS_GLOBALS)


def archive_of(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>sorry</html>",
        b"\x1f\x8b a gzip",
        archive_of("a.npy", "b.npy"),
        archive_of("data.txt"),
        pickle.dumps({"a": 1}),
        b"\x08\0\0\0\0\0\0\0{broken}",
    ],
)
def test_what_torch_does_not_read_is_other(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w"
    path.write_bytes(content)

    assert inspect_file(path) == Contents(WeightsKind.OTHER)
