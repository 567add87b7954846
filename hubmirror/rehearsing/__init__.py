"""Loads declared entrypoints from a mirror alone, each in a sandbox, before anybody relies on it.

Standard library only: what needs torch runs in a child (``hub.performing``).
"""

from hubmirror.rehearsing.driver import rehearse
from hubmirror.rehearsing.judging import Judge
from hubmirror.rehearsing.options import Options
from hubmirror.rehearsing.report import Outcome, RehearsalReport, describe

__all__ = ["Judge", "Options", "Outcome", "RehearsalReport", "describe", "rehearse"]
