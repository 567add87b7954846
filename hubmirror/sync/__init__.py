"""Brings a mirror up to its manifests: the main use case of the connected side.

``driver`` runs the steps in their order, at the place that ``writing`` opens; ``planning`` reads
what is wanted, ``resolving`` asks what refs mean, ``fetching`` brings bytes in (``snapshots`` of
repos, and ``weights``), ``landing`` keeps them until they may have a name, ``assembling`` turns
outcomes into units and a lock, ``report`` says what was done. ``putting`` takes in a file by hand.
"""

from hubmirror.sync.driver import sync
from hubmirror.sync.options import Mode, Options
from hubmirror.sync.planning import plan_sync
from hubmirror.sync.report import SyncReport, UnitReport

__all__ = ["Mode", "Options", "SyncReport", "UnitReport", "plan_sync", "sync"]
