"""Weights and files: known by their whole URL, read in place, never mixed."""

import functools
import io
import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.hub import download_url_to_file as early_download
from torch.hub import load_state_dict_from_url as early_load
from torch.utils import model_zoo

import hubmirror
from hubmirror.errors import OfflineMissError, VerificationError
from hubmirror.records import Digest
from tests.hub.small_mirror import SmallRepo, blob_of, publish, weights

URL = "https://weights.example/small/weights.pth"
OTHER = "https://weights.example/large/weights.pth"


@pytest.fixture(autouse=True)
def _configured(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBMIRROR", str(mirror))


def test_two_urls_with_one_basename_give_two_different_weights(mirror: Path) -> None:
    publish(mirror, loose={URL: weights(1.0), OTHER: weights(2.0)})

    first = hubmirror.load_state_dict_from_url(URL)
    second = hubmirror.load_state_dict_from_url(OTHER)

    assert (first["value"].item(), second["value"].item()) == (1.0, 2.0)


@pytest.mark.parametrize("explicit", [False, True])
def test_a_planted_file_in_torchs_own_cache_is_never_read(mirror: Path, explicit: bool) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    checkpoints = Path(torch.hub.get_dir()) / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "weights.pth").write_bytes(weights(666.0))
    folder = str(checkpoints) if explicit else None

    assert hubmirror.load_state_dict_from_url(URL, folder)["value"].item() == 1.0


def test_a_file_in_a_folder_of_the_users_own_is_honoured(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    (tmp_path / "mine.pth").write_bytes(weights(7.0))

    got = hubmirror.load_state_dict_from_url(URL, str(tmp_path), file_name="mine.pth")

    assert got["value"].item() == 7.0


def test_weights_are_read_in_place(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})

    hubmirror.load_state_dict_from_url(URL, str(tmp_path / "models"), progress=True)

    assert not (tmp_path / "models").exists()
    assert not Path(torch.hub.get_dir()).exists()


def test_map_location_and_weights_only_count(mirror: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})

    got = hubmirror.load_state_dict_from_url(URL, map_location="meta", weights_only=True)

    assert got["value"].device.type == "meta"


@pytest.mark.parametrize(
    "body",
    [
        "from torch.hub import load_state_dict_from_url as get\n",
        "from torch.utils.model_zoo import load_url as get\n",
        "import functools, torch\nget = functools.partial(torch.hub.load_state_dict_from_url)\n",
    ],
)
def test_every_way_to_hold_the_function_is_served(mirror: Path, body: str) -> None:
    hubconf = f"{body}\ndef net(): return get({URL!r})['value'].item()"
    publish(
        mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}}, {URL: weights(3.0)})]
    )

    assert hubmirror.load("acme/nets", "net") == 3.0


def test_names_that_were_bound_before_the_scope_are_served(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    partial = functools.partial(early_load, URL)
    load_url = vars(model_zoo)["load_url"]

    with hubmirror.offline():
        got = [early_load(URL), load_url(URL), partial()]
        early_download(URL, str(tmp_path / "copy.pth"))

    assert [state["value"].item() for state in got] == [1.0, 1.0, 1.0]
    assert (tmp_path / "copy.pth").read_bytes() == weights(1.0)


@pytest.mark.parametrize("asked", ["old-owner/nets", "OLD-OWNER/Nets", "Acme/nets"])
def test_a_release_of_a_repo_that_was_renamed_is_found(mirror: Path, asked: str) -> None:
    url = "https://github.com/acme/nets/releases/download/v1/net.pth"
    repo = SmallRepo("acme/nets", {"main": {"hubconf.py": ""}}, {url: weights(3.0)})
    publish(mirror, [replace(repo, aliases=("old-owner/nets",))])

    got = hubmirror.load_state_dict_from_url(url.replace("acme/nets", asked))

    assert got["value"].item() == 3.0


def test_an_unknown_url_is_answered_with_what_to_add(mirror: Path) -> None:
    hubconf = f"import torch\ndef net(): return torch.hub.load_state_dict_from_url({OTHER!r})"
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}}, {URL: b"x"})])

    with pytest.raises(OfflineMissError) as caught:
        hubmirror.load("acme/nets", "net")

    message = str(caught.value)
    assert f"{OTHER}: not mirrored in {mirror}, publication " in message
    assert f"other URLs with this file name are:\n    - {URL}" in message
    assert f"- repo: acme/nets\n      checkpoints:\n        - url: {OTHER}" in message


def test_a_miss_outside_any_repo_names_the_manifests_own_list(mirror: Path) -> None:
    publish(mirror)

    with pytest.raises(OfflineMissError) as caught:
        hubmirror.load_state_dict_from_url(URL)

    assert caught.value.hint.endswith(f"checkpoints:\n      - url: {URL}")


def test_no_secret_of_a_url_is_printed(mirror: Path) -> None:
    publish(mirror)

    with pytest.raises(OfflineMissError) as caught:
        hubmirror.load_state_dict_from_url("https://me:pw@w.example/a.pth?token=s3cret&x=1")

    assert "s3cret" not in str(caught.value)
    assert "pw" not in str(caught.value)
    assert "https://w.example/a.pth?token=***&x=1" in str(caught.value)


