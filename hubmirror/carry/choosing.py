"""Which units of a catalog go along when only some repos are asked for.

Pure but for the catalog that it asks. Invariant: with a unit go the repos and URLs that its lock
saw it need, from whichever unit serves them; with a source goes its lock of just these units.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from hubmirror.catalog import Catalog
from hubmirror.errors import InvalidInputError, NotFoundError
from hubmirror.manifest.lock import Lock, parse_lock
from hubmirror.naming import did_you_mean
from hubmirror.records import Holdings, RepoKey, Source, Unit


def choose(catalog: Catalog, globs: Sequence[str]) -> Holdings:
    """Return what fits these globs, with all that it was seen to need.

    A glob is held against the names of a repo: ``owner/name`` on github.com, ``host/path``
    elsewhere; letter case does not count.

    Raises:
        NotFoundError: naming a glob that fits no repo.
    """
    holdings = catalog.holdings()
    for glob in globs:
        if not any(_fits(unit, [glob]) for unit in holdings.units):
            near = did_you_mean(glob, catalog.repo_titles())
            raise NotFoundError(
                f"--repos {glob}: no repo in this publication is called so{near}",
                hint="`hubmirror list` names them",
            )
    locks = {source.name: _lock_of(source) for source in holdings.sources}
    chosen = {_name(unit): unit for unit in holdings.units if _fits(unit, globs)}
    shelves = _Shelves(catalog, holdings)
    waiting = list(chosen.values())
    while waiting:
        unit = waiting.pop()
        for other in shelves.needed_by(unit, locks[unit.source], chosen):
            chosen[_name(other)] = other
            waiting.append(other)
    units = tuple(unit for unit in holdings.units if _name(unit) in chosen)
    sources = (
        Source(source.name, _narrowed(source, locks[source.name], units))
        for source in holdings.sources
        if any(unit.source == source.name for unit in units)
    )
    return Holdings(tuple(sources), units)


class _Shelves:
    """Where a catalog's repos and URLs are to be found."""

    def __init__(self, catalog: Catalog, holdings: Holdings) -> None:
        self._catalog = catalog
        self._by_url: dict[str, list[Unit]] = {}
        self._by_key: dict[RepoKey, list[Unit]] = {}
        for unit in holdings.units:
            for row in unit.checkpoints:
                self._by_url.setdefault(row.url, []).append(unit)
            for key in unit.repo.names() if unit.repo else ():
                self._by_key.setdefault(key, []).append(unit)

    def needed_by(
        self, unit: Unit, lock: Lock | None, chosen: Container[tuple[str, str]]
    ) -> Iterator[Unit]:
        """Give the units that a unit was seen to need and that do not go along yet."""
        locked = lock.repo(unit.repo.key) if lock and unit.repo else None
        for entrypoint in locked.entrypoints if locked else ():
            for spec in entrypoint.repos:
                found = self._by_key.get(RepoKey.parse(spec.partition(":")[0]), ())
                yield from (one for one in found if _name(one) not in chosen)
            for url in entrypoint.urls:
                yield from self._serving(url, chosen)

    def _serving(self, url: str, chosen: Container[tuple[str, str]]) -> Sequence[Unit]:
        row = self._catalog.find_checkpoint(url)
        found = self._by_url[row.url] if row else []
        if any(_name(one) in chosen for one in found):
            return ()
        # A checkpoint alone rather than a repo with all that it has.
        return sorted(found, key=lambda one: one.repo is not None)[:1]


def _name(unit: Unit) -> tuple[str, str]:
    return unit.source, unit.name


def _fits(unit: Unit, globs: Iterable[str]) -> bool:
    names = {str(key).lower() for key in unit.repo.names()} if unit.repo else set()
    return any(fnmatchcase(name, glob.lower()) for name in names for glob in globs)


def _lock_of(source: Source) -> Lock | None:
    try:
        return parse_lock(source.lock, file=f"the lock of source {source.name!r}")
    except InvalidInputError:
        return None  # of a newer hubmirror: what it says of needs is not known here


def _narrowed(source: Source, lock: Lock | None, units: Iterable[Unit]) -> str:
    """Return the text of a lock with what these units rely on, and no more."""
    if lock is None:
        return ""
    own = [unit for unit in units if unit.source == source.name]
    keys = {str(unit.repo.key) for unit in own if unit.repo}
    urls = {row.url for unit in own for row in unit.checkpoints}
    return dataclasses.replace(
        lock,
        repos=tuple(repo for repo in lock.repos if repo.key in keys),
        checkpoints=tuple(row for row in lock.checkpoints if row.url in urls),
    ).encode()
