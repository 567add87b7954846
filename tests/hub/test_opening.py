"""How weights come into memory: mapped, private, and no more than tensors where they are that."""

from __future__ import annotations

import argparse
import io
import pickle
import warnings
import zipfile
from pathlib import Path

import pytest
import torch

import hubmirror
from hubmirror.errors import MissingDependencyError, VerificationError
from hubmirror.hub import torch_door
from tests.hub.small_mirror import SmallRepo, blob_of, publish, weights

URL = "https://weights.example/net.pth"
PLAIN = {"weight": torch.arange(4096.0)}
NEEDY = {"args": argparse.Namespace(lr=1), "weight": torch.ones(2)}


@pytest.fixture(autouse=True)
def _configured(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBMIRROR", str(mirror))


def saved(value: object, *, legacy: bool = False, protocol: int = 2) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
    return buffer.getvalue()


def is_mapped(blob: Path) -> bool:
    return str(blob) in Path("/proc/self/maps").read_text()


def test_weights_are_mapped_from_the_blob(mirror: Path) -> None:
    publish(mirror, loose={URL: saved(PLAIN)})

    state = hubmirror.load_state_dict_from_url(URL)

    assert is_mapped(blob_of(mirror, saved(PLAIN)))
    assert torch.equal(state["weight"], PLAIN["weight"])


def test_writing_to_mapped_weights_never_changes_the_blob(mirror: Path) -> None:
    publish(mirror, loose={URL: saved(PLAIN)})

    state = hubmirror.load_state_dict_from_url(URL)
    state["weight"].fill_(7.0)

    assert blob_of(mirror, saved(PLAIN)).read_bytes() == saved(PLAIN)
    assert torch.equal(hubmirror.load_state_dict_from_url(URL)["weight"], PLAIN["weight"])


def test_a_shared_mapping_that_the_user_has_set_is_not_used(mirror: Path) -> None:
    import mmap

    publish(mirror, loose={URL: saved(PLAIN)})

    with torch.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        hubmirror.load_state_dict_from_url(URL)["weight"].fill_(7.0)

    assert blob_of(mirror, saved(PLAIN)).read_bytes() == saved(PLAIN)


def test_map_location_moves_mapped_weights(mirror: Path) -> None:
    publish(mirror, loose={URL: saved(PLAIN)})

    moved = hubmirror.load_state_dict_from_url(URL, map_location=torch.device("meta"))
    called = hubmirror.load_state_dict_from_url(URL, map_location=lambda storage, _: storage)

    assert moved["weight"].device.type == "meta"
    assert torch.equal(called["weight"], PLAIN["weight"])


def test_the_format_of_before_torch_1_6_is_read(mirror: Path) -> None:
    content = saved(PLAIN, legacy=True)
    publish(mirror, loose={URL: content})

    state = hubmirror.load_state_dict_from_url(URL)

    assert not is_mapped(blob_of(mirror, content))
    assert torch.equal(state["weight"], PLAIN["weight"])


def test_compressed_tensors_are_not_mapped_as_noise(mirror: Path) -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(PLAIN))) as plain,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    publish(mirror, loose={URL: buffer.getvalue()})

    assert torch.equal(hubmirror.load_state_dict_from_url(URL)["weight"], PLAIN["weight"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:`torch.jit:FutureWarning")
def test_torchscript_is_loaded_as_stock_does(mirror: Path) -> None:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 1)), buffer)
    publish(mirror, loose={URL: buffer.getvalue()})

    with pytest.warns(UserWarning, match="TorchScript archive"):
        net = hubmirror.load_state_dict_from_url(URL)

    assert net(torch.ones(1, 2)).shape == (1, 1)


def test_a_file_that_cannot_be_mapped_is_read(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror, loose={URL: saved(PLAIN)})
    monkeypatch.setattr(torch_door, "_may_map", lambda: False)  # as a torch without mmap says

    assert torch.equal(hubmirror.load_state_dict_from_url(URL)["weight"], PLAIN["weight"])


def effective(mirror: Path, content: bytes, **arguments: str) -> bool:
    """Tell whether weights_only was in force when code that says nothing of it loaded weights."""
    publish(mirror, loose={URL: content})
    asked: list[bool] = []
    real = torch.load

    def watched(*args: object, **kwargs: object) -> object:
        asked.append(bool(kwargs["weights_only"]))
        return real(*args, **kwargs)  # type: ignore[arg-type]

    torch.load = watched
    try:
        with hubmirror.offline(**arguments):
            torch.hub.load_state_dict_from_url(URL)
    finally:
        torch.load = real
    return asked[-1]


def test_tensors_only_weights_load_as_such_whatever_the_code_says(mirror: Path) -> None:
    assert effective(mirror, saved(PLAIN)) is True


def test_weights_that_need_more_load_as_the_code_says(mirror: Path) -> None:
    assert effective(mirror, saved(NEEDY)) is False


def test_upstream_leaves_all_to_the_code(mirror: Path) -> None:
    assert effective(mirror, saved(PLAIN), weights_only="upstream") is False


def test_always_refuses_what_needs_more(mirror: Path) -> None:
    publish(mirror, loose={URL: saved(NEEDY)})

    with (
        hubmirror.offline(weights_only="always"),
        pytest.raises(pickle.UnpicklingError) as caught,
    ):
        torch.hub.load_state_dict_from_url(URL)

    assert "HUBMIRROR_WEIGHTS_ONLY=upstream" in caught.value.__notes__[1]


def test_a_refusal_names_blob_url_repo_and_what_to_allow(mirror: Path) -> None:
    call = f"torch.hub.load_state_dict_from_url({URL!r}, weights_only=True)"
    hubconf = f"import torch\ndef net(): return {call}"
    repo = SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}}, {URL: saved(NEEDY)})
    publish(mirror, [repo])

    with pytest.raises(pickle.UnpicklingError) as caught:
        hubmirror.load("acme/nets", "net")

    assert caught.value.__notes__ == [
        f"hubmirror: these are the bytes of {URL}",
        f"hubmirror: {blob_of(mirror, saved(NEEDY))} for acme/nets needs more than "
        "weights_only=True allows: it names argparse.Namespace\n"
        "  the code that loads it asks for weights_only=True\n"
        "  if you trust these names, before the load: "
        "import argparse; torch.serialization.add_safe_globals([argparse.Namespace])",
    ]
    with torch.serialization.safe_globals([argparse.Namespace]):
        assert hubmirror.load("acme/nets", "net")["args"].lr == 1


def test_a_refusal_that_the_environment_forces_says_so(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror, loose={URL: saved(NEEDY)})
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")

    with pytest.raises(pickle.UnpicklingError) as caught:
        hubmirror.load_state_dict_from_url(URL)

    assert "TORCH_FORCE_WEIGHTS_ONLY_LOAD is set" in caught.value.__notes__[1]


def test_safetensors_without_the_package_say_what_to_install(mirror: Path) -> None:
    header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    content = len(header).to_bytes(8, "little") + header + bytes(4)
    publish(mirror, loose={"https://weights.example/net.safetensors": content})

    with pytest.raises(MissingDependencyError, match="safetensors is not installed") as caught:
        hubmirror.load_state_dict_from_url("https://weights.example/net.safetensors")

    assert caught.value.hint == "pip install safetensors"


@pytest.mark.parametrize("damage", ["missing", "short"])
def test_a_lost_blob_is_named_with_its_url_and_mirror(mirror: Path, damage: str) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    blob = blob_of(mirror, weights(1.0))
    blob.unlink()
    if damage == "short":
        blob.write_bytes(b"short")

    with pytest.raises(VerificationError) as caught:
        hubmirror.load_state_dict_from_url(URL)

    assert caught.value.message.startswith(f"{URL}: {blob}: ")
    assert f"{mirror}, publication " in caught.value.message
    assert f"hubmirror verify --mirror {mirror}" in caught.value.hint


def test_no_warning_comes_with_weights_as_they_are_today(mirror: Path) -> None:
    publish(mirror, loose={URL: saved(PLAIN)})

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        hubmirror.load_state_dict_from_url(URL)

    assert said == []
