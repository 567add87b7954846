"""Whether all that entrypoints were seen to need will be served: then a lock is closed.

Pure. Looks at the units of every source as they will be, for one source may serve what another
needs. Knows nothing of how they got there.
Invariant: a need counts as met exactly where the loader would meet it.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from hubmirror import urls
from hubmirror.errors import NotMirroredError
from hubmirror.manifest.locked import LockedEntrypoint
from hubmirror.records import RepoKey, RepoRow
from hubmirror.resolve import Spec, find_ref


@dataclass(frozen=True, slots=True)
class Prospect:
    """A unit as it will be.

    Attributes:
        source: The source that it belongs to.
        name: Its name.
        urls: The URLs that it serves.
        repo: The repo that it serves, with its refs; None where it has none.
        needs: What its entrypoints were seen to need.
    """

    source: str
    name: str
    urls: tuple[str, ...]
    repo: RepoRow | None
    needs: tuple[LockedEntrypoint, ...] = ()


def find_gaps(prospects: Iterable[Prospect]) -> Mapping[tuple[str, str], NotMirroredError]:
    """Return the units that need what nobody serves, by source and name, with the lines to add."""
    prospects = tuple(prospects)
    served = _Served(prospects)
    gaps: dict[tuple[str, str], NotMirroredError] = {}
    for unit in prospects:
        title = unit.repo.title if unit.repo else unit.name
        lacking = [lack for need in unit.needs if (lack := served.find_lack(need))]
        if lacking:
            gaps[unit.source, unit.name] = _explain(title, lacking)
    return gaps


@dataclass(frozen=True, slots=True)
class _Lack:
    """What one entrypoint needs and nobody serves."""

    need: LockedEntrypoint
    urls: tuple[str, ...]
    repos: tuple[str, ...]


class _Served:
    """The URLs and repos of all units together."""

    def __init__(self, prospects: Iterable[Prospect]) -> None:
        self._urls: set[str] = set()
        self._repos: defaultdict[RepoKey, list[RepoRow]] = defaultdict(list)
        for unit in prospects:
            self._urls.update(unit.urls)
            if unit.repo and unit.repo.refs:
                for key in unit.repo.names():
                    self._repos[key].append(unit.repo)

    @functools.cached_property
    def _canonical(self) -> frozenset[str]:
        return frozenset(map(urls.canonical, self._urls))

    def find_lack(self, need: LockedEntrypoint) -> _Lack | None:
        missing = tuple(url for url in need.urls if not self._has_url(url))
        repos = tuple(spec for spec in need.repos if not self._has_repo(Spec.parse(spec)))
        return _Lack(need, missing, repos) if missing or repos else None

    def _has_url(self, url: str) -> bool:
        if url in self._urls:
            return True
        asked = {plain := urls.canonical(url)}
        if plain.startswith("http://"):
            asked.add(f"https://{plain.removeprefix('http://')}")
        return not asked.isdisjoint(self._canonical)

    def _has_repo(self, spec: Spec) -> bool:
        return find_ref(self._repos.get(spec.key, ()), spec) is not None


def _explain(title: str, lacking: list[_Lack]) -> NotMirroredError:
    lines = [line for lack in lacking for line in _sentences(lack)]
    wanted = dict.fromkeys(url for lack in lacking for url in lack.urls)
    repos = dict.fromkeys(spec for lack in lacking for spec in lack.repos)
    added = [f"- repo: {title}", "  checkpoints:", *(f"    - url: {url}" for url in wanted)]
    added = added if wanted else []
    for spec in repos:
        name, _, ref = spec.partition(":")
        added += [f"- repo: {name}", *([f"  refs: [{ref!r}]"] if ref else [])]
    return NotMirroredError(
        f"{title}: it needs what no source mirrors: {'; '.join(lines)}",
        hint="\n    ".join(["add to the manifest, below `repos:`", *added]),
    )


def _sentences(lack: _Lack) -> Iterator[str]:
    at = f"{lack.need.call}, traced at commit {lack.need.commit[:12]}"
    yield from (f"{url} ({at})" for url in lack.urls)
    yield from (f"the repo {spec} ({at})" for spec in lack.repos)