def test_a_signed_url_finds_the_weights_of_the_plain_one(mirror: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})

    got = hubmirror.load_state_dict_from_url(f"{URL}?X-Amz-Signature=abc")

    assert got["value"].item() == 1.0


def test_a_wrong_hash_in_a_name_of_the_callers_own_is_refused_as_torch_does(mirror: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    expected = f'invalid hash value (expected "0123abcd", got "{Digest.of(weights(1.0))}")'

    with pytest.raises(RuntimeError) as caught:
        hubmirror.load_state_dict_from_url(URL, check_hash=True, file_name="net-0123abcd.pth")

    assert str(caught.value) == expected
    got = hubmirror.load_state_dict_from_url(URL, file_name="net-0123abcd.pth")
    assert got["value"].item() == 1.0


@pytest.mark.parametrize("name", ["vit-b.pth", "net-0123abcd.pth", "dpt_large_512.pt"])
def test_what_a_url_says_of_its_own_hash_was_judged_at_sync(mirror: Path, name: str) -> None:
    url = f"https://weights.example/{name}"
    publish(mirror, loose={url: weights(1.0)})

    assert hubmirror.load_state_dict_from_url(url, check_hash=True)["value"].item() == 1.0


def test_a_right_hash_in_the_name_is_accepted(mirror: Path) -> None:
    content = weights(1.0)
    url = f"https://weights.example/net-{Digest.of(content).hex[:8]}.pth"
    publish(mirror, loose={url: content})

    assert hubmirror.load_state_dict_from_url(url, check_hash=True)["value"].item() == 1.0


def test_a_file_url_is_answered_from_the_mirror_if_it_can_be(mirror: Path, tmp_path: Path) -> None:
    local = tmp_path / "local.pth"
    local.write_bytes(weights(2.0))
    publish(mirror, loose={local.as_uri(): weights(1.0)})

    assert hubmirror.load_state_dict_from_url(local.as_uri())["value"].item() == 1.0


def test_local_files_that_no_mirror_knows_are_read_in_place(mirror: Path, tmp_path: Path) -> None:
    publish(mirror)
    local = tmp_path / "with space.pth"
    local.write_bytes(weights(2.0))

    assert hubmirror.load_state_dict_from_url(local.as_uri())["value"].item() == 2.0
    assert hubmirror.load_state_dict_from_url(str(local))["value"].item() == 2.0
    hubmirror.download_url_to_file(local.as_uri(), str(tmp_path / "copy.pth"), progress=False)
    assert (tmp_path / "copy.pth").read_bytes() == weights(2.0)


def test_a_legacy_archive_is_unpacked_once_and_not_beside_the_blob(mirror: Path) -> None:
    inner, archive = io.BytesIO(), io.BytesIO()
    torch.save({"value": torch.tensor(5.0)}, inner, _use_new_zipfile_serialization=False)
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("inner-0123abcd.pth", inner.getvalue())
    publish(mirror, loose={URL: archive.getvalue()})
    before = sorted(mirror.rglob("*"))

    with pytest.warns(FutureWarning, match="deprecated in favor of default zipfile format"):
        got = [hubmirror.load_state_dict_from_url(URL)["value"].item() for _ in range(2)]

    assert got == [5.0, 5.0]
    assert sorted(mirror.rglob("*")) == before


def test_a_downloaded_file_is_the_callers_own(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    copy = tmp_path / "copy.pth"

    hubmirror.download_url_to_file(URL, str(copy))
    copy.write_bytes(b"overwritten")

    assert blob_of(mirror, weights(1.0)).read_bytes() == weights(1.0)
    assert not copy.is_symlink()
    assert copy.stat().st_nlink == 1
    assert os.access(copy, os.W_OK)


def test_a_downloaded_file_replaces_what_was_there(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    copy = tmp_path / "copy.pth"
    copy.write_bytes(b"before")

    hubmirror.download_url_to_file(URL, str(copy), Digest.of(weights(1.0)).hex[:8])

    assert copy.read_bytes() == weights(1.0)
    assert not list(tmp_path.glob("*.partial"))


def test_a_wrong_hash_prefix_leaves_nothing_behind(mirror: Path, tmp_path: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})

    with pytest.raises(RuntimeError, match='invalid hash value \\(expected "ffffffff"'):
        hubmirror.download_url_to_file(URL, str(tmp_path / "copy.pth"), "ffffffff")

    assert not list(tmp_path.glob("copy*"))


def test_a_blob_that_changed_is_never_loaded(mirror: Path) -> None:
    publish(mirror, loose={URL: weights(1.0)})
    blob = blob_of(mirror, weights(1.0))
    blob.chmod(0o644)
    blob.write_bytes(weights(2.0))

    with pytest.raises(VerificationError, match="expected sha256"):
        hubmirror.load_state_dict_from_url(URL)


def test_an_error_of_torch_names_the_url(mirror: Path) -> None:
    publish(mirror, loose={URL: b"<html>no weights</html>"})

    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever torch raises
        hubmirror.load_state_dict_from_url(URL)

    assert caught.value.__notes__ == [f"hubmirror: these are the bytes of {URL}"]
