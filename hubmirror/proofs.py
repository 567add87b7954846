"""What is proved of a catalog: which declared entrypoints have loaded from it alone.

Owns: when a proof holds. It names what its entrypoint relied on; as long as the catalog gives the
same bytes for each of these names, nothing that it saw has changed. A name that was missing is
one of them: once it is mirrored, that failure says nothing any more.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from hubmirror.catalog import Catalog
from hubmirror.errors import HubmirrorError, RefusedError
from hubmirror.evidence import Evidence, Proof
from hubmirror.records import RefKind, RefRow, RepoRow, Unit
from hubmirror.resolve import Spec, resolve


class State(StrEnum):
    """How an entrypoint stands; ``unproved`` is not ``failed``: nobody has tried."""

    PROVED = "proved"
    FAILED = "failed"
    UNPROVED = "unproved"


@dataclass(frozen=True, slots=True)
class Standing:
    """A declared entrypoint at one ref, and the newest proof of it that holds.

    Attributes:
        unit: The unit that declares it.
        ref: The ref, as code asks for it; empty where its repo has none.
        call: The entrypoint as it is declared.
        proof: None where nobody has tried, or where what it relied on has changed since.
    """

    unit: Unit
    ref: str
    call: str
    proof: Proof | None

    @property
    def state(self) -> State:
        """How it stands."""
        return State(self.proof.verdict.value) if self.proof else State.UNPROVED

    @property
    def title(self) -> str:
        """How messages call it: ``owner/name:ref call``."""
        name = self.unit.repo.title if self.unit.repo else self.unit.name
        return f"{name}:{self.ref} {self.call}" if self.ref else f"{name} {self.call}"

    def __str__(self) -> str:
        """Say how it stands, and with what that was seen."""
        return f"{self.state} (torch {self.proof.torch})" if self.proof else str(self.state)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rehearsal of a candidate says of it.

    Attributes:
        failures: Why units must not be published as they are, by source and name.
        proofs: All that hold of the candidate.
    """

    failures: Mapping[tuple[str, str], HubmirrorError]
    proofs: tuple[Proof, ...]


def this_platform() -> str:
    """Return how a proof calls the system and processor of this machine."""
    return f"{platform.system()}-{platform.machine()}"


def basis(call: str, relied: Mapping[str, str]) -> str:
    """Return the sha256 over all that a call relied on: names, and the digests behind them."""
    return hashlib.sha256(json.dumps([call, sorted(relied.items())]).encode()).hexdigest()


def look_up(catalog: Catalog, names: Iterable[str]) -> Mapping[str, str]:
    """Return the digest behind each URL and spec; empty where the catalog has none."""
    return {name: _digest(catalog, name) for name in names}


def _digest(catalog: Catalog, name: str) -> str:
    if "://" in name:
        row = catalog.find_checkpoint(name)
        return row.digest.hex if row else ""
    try:
        return resolve(catalog, Spec.parse(name)).snapshot.digest.hex
    except HubmirrorError:
        return ""


def holding(catalog: Catalog, proofs: Iterable[Proof]) -> tuple[Proof, ...]:
    """Return the proofs that hold of a catalog, in order."""
    return tuple(
        sorted(one for one in proofs if basis(one.call, look_up(catalog, one.relied)) == one.basis)
    )


def is_of(proof: Proof, standing: Standing) -> bool:
    """Tell whether a proof is about an entrypoint at a ref."""
    unit = standing.unit
    wanted = (unit.source, unit.name, standing.call, standing.ref)
    return (proof.source, proof.unit, proof.call, proof.ref) == wanted


def standings(catalog: Catalog, evidence: Evidence, units: Iterable[Unit]) -> tuple[Standing, ...]:
    """Say how each declared entrypoint stands, at each ref that it has to load from."""
    newest: dict[tuple[str, str, str, str], Proof] = {}
    for proof in sorted(holding(catalog, evidence.proofs), key=lambda proof: proof.at):
        newest[proof.source, proof.unit, proof.call, proof.ref] = proof
    return tuple(
        Standing(unit, ref, call, newest.get((unit.source, unit.name, call, ref)))
        for unit in units
        for call in unit.wanted
        for ref in refs_to_prove(unit.repo)
    )


def refs_to_prove(repo: RepoRow | None) -> tuple[str, ...]:
    """Name each commit of a repo once, by a ref; the empty name stands for a repo without any."""
    refs = repo.refs if repo else ()
    default = repo.default_branch if repo else ""
    branches = {ref.name for ref in refs if ref.kind is RefKind.BRANCH}
    by_commit: dict[str, str] = {}
    for ref in sorted(refs, key=lambda ref: (ref.name != default, _is_hidden(ref, branches), ref)):
        asked = f"refs/tags/{ref.name}" if _is_hidden(ref, branches) else ref.name
        by_commit.setdefault(ref.commit, asked)
    return tuple(sorted(by_commit.values())) or ("",)


def _is_hidden(ref: RefRow, branches: Collection[str]) -> bool:
    """Tell whether a bare name means something else: a branch that has a tag's name."""
    return ref.kind is RefKind.TAG and ref.name in branches


def with_proofs(known: Evidence, new: Iterable[Proof]) -> Evidence:
    """Add proofs to what is known: of each entrypoint the newest one for each torch."""
    kept: dict[tuple[str, ...], Proof] = {}
    for one in sorted((*known.proofs, *new), key=lambda one: one.at):
        kept[_subject(one)] = one
    return replace(known, proofs=tuple(sorted(kept.values())))


def _subject(one: Proof) -> tuple[str, ...]:
    return one.source, one.unit, one.call, one.ref, one.torch, one.python, one.platform


def require_proved(catalog: Catalog, evidence: Evidence) -> None:
    """Refuse a publication with a declared entrypoint that is not proved.

    Raises:
        RefusedError: naming each of them, and how it stands.
    """
    lacking = [
        one
        for one in standings(catalog, evidence, catalog.declaring_units())
        if one.state is not State.PROVED
    ]
    if lacking:
        raise RefusedError(
            "not all declared entrypoints are proved:\n" + "\n".join(_lines(lacking)),
            hint="`hubmirror rehearse` loads each of them, and says what is missing",
        )


def _lines(lacking: Iterable[Standing]) -> Iterator[str]:
    for one in lacking:
        why = one.proof.reason.splitlines()[0] if one.proof and one.proof.reason else ""
        yield f"  {one.title}: {one}{f': {why}' if why else ''}"
