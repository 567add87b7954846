"""What a hub repo needs, told from its source text: no code of it is run.

``origins`` gets hold of a repo as a ``trees`` tree, and ``scan`` reads it. Code is followed with
its data: ``machine`` goes from call to call over the modules that ``hubconf`` resolves, with
``classes`` for objects; ``statements`` and ``expressions`` do the rest, with ``operators``,
``lookups``, ``rounds`` and ``syntax``; ``strings``, ``paths``, ``containers``, ``library`` and
``conversions`` know what Python's own functions give. Every value is one of ``values``, and they
ask the machine through ``asking``. ``sinks`` says which calls fetch, ``collecting`` gathers what
they ask for, ``exploring`` decides which calls of entrypoints are followed, ``relevance`` what
need not be, ``closure`` which files hubconf.py leads to. ``overlooked``, ``elsewhere`` and
``surroundings`` read what nobody was seen to use. ``findings`` are the outcome; ``suggesting``
and ``adding`` make manifest lines of them.
"""

from hubmirror.scanning.findings import Call, Confidence, Finding, Kind, Place, Scan
from hubmirror.scanning.origins import scan_folder, scan_mirrored, scan_upstream

__all__ = [
    "Call",
    "Confidence",
    "Finding",
    "Kind",
    "Place",
    "Scan",
    "scan_folder",
    "scan_mirrored",
    "scan_upstream",
]
