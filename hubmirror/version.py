"""The version of this package, and of the mirror format that it reads and writes.

Knows nothing else, so that ``hubmirror --version`` costs no other import.
"""

__version__ = "0.1.0"

FORMAT = 1
"""The mirror format written by this version; also the newest that it can read."""
