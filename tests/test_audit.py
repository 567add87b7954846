"""The audit log: a line for each change, whole or torn, never silent."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hubmirror import audit
from hubmirror.audit import Change
from hubmirror.layout import StateLayout
from hubmirror.records import Digest

ONE, TWO, THREE = (Digest.of(name.encode()) for name in ("one", "two", "three"))


def lines(state: StateLayout) -> list[Any]:
    return [json.loads(line) for line in state.audit.read_text().splitlines()]


def test_a_line_says_when_who_what_and_what_readers_see(tmp_path: Path) -> None:
    state = StateLayout(tmp_path)

    audit.append(state, Change("rollback", ONE, TWO, {"reason": "worse"}))

    (line,) = lines(state)
    assert set(line) == {"at", "uid", "user", "host", "verb", "before", "after", "reason"}
    assert (line["verb"], line["before"], line["after"]) == ("rollback", ONE.hex, TWO.hex)
    assert line["uid"] == os.getuid()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    state = StateLayout(tmp_path)

    audit.append(state, Change("sync", None, ONE))

    assert state.audit.stat().st_mode & 0o777 == 0o600


def test_a_torn_line_stays_one_line_and_spoils_no_other(tmp_path: Path) -> None:
    state = StateLayout(tmp_path)
    audit.append(state, Change("sync", None, ONE))
    with state.audit.open("ab") as stream:
        stream.write(b'{"at": "2026-')

    audit.append(state, Change("sync", ONE, TWO))

    first, torn, last = state.audit.read_text().splitlines()
    assert json.loads(first)["after"] == ONE.hex
    assert torn == '{"at": "2026-'
    assert json.loads(last)["before"] == ONE.hex


def test_a_change_whose_line_a_kill_prevented_is_told_by_the_next_one(tmp_path: Path) -> None:
    state = StateLayout(tmp_path)
    audit.append(state, Change("sync", None, ONE))

    audit.append(state, Change("sync", TWO, THREE))

    _, missed, line = lines(state)
    assert (missed["verb"], missed["before"], missed["after"]) == ("unrecorded", ONE.hex, TWO.hex)
    assert line["before"] == TWO.hex
