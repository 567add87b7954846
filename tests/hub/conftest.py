"""Every test here runs as on an offline node: own HOME, no settings, nothing left behind."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror import settings
from hubmirror.hub import notices


@pytest.fixture(autouse=True)
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("HUBMIRROR", "XDG_", "TORCH_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(settings, "SITE_FILE", tmp_path / "no-such-settings.yaml")
    monkeypatch.setattr(notices, "_said", set())
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Where a test builds its mirror."""
    return tmp_path / "mirror"
