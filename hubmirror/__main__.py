"""The door of the command line: ``hubmirror`` and ``python -m hubmirror``."""

from __future__ import annotations

import os
import sys

from hubmirror.version import __version__

_INTERRUPTED = 130


def main() -> None:
    """Run one command and end the process with its exit code."""
    if sys.argv[1:] == ["--version"]:  # asked by scripts in loops: answered before click loads
        sys.stdout.write(f"hubmirror {__version__}\n")
        return
    code = _run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    if code == _INTERRUPTED:
        os._exit(code)  # at once: Python would wait for threads that wait for slow hosts
    sys.exit(code)


def _run(words: list[str]) -> int:
    from hubmirror.cli import node

    if node.is_one(words):
        return node.run(words)
    try:
        import click  # noqa: F401 - the offline node has no need of it
    except ModuleNotFoundError:
        return node.fail_without_click(words)
    from hubmirror.cli.app import run

    return run(words)


if __name__ == "__main__":
    main()
