"""Says what each mirrored repo needs of Python's packages, from its snapshots.

No code of a repo is run. Invariant: a module is named once for each snapshot, by the import
that is most certain to run.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from hubmirror.distributions import distributions_of, module_key, normalized
from hubmirror.hubconf.imports import Import, Imports, When, read_imports
from hubmirror.hubconf.read import HUBCONF
from hubmirror.hubconf.requirements import PLAIN, packaging_files
from hubmirror.hubconf.snapshot import SnapshotFiles, open_snapshot
from hubmirror.hubconf.specifiers import may_hold
from hubmirror.mirror import Mirror, Serving
from hubmirror.records import BlobRef, RepoRow, SnapshotRow
from hubmirror.resolve import Spec, resolve

_TORCH = "torch"
_NAME = re.compile(r"[\w.-]+")  # what else a stranger declares is no module, nor pip's name


@dataclass(frozen=True, slots=True)
class Stated:
    """The versions of a distribution that a packaging file of a repo asks for."""

    versions: SpecifierSet
    file: str


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
    for title, snapshot in _snapshots(serving, specs):
        mirror.blobs.check(BlobRef(snapshot.digest, snapshot.size_bytes), full=False)
        with open_snapshot(mirror.blobs.path(snapshot.digest)) as files:
            needs += _needs(title, snapshot, files, bring)
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
    title: str, snapshot: SnapshotRow, files: SnapshotFiles, bring: Mapping[str, Sequence[str]]
) -> Iterator[Need]:
    imports = read_imports(files.names, files.sources)
    stated = _stated(files)
    if snapshot.requires_torch:  # an exact pin of torch is meant as a minimum
        at_least = SpecifierSet(f">={snapshot.requires_torch}")
        stated[_TORCH] = Stated(at_least, stated[_TORCH].file if _TORCH in stated else "")
    for one in _modules(snapshot, imports):
        brings = _bringing(one.module, bring, stated)
        known = next((stated[name] for name in map(normalized, brings) if name in stated), _ANY)
        place = f"{one.file}:{one.line}" if one.line else f"{one.file}: dependencies"
        yield Need(title, one.module, one.when, place, brings, known.versions, known.file)


_ANY = Stated(SpecifierSet(), "")


def _modules(snapshot: SnapshotRow, imports: Imports) -> Iterable[Import]:
    """Join what hubconf.py declares, which torch.hub asks for at each load, to what is imported."""
    found = {one.module: one for one in imports.found}
    for name in snapshot.dependencies:
        key = module_key(name) if _NAME.fullmatch(name) else ""
        is_own = key.partition(".")[0] in imports.own | sys.stdlib_module_names
        if key and not is_own and (key not in found or found[key].when is not When.LOAD):
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


def _stated(files: SnapshotFiles) -> dict[str, Stated]:
    """Return what packaging files say of each distribution; the first that names one decides."""
    stated: dict[str, Stated] = {}
    for file, packaging in packaging_files(files.sources).items():
        of_file: dict[str, SpecifierSet] = {}
        for text in packaging.requirements:
            if requirement := _requirement(text):
                name = normalized(requirement.name)
                versions = (
                    _as_minimum(requirement.specifier) if file == PLAIN else requirement.specifier
                )
                of_file[name] = of_file.get(name, SpecifierSet()) & versions
        stated = {name: Stated(versions, file) for name, versions in of_file.items()} | stated
    return stated


def _requirement(text: str) -> Requirement | None:
    """Read a requirement; one whose marker cannot hold on an offline node is none."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    return requirement if may_hold(str(requirement.marker or "")) else None


def _as_minimum(versions: SpecifierSet) -> SpecifierSet:
    """Take an exact pin for a minimum: it is what one person ran, not what the code needs."""
    loose = []
    for one in versions:
        is_pin = one.operator in ("==", "===")
        loose.append(
            f">={one.version.removesuffix('.*').partition('+')[0]}" if is_pin else str(one)
        )
    try:
        return SpecifierSet(",".join(loose))
    except InvalidSpecifier:
        return SpecifierSet()
