"""Hosts of the user's own network stay in reach where everything else is refused."""

from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import requests

import hubmirror
from hubmirror.errors import InvalidInputError, OfflineMissError
from hubmirror.hub.reach import Reach
from tests import services
from tests.hub.small_mirror import publish

ROOT = Path(__file__).parents[2]
ALLOWED = ("tracking.corp", ".cluster.local", "10.20.0.0/16", "192.0.2.7", "2001:db8::/32")
ADDRESS = "198.51.100.7"  # TEST-NET-2: of this machine in a network namespace of its own


@pytest.mark.parametrize(
    "host",
    ["tracking.corp", "Tracking.Corp.", "cluster.local", "a.b.cluster.local", "10.20.30.40",
     "192.0.2.7", "2001:db8::1", "[2001:db8::1]", b"tracking.corp"],
)  # fmt: skip
def test_names_suffixes_addresses_and_networks_are_in_reach(host: str | bytes) -> None:
    assert Reach(allowed=ALLOWED).beyond(host, 443) == ""


@pytest.mark.parametrize(
    "host", ["corp", "x.tracking.corp", "nottracking.corp", "evilcluster.local", "10.21.0.1",
             "192.0.2.8", "2001:db9::1", "github.com"],
)  # fmt: skip
def test_all_others_are_beyond_it(host: str) -> None:
    assert Reach(allowed=ALLOWED).beyond(host, 443) == f"{host}:443"


def test_an_address_is_in_reach_once_an_allowed_name_led_to_it() -> None:
    reach = Reach(allowed=ALLOWED)
    before = reach.beyond(ADDRESS)

    reach.remember("github.com", [ADDRESS])
    others = reach.beyond(ADDRESS)
    reach.remember("tracking.corp", [ADDRESS])

    assert (before, others, reach.beyond(ADDRESS)) == (ADDRESS, ADDRESS, "")


PROGRAM = """
import http.server, socket, sys, threading, urllib.request
import requests
import hubmirror
server = http.server.ThreadingHTTPServer((sys.argv[1], 0), http.server.BaseHTTPRequestHandler)
server.RequestHandlerClass.do_POST = lambda self: self.send_error(418)
server.RequestHandlerClass.do_GET = lambda self: self.send_error(418)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_address[1]
url = f"http://tracking.corp:{port}/run"

def ask():
    got = [requests.post(url, data="x").status_code, requests.get(url).status_code]
    try:
        urllib.request.urlopen(url)
    except urllib.error.HTTPError as error:
        got.append(error.code)
    socket.create_connection(("tracking.corp", port)).close()
    with socket.socket() as plain:
        plain.connect((socket.gethostbyname("tracking.corp"), port))
    return got

def refused(*, host):
    try:
        socket.create_connection((host, port))
    except hubmirror.errors.OfflineMissError:
        return True

with hubmirror.offline():
    print(refused(host="other.corp"), refused(host=sys.argv[1]), ask())
"""
IN_A_NETWORK_OF_ITS_OWN = """
set -e
ip link set lo up
ip addr add "$1" dev lo
mount --bind "$2" /etc/hosts
shift 2
exec "$@"
"""


def test_a_tracking_server_is_asked_by_its_name(mirror: Path, tmp_path: Path) -> None:
    for program in ("unshare", "mount", "ip"):
        services.require_program(program)
    services.require(os.geteuid() == 0, "namespaces need root")
    publish(mirror)
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} tracking.corp other.corp\n")
    enter = ("unshare", "--net", "--mount", "sh", "-c", IN_A_NETWORK_OF_ITS_OWN, "enter")

    done = subprocess.run(
        [*enter, ADDRESS, str(hosts), sys.executable, "-c", PROGRAM, ADDRESS],
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "HUBMIRROR": str(mirror)}
        | {"HUBMIRROR_ALLOW_HOSTS": "artifacts.corp, tracking.corp"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "True True [418, 418, 418]\n", done.stderr


class Teapot(http.server.BaseHTTPRequestHandler):
    """Answers everything, so that a test sees who was asked."""

    def do_POST(self) -> None:
        self.send_error(418)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name upstream
        pass


@pytest.fixture
def proxy() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Teapot) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_proxy_on_this_machine_is_in_reach_when_it_is_allowed(
    mirror: Path, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror)
    monkeypatch.setenv("http_proxy", proxy)

    with hubmirror.offline(mirror, allow_hosts=["tracking.corp", "127.0.0.1"]):
        allowed = requests.post("http://tracking.corp/run", timeout=30).status_code
        with pytest.raises(requests.ConnectionError):
            requests.post("http://other.corp/run", timeout=30)

    assert allowed == 418


def test_by_default_no_host_is_allowed(mirror: Path) -> None:
    publish(mirror)

    with hubmirror.offline(mirror), pytest.raises(OfflineMissError, match=r"tracking\.corp:80"):
        socket.create_connection(("tracking.corp", 80))


def test_a_scope_inside_keeps_what_the_one_around_allows(mirror: Path) -> None:
    publish(mirror)

    with (
        hubmirror.offline(mirror, allow_hosts="192.0.2.0/24"),
        hubmirror.offline(),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram,
    ):
        datagram.connect(("127.0.0.1", 9))
        with pytest.raises(OfflineMissError):
            datagram.sendto(b"x", ("198.51.100.1", 9))
        _send(datagram, ("192.0.2.1", 9))


def _send(datagram: socket.socket, address: tuple[str, int]) -> None:
    try:
        datagram.sendto(b"x", address)
    except OfflineMissError:
        raise
    except OSError:
        pass  # the guard let it through; this machine may have no network


def test_installed_for_a_whole_process(mirror: Path) -> None:
    publish(mirror)

    hubmirror.install(mirror, allow_hosts=[".cluster.local"])
    try:
        with pytest.raises(OfflineMissError, match=r"rank0\.elsewhere"):
            urlopen("http://rank0.elsewhere.local/")
        with pytest.raises(socket.gaierror):  # it was asked, and there is nobody to tell
            socket.gethostbyname("rank0.cluster.local")
    finally:
        hubmirror.uninstall()


@pytest.mark.parametrize("hosts", ["https://tracking.corp", "tracking.corp:80", "*.corp", "a b"])
def test_what_is_no_host_is_refused_by_name(mirror: Path, hosts: str) -> None:
    publish(mirror)

    with (
        pytest.raises(InvalidInputError, match=r"allow_hosts: expected host names"),
        hubmirror.offline(mirror, allow_hosts=hosts),
    ):
        pass
