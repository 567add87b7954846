"""The sources of a mirror; taking one out is the only way that it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hubmirror import audit
from hubmirror.audit import Change
from hubmirror.errors import NotFoundError
from hubmirror.mirror import Mirror
from hubmirror.publish import Published, publish
from hubmirror.records import Holdings
from hubmirror.settings import Settings
from hubmirror.writer import Turn, writing


def remove_sources(settings: Settings, names: Sequence[str], turn: Turn) -> Published:
    """Publish all but these sources; a sync of their manifests would bring them back.

    Raises:
        NotFoundError: when the mirror has no source of a name; nothing was changed then.
        RefusedError: when publishing is on hold.
        LockedError: when another writer is at work.
    """
    Mirror.open(settings.require_mirror()).close()  # nobody wants one made for this
    with writing(settings, turn) as desk, desk.publishing():
        serving = desk.mirror.serving()
        after = without(serving.catalog.holdings(), names)
        published = publish(desk.mirror, after, settings.modes)
        if published is None:
            raise NotFoundError("no source was named", hint="`hubmirror source list` lists them")
        details = {"sources": ", ".join(names)}
        audit.append(desk.state, Change(turn.verb, serving.digest, published.digest, details))
        return published


def without(holdings: Holdings, names: Sequence[str]) -> Holdings:
    """Return what remains of these holdings.

    Raises:
        NotFoundError: naming the sources that there are.
    """
    known = [source.name for source in holdings.sources]
    for name in names:
        if name not in known:
            raise NotFoundError(
                f"no source {name!r}", hint=f"there are: {', '.join(known) or 'none'}"
            )
    return replace(
        holdings,
        sources=tuple(one for one in holdings.sources if one.name not in names),
        units=tuple(one for one in holdings.units if one.source not in names),
    )
