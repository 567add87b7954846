"""An offline GPU node for tests: another user, no network, no home, a read-only mirror.

A network namespace of its own has no way out, a mount namespace shows the mirror read-only, and
the process runs as an unprivileged uid with an empty environment, in ``/``, with stdin closed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests import services

ROOT = Path(__file__).parents[1]
NOBODY = "65534"

PROGRAM = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import hubmirror
from tests.upstream import state_dict_digest
def digest(spec, name, arguments):
    return state_dict_digest(hubmirror.load(spec, name, **arguments))
wanted = json.loads(sys.argv[1])
json.dump({f"{spec} {name}": digest(spec, name, given) for spec, name, given in wanted}, sys.stdout)
"""

ENTER = """
set -e
mount --bind "$1" /mnt
mount -o remount,bind,ro /mnt
if touch /mnt/.probe 2>/dev/null; then echo "the mirror can be written to" >&2; exit 1; fi
cd /
shift
exec "$@"
"""


def _unprivileged() -> list[str]:
    """Return the words that give up root; reading is kept where the interpreter needs it."""
    drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    plain = [*drop, "--bounding-set=-all", "--inh-caps=-all"]
    probe = [*plain, "env", sys.executable, "-c", f"open({str(Path(__file__))!r})"]
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        return plain
    # The checkout, or its Python, lies in a folder that only root may enter.
    return [*drop, "--inh-caps=-all,+dac_read_search", "--ambient-caps=+dac_read_search"]


Call = tuple[str, str, dict[str, object]]
"""A spec, an entrypoint, and its keyword arguments."""


def digests(mirror: Path, wanted: Iterable[Call]) -> dict[str, str]:
    """Load entrypoints on the node; return the digest of each ``spec entrypoint``."""
    for program in ("unshare", "setpriv", "mount"):
        services.require_program(program)
    services.require(os.geteuid() == 0, "namespaces and other users need root")
    command = [
        *("unshare", "--net", "--mount", "sh", "-c", ENTER, "enter", str(mirror)),
        *_unprivileged(),
        *("env", "-i", "HUBMIRROR=/mnt", f"PYTHONPATH={ROOT}", "PYTHONDONTWRITEBYTECODE=1"),
        *(sys.executable, "-c", PROGRAM, json.dumps(list(wanted))),
    ]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    found: dict[str, str] = json.loads(done.stdout)
    return found


PLAIN = """
import json, sys, warnings
warnings.simplefilter("ignore")
import torch
from tests.upstream import state_dict_digest
given = json.loads(sys.argv[3])
found = torch.hub.load(sys.argv[1], sys.argv[2], source="local", verbose=False, **given)
print(state_dict_digest(found))
"""


def plain_digest(folder: Path, call: Call, torch_home: Path) -> str:
    """Load an entrypoint with stock torch.hub, from a folder and a cache filled by hand."""
    _, entrypoint, given = call
    command = [sys.executable, "-c", PLAIN, str(folder), entrypoint, json.dumps(given)]
    done = subprocess.run(
        ["unshare", "--net", *command],
        env={**os.environ, "TORCH_HOME": str(torch_home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.strip()
