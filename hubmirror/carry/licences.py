"""Names the licence of a snapshot, for whoever must approve what crosses the gap.

Reads the files in the root of the tar whose names say that they are one. A licence is named where
the head of its text is unmistakable; else the file alone is.
"""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

_FILE = re.compile(r"(un)?licen[cs]e|copying", re.IGNORECASE)
_MOST_BYTES = 16 * 1024  # the text of a licence names others further down
_MOST_FILES = 5

# The first whose marks all stand in the text; lower case, and one space for every blank.
_KNOWN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Apache-2.0", ("apache license version 2.0, january 2004",)),
    ("AGPL-3.0", ("gnu affero general public license version 3, 19 november 2007",)),
    ("LGPL-3.0", ("gnu lesser general public license version 3, 29 june 2007",)),
    ("LGPL-2.1", ("gnu lesser general public license version 2.1, february 1999",)),
    ("GPL-3.0", ("gnu general public license version 3, 29 june 2007",)),
    ("GPL-2.0", ("gnu general public license version 2, june 1991",)),
    ("MPL-2.0", ("mozilla public license version 2.0",)),
    ("CC-BY-NC-SA-4.0", ("attribution-noncommercial-sharealike 4.0 international",)),
    ("CC-BY-NC-ND-4.0", ("attribution-noncommercial-noderivatives 4.0 international",)),
    ("CC-BY-NC-4.0", ("attribution-noncommercial 4.0 international",)),
    ("CC-BY-SA-4.0", ("attribution-sharealike 4.0 international",)),
    ("CC-BY-4.0", ("creative commons", "attribution 4.0 international")),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("MIT", ("permission is hereby granted, free of charge, to any person obtaining a copy",)),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "neither the name")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms",)),
)


def find_licences(tar: Path) -> str:
    """Return such as ``MIT (LICENSE)``; nothing where the snapshot has no file of a licence."""
    found = []
    with tarfile.open(tar, "r:") as archive:
        for member in archive:
            if member.isreg() and _FILE.match(member.name) and "/" not in member.name:
                stream = archive.extractfile(member)
                content = stream.read(_MOST_BYTES) if stream else b""
                found.append(_worded(member.name, content))
            if len(found) == _MOST_FILES:
                break
    return "; ".join(found)


def _worded(name: str, content: bytes) -> str:
    known = name_licence(content.decode(errors="replace"))
    return f"{known} ({name})" if known else name


def name_licence(text: str) -> str:
    """Return the short name of a licence's text, or nothing where it is not unmistakable."""
    words = " ".join(text.lower().split())
    for name, marks in _KNOWN:
        if all(mark in words for mark in marks):
            return name
    return ""
