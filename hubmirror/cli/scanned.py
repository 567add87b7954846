"""What ``scan`` and ``add`` read: the repo that a person named."""

from __future__ import annotations

from pathlib import Path

from hubmirror.mirror import Mirror
from hubmirror.resolve import check_spec
from hubmirror.scanning import Scan, scan_folder, scan_mirrored, scan_upstream
from hubmirror.settings import Settings
from hubmirror.sync.planning import git_upstream


def scanned(text: str, *, url: str, mirror: str) -> Scan:
    """Scan a repo at its host, or out of a mirror that is named."""
    settings = Settings.load(mirror=mirror or None)
    spec = check_spec(text)
    if mirror:
        with Mirror.open(settings.require_mirror()) as opened:
            return scan_mirrored(spec, opened)
    with git_upstream(settings) as git:
        return scan_upstream(spec, git, url=url)


def scanned_anywhere(text: str, *, url: str, mirror: str) -> Scan:
    """Scan a folder that is there, else a repo of this name."""
    if Path(text).is_dir() and not url and not mirror:
        return scan_folder(Path(text))
    return scanned(text, url=url, mirror=mirror)
