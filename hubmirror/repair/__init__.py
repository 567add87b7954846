"""Fetches again exactly what is bad in a mirror, from wherever the same bytes are.

The way through: ``doors`` mends what a mirror is opened by, ``names`` its publications, catalogs
and ``current.json``, ``repairing`` ties these together and brings the blobs. A ``suppliers``
module gives bytes: another mirror, the parts of a bundle, or (in ``upstream``, which alone needs
the libraries of a connected host and is imported by name) the hosts that they came from.
"""

from hubmirror.repair.repairing import UPSTREAM, Order, look, repair
from hubmirror.repair.report import Left, Mended, RepairReport

__all__ = ["UPSTREAM", "Left", "Mended", "Order", "RepairReport", "look", "repair"]
