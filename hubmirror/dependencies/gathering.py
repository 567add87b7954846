"""Says what each mirrored repo needs of Python's packages, from its snapshots.

No code of a repo is run. Invariant: a module is named once for each snapshot, by the import
that is most certain to run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

from hubmirror.dependencies.stated import ANY, Stated, read_stated
from hubmirror.distributions import distributions_of, module_key, normalized
from hubmirror.hubconf import Hubconf
from hubmirror.hubconf.imports import Import, Imports, When, read_imports
from hubmirror.hubconf.read import HUBCONF
from hubmirror.hubconf.snapshot import open_snapshot
from hubmirror.mirror import Mirror, Serving
from hubmirror.records import BlobRef, RepoRow, SnapshotRow
from hubmirror.resolve import Spec, resolve

_NAME = re.compile(r"[\w.-]+")  # what else a stranger declares is no module, nor pip's name


@dataclass(frozen=True, slots=True)
class Need:
    """A module that a repo imports, and what would bring it.

    Attributes:
        repo: ``owner/name:ref``.
        module: ``cv2``, or a distribution's name where hubconf.py declares that.
        when: When it is imported.
        place: Where that is written, such as ``hubconf.py:3``.
        distributions: Those that bring it, the usual one first; empty when none is known.
        versions: Which of its versions the repo states that it takes.
        stated_in: The packaging file that says so; empty when none does.
    """

    repo: str
    module: str
    when: When
    place: str
    distributions: tuple[str, ...]
    versions: SpecifierSet
    stated_in: str


def gather(
    mirror: Mirror, serving: Serving, specs: Sequence[Spec], bring: Mapping[str, Sequence[str]]
) -> tuple[Need, ...]:
    """Return what the named repos need, or all that are mirrored.

    Args:
        mirror: Where the snapshots are.
        serving: The publication that is asked.
        specs: The repos; none means all.
        bring: The distributions that bring a module in some environment, beside the known ones.

    Raises:
        NotMirroredError: when a spec is not mirrored.
        VerificationError: when a snapshot is missing or damaged.
    """
    needs: list[Need] = []
    for title, snapshot in dict(_snapshots(serving, specs)).items():
        mirror.blobs.check(BlobRef(snapshot.digest, snapshot.size_bytes), full=False)
        with open_snapshot(mirror.blobs.path(snapshot.digest)) as files:
            about = Hubconf.decode(mirror.blobs.read(snapshot.about))
            imports = read_imports(files.names, files.sources, about.entrypoints)
            stated = read_stated(files.sources, snapshot.requires_torch)
            needs += _needs(title, snapshot, imports, stated, bring)
    return tuple(needs)


def _snapshots(serving: Serving, specs: Sequence[Spec]) -> Iterator[tuple[str, SnapshotRow]]:
    for spec in specs:
        found = resolve(serving.catalog, spec)
        yield f"{found.repo.title}:{found.ref.name}", found.snapshot
    for unit in () if specs else serving.catalog.units():
        for snapshot in unit.repo.snapshots if unit.repo else ():
            yield _title(unit.repo, snapshot), snapshot


def _title(repo: RepoRow | None, snapshot: SnapshotRow) -> str:
    refs = repo.refs if repo else ()
    name = next((ref.name for ref in refs if ref.commit == snapshot.commit), snapshot.commit[:12])
    return f"{repo.title if repo else ''}:{name}"


def _needs(
    title: str,
    snapshot: SnapshotRow,
    imports: Imports,
    stated: Mapping[str, Stated],
    bring: Mapping[str, Sequence[str]],
) -> Iterator[Need]:
    for one in _modules(snapshot, imports):
        brings = _bringing(one.module, bring, stated)
        known = next((stated[name] for name in map(normalized, brings) if name in stated), ANY)
        place = f"{one.file}:{one.line}" if one.line else f"{one.file}: dependencies"
        yield Need(title, one.module, one.when, place, brings, known.versions, known.file)


def _modules(snapshot: SnapshotRow, imports: Imports) -> Iterable[Import]:
    """Join what hubconf.py declares, which torch.hub asks for at each load, to what is imported."""
    found = {one.module: one for one in imports.found}
    certain = [name for name, one in found.items() if one.when is When.LOAD]
    there = {*certain, *(normalized(one) for name in certain for one in distributions_of(name))}
    for name in snapshot.dependencies:
        key = module_key(name) if _NAME.fullmatch(name) else ""
        is_own = key.partition(".")[0] in imports.own | sys.stdlib_module_names
        if key and not is_own and not {key, normalized(key)} & there:
            found[key] = Import(key, When.LOAD, HUBCONF, 0)
    return found.values()


def _bringing(
    module: str, bring: Mapping[str, Sequence[str]], stated: Mapping[str, Stated]
) -> tuple[str, ...]:
    """Return what brings a module: what is known, what is installed here, what its repo names."""
    known = (*distributions_of(module), *bring.get(module.partition(".")[0], ()))
    of_its_name = (module,) if normalized(module) in stated else ()
    return tuple({normalized(name): name for name in reversed((*known, *of_its_name))}.values())[
        ::-1
    ]
