"""Made tests/formats/format-1, once, by hubmirror 0.1; kept to show how, and never run again.

    python -m tests.formats.make_format_1 FOLDER

A mirror of two publications (the second with a pin, so with evidence), its manifest and lock, and
the second publication as a bundle in parts that cut a blob into segments.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from hubmirror.carry.exporting import Order, export, plan_export
from hubmirror.carry.known import Known
from hubmirror.carry.selecting import consign
from hubmirror.layout import StateLayout
from hubmirror.lifecycle.marking import pin
from hubmirror.mirror import Mirror
from hubmirror.writer import Turn
from hubmirror.writer_file import Host, WriterFile
from tests.upstream import Upstream, hubs
from tests.writer import Writer, wanted

PART_BYTES = 40_000


def make(folder: Path) -> None:
    """Make everything in a folder that is not there yet."""
    folder.mkdir()
    writer = Writer(folder)
    with Upstream(Path(tempfile.mkdtemp())) as upstream:
        hub = hubs.plain_weights(upstream)
        writer.sync(writer.manifest([wanted(hub)]))
    pin(writer.settings, hub.name, "kept", Turn("pin"))
    (folder / "bundle").mkdir()
    with (
        Mirror.open(writer.root) as mirror,
        consign(mirror, mirror.current()[0], ()) as consignment,
    ):
        plan = plan_export(consignment, Known(), part_bytes=PART_BYTES, label="")
        state = StateLayout(folder / "state")
        export(plan, consignment, mirror, state, Order(folder / "bundle"))
    WriterFile(Host("0" * 32, "writer")).write(writer.root, writer.settings.modes)
    shutil.rmtree(folder / "state")
    shutil.rmtree(writer.root / ".incoming")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
