"""What a hub repo says of itself, read without running any of its code.

``about`` holds the answer, ``read`` finds it. Between them: ``source`` parses files within
bounds, ``finder`` finds them, ``world``, ``statements`` and ``expressions`` follow names through
the modules of the repo, ``growth`` tells what cannot be followed, ``signatures`` describes what
was found, ``requirements`` and ``specifiers`` read the packaging files. ``imports`` tells what
is needed of others, and ``snapshot`` reads all of it out of a tar. Standard library only: the
offline half uses it.
"""

from hubmirror.hubconf.about import Entrypoint, Hubconf
from hubmirror.hubconf.read import read_hubconf

__all__ = ["Entrypoint", "Hubconf", "read_hubconf"]
