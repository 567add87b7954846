"""Says what a mirror holds that is not what its publications promise.

Reads only; needs no network and no lock, and may run while a sync is at work. The way through:
``promises`` says what should be there, while ``ahead`` begins to hash; ``selecting`` says which
bytes are read this time, ``reading`` hashes them, ``memory`` remembers when each was read, and
``verifying`` ties these together.
"""

from hubmirror.verify.findings import Fault, Finding, VerifyReport
from hubmirror.verify.memory import Memory
from hubmirror.verify.selecting import Depth
from hubmirror.verify.verifying import verify

__all__ = ["Depth", "Fault", "Finding", "Memory", "VerifyReport", "verify"]
