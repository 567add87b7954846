"""Refs of web hosts asked without git, and the answers that are left to git."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from hubmirror.errors import UpstreamError
from hubmirror.upstream.addresses import Address
from hubmirror.upstream.advertisements import NotAnAdvertisementError, read_advertisement
from hubmirror.upstream.connections import Connections
from hubmirror.upstream.listing import ask_refs
from hubmirror.upstream.repos import GitUpstream
from tests.git.conftest import Bench
from tests.upstream import faults
from tests.upstream.gitcmd import run_git

ID = b"0123456789" * 4
OTHER = b"abcdef0123" * 4
SERVICE = b"001e# service=git-upload-pack\n0000"


def packet(line: bytes) -> bytes:
    return b"%04x%b" % (len(line) + 4, line)


def advertisement(*lines: bytes) -> bytes:
    return SERVICE + b"".join(map(packet, lines)) + b"0000"


# What is asked -------------------------------------------------------------------------------


def test_one_request_asks_a_web_host(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})

    bench.git.list_refs(bench.http_url)

    (asked,) = bench.upstream.requests
    assert (asked.method, asked.query) == ("GET", "service=git-upload-pack")


def test_git_and_we_read_one_host_alike(bench: Bench) -> None:
    first = bench.repo.commit({"a": "1"})
    bench.repo.commit({"a": "2"})
    bench.repo.annotate("v1", at=first)
    bench.repo.tag("light", first)
    bench.repo.branch("topic/x", first)
    bench.repo.default_branch = "topic/x"

    assert bench.git.list_refs(bench.http_url) == bench.git.list_refs(bench.file_url)


def test_thousands_of_refs_are_read(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})
    lines = "".join(f"create refs/tags/v{number} {commit}\n" for number in range(3000))
    run_git("--git-dir", str(bench.origin), "update-ref", "--stdin", stdin=lines.encode())

    assert len(bench.git.list_refs(bench.http_url).tags) == 3000


def test_a_slash_at_the_end_of_an_address_does_not_matter(bench: Bench) -> None:
    commit = bench.repo.commit({"a": "1"})

    assert bench.git.list_refs(bench.http_url + "/").branches == {"main": commit}


# What is left to git -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        faults.HangUp(times=1),
        faults.Reset(after_bytes=10, times=1),
        faults.Drop(after_bytes=10, times=1),
        faults.Status(503, times=1),
        faults.Status(406, times=1),
        faults.HtmlPage(times=1),
        faults.FlippedByte(2, times=1),
    ],
)
def test_git_is_asked_where_the_answer_is_no_list_of_refs(
    bench: Bench, fault: faults.Fault
) -> None:
    commit = bench.repo.commit({"a": "1"})
    bench.upstream.fault_repo("owner/name", fault, service="info/refs")

    assert bench.git.list_refs(bench.http_url).branches == {"main": commit}


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (faults.Status(404), "not found, or is private"),
        (faults.Status(401, {"WWW-Authenticate": "Basic"}), "not found, or is private"),
        (faults.Status(403), "refuses the login"),
        (faults.Status(503), "fault of its own"),
        (faults.HtmlPage(), "no branch and no tag"),
        (faults.HangUp(), "no answer from the host"),
        (faults.WrongBytes(), "not a git server"),
    ],
)
def test_git_says_what_is_wrong(bench: Bench, fault: faults.Fault, says: str) -> None:
    bench.repo.commit({"a": "1"})
    bench.upstream.fault_repo("owner/name", fault)

    with pytest.raises(UpstreamError, match=says):
        bench.git.list_refs(bench.http_url)


def test_a_rate_limit_names_host_time_and_token_and_is_not_asked_again(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    reset = datetime.now(UTC) + timedelta(minutes=40)
    limit = faults.Status.rate_limited(reset_at_s=int(reset.timestamp()))
    bench.upstream.fault_repo("owner/name", limit)

    with pytest.raises(UpstreamError, match=r"127\.0\.0\.1 limits how often") as limited:
        bench.git.list_refs(bench.http_url)

    assert f"until {reset:%H:%M}" in limited.value.message
    assert "token" in limited.value.hint
    assert limited.value.unreachable
    assert len(bench.upstream.requests) == 1


def test_a_host_that_says_nothing_is_given_up_both_times(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    bench.upstream.fault_repo("owner/name", faults.Silence(seconds=30))

    with GitUpstream(timeout_s=0.5) as git, pytest.raises(UpstreamError) as silent:
        git.list_refs(bench.http_url)

    assert silent.value.unreachable


def test_a_host_that_drips_its_answer_is_left_in_time(bench: Bench) -> None:
    bench.repo.commit({"a": "1"})
    drip = faults.Slow(bytes_per_second=20)
    bench.upstream.fault_repo("owner/name", drip, service="info/refs")

    with contextlib.closing(Connections(stall_s=20)) as connections:
        listed = ask_refs(connections, Address.parse(bench.http_url), most_s=0.5)

    assert listed is None


# The answer itself ---------------------------------------------------------------------------


def test_an_answer_is_read_as_git_prints_it() -> None:
    body = advertisement(
        ID + b" HEAD\0multi_ack symref=HEAD:refs/heads/main object-format=sha1\n",
        ID + b" refs/heads/main\n",
        OTHER + b" refs/tags/v1\n",
        ID + b" refs/tags/v1^{}",
        b"shallow " + ID + b"\n",
    )

    assert read_advertisement(body).splitlines() == [
        b"ref: refs/heads/main\tHEAD",
        ID + b"\tHEAD",
        ID + b"\trefs/heads/main",
        OTHER + b"\trefs/tags/v1",
        ID + b"\trefs/tags/v1^{}",
    ]


def test_a_repo_without_refs_lists_nothing() -> None:
    body = advertisement(b"0" * 40 + b" capabilities^{}\0multi_ack\n")

    assert read_advertisement(body) == b""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"0000",
        b"<html>please log in</html>",
        SERVICE,
        SERVICE + b"0000",
        SERVICE + packet(b"ERR repository not found"),
        SERVICE + packet(ID + b" HEAD\0caps"),  # no end
        SERVICE + b"ffff" + ID + b" HEAD\0caps",  # longer than the answer
        SERVICE + b"0003",  # shorter than itself
        SERVICE + b"0001" + b"0000",  # a delimiter of protocol 2
        SERVICE + b"0x1f" + ID + b" HEAD\0",
        SERVICE + b"-001" + ID + b" HEAD\0",
        advertisement(ID + b" HEAD\0caps", ID + b" refs/heads/a\0b"),
        advertisement(ID + b" HEAD\0caps", ID + b" refs/heads/a\nb"),
        advertisement(ID + b" HEAD\0caps", ID[:39] + b" refs/heads/a"),
        advertisement(ID + b" HEAD\0caps", b"\xff\xfe\x00garbage"),
        b"001e# service=git-receive-pack\n0000" + packet(ID + b" HEAD\0") + b"0000",
        packet(b"version 2\n") + packet(b"ls-refs=unborn\n") + b"0000",
        SERVICE + packet(b"version 2\n") + packet(b"ls-refs=unborn\n") + b"0000",
    ],
)
def test_what_is_no_list_of_refs_is_refused(body: bytes) -> None:
    with pytest.raises(NotAnAdvertisementError):
        read_advertisement(body)
