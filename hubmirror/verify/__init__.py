"""Says what a mirror holds that is not what its publications promise.

Reads only; needs no network and no lock, and may run while a sync is at work. The way through:
``promises`` says what should be there, ``selecting`` which bytes are read this time, ``reading``
hashes them, ``ahead`` begins with small ones before that is said, ``memory`` remembers when each was read,
``verifying`` ties these together.
"""

from hubmirror.verify.findings import Fault, Finding, VerifyReport
from hubmirror.verify.memory import Memory
from hubmirror.verify.selecting import Depth
from hubmirror.verify.verifying import verify

__all__ = ["Depth", "Fault", "Finding", "Memory", "VerifyReport", "verify"]
