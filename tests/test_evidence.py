"""What is known of a publication beside its content, and how it gets there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.errors import FormatError, VerificationError
from hubmirror.evidence import Evidence, Pin, Proof, Quarantined, Verdict
from hubmirror.mirror import Mirror
from hubmirror.publish import publish
from hubmirror.records import Digest
from hubmirror.verify import verify
from tests.samples import MODES, holdings, published_mirror, unit

AT = "2026-11-25T19:00:00+00:00"
PROOF = Proof(
    source="team",
    unit="owner/name",
    call="net(pretrained=True)",
    verdict=Verdict.PROVED,
    basis="a" * 64,
    result="b" * 64,
    torch="2.13.0",
    python="3.11.9",
    platform="Linux-x86_64",
    at=AT,
    ref="v1",
    relied=("https://h.example/net.pth", "owner/name:v1"),
)
BAD = Quarantined(Digest("c" * 64), "reported by its author", AT)
KEPT = Pin("owner/name:v1", Digest("d" * 64), "paper", AT)
KNOWN = Evidence((PROOF,), (BAD,), (KEPT,))


def test_evidence_reads_back_as_it_was_written() -> None:
    assert Evidence.decode(KNOWN.encode(), where="here") == KNOWN


def test_equal_evidence_has_equal_bytes_whatever_its_order() -> None:
    other = replace(PROOF, call="net()")

    assert Evidence((PROOF, other)).encode() == Evidence((other, PROOF)).encode()


def test_a_proof_of_before_refs_were_told_apart_is_read() -> None:
    fields = json.loads(KNOWN.encode())
    del fields["proofs"][0]["ref"], fields["proofs"][0]["relied"]

    (proof,) = Evidence.decode(json.dumps(fields).encode(), where="here").proofs

    assert proof == replace(PROOF, ref="", relied=())


def test_evidence_of_a_newer_format_is_refused_by_name() -> None:
    newer = json.dumps({**json.loads(KNOWN.encode()), "min_reader": 99}).encode()

    with pytest.raises(FormatError, match="needs a reader of format 99"):
        Evidence.decode(newer, where="here")


def test_what_a_newer_hubmirror_added_is_passed_over() -> None:
    fields = json.loads(KNOWN.encode())
    fields["licences"] = ["later"]
    fields["proofs"][0]["cuda"] = "13"

    assert Evidence.decode(json.dumps(fields).encode(), where="here") == KNOWN


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"min_reader": 1, "proofs": [1]}'])
def test_what_is_no_evidence_is_named(content: bytes) -> None:
    with pytest.raises(VerificationError, match="blob-7: not evidence"):
        Evidence.decode(content, where="blob-7")


def test_evidence_alone_makes_a_publication_of_the_same_content(tmp_path: Path) -> None:
    held = holdings(unit("one"))
    mirror, first = published_mirror(tmp_path, held)

    published = publish(mirror, held, MODES, KNOWN)

    assert published
    assert published.publication.previous == first.digest
    assert published.publication.catalog == first.publication.catalog
    assert published.publication.content_digest == first.publication.content_digest
    assert mirror.evidence(published.publication) == KNOWN


def test_the_same_evidence_again_publishes_nothing(tmp_path: Path) -> None:
    held = holdings(unit("one"))
    mirror, _ = published_mirror(tmp_path, held)
    publish(mirror, held, MODES, KNOWN)

    assert publish(mirror, held, MODES, KNOWN) is None
    assert publish(mirror, held, MODES) is None


def test_new_content_goes_on_with_what_was_known(tmp_path: Path) -> None:
    held = holdings(unit("one"))
    mirror, _ = published_mirror(tmp_path, held)
    publish(mirror, held, MODES, KNOWN)

    published = publish(mirror, holdings(unit(), unit("two")), MODES)

    assert published
    assert mirror.evidence(published.publication) == KNOWN


def test_what_needs_no_evidence_any_more_names_no_blob(tmp_path: Path) -> None:
    held = holdings(unit("one"))
    mirror, _ = published_mirror(tmp_path, held)
    publish(mirror, held, MODES, KNOWN)

    published = publish(mirror, held, MODES, Evidence())

    assert published
    assert published.publication.evidence is None


def test_a_closure_is_all_that_a_publication_needs(tmp_path: Path) -> None:
    held = holdings(unit("one"))
    mirror, _ = published_mirror(tmp_path, held)
    published = publish(mirror, held, MODES, KNOWN)

    assert published
    assert mirror.closure(published.digest) == {
        *held.blobs(),
        published.publication.catalog,
        published.publication.evidence,
    }


def test_verify_reads_the_evidence_too(tmp_path: Path) -> None:
    held = holdings(unit("one"))
    mirror, _ = published_mirror(tmp_path, held)
    evidence = _published(mirror)
    path = mirror.blobs.path(evidence)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"paper", b"other"))

    assert any(evidence.hex in fault for fault in verify(mirror).faults)
    with pytest.raises(VerificationError, match=evidence.hex):
        mirror.evidence(mirror.current()[1])


def _published(mirror: Mirror) -> Digest:
    published = publish(mirror, mirror.catalog().holdings(), MODES, KNOWN)
    assert published
    assert published.publication.evidence
    return published.publication.evidence.digest
