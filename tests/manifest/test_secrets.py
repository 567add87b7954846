"""No secret that somebody put into a manifest comes back in a message or reaches a lock."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.lock import LockedCheckpoint, LockedRepo, parse_lock
from hubmirror.manifest.reading import parse_manifest
from hubmirror.records import Digest

SECRET = "hunter2Zq9"
PLACES = [
    "https://user:{}@host.example/a/b",
    "https://{}@host.example/a/b",
    "https://user:x{}/y@host.example/a/b",
    "https://user:p@{}@host.example/a/b",
    "ssh://git:{}@host.example/a/b",
    "ftp://user:{}@host.example/a/b",
    "HTTPS://user:{}@host.example",
    "user:{}@host.example/a/b",
    "{}@host.example/a/b",
    "https://host.example/x.pth?token={}",
    "https://host.example/x.pth?a=1&X-Amz-Signature={}",
    "https://host.example/x.pth?private_token={}",
    "https://host.example/x.pth?X-Goog-Credential={}&b=2",
    "https://host.example/x.pth?sig={}",
    "https://[host?api_key={}",
    "https://user:{}@[host/a",
]
KEYS = ["url", "urls", "fetch_url", "repo", "aliases", "refs", "sha256", "name", "entrypoints"]


@given(
    st.sampled_from(PLACES),
    st.sampled_from(["repos", "checkpoints", "settings", "kwargs"]),
    st.dictionaries(st.sampled_from(KEYS), st.booleans(), min_size=1, max_size=3),
    st.text(alphabet=string.punctuation + string.ascii_letters, max_size=3),
)
def test_no_message_repeats_a_secret(
    place: str, section: str, keys: dict[str, bool], noise: str
) -> None:
    value = place.replace("{}", noise.replace("&", "").replace("=", "") + SECRET)
    entry: object = {key: [value] if listed else value for key, listed in keys.items()}
    document = {"version": 1, section: [entry, value]}

    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(json.dumps(document), file="m.yaml")

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("place", [place for place in PLACES if place.startswith("https://")])
def test_no_such_address_is_accepted_for_a_checkpoint(place: str) -> None:
    text = json.dumps({"version": 1, "checkpoints": [{"url": place.format(SECRET)}]})

    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(text, file="m.yaml")

    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://u:{}@h.example/a/b", "https://{}@h.example/a/b", "https://h.example/x?sig={}"]
)
def test_a_lock_cannot_hold_a_secret(url: str) -> None:
    with pytest.raises(InvalidInputError) as of_checkpoint:
        LockedCheckpoint(url.format(SECRET), Digest("a" * 64), 1)
    with pytest.raises(InvalidInputError) as of_repo:
        LockedRepo("a/b", url.format(SECRET), "main")

    assert SECRET not in f"{of_checkpoint.value}{of_repo.value}"


def test_a_lock_with_a_secret_in_it_is_refused_without_repeating_it() -> None:
    url = f"https://u:{SECRET}@h.example/x"
    document = {
        "version": 1,
        "source": "x",
        "repos": {},
        "checkpoints": {url: {"sha256": "a" * 64, "size": 1}},
    }

    with pytest.raises(InvalidInputError) as caught:
        parse_lock(json.dumps(document), file="m.yaml.lock")

    assert SECRET not in str(caught.value)


def test_the_plain_git_user_of_ssh_is_no_secret() -> None:
    text = "version: 1\nrepos: [{url: 'git@h.example:a/b'}, {url: 'ssh://git@h.example/c/d'}]"

    urls = [repo.url for repo in parse_manifest(text, file="m.yaml").repos]

    assert urls == ["git@h.example:a/b", "ssh://git@h.example/c/d"]
