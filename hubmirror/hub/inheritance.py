"""What a process hands to its children, so that each Python among them loads from one mirror.

Owns: the variables of ``hubmirror run`` and ``hubmirror env``. The publication is pinned when they
are made: all ranks of a job see the same one, whatever is published meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from hubmirror.mirror import Mirror, parse_publication
from hubmirror.settings import Settings

STARTUP = Path(__file__).with_name("startup")
"""A folder with a ``sitecustomize``, which Python runs at its start when it is on its path."""


def variables(settings: Settings) -> Mapping[str, str]:
    """Return the variables that arm every Python which starts with them.

    Raises:
        NotFoundError: when there is no mirror, or no such publication.
        VerificationError: when the mirror cannot be believed.
    """
    root = settings.require_mirror().absolute()
    with Mirror.open(root) as mirror:
        wanted = parse_publication(settings.publication, mirror) if settings.publication else None
        publication = mirror.serving(wanted).digest
    startup = str(STARTUP)
    path = settings.variables.get("PYTHONPATH", "").split(os.pathsep)
    others = [entry for entry in path if entry and entry != startup]
    return {
        "HUBMIRROR": str(root),
        "HUBMIRROR_PUBLICATION": publication.hex,
        "PYTHONPATH": os.pathsep.join([startup, *others]),
    }
