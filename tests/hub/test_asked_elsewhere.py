"""A supply on another shelf than a mirror: what a host has not, in each library's own words."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError

import httpx
import pytest
import requests
import torch

from hubmirror.errors import NotMirroredError, OfflineMissError
from hubmirror.evidence import Quarantine
from hubmirror.hub import hooks, scope
from hubmirror.hub.reach import Reach
from hubmirror.hub.shelves import Asked, Shelf
from hubmirror.hub.supply import Supply
from hubmirror.hub.verification import BytesAt
from hubmirror.records import BlobRef, CheckpointRow
from hubmirror.resolve import Resolved, Spec
from hubmirror.settings import Verify

GONE = "https://weights.example/gone.pth"


class NoBytes:
    """Where nothing lies."""

    def check(self, blob: BlobRef, *, full: bool) -> Path:
        raise AssertionError(blob)


@dataclass
class Nowhere:
    """A shelf whose hosts have nothing, and that remembers what it was asked and told."""

    asked: list[Asked] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    blobs: BytesAt = field(default_factory=NoBytes)
    place: str = "nowhere"
    tag: str = "nowhere"
    quarantine: Quarantine = field(default_factory=Quarantine)

    def resolve(self, spec: Spec) -> Resolved:
        raise NotMirroredError(str(spec))

    def find(self, url: str, asked: Asked) -> CheckpointRow | None:
        self.asked.append(asked)
        raise HTTPError(url, 404, "Not Found", Message(), None)

    def urls_below(self, prefix: str) -> Sequence[str]:
        return ()

    def rows_below(self, prefix: str) -> Sequence[CheckpointRow]:
        return ()

    def why_missing(self, url: str) -> tuple[str, Sequence[str]]:
        return "", ()

    def refused(self, what: str) -> None:
        self.told.append(what)

    def missed(self, error: NotMirroredError) -> None:
        pass


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Nowhere]:
    made = Nowhere()
    as_shelf: Shelf = made
    inside = scope.open_scope(Supply(as_shelf, tmp_path, Verify.STAT), Reach())
    with hooks.serving(inside):
        yield made


def test_urllib_and_torch_raise_the_status(shelf: Nowhere, tmp_path: Path) -> None:
    with pytest.raises(HTTPError) as by_urllib:
        urllib.request.urlopen(GONE)
    with pytest.raises(HTTPError) as by_torch:
        torch.hub.load_state_dict_from_url(GONE, check_hash=True, file_name="a-0123abcd.pth")
    with pytest.raises(HTTPError):
        torch.hub.download_url_to_file(GONE, str(tmp_path / "x"), hash_prefix="ab")

    assert (by_urllib.value.code, by_torch.value.code) == (404, 404)
    assert shelf.asked == [
        Asked("urllib"),
        Asked("load_state_dict_from_url", hash_prefix="0123abcd"),
        Asked("download_url_to_file", hash_prefix="ab", file=str(tmp_path / "x")),
    ]


def test_requests_and_httpx_answer_with_the_status(shelf: Nowhere) -> None:
    by_requests, by_httpx = requests.head(GONE), httpx.get(GONE)

    assert (by_requests.status_code, by_httpx.status_code) == (404, 404)
    assert (by_requests.content, by_httpx.content) == (b"", b"")
    assert shelf.asked == [Asked("urllib3", "HEAD"), Asked("httpx")]


def test_what_nobody_answers_is_told_to_the_shelf(shelf: Nowhere) -> None:
    with pytest.raises(OfflineMissError):
        urllib.request.urlopen("https://user:s3cr3t@weights.example/form", data=b"x")

    assert shelf.told == ["POST https://weights.example/form"]
