"""What readers see: publications, catalogs, blobs; and what they refuse to believe."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror import layout
from hubmirror.catalog import Catalog
from hubmirror.catalog.writer import content_digest, write_catalog
from hubmirror.errors import (
    FormatError,
    NotFoundError,
    RefusedError,
    StorageError,
    VerificationError,
)
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.publications import Publication
from hubmirror.publish import publish, refuse_contradictions
from hubmirror.records import Contents, Digest, Holdings, UnitState, Use, WeightsKind
from hubmirror.verify import verify
from tests import samples
from tests.samples import MODES, checkpoint, holdings, published_mirror, unit


def test_a_catalog_says_what_was_written(tmp_path: Path) -> None:
    wanted = holdings(unit("one"), unit("two", state=UnitState.STALE, reason="no answer"))

    write_catalog(tmp_path / "catalog", wanted)

    with Catalog.open(tmp_path / "catalog") as catalog:
        assert catalog.holdings() == wanted


def test_a_catalog_names_each_blob_once(tmp_path: Path) -> None:
    wanted = holdings(unit("one"), unit("two"))

    write_catalog(tmp_path / "catalog", wanted)

    with Catalog.open(tmp_path / "catalog") as catalog:
        assert catalog.blobs() == frozenset(wanted.blobs())


def test_a_catalog_says_who_needs_a_blob(tmp_path: Path) -> None:
    write_catalog(tmp_path / "catalog", holdings(unit("one"), unit("two")))

    with Catalog.open(tmp_path / "catalog") as catalog:
        assert catalog.needing(Digest.of(b"weights")) == ("https://h.example/resnet18.pth",)
        assert catalog.needing(Digest.of(b"tar")) == (f"pytorch/vision at {samples.COMMIT}",)
        assert catalog.needing(Digest.of(b"nothing")) == ()


def test_a_catalog_says_what_each_blob_is_for(tmp_path: Path) -> None:
    row = checkpoint("https://h.example/w.pth", b"weights")
    loose = unit("two", name=row.url, repo=None, checkpoints=(row,))
    write_catalog(tmp_path / "catalog", holdings(unit("one"), loose))

    with Catalog.open(tmp_path / "catalog") as catalog:
        uses = set(catalog.uses())

    weights, tar = Digest.of(b"weights"), Digest.of(b"tar")
    url = "https://github.com/pytorch/vision"
    assert len(uses) == 6
    assert {
        Use(weights, "unknown", "https://h.example/resnet18.pth", "pytorch/vision"),
        Use(weights, "unknown", "https://h.example/w.pth", ""),
        Use(tar, "snapshot", url, f"pytorch/vision@{samples.COMMIT}"),
        Use(Digest.of(b"about"), "about", url, f"pytorch/vision@{samples.COMMIT}"),
    } < uses


def test_equal_holdings_have_equal_digests_whatever_their_order(tmp_path: Path) -> None:
    one, two = unit("one"), unit("two")
    forth, back = holdings(one, two), holdings(two, one)

    write_catalog(tmp_path / "forth", forth)
    write_catalog(tmp_path / "back", back)

    assert content_digest(forth) == content_digest(replace(back, sources=forth.sources[::-1]))
    assert (tmp_path / "forth").read_bytes() == (tmp_path / "back").read_bytes()
    assert content_digest(forth) != content_digest(holdings(one))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("https://h.example/w.pth?download=1", "https://h.example/w.pth?download=1"),
        ("HTTPS://H.example:443/w.pth#part", "https://h.example/w.pth?download=1"),
        ("https://h.example/w.pth?X-Amz-Signature=abc", "https://h.example/w.pth?download=1"),
        ("https://cdn.example/signed?token=1", "https://h.example/redirected.pth"),
        ("https://cdn.example/signed?id=2", None),
        ("https://h.example/audio.pth?sr=8000", None),
        ("https://h.example/audio.pth?sr=16000&download=1", "https://h.example/audio.pth?sr=16000"),
        ("https://h.example/two.pth", None),
        ("http://h.example/redirected.pth", "https://h.example/redirected.pth"),
        ("http://h.example:80/w.pth", "https://h.example/w.pth?download=1"),
        ("https://plain.example/w.pth", None),
        ("https://other.example/w.pth", None),
    ],
)
def test_a_url_finds_its_checkpoint_only_where_it_leads_to_one(
    tmp_path: Path, asked: str, found: str | None
) -> None:
    rows = (
        checkpoint("https://h.example/w.pth?download=1", b"1"),
        checkpoint("https://h.example/redirected.pth", b"2", "https://cdn.example/signed"),
        checkpoint("https://h.example/audio.pth?sr=16000", b"5"),
        checkpoint("http://plain.example/w.pth", b"6"),
        checkpoint("https://h.example/two.pth?download=1", b"3"),
        checkpoint("https://h.example/two.pth?download=2", b"4"),
    )
    write_catalog(tmp_path / "catalog", holdings(unit(checkpoints=rows)))

    with Catalog.open(tmp_path / "catalog") as catalog:
        row = catalog.find_checkpoint(asked)

    assert (row.url if row else None) == found


def test_a_catalog_of_before_there_were_kinds_is_read(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    write_catalog(path, holdings())
    with closing(sqlite3.connect(path)) as database:
        database.execute("ALTER TABLE checkpoint DROP COLUMN kind")
        database.execute("ALTER TABLE checkpoint DROP COLUMN globals")

    with Catalog.open(path) as catalog:
        assert catalog.holdings() == holdings()
        assert {use.kind for use in catalog.uses()} == {"unknown", "snapshot", "about"}


def test_a_kind_that_only_a_newer_version_knows_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    write_catalog(path, holdings())
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE checkpoint SET kind = 'crystals'")
        database.commit()

    with Catalog.open(path) as catalog:
        assert catalog.holdings() == holdings()


def test_what_weights_are_is_news_and_not_to_know_it_is_none() -> None:
    row = checkpoint("https://h.example/w.pth", b"weights")
    known = replace(row, contents=Contents(WeightsKind.TENSORS_ONLY))

    digests = [content_digest(holdings(unit(checkpoints=(one,)))) for one in (row, known)]

    # As hubmirror 0.1.0 had it before rows said what weights are.
    assert digests[0].hex.startswith("9f58df3324e2b0e8")
    assert digests[0] != digests[1]


def test_near_names_are_found_literally(tmp_path: Path) -> None:
    rows = tuple(checkpoint(f"https://h/{name}", b"1") for name in ("a_b.pth", "axb.pth"))
    write_catalog(tmp_path / "catalog", holdings(unit(checkpoints=rows)))

    with Catalog.open(tmp_path / "catalog") as catalog:
        assert catalog.urls_ending_in("a_b.pth", most=5) == ("https://h/a_b.pth",)


@pytest.mark.parametrize(
    "kind", ["VIEW v AS SELECT 1", "TRIGGER t INSERT ON unit BEGIN SELECT 1; END"]
)
def test_a_catalog_with_code_in_it_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "catalog"
    write_catalog(path, holdings())
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE {kind}")

    with pytest.raises(VerificationError, match="has tables only"):
        Catalog.open(path)


def test_a_catalog_of_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "catalog"
    write_catalog(path, holdings())
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 2")

    with pytest.raises(FormatError, match=r"catalog of format 2; hubmirror .* reads up to 1"):
        Catalog.open(path)


def test_a_file_that_is_no_catalog_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"junk" * 1000)
    (tmp_path / "empty").write_bytes(b"")

    for name in ("junk", "empty"):
        with pytest.raises(VerificationError, match="not a catalog"):
            Catalog.open(tmp_path / name)


def test_what_is_published_is_what_readers_see(tmp_path: Path) -> None:
    mirror, published = published_mirror(tmp_path)

    with mirror:
        assert mirror.current() == (published.digest, published.publication)
        assert mirror.catalog().holdings() == holdings()
        counts = published.publication.counts
    assert (counts.repos, counts.snapshots, counts.checkpoints) == (1, 2, 1)
    assert counts.size_bytes == len(b"tar" + b"other tar" + b"about" + b"weights")


def test_publishing_the_same_again_publishes_nothing(tmp_path: Path) -> None:
    mirror, _ = published_mirror(tmp_path)

    with mirror:
        assert publish(mirror, holdings(), MODES) is None
        assert len(mirror.publications.kept()) == 1


def test_publications_form_a_chain(tmp_path: Path) -> None:
    mirror, first = published_mirror(tmp_path)

    with mirror:
        second = publish(mirror, holdings(unit(), unit("two")), MODES)
        assert second is not None
        assert second.publication.previous == first.digest
        assert second.publication.sequence == 2
        assert second.publication.origin == mirror.id
        assert [one.sequence for _, one in mirror.publications.history(second.digest)] == [2, 1]


def test_nothing_is_published_that_names_a_missing_blob(tmp_path: Path) -> None:
    mirror, first = published_mirror(tmp_path)
    lacking = unit(checkpoints=(checkpoint("https://h/none.pth", b"never fetched"),))

    with mirror:
        with pytest.raises(VerificationError, match="missing"):
            publish(mirror, holdings(lacking), MODES)
        assert mirror.current()[0] == first.digest


def test_a_mirror_on_hold_publishes_nothing(tmp_path: Path) -> None:
    mirror, first = published_mirror(tmp_path)
    (tmp_path / layout.WRITER).write_text('{"held": true}')

    with mirror:
        with pytest.raises(RefusedError, match="on hold"):
            publish(mirror, holdings(unit("two")), MODES)
        assert mirror.current()[0] == first.digest


def test_contradicting_sources_are_refused_by_name() -> None:
    moved = samples.repo(refs=(replace(samples.repo().refs[3], commit=samples.COMMIT),))
    other = unit(
        "two", repo=moved, checkpoints=(checkpoint("https://h.example/resnet18.pth", b"changed"),)
    )

    with pytest.raises(RefusedError) as caught:
        refuse_contradictions(holdings(unit("one"), other))

    message = caught.value.message
    assert "https://h.example/resnet18.pth: sha256 " in message
    assert "pytorch/vision:main: commit " in message
    assert message.count("'one'") == message.count("'two'") == 2


def test_one_name_from_two_addresses_is_refused() -> None:
    other = unit("two", repo=samples.repo(url="https://forge.example/vision"))

    with pytest.raises(RefusedError, match=r"from https://forge\.example/vision in source 'two'"):
        refuse_contradictions(holdings(unit("one"), other))


def test_a_damaged_catalog_lets_the_previous_publication_serve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mirror, first = published_mirror(tmp_path)
    with mirror:
        second = publish(mirror, holdings(unit(), unit("two")), MODES)
    assert second is not None
    damage(mirror.blobs.path(second.publication.catalog.digest))

    with caplog.at_level(logging.WARNING), Mirror.open(tmp_path) as opened:
        assert opened.catalog().holdings() == holdings()
        with pytest.raises(VerificationError, match="expected sha256"):
            opened.catalog(second.digest)

    assert "sequence 1 of " in caplog.text
    assert first.publication.sequence == 1


def test_a_damaged_publication_lets_the_previous_one_serve(tmp_path: Path) -> None:
    mirror, _ = published_mirror(tmp_path)
    with mirror:
        second = publish(mirror, holdings(unit(), unit("two")), MODES)
    assert second is not None
    damage(tmp_path / layout.publication(second.digest))

    with Mirror.open(tmp_path) as opened:
        assert opened.serving().publication.sequence == 1
        assert not opened.serving().is_current


def test_a_damaged_publication_is_replaced_and_its_sequence_not_used_again(
    tmp_path: Path,
) -> None:
    mirror, first = published_mirror(tmp_path)
    with mirror:
        second = publish(mirror, holdings(unit(), unit("two")), MODES)
    assert second is not None
    damage(tmp_path / layout.publication(second.digest))

    with Mirror.open(tmp_path) as opened:
        third = publish(opened, holdings(unit(), unit("two")), MODES)
        assert third is not None
        assert third.publication.sequence == 3
        assert third.publication.previous == first.digest
        assert opened.serving().digest == third.digest


def test_with_every_catalog_damaged_nothing_is_believed(tmp_path: Path) -> None:
    mirror, published = published_mirror(tmp_path)
    mirror.close()
    damage(mirror.blobs.path(published.publication.catalog.digest))

    with Mirror.open(tmp_path) as opened, pytest.raises(VerificationError, match="expected sha256"):
        opened.catalog()


def damage(path: Path) -> None:
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_publication_whose_bytes_are_not_its_name_is_refused(tmp_path: Path) -> None:
    mirror, published = published_mirror(tmp_path)
    with mirror:
        damage(tmp_path / layout.publication(published.digest))
        with pytest.raises(VerificationError, match="expected sha256"):
            mirror.current()


def test_a_publication_for_newer_readers_is_refused_by_name(tmp_path: Path) -> None:
    _, published = published_mirror(tmp_path)
    fields = json.loads(published.publication.encode()) | {"min_reader": 2}

    with pytest.raises(FormatError, match=r"x: needs a reader of format 2; hubmirror"):
        Publication.decode(json.dumps(fields).encode(), where="x")


def test_a_publication_survives_encoding(tmp_path: Path) -> None:
    _, published = published_mirror(tmp_path)

    assert Publication.decode(published.publication.encode(), where="x") == published.publication


def test_a_mirror_for_newer_readers_is_refused_and_not_touched(tmp_path: Path) -> None:
    marker = tmp_path / layout.MARKER
    marker.write_text('{"format": 9, "min_reader": 9, "id": "x"}')

    with pytest.raises(FormatError, match="needs a reader of format 9"):
        Mirror.open(tmp_path)
    with pytest.raises(FormatError, match="needs a reader of format 9"):
        Mirror.create(tmp_path, MODES)
    assert marker.read_text() == '{"format": 9, "min_reader": 9, "id": "x"}'


def test_a_folder_that_is_no_mirror_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no mirror here: it has no hubmirror\.json"):
        Mirror.open(tmp_path)


def test_before_the_first_publication_readers_are_told_so(tmp_path: Path) -> None:
    with Mirror.create(tmp_path, MODES) as mirror, pytest.raises(NotFoundError, match="yet"):
        mirror.catalog()


def test_a_publication_is_found_by_leading_digits(tmp_path: Path) -> None:
    mirror, published = published_mirror(tmp_path)

    with mirror:
        assert parse_publication(published.digest.hex[:8], mirror) == published.digest
        with pytest.raises(NotFoundError, match="0 publications begin with"):
            parse_publication("0" * 10, mirror)
        with pytest.raises(NotFoundError):
            parse_publication("", mirror)


def test_a_reader_writes_nothing(tmp_path: Path) -> None:
    published_mirror(tmp_path / "m")[0].close()
    before = sorted(path.stat().st_mtime_ns for path in (tmp_path / "m").rglob("*"))

    with Mirror.open(tmp_path / "m") as mirror:
        mirror.catalog().holdings()

    assert sorted(path.stat().st_mtime_ns for path in (tmp_path / "m").rglob("*")) == before


def test_publishing_killed_at_any_step_keeps_a_loadable_publication(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path\n"
        "from hubmirror.mirror import Mirror; from hubmirror.publish import publish\n"
        "from tests import samples\n"
        "root, step, calls = Path(sys.argv[1]), int(sys.argv[2]), 0\n"
        "mirror = Mirror.open(root)\n"
        "def hook(event, arguments):\n"
        "    global calls\n"
        "    if event in ('open', 'os.rename', 'os.link', 'os.mkdir', 'os.chmod', 'os.remove'):\n"
        "        calls += 1\n"
        "        if calls == step: os.kill(os.getpid(), 9)\n"
        "sys.addaudithook(hook)\n"
        "two = samples.unit(f'two-{step}')\n"
        "publish(mirror, samples.holdings(samples.unit(), two), samples.MODES)\n"
    )
    published_mirror(tmp_path)[0].close()
    outcomes = set()
    for step in range(1, 60, 3):
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), str(step)],
            check=False,
            cwd=Path(__file__).parents[1],
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )
        outcomes.add(done.returncode)
        with Mirror.open(tmp_path) as mirror:
            assert mirror.catalog().holdings().units[0] == unit()
            assert verify(mirror).faults == ()

    assert outcomes == {0, -9}


def test_empty_holdings_can_be_published(tmp_path: Path) -> None:
    mirror, _ = published_mirror(tmp_path)

    with mirror:
        assert publish(mirror, Holdings(), MODES) is not None
        assert mirror.catalog().holdings() == Holdings()


@pytest.mark.parametrize("content", [None, b"", b'{"serial": 2, "publ'])
def test_without_current_json_the_newest_sound_publication_serves(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    mirror, _ = published_mirror(tmp_path)
    with mirror:
        second = publish(mirror, holdings(unit(), unit("two")), MODES)
    assert second is not None
    (tmp_path / layout.CURRENT).unlink()
    if content is not None:
        (tmp_path / layout.CURRENT).write_bytes(content)

    with caplog.at_level(logging.WARNING), Mirror.open(tmp_path) as opened:
        assert opened.serving().digest == second.digest
        assert len(verify(opened).faults) == 1
        third = publish(opened, holdings(unit(), unit("two")), MODES)

    assert "the newest sound publication is served" in caplog.text
    assert third is not None
    assert third.publication.sequence == 3


def test_a_mirror_that_this_user_may_not_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    published_mirror(tmp_path)[0].close()
    monkeypatch.setattr(Path, "read_bytes", refuse)

    with pytest.raises(StorageError, match="this user may not read it"):
        Mirror.open(tmp_path)


def test_what_is_older_than_a_removed_publication_comes_after_the_newer_ones(
    tmp_path: Path,
) -> None:
    mirror, first = published_mirror(tmp_path)
    with mirror:
        second = publish(mirror, holdings(unit(), unit("two")), MODES)
        third = publish(mirror, holdings(unit("two")), MODES)
        assert second is not None
        assert third is not None

        mirror.publications.remove(second.digest)

        found = mirror.publications.ordered(third.digest)
    assert [digest for digest, _ in found] == [third.digest, first.digest]


def test_what_a_killed_writer_never_let_readers_see_comes_last(tmp_path: Path) -> None:
    mirror, first = published_mirror(tmp_path)
    with mirror:
        second = publish(mirror, holdings(unit(), unit("two")), MODES)
        assert second is not None
        never = replace(second.publication, created_at="2999-01-01T00:00:00+00:00")
        unseen = mirror.publications.add(never, MODES)

        found = mirror.publications.ordered(second.digest)
    assert [digest for digest, _ in found] == [second.digest, first.digest, unseen]
