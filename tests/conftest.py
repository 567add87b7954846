"""What every test stands on: a sealed environment, and an upstream on loopback."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubmirror import settings
from tests.upstream import Upstream

_CLEARED = ("HUBMIRROR", "TORCH_HOME", "XDG_", "HF_", "GITHUB_TOKEN", "SSL_CERT_FILE")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def sealed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test a home of its own, no settings, and loopback as its whole world."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        required = name == "HUBMIRROR_REQUIRE_SERVICES"
        if (name.startswith(_CLEARED) and not required) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    for name in ("REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(settings, "SITE_FILE", home / "etc" / "config.yaml")
    _refuse_the_world(monkeypatch)
    return home


def _refuse_the_world(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def only_loopback(self: socket.socket, address: Any) -> None:  # any family's address
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                message = f"a test tried to reach {host}"
                raise AssertionError(message)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_loopback)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[Upstream]:
    """A git and HTTP server on loopback, empty."""
    with Upstream(tmp_path / "upstream") as running:
        yield running
