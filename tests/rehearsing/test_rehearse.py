"""A publication is rehearsed: what loads from it alone is proved, all else is said."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
import torch

from hubmirror.errors import (
    ExitCode,
    MissingDependencyError,
    NotFoundError,
    RefusedError,
    StorageError,
)
from hubmirror.evidence import Proof, Verdict
from hubmirror.hub.fingerprints import fingerprint
from hubmirror.mirror import Mirror
from hubmirror.proofs import State, require_proved
from hubmirror.rehearsing import Options, describe, rehearse
from hubmirror.settings import Settings
from tests.rehearsing.conftest import NEVER, Stage


def proofs(stage: Stage) -> dict[str, Proof]:
    with Mirror.open(stage.writer.root) as mirror:
        evidence = mirror.evidence(mirror.serving().publication)
    return {proof.call: proof for proof in evidence.proofs}


def test_what_loads_from_the_mirror_alone_is_proved(performed: Stage) -> None:
    outcome = performed.outcome("outer()")

    assert outcome.ruling.state is State.PROVED
    proof = proofs(performed)["outer()"]
    assert (proof.verdict, proof.ref, proof.torch) == (Verdict.PROVED, "main", torch.__version__)
    assert [name.rpartition("/")[2] for name in proof.relied] == [
        "nested:main",
        "plain-weights",
        "small.pth",
    ]
    assert len(proof.result) == 64


def test_a_miss_fails_with_the_url_the_line_that_asked_and_the_lines_to_add(
    performed: Stage,
) -> None:
    lines = list(describe(performed.outcome("fails()")))

    assert lines == [
        "failed: acme/troupe:main fails(): it asked for what is not mirrored",
        f"  {NEVER}",
        "    asked for at acme/troupe hubconf.py:15",
        "    to mirror it, add to the manifest:",
        "        - repo: acme/troupe",
        "          checkpoints:",
        f"            - url: {NEVER}",
    ]


def test_a_repo_that_swallows_a_miss_has_failed_all_the_same(performed: Stage) -> None:
    outcome = performed.outcome("swallows()")

    assert outcome.ruling.state is State.FAILED
    (missed,) = outcome.ruling.missed
    assert (missed.wanted, missed.place) == (NEVER, "acme/troupe hubconf.py:8")
    assert NEVER in proofs(performed)["swallows()"].relied


def test_what_was_not_there_when_it_was_traced_is_no_miss(performed: Stage) -> None:
    assert performed.outcome("asks_for_the_gone()").ruling.state is State.PROVED


def test_a_package_that_this_machine_lacks_leaves_an_entrypoint_unproved(performed: Stage) -> None:
    ruling = performed.outcome("lacks()").ruling

    assert ruling.state is State.UNPROVED
    assert ruling.hint == "pip install not_installed_anywhere"
    assert "lacks()" not in proofs(performed)


def test_a_child_that_is_killed_has_failed(performed: Stage) -> None:
    ruling = performed.outcome("dies()").ruling

    assert ruling.state is State.FAILED
    assert ruling.reason.startswith("it was killed by signal 9")


def test_code_sees_an_empty_home_and_no_token(performed: Stage) -> None:
    assert proofs(performed)["asks_for_the_gone()"].result == fingerprint(([], None))


def test_what_is_proved_is_not_loaded_again(performed: Stage) -> None:
    report = rehearse(performed.writer.settings, Options(), source="team")

    assert [one.skipped for one in report.outcomes] == [True]
    assert report.exit_code() is ExitCode.OK
    assert report.recorded is None


def test_a_copy_is_rehearsed_in_a_namespace_and_records_nothing(
    performed: Stage, tmp_path: Path
) -> None:
    copy = shutil.copytree(performed.writer.root, tmp_path / "copy")
    settings = Settings.load(mirror=str(copy), state=str(tmp_path / "state"))
    before = sorted(copy.rglob("*"))

    try:
        report = rehearse(settings, Options(in_namespace=True, again=True), source="team")
    except StorageError as error:
        pytest.skip(f"this machine allows no namespaces: {error.message}")

    (outcome,) = report.outcomes
    assert outcome.ruling.state is State.PROVED
    assert "a network namespace" in outcome.protections
    assert report.unrecorded == "this host is not where the mirror is written"
    assert sorted(copy.rglob("*")) == before


def test_without_torch_all_stays_as_it_was(
    performed: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)

    with pytest.raises(MissingDependencyError, match="every entrypoint stays as proved as it was"):
        rehearse(performed.writer.settings, Options())


def test_a_source_that_is_not_published_is_said(performed: Stage) -> None:
    with pytest.raises(NotFoundError, match=r"no source 'teem' is published \(did you mean 'team'"):
        rehearse(performed.writer.settings, Options(), source="teem")


def test_an_export_may_insist_on_proofs(performed: Stage) -> None:
    with Mirror.open(performed.writer.root) as mirror:
        serving = mirror.serving()

        with pytest.raises(RefusedError) as caught:
            require_proved(serving.catalog, mirror.evidence(serving.publication))

    assert "  acme/troupe:main lacks(): unproved" in caught.value.message.splitlines()
    assert "outer()" not in caught.value.message
