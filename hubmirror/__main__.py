"""The door of the command line: ``hubmirror`` and ``python -m hubmirror``."""

from __future__ import annotations

import sys

from hubmirror.version import __version__


def main() -> None:
    """Run one command and end the process with its exit code."""
    if sys.argv[1:] == ["--version"]:  # asked by scripts in loops: answered before click loads
        sys.stdout.write(f"hubmirror {__version__}\n")
        return
    from hubmirror.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
