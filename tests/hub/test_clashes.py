"""Two hub repos that ship packages of one name: nobody is left to wonder."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

import hubmirror
from tests.hub.small_mirror import SmallRepo, publish


def repo(title: str, value: int) -> SmallRepo:
    hubconf = "from clashing_models import VALUE\n\ndef value():\n    return VALUE\n"
    tree = {"hubconf.py": hubconf, "clashing_models/__init__.py": f"VALUE = {value}\n"}
    return SmallRepo(title, {"main": tree})


def test_a_repo_that_would_run_the_code_of_another_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publish(tmp_path / "mirror", [repo("acme/one", 1), repo("acme/two", 2)])
    monkeypatch.setenv("HUBMIRROR", str(tmp_path / "mirror"))
    try:
        with caplog.at_level(logging.WARNING):
            hubmirror.load("acme/one", "value")
            assert "clashing_models" not in caplog.text
            hubmirror.load("acme/two", "value")
    finally:
        sys.modules.pop("clashing_models", None)

    assert "acme/two has a module 'clashing_models' of its own" in caplog.text
