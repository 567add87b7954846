"""Hosts and addresses that make no sense fail their unit, and nothing else; no secret leaks."""

from __future__ import annotations

import pytest

from hubmirror.errors import ExitCode
from hubmirror.records import UnitState
from tests.upstream import Upstream, faults
from tests.writer import Writer


@pytest.mark.parametrize("length", ["12x", "-5", ""])
def test_an_odd_length_harms_nobody_else(writer: Writer, upstream: Upstream, length: str) -> None:
    good = upstream.put("/good.pth", b"good")
    odd = upstream.put("/odd.pth", b"odd", headers={"Content-Length": length})

    report = writer.sync(writer.manifest(checkpoints=[{"url": good}, {"url": odd}]))

    assert report.exit_code() in (ExitCode.OK, ExitCode.INCOMPLETE)
    assert writer.unit(good).state is UnitState.COMPLETE


def test_a_redirect_to_nowhere_harms_nobody_else(writer: Writer, upstream: Upstream) -> None:
    good = upstream.put("/good.pth", b"good")
    odd = upstream.put("/odd.pth", b"odd", fault=faults.RedirectTo("http://[bad"))

    report = writer.sync(writer.manifest(checkpoints=[{"url": good}, {"url": odd}]))

    assert report.exit_code() is ExitCode.INCOMPLETE
    assert writer.unit(good).state is UnitState.COMPLETE


@pytest.mark.parametrize("address", ["http://h:S3CRET9/x", "http://[S3CRET9/x", "S3CRET9"])
def test_an_address_that_is_none_is_not_repeated(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("U", address)
    good = upstream.put("/good.pth", b"good")
    gated = {"url": "https://h.example/w.pth", "fetch_url": "${U}"}

    report = writer.sync(writer.manifest(checkpoints=[{"url": good}, gated]))

    assert report.exit_code() is ExitCode.INCOMPLETE
    assert writer.unit(good).state is UnitState.COMPLETE
    assert "S3CRET9" not in str([unit.failure for unit in report.failed()])
    for path in writer.folder.rglob("*"):
        if path.is_file():
            assert b"S3CRET9" not in path.read_bytes()
