"""Inside a scope the network is refused; outside, and on this machine, nothing changes."""

import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hubmirror
from hubmirror.errors import OfflineMissError
from hubmirror.hub import commands, reach
from tests.hub.small_mirror import SmallRepo, publish

NOWHERE = ("192.0.2.1", 80)  # TEST-NET-1: no route leads there


@pytest.fixture
def inside(mirror: Path) -> Iterator[None]:
    publish(mirror)
    with hubmirror.offline(mirror):
        yield


def send_datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"x", NOWHERE)


REACHING: dict[str, Callable[[], object]] = {
    "ftp://weights.example/a.pth?token=***": lambda: urllib.request.urlopen(
        "ftp://weights.example/a.pth?token=s3cret"
    ),
    "weights.example:443": lambda: socket.create_connection(("weights.example", 443)),
    "weights.example": lambda: socket.gethostbyname("weights.example"),
    "192.0.2.1:80": send_datagram,
    "2001:db8::1:80": lambda: socket.socket(socket.AF_INET6).connect(("2001:db8::1", 80)),
    "curl https://w.example/a?sig=***": lambda: subprocess.run(
        ["curl", "-u", "me:pw", "https://w.example/a?sig=1"], check=True
    ),
    "pip install": lambda: subprocess.run(
        [sys.executable, "-m", "pip", "install", "x"], check=True
    ),
    "wget https://w.example/b": lambda: os.system("cd /tmp && wget -q https://w.example/b"),
    "git clone": lambda: subprocess.run("git clone git@forge:x/y", shell=True, check=True),
    "gsutil gs://bucket/c": lambda: os.posix_spawn(
        "/bin/gsutil", ["gsutil", "cp", "gs://bucket/c"], {}
    ),
}  # fmt: skip


@pytest.mark.parametrize("shown", REACHING)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_network_is_refused_inside(inside: None, shown: str) -> None:
    with pytest.raises(OfflineMissError) as caught:
        REACHING[shown]()

    assert caught.value.message.startswith(f"{shown}: the network is refused")


def test_the_message_names_the_repo_to_add_to(mirror: Path) -> None:
    hubconf = "import socket\ndef net(): socket.create_connection(('weights.example', 80))"
    publish(mirror, [SmallRepo("acme/nets", {"main": {"hubconf.py": hubconf}})])

    with pytest.raises(OfflineMissError, match=r"weights\.example:80") as caught:
        hubmirror.load("acme/nets", "net", mirror=mirror)

    assert "`checkpoints:` of acme/nets" in caught.value.hint


def test_a_local_load_without_any_mirror_is_guarded_too(tmp_path: Path) -> None:
    hubconf = "import socket\ndef net(): socket.create_connection(('weights.example', 80))"
    (tmp_path / "hubconf.py").write_text(hubconf)

    with pytest.raises(OfflineMissError, match="no mirror is configured"):
        hubmirror.load(str(tmp_path), "net", source="local")


def test_threads_that_start_inside_are_guarded(inside: None) -> None:
    caught: list[BaseException] = []

    def reach() -> None:
        try:
            socket.getaddrinfo("weights.example", 80)
        except OfflineMissError as error:
            caught.append(error)

    thread = threading.Thread(target=reach)
    thread.start()
    thread.join()

    assert len(caught) == 1


def test_outside_nothing_is_refused(mirror: Path) -> None:
    publish(mirror)
    with hubmirror.offline(mirror):
        pass

    try:
        send_datagram()
    except OfflineMissError:
        pytest.fail("the guard is still up")
    except OSError:
        pass  # this machine may have no network
    assert subprocess.run(["git", "ls-remote", "/nowhere"], check=False).returncode == 128


def test_this_machine_may_be_reached(inside: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            pass
        with socket.create_connection(("localhost", server.getsockname()[1])):
            pass
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as calling:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        calling.connect(str(tmp_path / "s"))


def test_a_proxy_on_this_machine_leads_out_of_it(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror)
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        host, port = proxy.getsockname()
        monkeypatch.setenv("https_proxy", f"http://me:pw@{host}:{port}/")

        with (
            hubmirror.offline(mirror),
            pytest.raises(OfflineMissError, match=f"127.0.0.1:{port}"),
        ):
            socket.create_connection((host, port))


def test_local_files_and_commands_are_no_network(inside: None, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    with urllib.request.urlopen((tmp_path / "file").as_uri()) as opened:
        assert opened.read() == b"x"
    assert subprocess.run(["true"], check=False).returncode == 0
    assert os.system("true") == 0


@pytest.mark.parametrize(
    ("argv", "shown"),
    [
        (["git", "describe", "--tags"], ""),
        (["git", "-C", "x", "fetch", "origin"], "git fetch"),
        (["/usr/bin/pip3", "install", "-U", "x"], "pip3 install"),
        (["pip", "list"], ""),
        (["python3", "-m", "pip", "download", "x"], "pip download"),
        (["python", "train.py", "-m", "pip", "install"], ""),
        (["bash", "-c", "A=1 sudo curl -o x http://h/f; true"], "curl http://h/f"),
        (["sh", "-c", "echo 'curl' && ls"], ""),
        (["env", "TOKEN=x", "wget", "http://h/f"], "wget http://h/f"),
        (["ninja", "-v"], ""),
        ([], ""),
    ],
)
def test_commands_that_reach_for_the_network_are_known(argv: list[str], shown: str) -> None:
    assert commands.networking(argv) == shown


def test_only_proxies_on_this_machine_count() -> None:
    proxies = {
        "http": "http://localhost:3128", "https": "127.0.0.1:8080/", "all": "socks5://[::1]:1080",
        "ftp": "http://proxy.example:21", "no": "localhost:99",
    }  # fmt: skip

    assert reach.local_proxy_ports(proxies) == {"3128", "8080", "1080"}
