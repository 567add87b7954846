"""Tokens at git hosts: who is shown one, and where it never is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hubmirror.errors import UpstreamError
from hubmirror.records import RefKind, RefRow
from hubmirror.upstream.credentials import Credentials, Secret
from hubmirror.upstream.repos import GitUpstream
from tests.certificates import make_ca, server_context
from tests.upstream import RepoBuilder, Upstream, faults

TOKEN = "hunter2-is-secret"
BASIC = b64encode(f"x-access-token:{TOKEN}".encode()).decode()
PRIVATE = faults.WantsAuthorization(f"Basic {BASIC}")
MAIN = RefRow("main", RefKind.BRANCH, "")


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_ca(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def host(tmp_path: Path, ca: Path) -> Iterator[Upstream]:
    """The host that the token is for."""
    with Upstream(tmp_path / "host", tls=server_context(ca)) as running:
        yield running


@pytest.fixture
def other(tmp_path: Path, ca: Path) -> Iterator[Upstream]:
    """Whoever listens on another port."""
    with Upstream(tmp_path / "other", tls=server_context(ca)) as running:
        yield running


def git_with_token(url: str, ca: Path) -> GitUpstream:
    tokens = Credentials({urlsplit(url).netloc: Secret(TOKEN)})
    return GitUpstream(ca_bundle=str(ca), credentials=tokens, timeout_s=20)


def test_a_private_repo_is_listed_and_fetched(host: Upstream, ca: Path, tmp_path: Path) -> None:
    commit = RepoBuilder.create(host, "owner/name").commit({"a": "1"})
    host.fault_repo("owner/name", PRIVATE)
    url = host.git_url("owner/name")

    with git_with_token(url, ca) as git:
        listed = git.list_refs(url)
        (fetched,) = git.fetch(url, tmp_path / "clone", [MAIN])

    assert listed.branches == {"main": commit}
    assert fetched.commit == commit


@pytest.mark.parametrize("is_private", [False, True])
@pytest.mark.parametrize("code", [301, 302, 307])
def test_a_redirect_to_another_port_never_carries_the_token(
    host: Upstream, other: Upstream, ca: Path, tmp_path: Path, is_private: bool, code: int
) -> None:
    RepoBuilder.create(host, "owner/name").commit({"a": "1"})
    RepoBuilder.create(other, "owner/name").commit({"a": "1"})
    other.fault_repo("owner/name", PRIVATE)
    target = other.git_url("owner/name") + "/info/refs?service=git-upload-pack"
    before = (PRIVATE,) if is_private else ()
    host.fault_repo("owner/name", *before, faults.RedirectTo(target, code))
    url = host.git_url("owner/name")

    with git_with_token(url, ca) as git:
        with pytest.raises(UpstreamError):
            git.list_refs(url)
        with pytest.raises(UpstreamError):
            git.fetch(url, tmp_path / "clone", [MAIN])

    asked = other.requests
    assert {request.status for request in asked} == {401}
    assert not any(request.is_authorized for request in asked)


def test_a_redirect_to_another_host_never_carries_the_token(
    host: Upstream, ca: Path, tmp_path: Path
) -> None:
    """One server, two names: a repo that was renamed answers under the other one."""
    RepoBuilder.create(host, "owner/new").commit({"a": "1"})
    RepoBuilder.create(host, "owner/old").commit({"a": "1"})
    target = host.git_url("owner/new") + "/info/refs?service=git-upload-pack"
    host.fault_repo("owner/old", faults.RedirectTo(target))
    host.fault_repo("owner/new", faults.RejectsAuthorization())
    url = host.git_url("owner/old").replace("127.0.0.1", "localhost")

    with git_with_token(url, ca) as git:
        git.list_refs(url)
        git.fetch(url, tmp_path / "clone", [MAIN])

    by_host = {(request.host, request.is_authorized) for request in host.requests}
    assert (f"localhost:{host.port}", True) in by_host
    assert (f"127.0.0.1:{host.port}", True) not in by_host


def test_a_dead_token_does_not_hide_a_public_repo(host: Upstream, ca: Path, tmp_path: Path) -> None:
    commit = RepoBuilder.create(host, "owner/name").commit({"a": "1"})
    host.fault_repo("owner/name", faults.RejectsAuthorization())
    url = host.git_url("owner/name")

    with git_with_token(url, ca) as git:
        listed = git.list_refs(url)
        (fetched,) = git.fetch(url, tmp_path / "clone", [MAIN])

    assert listed.branches == {"main": commit}
    assert fetched.commit == commit


def test_a_dead_token_at_a_private_repo_is_told_without_its_text(
    host: Upstream, ca: Path, tmp_path: Path
) -> None:
    RepoBuilder.create(host, "owner/name").commit({"a": "1"})
    host.fault_repo("owner/name", faults.WantsAuthorization("Basic other"))
    url = host.git_url("owner/name")

    with git_with_token(url, ca) as git, pytest.raises(UpstreamError) as refused:
        git.list_refs(url)

    assert "refuses the login" in refused.value.message
    assert "token" in refused.value.hint
    assert TOKEN not in str(refused.value)


def test_a_token_never_goes_over_plain_http(upstream: Upstream, tmp_path: Path) -> None:
    RepoBuilder.create(upstream, "owner/name").commit({"a": "1"})
    url = upstream.git_url("owner/name")
    tokens = Credentials({urlsplit(url).netloc: Secret(TOKEN)})

    with GitUpstream(credentials=tokens) as git:
        git.list_refs(url)
        git.fetch(url, tmp_path / "clone", [MAIN])

    assert not any(request.is_authorized for request in upstream.requests)


def test_a_token_is_left_nowhere(host: Upstream, ca: Path, tmp_path: Path) -> None:
    RepoBuilder.create(host, "owner/name").commit({"a": "1"})
    host.fault_repo("owner/name", PRIVATE)
    url = host.git_url("owner/name")

    with git_with_token(url, ca) as git:
        git.fetch(url, tmp_path / "clone", [MAIN])

    files = [path for path in (tmp_path / "clone").rglob("*") if path.is_file()]
    assert files
    for path in files:
        held = path.read_bytes()
        assert TOKEN.encode() not in held
        assert BASIC.encode() not in held
