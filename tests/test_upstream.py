"""The stand-in for the internet comes and goes as it is told, and leaves nothing behind.

What it says while it runs is tested beside it, in `tests/upstream/`.
"""

import http.client
import random
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.upstream import RepoBuilder, Upstream
from tests.upstream.faults import Drop, Silence, Slow, Stall, Status
from tests.upstream.gitcmd import git_environment

NAME = "acme/nets"


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Upstream]:
    with Upstream(tmp_path / "upstream") as running:
        yield running


@pytest.fixture
def repo(up: Upstream) -> RepoBuilder:
    builder = RepoBuilder.create(up, NAME)
    builder.commit({"weights.bin": random.Random(1).randbytes(20_000)})
    return builder


def connect(up: Upstream) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", up.port, timeout=5)


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        data: bytes = answer.read()
    return data


def test_it_comes_back_on_the_same_port_with_all_it_had(up: Upstream) -> None:
    url = up.put("/a", b"abc")

    up.stop()
    with pytest.raises(urllib.error.URLError, match="refused"):
        read(url)
    up.start()

    assert read(url) == b"abc"


def test_nobody_takes_the_port_while_it_is_stopped(up: Upstream) -> None:
    up.stop()

    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", up.port))


def test_stopping_leaves_no_thread_and_waits_for_no_stall(up: Upstream) -> None:
    up.put("/stalls", b"x" * 100, fault=Stall(50, 60))
    up.put("/silent", b"x" * 100, fault=Silence(60))
    before = threading.active_count()
    clients = [connect(up) for _ in range(3)]
    for client, path in zip(clients, ("/stalls", "/silent", "/nothing"), strict=True):
        client.request("GET", path)
    assert clients[2].getresponse().read() == b"not found\n"  # and this connection stays open

    up.stop()

    assert threading.active_count() < before
    for client in clients:
        client.close()


def test_a_stop_in_the_middle_breaks_a_download(up: Upstream) -> None:
    url = up.put("/a", b"x" * 1000, fault=Stall(500, 60))

    with urllib.request.urlopen(url) as answer:
        assert answer.read(500) == b"x" * 500
        up.stop()
        with pytest.raises(http.client.IncompleteRead):
            answer.read()


def test_a_fault_of_its_own_is_not_hidden(up: Upstream, tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(b"x" * 100)
    url = up.put("/a", file)
    file.unlink()

    with pytest.raises(http.client.IncompleteRead):
        read(url)

    with pytest.raises(FileNotFoundError, match=r"weights\.pth"):
        up.stop()


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="/proc tells who is left")
def test_stopping_ends_the_git_that_serves(up: Upstream, repo: RepoBuilder, tmp_path: Path) -> None:
    up.fault_repo(NAME, Slow(100), service="git-upload-pack")
    command = ["git", "clone", up.git_url(NAME), "clone"]
    client = subprocess.Popen(command, cwd=tmp_path, env=git_environment(), stderr=subprocess.PIPE)
    while not any(request.sent_bytes for request in up.requests if request.method == "POST"):
        pass

    up.stop()

    client.communicate(timeout=5)
    folder = str(up.repo_folder(NAME))
    here = [link for link in Path("/proc").glob("[0-9]*/cwd") if is_link_to(link, folder)]
    assert (client.returncode, here) == (128, [])


def is_link_to(link: Path, target: str) -> bool:
    try:
        return str(link.readlink()) == target
    except OSError:  # it ended meanwhile, or belongs to somebody else
        return False


def test_it_is_silent(up: Upstream, capfd: pytest.CaptureFixture[str]) -> None:
    up.put("/a", b"x" * 1000, fault=(Status(500, times=1), Drop(10)))
    for _ in range(2):
        connection = connect(up)
        connection.request("GET", "/a")
        connection.getresponse().close()
        connection.close()
    with socket.create_connection(("127.0.0.1", up.port)) as raw:
        raw.sendall(b"\x16\x03\x01 not HTTP at all\r\n\r\n")
        raw.recv(1000)

    up.stop()

    assert capfd.readouterr() == ("", "")


def test_it_speaks_tls(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    pair = ["-keyout", "key.pem", "-out", "cert.pem", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=upstream", "-addext", "subjectAltName=IP:127.0.0.1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command = ["openssl", "req", "-x509", *curve, *pair, *subject]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    trusting = ssl.create_default_context(cafile=tmp_path / "cert.pem")

    with Upstream(tmp_path / "upstream", tls=tls) as up:
        url = up.put("/a", b"abc")
        with urllib.request.urlopen(url, context=trusting) as answer:
            assert answer.read() == b"abc"
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            read(url)
