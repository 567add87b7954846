"""What a spec means, and what is said when nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubmirror.catalog import Catalog
from hubmirror.catalog.writer import write_catalog
from hubmirror.errors import InvalidInputError, NotMirroredError
from hubmirror.records import UnitState
from hubmirror.resolve import Resolved, check_spec, resolve
from tests import samples
from tests.samples import COMMIT, OTHER_COMMIT, holdings, unit


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    broken = unit(
        name="acme/broken",
        state=UnitState.INCOMPLETE,
        reason="no hubconf.py",
        repo=samples.repo("acme/broken", aliases=(), refs=(), snapshots=()),
        checkpoints=(),
    )
    tip = samples.repo(
        "acme/tip", aliases=(), refs=samples.repo().refs[4:], snapshots=samples.repo().snapshots[:1]
    )
    write_catalog(
        tmp_path / "catalog",
        holdings(unit(), broken, unit(name="acme/tip", repo=tip, checkpoints=())),
    )
    with Catalog.open(tmp_path / "catalog") as opened:
        yield opened


def found(catalog: Catalog, spec: str) -> Resolved:
    return resolve(catalog, check_spec(spec))


def refused(catalog: Catalog, spec: str) -> NotMirroredError:
    with pytest.raises(NotMirroredError) as caught:
        found(catalog, spec)
    return caught.value


@pytest.mark.parametrize(
    ("spec", "commit"),
    [
        ("pytorch/vision:v0.10.0", COMMIT),
        ("PyTorch/Vision:v0.10.0", COMMIT),
        ("old-owner/vision:v0.10.0", COMMIT),
        ("pytorch/vision", OTHER_COMMIT),
        ("pytorch/vision:main", OTHER_COMMIT),
        ("pytorch/vision:both", OTHER_COMMIT),
        ("pytorch/vision:refs/tags/both", COMMIT),
        ("pytorch/vision:refs/heads/both", OTHER_COMMIT),
        ("pytorch/vision:feature/x", COMMIT),
        (f"pytorch/vision:{COMMIT}", COMMIT),
        (f"pytorch/vision:{COMMIT[:7]}", COMMIT),
    ],
)
def test_a_spec_means_what_torch_hub_would_load(catalog: Catalog, spec: str, commit: str) -> None:
    assert found(catalog, spec).snapshot.commit == commit


def test_ref_case_counts(catalog: Catalog) -> None:
    assert "ref 'V0.10.0' is not mirrored" in refused(catalog, "pytorch/vision:V0.10.0").message


def test_an_unknown_repo_gets_the_lines_to_add(catalog: Catalog) -> None:
    error = refused(catalog, "pytorch/visoin:v1")

    assert error.message == (
        "pytorch/visoin: not mirrored (did you mean 'pytorch/vision'?); "
        "mirrored: acme/broken, acme/tip, pytorch/vision"
    )
    assert error.hint == (
        "to mirror it, add to the manifest:\n    - repo: pytorch/visoin\n      refs: [v1]"
    )


def test_an_unknown_ref_gets_the_mirrored_refs(catalog: Catalog) -> None:
    error = refused(catalog, "pytorch/vision:v0.11.0")

    assert error.message == (
        "pytorch/vision: ref 'v0.11.0' is not mirrored (did you mean 'v0.10.0'?); "
        "mirrored refs: both, feature/x, main, v0.10.0"
    )


def test_an_unmirrored_default_branch_is_said_plainly(catalog: Catalog) -> None:
    error = refused(catalog, "acme/tip")

    assert error.message == (
        "acme/tip: its default branch 'main' is not mirrored; mirrored refs: v0.10.0"
    )
    assert "'main'" in error.hint


def test_an_incomplete_unit_is_refused_with_its_reason(catalog: Catalog) -> None:
    assert refused(catalog, "acme/broken").message == (
        "acme/broken: incomplete in source 'team': no hubconf.py"
    )


@pytest.mark.parametrize("spec", ["vision", "../x", "/etc/passwd", "a//b", "a/b\n", "", "a b/c"])
def test_what_is_no_spec_is_told_how_one_is_written(catalog: Catalog, spec: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        found(catalog, spec)

    assert "owner/name" in caught.value.hint


@pytest.mark.parametrize(
    ("address", "spec"),
    [
        ("https://github.com/acme/nets", "acme/nets"),
        ("http://www.github.com/acme/nets/", "acme/nets"),
        ("https://github.com/Acme/Nets.git", "Acme/Nets"),
        ("https://user:secret@github.com/acme/nets.git:v1", "acme/nets:v1"),
        ("https://github.com/acme/nets/tree/feature/x", "acme/nets:feature/x"),
        ("https://github.com/acme/nets/commit/08ff7d6#diff", "acme/nets:08ff7d6"),
        ("https://github.com/acme/nets?tab=readme", "acme/nets"),
        ("git@github.com:acme/nets.git", "acme/nets"),
        ("ssh://git@github.com:22/acme/nets.git", "acme/nets"),
        ("https://gitlab.com/group/sub/nets/-/tree/v1", "gitlab.com/group/sub/nets:v1"),
    ],
)
def test_the_address_of_a_repo_is_a_spec_too(address: str, spec: str) -> None:
    assert str(check_spec(address)) == spec


@pytest.mark.parametrize("text", ["https://github.com", "https://github.com/acme", "file:///a/b"])
def test_an_address_of_no_repo_is_refused_with_how_a_spec_is_written(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_spec(text)

    assert "owner/name:ref" in caught.value.hint
