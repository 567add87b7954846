"""A shell in a folder of its own for each test of the command line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubmirror.upstream.http import HttpUpstream
from tests.cli.shell import Shell
from tests.writer import Writer


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    folder = tmp_path / "host"
    folder.mkdir()
    return Writer(folder)


@pytest.fixture
def shell(
    writer: Writer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Shell]:
    monkeypatch.chdir(writer.folder)
    monkeypatch.setenv("HUBMIRROR", "mirror")
    monkeypatch.setenv("HUBMIRROR_STATE", "state")
    yield Shell(writer, capsys)
    logging.getLogger("hubmirror").setLevel(logging.NOTSET)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let retries wait hundredths of a second, not halves."""
    original = HttpUpstream.__init__

    def hurried(self: HttpUpstream, **terms: Any) -> None:  # its own arguments, by name
        original(self, **{**terms, "first_wait_s": 0.01})

    monkeypatch.setattr(HttpUpstream, "__init__", hurried)
