"""What sync says of weights: told from their bytes, once, and kept."""

from __future__ import annotations

import argparse
import io
from dataclasses import replace

import torch

from hubmirror.mirror import Mirror
from hubmirror.publish import publish
from hubmirror.records import CheckpointRow, Contents, WeightsKind
from tests.upstream import Upstream
from tests.writer import Writer


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def loose(writer: Writer, url: str) -> CheckpointRow:
    (row,) = writer.unit(url).checkpoints
    return row


def test_sync_says_what_weights_are(writer: Writer, upstream: Upstream) -> None:
    tensors = upstream.put("/tensors.pth", saved({"x": torch.ones(2)}))
    pickled = upstream.put("/pickled.pth", saved({"args": argparse.Namespace()}))
    manifest = writer.manifest(checkpoints=[{"url": tensors}, {"url": pickled}])

    writer.sync(manifest)

    assert loose(writer, tensors).contents == Contents(WeightsKind.TENSORS_ONLY)
    assert loose(writer, pickled).contents == Contents(
        WeightsKind.NEEDS_GLOBALS, ("argparse.Namespace",)
    )


def test_a_second_sync_keeps_all_that_a_row_said(writer: Writer, upstream: Upstream) -> None:
    target = upstream.put("/real.pth", saved({"x": torch.ones(2)}))
    url = upstream.url("/moved.pth")
    upstream.redirect("/moved.pth", target)
    manifest = writer.manifest(checkpoints=[{"url": url}])
    writer.sync(manifest)
    before = loose(writer, url)

    report = writer.sync(manifest)

    assert report.published is None
    assert loose(writer, url) == before
    assert before.redirect == target


def test_rows_of_an_older_version_are_described_once(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/w.pth", saved({"x": torch.ones(2)}))
    manifest = writer.manifest(checkpoints=[{"url": url}])
    writer.sync(manifest)
    published_without_kinds(writer)

    first, second = writer.sync(manifest), writer.sync(manifest)

    assert (first.published is None, second.published is None) == (False, True)
    assert loose(writer, url).contents == Contents(WeightsKind.TENSORS_ONLY)


def published_without_kinds(writer: Writer) -> None:
    """Publish what is there as a hubmirror did that knew no kinds."""
    before = writer.holdings()
    (unit,) = before.units
    rows = tuple(replace(row, contents=Contents()) for row in unit.checkpoints)
    with Mirror.open(writer.root) as mirror:
        units = (replace(unit, checkpoints=rows),)
        publish(mirror, replace(before, units=units), writer.settings.modes)
