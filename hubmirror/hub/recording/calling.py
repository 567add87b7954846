"""What the child of a traced entrypoint runs: one call, told to the tracer from its beginning.

``python -m hubmirror.hub.recording.calling SPEC CALL [FILE]``
"""

from __future__ import annotations

import re
import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hubmirror
from hubmirror import urls
from hubmirror.hub.fingerprints import fingerprint, settle
from hubmirror.hub.recording.channel import Channel
from hubmirror.hub.recording.messages import Ended
from hubmirror.manifest.entrypoints import parse_call
from hubmirror.settings import Settings

_LONGEST = 300


def main(spec: str, call: str, files: Sequence[str]) -> int:
    """Make the call, and what is to be done with its result; return the exit code."""
    channel = Channel(Settings.load().recorder)
    try:
        result = _load(spec, call, files)
    except BaseException as error:  # noqa: BLE001 - the tracer must hear of every end
        traceback.print_exc()
        channel.ask(Ended(_in_short(error), ""))
        return 1
    channel.ask(Ended("", result))
    return 0


def _load(spec: str, call: str, files: Sequence[str]) -> str:
    hubmirror.install()
    wanted = parse_call(call)
    kwargs: dict[str, Any] = {**wanted.kwargs}  # what an entrypoint takes is its own affair
    settle()
    made = hubmirror.load(spec, wanted.name, *wanted.args, **kwargs)
    result = fingerprint(made)
    for file in files:
        runpy.run_path(file)["call"](made)
    return result


def _in_short(error: BaseException) -> str:
    """Say in one line what went wrong; addresses without what is secret in them."""
    said = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    said = re.sub(r"https?://[^\s'\"<>]+", lambda match: urls.redact(match[0]), said)
    return said.replace(str(Path.cwd()), ".").replace(str(Path.home()), "~")[:_LONGEST]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
