"""Runs code that nobody vouches for in throw-away folders, and leaves nothing of it behind.

Standard library only. Knows nothing of repos, mirrors or torch: it is handed a command.
"""

from hubmirror.sandbox.box import Child, Ended, Sandbox
from hubmirror.sandbox.folders import Folders
from hubmirror.sandbox.protections import Protections

__all__ = ["Child", "Ended", "Folders", "Protections", "Sandbox"]
