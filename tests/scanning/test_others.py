"""Nested repos, Hugging Face, other packages: what is found, and what is not mistaken for it."""

from __future__ import annotations

import pytest

from hubmirror.scanning import Kind
from tests.scanning.memory import found, scanned, sure


@pytest.mark.parametrize(
    "load",
    [
        "torch.hub.load('owner/name:v1', 'net')",
        "torch.hub.load(f'owner/{NAME}:v1', 'net', pretrained=True)",
        "torch.hub.load(repo_or_dir=SPEC, model='net', source='github')",
        "hub.load(SPEC, 'net')",
        "torch.hub.list(SPEC)",
    ],
)
def test_a_nested_load_is_found(load: str) -> None:
    scan = scanned(
        f"""
from torch import hub
NAME, SPEC = "name", "owner/name:v1"
def tiny():
    return {load}
"""
    )

    assert sure(scan, Kind.REPO) == {"owner/name:v1": "certain"}


@pytest.mark.parametrize(
    "load",
    [
        "torch.hub.load('owner/name', 'net', source='local')",
        "torch.hub.load('.', 'net')",
        "torch.hub.load('/opt/models/net', 'net')",
        "torch.hub.load(os.path.dirname(__file__), 'net', source='local')",
        "torch.hub.load(path, 'net')",
        "torch.hub.load('Own/Repo', 'net')",
        "torch.load('owner/name')",
        'print(\'torch.hub.load("owner/name", "net")\')',
    ],
)
def test_what_is_no_nested_load_is_not_taken_for_one(load: str) -> None:
    scan = scanned(f"import os\ndef tiny(path='.'):\n    return {load}", title="own/repo")

    assert found(scan, Kind.REPO) == []


def test_demos_beside_the_code_load_no_nested_repo() -> None:
    demo = "import torch\ntorch.hub.load('owner/name', 'net')\n"
    main = f"def tiny(): pass\nif __name__ == '__main__':\n    {demo.splitlines()[1]}\n"

    scan = scanned(main, {"demo.py": demo})

    assert found(scan, Kind.REPO) == []


@pytest.mark.parametrize(
    ("code", "subject"),
    [
        ("hf_hub_download('o/n', 'w.bin')", "o/n w.bin"),
        ("hf_hub_download(repo_id=ID, filename=f'{KIND}.bin')", "o/n w.bin"),
        ("snapshot_download(ID)", "o/n"),
        ("AutoModel.from_pretrained(ID)", "o/n"),
        ("Own.from_pretrained(ID)", "o/n"),
    ],
)
def test_what_comes_from_hugging_face_is_found(code: str, subject: str) -> None:
    scan = scanned(
        f"""
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download, snapshot_download
from transformers import AutoModel
ID, KIND = "o/n", "w"
class Own(torch.nn.Module, PyTorchModelHubMixin):
    pass
def tiny():
    return {code}
"""
    )

    assert sure(scan, Kind.HUGGING_FACE) == {subject: "certain"}


@pytest.mark.parametrize(
    ("code", "subject"),
    [
        ("timm.create_model('vit', pretrained=True)", "timm.create_model vit"),
        ("torchvision.models.resnet18(pretrained=True)", "torchvision.models.resnet18"),
        ("torchvision.models.resnet18(weights='DEFAULT')", "torchvision.models.resnet18"),
        ("timm.create_model('vit', pretrained=False)", ""),
        ("torchvision.models.resnet18(weights=None)", ""),
        ("torchvision.models.resnet18()", ""),
    ],
)
def test_weights_of_other_packages_are_told_of(code: str, subject: str) -> None:
    scan = scanned(f"import timm, torchvision\ndef tiny():\n    return {code}")

    assert sure(scan, Kind.PACKAGE) == ({subject: "certain"} if subject else {})


def test_commands_that_fetch_are_told_of() -> None:
    scan = scanned(
        """
import subprocess
def tiny():
    subprocess.check_call(["pip", "install", "x"])
    subprocess.run(["ls", "-l"])
"""
    )

    assert list(sure(scan, Kind.COMMAND)) == ["pip install x"]


def test_a_function_that_nobody_was_seen_to_call_is_read_too() -> None:
    scan = scanned(
        """
def tiny():
    return make(globals())
class Unseen:
    @staticmethod
    def build(name="x", pretrained=False):
        if pretrained:
            return torch.hub.load("owner/name", name)
"""
    )

    assert sure(scan, Kind.REPO) == {"owner/name": "likely"}


def test_a_module_that_is_imported_by_a_name_put_together_is_read() -> None:
    scan = scanned(
        """
from importlib import import_module
def tiny(kind):
    return import_module(f"nets.{kind}").build()
""",
        {
            "nets/__init__.py": "",
            "nets/a.py": "import torch\ndef build():\n    torch.hub.load('o/n', 'x')",
        },
    )

    assert sure(scan, Kind.REPO) == {"o/n": "likely"}
