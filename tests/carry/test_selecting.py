"""Some repos only: a view that is whole in itself, and that the mirror never sees."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror import exports
from hubmirror.carry.known import known_since
from hubmirror.carry.selecting import Consignment, consign
from hubmirror.catalog import Catalog
from hubmirror.errors import NotFoundError
from hubmirror.evidence import Evidence, Proof, Verdict
from hubmirror.manifest.lock import Lock, LockedCheckpoint, LockedEntrypoint, LockedRepo, parse_lock
from hubmirror.mirror import Mirror
from hubmirror.publications import Publication
from hubmirror.publish import publish
from hubmirror.records import CheckpointRow, Digest, Holdings, RepoKey, Source, Unit
from tests import samples
from tests.carry.sender import Sender, unpack
from tests.samples import MODES, checkpoint, unit

WEIGHTS = "https://h.example/w.pth"
SHARED = "https://h.example/shared.pth"
NETS = "acme/nets"


def repo_unit(title: str, *rows: CheckpointRow, source: str = "team") -> Unit:
    row = samples.repo(title, aliases=())
    return unit(source, name=str(RepoKey.parse(title)), repo=row, checkpoints=rows)


def locked(title: str, repos: tuple[str, ...] = (), urls: tuple[str, ...] = ()) -> LockedRepo:
    needs = LockedEntrypoint("net()", samples.COMMIT, urls, repos)
    key = str(RepoKey.parse(title))
    return LockedRepo(key, f"https://github.com/{title}", "main", entrypoints=(needs,))


def lock() -> Lock:
    repos = (
        locked(NETS, repos=("acme/Backbones:v1",), urls=(WEIGHTS, SHARED)),
        locked("acme/backbones", repos=("acme/nets",)),
        locked("other/zoo"),
    )
    pinned = LockedCheckpoint(WEIGHTS, Digest.of(b"weights"), 7)
    return Lock("team", repos, (pinned, replace(pinned, url="https://h.example/zoo.pth")))


UNITS = (
    repo_unit(NETS, checkpoint(WEIGHTS, b"weights")),
    repo_unit("acme/backbones"),
    repo_unit("other/zoo", checkpoint("https://h.example/zoo.pth", b"weights")),
    unit("loose", name=SHARED, repo=None, checkpoints=(checkpoint(SHARED, b"more weights"),)),
    unit("loose", name="https://h.example/x.pth", repo=None, checkpoints=()),
)
HOLDINGS = Holdings((Source("loose", "{}"), Source("team", lock().encode())), UNITS)


@pytest.fixture
def publication(sender: Sender) -> Digest:
    mirror, published = samples.published_mirror(sender.root, HOLDINGS)
    mirror.close()
    return published.digest


def view_of(consignment: Consignment) -> Publication:
    return Publication.decode(consignment.content, where="view")


def test_with_a_repo_goes_what_its_lock_saw_it_need_and_no_more(
    sender: Sender, publication: Digest
) -> None:
    with (
        Mirror.open(sender.root) as mirror,
        consign(mirror, publication, ["ACME/nets"]) as consignment,
    ):
        names = [one.name for one in consignment.catalog.units()]

    assert names == [SHARED, "acme/backbones", NETS]


def test_with_a_source_goes_its_lock_of_just_these_units(
    sender: Sender, publication: Digest
) -> None:
    with Mirror.open(sender.root) as mirror, consign(mirror, publication, ["other/*"]) as some:
        (source,) = some.catalog.sources()

    narrowed = parse_lock(source.lock, file="lock")
    assert [repo.key for repo in narrowed.repos] == ["other/zoo"]
    assert [row.url for row in narrowed.checkpoints] == ["https://h.example/zoo.pth"]


def test_a_view_is_carried_with_its_own_catalog_and_the_mirror_never_sees_it(
    sender: Sender, publication: Digest, tmp_path: Path
) -> None:
    before = {path for path in sender.root.rglob("*") if path.is_file()}

    done = sender.export(tmp_path / "out", repos=["other/*"])

    found = unpack([part.path for part in done.parts], tmp_path / "unpacked")
    carried = Publication.decode(done.bundle.cargo.content, where="view")
    (tmp_path / "catalog").write_bytes(found[carried.catalog.digest])
    with Catalog.open(tmp_path / "catalog") as catalog:
        assert [one.name for one in catalog.units()] == ["other/zoo"]
        assert {blob.digest for blob in catalog.blobs()} | {carried.catalog.digest} == {*found}
    assert {path for path in sender.root.rglob("*") if path.is_file()} == before
    (record,) = exports.recorded(sender.state)
    assert (record.publication, record.view) == (publication, done.bundle.root.publication)


def test_views_of_one_choice_have_one_origin_and_follow_each_other(
    sender: Sender, publication: Digest
) -> None:
    with Mirror.open(sender.root) as mirror:
        more = replace(HOLDINGS, units=UNITS[:-1])
        second = publish(mirror, more, MODES)
        assert second
        views = []
        for digest, globs in (
            (publication, ["acme/*", "other/*"]),
            (second.digest, ["other/*", "acme/*"]),
            (second.digest, ["other/*"]),
        ):
            with consign(mirror, digest, globs) as consignment:
                views.append(view_of(consignment))

    one, later, other = views
    assert one.origin == later.origin
    assert len({mirror.id, one.origin, other.origin}) == 3
    assert (one.sequence, later.sequence) == (1, 2)
    assert one.content_digest == later.content_digest


def test_the_same_view_is_the_same_bytes(sender: Sender, publication: Digest) -> None:
    with (
        Mirror.open(sender.root) as mirror,
        consign(mirror, publication, ["acme/*"]) as one,
        consign(mirror, publication, ["acme/*"]) as other,
    ):
        assert one.content == other.content
        assert one.needed == other.needed


def test_what_is_known_of_other_units_stays_here(sender: Sender, publication: Digest) -> None:
    facts = ("b", "r", "2.13", "3.11", "Linux-x86_64", "2026-11-25T10:00:00+00:00")
    proofs = tuple(
        Proof("team", name, "net()", Verdict.PROVED, *facts) for name in (NETS, "other/zoo")
    )
    with Mirror.open(sender.root) as mirror:
        done = publish(mirror, HOLDINGS, MODES, Evidence(proofs))
        assert done
        with consign(mirror, done.digest, ["other/*"]) as some:
            assert some.evidence.proofs == proofs[1:]
            evidence = view_of(some).evidence
            assert evidence
            assert evidence in some.beside


def test_what_the_far_side_has_of_the_same_view_is_not_carried_again(
    sender: Sender, publication: Digest, tmp_path: Path
) -> None:
    with Mirror.open(sender.root) as mirror:
        assert publish(mirror, replace(HOLDINGS, units=UNITS[:3]), MODES)
        with consign(mirror, publication, ["acme/*"]) as earlier:
            known = known_since(earlier)

    done = sender.export(tmp_path / "out", repos=["acme/*"], known=known)

    assert done.bundle.root.base.publication == known.base.publication != publication
    assert len(done.bundle.cargo.carried) == 1


def test_nothing_of_a_view_is_left_on_the_disk_even_while_it_is_used(
    sender: Sender, publication: Digest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    with Mirror.open(sender.root) as mirror, consign(mirror, publication, ["acme/*"]) as some:
        assert list(scratch.iterdir()) == []
        assert some.catalog.units()


def test_a_glob_that_fits_no_repo_is_refused_by_name(sender: Sender, publication: Digest) -> None:
    with (
        Mirror.open(sender.root) as mirror,
        pytest.raises(NotFoundError, match=r"--repos acme/net: .*did you mean 'acme/nets'"),
        consign(mirror, publication, ["other/*", "acme/net"]),
    ):
        pass
