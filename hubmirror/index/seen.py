"""What was last seen of each URL, as rows of the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from hubmirror.findings import SeenUrl, UrlState
from hubmirror.index import tables


def keep(connection: sa.Connection, seen: Iterable[SeenUrl]) -> None:
    """Write down what was seen; what was known of these URLs before is replaced."""
    found = [{**asdict(one), "state": one.state.value} for one in seen]
    if not found:
        return
    statement = upsert(tables.seen)
    new = {name: statement.excluded[name] for name in found[0]}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["url"], set_=new),
        found,
    )


def find(connection: sa.Connection, *, drifted: bool) -> Mapping[str, SeenUrl]:
    """Return what was seen, by URL; of all, or of those that were not what they had been."""
    wanted = sa.select(tables.seen)
    if drifted:
        wanted = wanted.where(tables.seen.c.state != UrlState.SAME.value)
    return {
        row["url"]: SeenUrl(**{**row, "state": UrlState(row["state"])})
        for row in connection.execute(wanted).mappings()
    }
