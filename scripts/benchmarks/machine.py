"""What a figure is worth nothing without: the machine, its load, and every version."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from scripts.benchmarks.processes import PYTHON, ROOT
from scripts.benchmarks.workbench import PEER_PYTHON

_PROGRAMS = {
    "aria2c": ["aria2c", "--version"],
    "borg": ["borg", "--version"],
    "curl": ["curl", "--version"],
    "git": ["git", "--version"],
    "nginx": ["nginx", "-v"],
    "openssl": ["openssl", "version"],
    "restic": ["restic", "version"],
    "rsync": ["rsync", "--version"],
    "tar": ["tar", "--version"],
    "wget": ["wget", "--version"],
}
_PACKAGES = {
    PYTHON: ["gitpython", "pyyaml", "sqlalchemy", "torch", "urllib3"],
    PEER_PYTHON: ["huggingface_hub", "pooch"],
}
_ASK = """\
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(f"{name} {importlib.metadata.version(name)}")
    except importlib.metadata.PackageNotFoundError:
        print(f"{name} not installed")
"""


def describe() -> dict[str, str]:
    """Say where and when this runs, and with what."""
    return {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "cpu": f"{_cpu()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": platform.release(),
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "programs": ", ".join(_program(name) for name in _PROGRAMS),
        "packages": ", ".join(_packages()),
    }


def _cpu() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"model name\s*: (.*)", text)
    return found[1] if found else platform.machine()


def _commit() -> str:
    named = _output(["git", "-C", str(ROOT), "rev-parse", "--short=10", "HEAD"])
    changed = _output(["git", "-C", str(ROOT), "status", "--porcelain", "-uno", "hubmirror"])
    return f"{named or 'unknown'}{' with changes' if changed else ''}"


def _program(name: str) -> str:
    if shutil.which(name) is None:
        return f"{name} not installed"
    found = re.search(r"\d+(?:\.\d+)+", _output(_PROGRAMS[name]))
    return f"{name} {found[0] if found else 'of unknown version'}"


def _packages() -> list[str]:
    found = []
    for python, names in _PACKAGES.items():
        if python.exists():
            found += _output([str(python), "-c", _ASK, *names]).splitlines()
        else:
            found += [f"{name} not installed" for name in names]
    return found


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()
