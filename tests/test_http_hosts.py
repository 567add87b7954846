"""Who is asked, as whom, and for how long: logins, proxies, redirects, stalls, waits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import SHUT_RDWR, socket
from ssl import SSLContext
from urllib.parse import urlsplit

import pytest

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.upstream.claims import BLOCK_BYTES
from hubmirror.upstream.credentials import Credentials, Secret
from hubmirror.upstream.http import Fetched, HttpUpstream, Terms
from hubmirror.upstream.retries import Budget
from tests.certificates import make_ca, server_context
from tests.connect import tunnels
from tests.upstream import Upstream, faults

BODY = bytes(range(256)) * 8192  # 2 MiB


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private CA's certificate for loopback; its key lies beside it."""
    return make_ca(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def tls(tmp_path: Path, ca: Path) -> Iterator[Upstream]:
    with Upstream(tmp_path / "tls", tls=server_context(ca)) as running:
        yield running


def fetch(url: str, folder: Path, **terms: object) -> Fetched:
    with HttpUpstream(**{"first_wait_s": 0.01, **terms}) as http:  # type: ignore[arg-type] # its own
        return http.fetch(url, folder / "got", Terms(url))


def token(url: str, text: str) -> Credentials:
    return Credentials({urlsplit(url).netloc: Secret(text)})


def test_a_token_goes_to_its_own_host_over_https(tls: Upstream, tmp_path: Path, ca: Path) -> None:
    fault = faults.WantsAuthorization("Bearer hunter2")
    url = tls.put("/gated.pth", BODY, fault=fault).replace("127.0.0.1", "localhost")

    fetch(url, tmp_path, ca_bundle=str(ca), credentials=token(url, "hunter2"))

    assert (tmp_path / "got").read_bytes() == BODY


def test_a_token_never_goes_over_plain_http(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.put("/w.pth", BODY).replace("127.0.0.1", "localhost")

    fetch(url, tmp_path, credentials=token(url, "hunter2"))

    assert not any(request.is_authorized for request in upstream.requests)


def test_a_token_is_dropped_where_a_redirect_leaves_its_host(
    tls: Upstream, tmp_path: Path, ca: Path
) -> None:
    target = tls.put("/w.pth", BODY)
    tls.redirect("/release", target)
    url = tls.url("/release").replace("127.0.0.1", "localhost")

    fetch(url, tmp_path, ca_bundle=str(ca), credentials=token(url, "hunter2"))

    assert [request.is_authorized for request in tls.requests] == [True, False]


def test_no_login_follows_a_redirect_to_another_port_of_its_host(
    tls: Upstream, tmp_path: Path, ca: Path
) -> None:
    body = bytes(4 * BLOCK_BYTES)  # its parts are asked for at the other port at once
    with Upstream(tmp_path / "other", tls=server_context(ca)) as other:
        tls.redirect("/w.pth", other.put("/w.pth", body, fault=faults.Slow(20_000_000)))
        url = tls.url("/w.pth")
        logins = {"127.0.0.1": ("me", Secret("hunter2"))}
        for credentials in (Credentials(logins=logins), token(url, "hunter2")):
            fetch(url, tmp_path, ca_bundle=str(ca), credentials=credentials)
            (tmp_path / "got").unlink()

        assert all(request.is_authorized for request in tls.requests)
        assert not any(request.is_authorized for request in other.requests)
        assert {request.status for request in other.requests} == {200, 206}


def test_what_no_proxy_names_is_asked_directly(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.put("/w.pth", BODY)
    with Upstream(tmp_path / "proxy") as proxy:
        proxy.put("/w.pth", BODY)
        fetch(url, tmp_path, proxies={"http": proxy.base_url, "no": "10.0.0.0/8,127.0.0.0/8"})
        assert (proxy.paths(), upstream.paths()) == ([], ["/w.pth"])

        (tmp_path / "got").unlink()
        fetch(url, tmp_path, proxies={"http": proxy.base_url, "no": "10.0.0.0/8"})
        assert (proxy.paths(), upstream.paths()) == (["/w.pth"], ["/w.pth"])


def test_a_token_belongs_to_one_port_of_its_host() -> None:
    usual = token("https://weights.example/w.pth", "hunter2")
    odd = token("https://weights.example:8443/w.pth", "hunter2")

    assert usual.token("https://weights.example:443/other") == Secret("hunter2")
    assert usual.token("https://weights.example:8443/w.pth") is None
    assert odd.token("https://weights.example:8443/other") == Secret("hunter2")
    assert odd.token("https://weights.example/w.pth") is None


def test_a_token_of_hugging_face_goes_there_and_not_where_it_redirects(tmp_path: Path) -> None:
    storage = "storage.example"
    ca = make_ca(tmp_path, "huggingface.co", storage)
    credentials = Credentials.find({"HF_TOKEN": "hunter2"}, netrc_file=None, folder=None)
    login, path = faults.WantsAuthorization("Bearer hunter2"), "/owner/name/resolve/main/w.pth"
    with (
        Upstream(tmp_path / "hub", tls=server_context(ca)) as hub,
        Upstream(tmp_path / "storage", tls=server_context(ca)) as store,
        tunnels({"huggingface.co:443": hub.port, f"{storage}:443": store.port}) as proxy,
    ):
        store.put("/signed", BODY)
        hub.put(path, b"no", fault=(login, faults.RedirectTo(f"https://{storage}/signed?sig=1")))
        terms = {"ca_bundle": str(ca), "proxies": {"https": proxy.url}, "credentials": credentials}

        fetched = fetch(f"https://huggingface.co{path}", tmp_path, **terms)

        assert (tmp_path / "got").read_bytes() == BODY
        assert fetched.redirect == f"https://{storage}/signed"
        sent = [(asked.host, asked.is_authorized) for asked in (*hub.requests, *store.requests)]
        assert sent == [("huggingface.co", True), (storage, False)]
        assert "hunter2" not in "".join(proxy.heads)


def test_a_dead_token_does_not_hide_a_public_file(tls: Upstream, tmp_path: Path, ca: Path) -> None:
    url = tls.put("/w.pth", BODY, fault=faults.RejectsAuthorization())
    url = url.replace("127.0.0.1", "localhost")

    fetch(url, tmp_path, ca_bundle=str(ca), credentials=token(url, "dead"))

    assert [request.is_authorized for request in tls.requests] == [True, False]


def test_a_private_ca_must_be_named(tls: Upstream, tmp_path: Path) -> None:
    url = tls.put("/w.pth", BODY)

    with pytest.raises(UpstreamError, match="showed a certificate that is not trusted"):
        fetch(url, tmp_path)


def test_a_handshake_that_breaks_off_is_tried_again(tmp_path: Path, ca: Path) -> None:
    broken, context = itertools.count(1), server_context(ca)

    def break_off(connection: object, _: str | None, __: SSLContext) -> None:
        if next(broken) <= 2:
            assert isinstance(connection, socket)
            socket.shutdown(connection, SHUT_RDWR)  # its hello was read, and gets no answer

    context.sni_callback = break_off
    with Upstream(tmp_path / "tls", tls=context) as host:
        fetch(host.put("/w.pth", BODY), tmp_path, ca_bundle=str(ca))
        statuses = [request.status for request in host.requests]

    assert (tmp_path / "got").read_bytes() == BODY
    assert (next(broken), statuses) == (4, [200])


def test_a_proxy_may_have_a_private_ca(tls: Upstream, tmp_path: Path, ca: Path) -> None:
    tls.put("/w.pth", BODY)
    proxies = {"http": tls.base_url.replace("127.0.0.1", "localhost")}

    fetch("http://weights.example/w.pth", tmp_path, ca_bundle=str(ca), proxies=proxies)

    assert (tmp_path / "got").read_bytes() == BODY
    assert [request.host for request in tls.requests] == ["weights.example"]


def test_tokens_are_found_in_the_environment_and_in_files(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "weights.example").write_text("from-a-file\n")
    variables = {
        "HF_TOKEN": "hf-1",
        "HUGGING_FACE_HUB_TOKEN": "hf-2",
        "GITHUB_TOKEN": "gh-token",
        "OTHER": "x",
    }

    found = Credentials.find(variables, netrc_file=tmp_path / "none", folder=folder)

    sent = {
        host: next(found.headers(f"https://{host}/w")).get("Authorization")
        for host in ("huggingface.co", "github.com", "weights.example", "evil.example")
    }
    assert sent == {
        "huggingface.co": "Bearer hf-1",
        "github.com": "Bearer gh-token",
        "weights.example": "Bearer from-a-file",
        "evil.example": None,
    }
    for secret in ("hf-1", "gh-token", "from-a-file"):
        assert secret not in repr(found)
    assert str(Secret("hunter2")) == "***"


def test_tokens_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "weights.example").mkdir()

    with pytest.raises(InvalidInputError, match="its tokens cannot be read"):
        Credentials.find({}, netrc_file=None, folder=tmp_path)


def test_a_token_of_two_lines_is_named_and_not_shown(tmp_path: Path) -> None:
    folder = tmp_path / "tokens"
    folder.mkdir()
    (folder / "weights.example").write_text("hunter2\nX-Other: hunter3\n")

    for variables, place in ((({}), folder), ({"HF_TOKEN": "hunter2\nhunter3"}, None)):
        with pytest.raises(InvalidInputError, match="not a token") as caught:
            Credentials.find(variables, netrc_file=None, folder=place)
        assert "hunter" not in caught.value.message


def test_a_proxy_that_is_none_is_named(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.put("/w.pth", BODY)

    with pytest.raises(InvalidInputError, match="the proxy is no address of the form"):
        fetch(url, tmp_path, proxies={"http": "socks5://user:hunter2@127.0.0.1:1"})


def test_a_stall_is_broken_off_and_gone_on_with(upstream: Upstream, tmp_path: Path) -> None:
    fault = faults.Stall(1_500_000, seconds=30, times=1)
    url = upstream.put("/w.pth", BODY, fault=fault)
    started = time.monotonic()

    fetch(url, tmp_path, stall_s=0.3)

    assert (tmp_path / "got").read_bytes() == BODY
    assert time.monotonic() - started < 10
    assert any(request.status == 206 for request in upstream.requests)


def test_a_host_that_never_answers_is_given_up(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.put("/w.pth", BODY, fault=faults.Silence(30))

    with pytest.raises(UpstreamError, match=r"no answer from 127\.0\.0\.1: .*\(4 attempts\)"):
        fetch(url, tmp_path, stall_s=0.1)


def test_an_address_that_expires_is_asked_for_again(upstream: Upstream, tmp_path: Path) -> None:
    expires = (faults.Drop(1_500_000, times=1), faults.Status(403, after=1))
    old = upstream.put("/signed1.pth", BODY, fault=expires)
    new = upstream.put("/signed2.pth", BODY)
    upstream.redirect("/w.pth", f"{old}?sig=secret")
    url = upstream.url("/w.pth")

    with HttpUpstream(first_wait_s=0.01) as http:
        terms = Terms(url, progress=lambda _: upstream.redirect("/w.pth", f"{new}?sig=other"))
        http.fetch(url, tmp_path / "got", terms)

    assert (tmp_path / "got").read_bytes() == BODY
    assert [request.status for request in upstream.requests] == [302, 200, 302, 206]


def test_a_redirect_to_another_port_is_followed(upstream: Upstream, tmp_path: Path) -> None:
    with Upstream(tmp_path / "other") as other:
        upstream.redirect("/w.pth", other.put("/w.pth", BODY))

        fetched = fetch(upstream.url("/w.pth"), tmp_path)

        assert fetched.redirect == other.url("/w.pth")


def test_githubs_reset_is_waited_for(upstream: Upstream, tmp_path: Path) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=2)
    fault = faults.Status.rate_limited(reset_at_s=int(moment.timestamp()), times=1)
    url = upstream.put("/w.pth", BODY, fault=fault)

    fetch(url, tmp_path)

    assert datetime.now(UTC) >= moment.replace(microsecond=0)


def test_a_wait_that_is_too_long_fails_at_once_and_says_so(
    upstream: Upstream, tmp_path: Path
) -> None:
    url = upstream.put("/w.pth", BODY, fault=faults.Status.retry_after(429, 3600))

    with pytest.raises(UpstreamError, match=r"\(1 attempt; it asks to wait 3600 s\)"):
        fetch(url, tmp_path)


def test_a_failure_says_what_came_of_every_attempt(upstream: Upstream, tmp_path: Path) -> None:
    fault = (faults.Status(503, times=2), faults.Drop(1000))
    url = upstream.put("/w.pth", BODY, fault=fault)

    with pytest.raises(UpstreamError) as caught:
        fetch(url, tmp_path)

    broke = "the body broke off: the connection was closed early"
    said = f"{url}: HTTP 503 Service Unavailable x2, then {broke} x2 (4 attempts)"
    assert caught.value.message == said


def test_a_run_that_waited_long_enough_waits_no_more(upstream: Upstream, tmp_path: Path) -> None:
    passing = faults.Status(503, times=3)  # with waits enough each of them would come
    urls = [upstream.put(f"/{number}.pth", BODY, fault=passing) for number in range(20)]
    urls.append(upstream.put("/last.pth", BODY, fault=faults.Status(429, times=1)))
    budget, said = Budget(0.3), dict[str, str]()  # one file waits for 0.11 to 0.17 s

    with HttpUpstream(first_wait_s=0.01, budget=budget) as http:
        for url in urls:
            try:
                http.fetch(url, tmp_path / "got", Terms(url))
            except UpstreamError as error:
                said[url] = error.message

    assert upstream.paths().count("/0.pth") == 4
    assert urls[0] not in said
    assert upstream.paths().count("/last.pth") == 1
    assert said[urls[-1]].endswith("(1 attempt; this run has waited long enough)")


def test_a_slow_host_is_waited_for(upstream: Upstream, tmp_path: Path) -> None:
    url = upstream.put("/w.pth", BODY, fault=faults.Slow(4_000_000))

    fetch(url, tmp_path, stall_s=0.5)

    assert (tmp_path / "got").read_bytes() == BODY
