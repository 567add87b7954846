"""Files of the Hugging Face hub that are mirrored by URL, asked for through its own library."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import hf_hub_download, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import LocalEntryNotFoundError

import hubmirror
from tests.hub.small_mirror import SmallRepo, blob_of, publish

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = "https://huggingface.co"
FILES = {
    f"{HUB}/acme/net/resolve/main/config.json": b"{}",
    f"{HUB}/acme/net/resolve/main/sub/model.safetensors": b"weights",
    f"{HUB}/acme/net/resolve/{COMMIT}/config.json": b"{'old': 1}",
    f"{HUB}/datasets/acme/words/resolve/refs%2Fpr%2F1/a%20b.txt": b"words",
    f"{HUB}/plain/resolve/main/config.json?download=true": b"plain",
}


@pytest.fixture
def hub(mirror: Path) -> Path:
    publish(mirror, loose=FILES)
    return mirror


def read(path: Any) -> bytes:
    return Path(path).read_bytes()


def test_a_mirrored_file_is_found_however_it_is_asked_for(hub: Path) -> None:
    with hubmirror.offline(hub):
        assert read(hf_hub_download("acme/net", "config.json")) == b"{}"
        assert read(hf_hub_download("acme/net", "config.json", revision=COMMIT)) == b"{'old': 1}"
        assert read(hf_hub_download("acme/net", "model.safetensors", subfolder="sub")) == b"weights"
        assert read(hf_hub_download("acme/net", "config.json", force_download=True)) == b"{}"
        assert read(hf_hub_download("plain", "config.json")) == b"plain"
        assert read(
            hf_hub_download("acme/words", "a b.txt", repo_type="dataset", revision="refs/pr/1")
        ) == b"words"  # fmt: skip


def test_a_cache_looks_as_the_library_lays_it_out(hub: Path) -> None:
    with hubmirror.offline(hub):
        path = Path(hf_hub_download("acme/net", "config.json", revision=COMMIT))
        named = Path(hf_hub_download("acme/net", "config.json"))

    assert path.parts[-4:] == ("models--acme--net", "snapshots", COMMIT, "config.json")
    ref = named.parents[2] / "refs" / "main"
    assert ref.read_text() == named.parent.name
    assert len(named.parent.name) == 40


def test_a_revision_stands_for_the_same_commit_on_every_node(hub: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    publish(other, loose=FILES)

    names = []
    for mirror in (hub, other):
        with hubmirror.offline(mirror):
            names.append(Path(hf_hub_download("acme/net", "config.json")).parent.name)

    assert names[0] == names[1]


def test_a_snapshot_holds_the_files_that_are_mirrored(hub: Path) -> None:
    with hubmirror.offline(hub):
        folder = Path(snapshot_download("acme/net"))

    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert files == {"config.json", "sub/model.safetensors"}


def test_only_what_is_asked_for_is_checked_and_placed(hub: Path) -> None:
    blob = blob_of(hub, b"weights")
    blob.chmod(0o644)
    blob.write_bytes(b"damaged")

    with hubmirror.offline(hub):
        folder = Path(snapshot_download("acme/net", allow_patterns="*.json"))
        with pytest.raises(hubmirror.errors.VerificationError):
            hf_hub_download("acme/net", "sub/model.safetensors")

    assert [path.name for path in folder.iterdir()] == ["config.json"]


def test_a_local_folder_gets_files_of_its_own(hub: Path, tmp_path: Path) -> None:
    with hubmirror.offline(hub):
        one = hf_hub_download("acme/net", "config.json", local_dir=tmp_path / "one")
        folder = Path(snapshot_download("acme/net", local_dir=tmp_path / "all"))

    assert Path(one) == tmp_path / "one" / "config.json"
    assert read(folder / "sub" / "model.safetensors") == b"weights"
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_the_probe_of_a_cache_finds_it_too(hub: Path) -> None:
    with hubmirror.offline(hub):
        found = try_to_load_from_cache("acme/net", "config.json")
        nothing = try_to_load_from_cache("acme/net", "gone.json")

    assert isinstance(found, str)
    assert read(found) == b"{}"
    assert nothing is None


@pytest.mark.parametrize("given", [{}, {"local_files_only": True}, {"force_download": True}])
def test_a_miss_is_the_librarys_own_and_says_what_to_add(hub: Path, given: dict[str, Any]) -> None:
    with hubmirror.offline(hub), pytest.raises(LocalEntryNotFoundError) as caught:
        hf_hub_download("acme/net", "gone.json", **given)

    assert f"- url: {HUB}/acme/net/resolve/main/gone.json" in caught.value.__notes__[0]


def test_a_snapshot_of_nothing_says_what_to_add(hub: Path) -> None:
    with hubmirror.offline(hub), pytest.raises(LocalEntryNotFoundError) as caught:
        snapshot_download("acme/other", revision="v1")

    assert f"- url: {HUB}/acme/other/resolve/v1/FILE" in caught.value.__notes__[0]


def test_a_miss_that_is_swallowed_is_named_in_the_end(mirror: Path) -> None:
    hubconf = (
        "from huggingface_hub import hf_hub_download\n"
        "def net():\n"
        "    try: hf_hub_download('acme/net', 'gone.bin')\n"
        "    except Exception: pass\n"
        "    raise ValueError('no weights')\n"
    )
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}})])

    with pytest.raises(ValueError, match="no weights") as caught:
        hubmirror.load("acme/nets", "net", mirror=mirror)

    assert "acme/net/resolve/main/gone.bin: not mirrored" in caught.value.__notes__[0]


def test_the_users_own_cache_still_serves(hub: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "own" / "models--acme--own" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_bytes(b"own")

    with hubmirror.offline(hub):
        path = hf_hub_download(
            "acme/own", "config.json", revision=COMMIT, cache_dir=tmp_path / "own"
        )

    assert read(path) == b"own"


def test_no_blob_can_be_changed_through_the_cache(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hubmirror.offline(hub):
        monkeypatch.setattr(os, "access", lambda *_: True)  # as root, mode or not
        path = Path(hf_hub_download("acme/net", "config.json"))
        path.chmod(0o644)
        path.write_bytes(b"changed")
        again = Path(hf_hub_download("acme/net", "config.json"))

    assert blob_of(hub, b"{}").read_bytes() == b"{}"
    assert read(again) == b"{}"


def test_a_blob_that_cannot_be_written_is_not_copied(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # as on a read-only mount

    with hubmirror.offline(hub):
        path = Path(hf_hub_download("acme/net", "config.json"))

    assert path.readlink() == blob_of(hub, b"{}")


def test_a_library_knows_that_it_is_offline_inside_only(hub: Path) -> None:
    seen = []
    thread = threading.Thread(target=lambda: seen.append(huggingface_hub.is_offline_mode()))

    with hubmirror.offline(hub):
        assert huggingface_hub.is_offline_mode()
    thread.start()
    thread.join()

    assert seen == [False]


def test_a_library_imported_inside_is_free_afterwards(hub: Path) -> None:
    program = (
        "import os, hubmirror\n"
        "with hubmirror.offline():\n"
        "    assert os.environ['HF_HUB_OFFLINE'] == '1'\n"
        "    import huggingface_hub\n"
        "    assert huggingface_hub.is_offline_mode()\n"
        "    print(open(huggingface_hub.hf_hub_download('acme/net', 'config.json')).read())\n"
        "print(huggingface_hub.is_offline_mode(), 'HF_HUB_OFFLINE' in os.environ)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"HUBMIRROR": str(hub)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.splitlines() == ["{}", "False False"], done.stderr
