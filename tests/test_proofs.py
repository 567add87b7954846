"""When a proof holds: as long as everything that it relied on is the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.catalog import Catalog
from hubmirror.catalog.writer import write_catalog
from hubmirror.errors import RefusedError
from hubmirror.evidence import Evidence, Pin, Proof, Verdict
from hubmirror.proofs import (
    State,
    basis,
    holding,
    look_up,
    refs_to_prove,
    require_proved,
    standings,
    with_proofs,
)
from hubmirror.records import Digest, RefKind, RefRow, Unit
from tests.samples import COMMIT, OTHER_COMMIT, checkpoint, holdings, repo, snapshot, unit

CALL = "resnet18(pretrained=True)"
URL = "https://h.example/resnet18.pth"
AT = "2026-11-25T19:00:00+00:00"
ONE_REF = repo(refs=(RefRow("v1", RefKind.TAG, COMMIT),), snapshots=(snapshot(),))
UNIT = unit(repo=ONE_REF)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with opened(tmp_path / "catalog", UNIT) as found:
        yield found


def opened(path: Path, *units: Unit) -> Catalog:
    write_catalog(path, holdings(*units))
    return Catalog.open(path)


def proof(catalog: Catalog, *relied: str, **changes: str | Verdict) -> Proof:
    made = Proof(
        source="team",
        unit="pytorch/vision",
        call=CALL,
        verdict=Verdict.PROVED,
        basis=basis(CALL, look_up(catalog, relied)),
        result="",
        torch="2.13.0",
        python="3.11.9",
        platform="Linux-x86_64",
        at=AT,
        ref="v1",
        relied=relied,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields, by name


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        (UNIT, True),
        (replace(UNIT, checkpoints=(*UNIT.checkpoints, checkpoint("https://h/y", b"y"))), True),
        (replace(UNIT, checkpoints=(checkpoint(URL, b"other weights"),)), False),
        (replace(UNIT, checkpoints=()), False),
        (replace(UNIT, repo=replace(ONE_REF, snapshots=(snapshot(content=b"other"),))), False),
        (replace(UNIT, repo=replace(ONE_REF, refs=(RefRow("v2", RefKind.TAG, COMMIT),))), False),
    ],
)
def test_a_proof_holds_while_what_it_relied_on_is_the_same(
    catalog: Catalog, tmp_path: Path, changed: Unit, holds: bool
) -> None:
    made = proof(catalog, URL, "pytorch/vision:v1")

    with opened(tmp_path / "later", changed) as later:
        assert holding(later, [made]) == ((made,) if holds else ())


def test_a_failure_is_void_once_what_was_missing_is_there(catalog: Catalog, tmp_path: Path) -> None:
    missing = "https://h.example/missing.pth"
    failed = proof(catalog, "pytorch/vision:v1", missing, verdict=Verdict.FAILED)
    mended = replace(UNIT, checkpoints=(*UNIT.checkpoints, checkpoint(missing, b"there")))

    assert holding(catalog, [failed]) == (failed,)
    with opened(tmp_path / "later", mended) as later:
        assert holding(later, [failed]) == ()


def test_the_newest_proof_says_how_an_entrypoint_stands(catalog: Catalog) -> None:
    old = proof(catalog, URL, at="2026-01-01T00:00:00+00:00")
    new = proof(catalog, URL, verdict=Verdict.FAILED, torch="2.14.0", reason="odd")

    (standing,) = standings(catalog, Evidence((new, old)), [UNIT])

    assert standing.state is State.FAILED
    assert standing.title == f"pytorch/vision:v1 {CALL}"
    assert str(standing) == "failed (torch 2.14.0)"


def test_what_nobody_tried_is_unproved_which_is_not_failed(catalog: Catalog) -> None:
    of_another = proof(catalog, URL, ref="v2")

    (standing,) = standings(catalog, Evidence((of_another,)), [UNIT])

    assert standing.state is State.UNPROVED


def test_every_commit_is_to_be_proved_once_by_a_ref_that_means_it() -> None:
    assert refs_to_prove(repo()) == ("feature/x", "main")
    both = (RefRow("x", RefKind.BRANCH, OTHER_COMMIT), RefRow("x", RefKind.TAG, COMMIT))
    assert refs_to_prove(repo(refs=both)) == ("refs/tags/x", "x")
    assert refs_to_prove(None) == ("",)


def test_new_proofs_replace_those_of_the_same_torch(catalog: Catalog) -> None:
    pin = Pin("pytorch/vision:v1", Digest("d" * 64), "paper", AT)
    failed = proof(catalog, URL, verdict=Verdict.FAILED)
    elsewhere = proof(catalog, URL, torch="2.6.0")
    older = proof(catalog, URL, torch="2.6.0", at="2026-01-01T00:00:00+00:00")
    known = Evidence((failed, elsewhere), pins=(pin,))

    evidence = with_proofs(known, [proved := proof(catalog, URL), older])

    assert set(evidence.proofs) == {proved, elsewhere}
    assert evidence.pins == (pin,)


def test_a_publication_is_refused_while_anything_it_declares_is_not_proved(
    catalog: Catalog,
) -> None:
    failed = proof(catalog, URL, verdict=Verdict.FAILED, reason="it is odd\nvery")

    require_proved(catalog, Evidence((proof(catalog, URL),)))
    for evidence, line in (
        (Evidence(), f"  pytorch/vision:v1 {CALL}: unproved"),
        (Evidence((failed,)), f"  pytorch/vision:v1 {CALL}: failed (torch 2.13.0): it is odd"),
    ):
        with pytest.raises(RefusedError) as caught:
            require_proved(catalog, evidence)
        assert caught.value.message.splitlines()[1:] == [line]
