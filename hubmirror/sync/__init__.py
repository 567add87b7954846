"""Brings a mirror up to its manifests: the main use case of the connected side.

``driver`` runs the steps in their order; ``resolving`` asks what refs mean, ``fetching``
brings bytes in, ``landing`` keeps them until they may have a name, ``assembling`` turns
outcomes into units and a lock, ``report`` says what was done.
"""

from hubmirror.sync.driver import Options, plan_sync, sync
from hubmirror.sync.report import SyncReport, UnitReport
from hubmirror.sync.resolving import Mode

__all__ = ["Mode", "Options", "SyncReport", "UnitReport", "plan_sync", "sync"]
