"""What upstreams and manifests get wrong: a clear message each, and nothing lost."""

from __future__ import annotations

import hashlib

import pytest

from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.records import UnitState
from hubmirror.sync import SyncReport
from hubmirror.verify import verify
from tests.upstream import Upstream, faults, hubs
from tests.writer import Writer, wanted

BODY = b"weights" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def failure(report: SyncReport) -> str:
    (unit,) = report.failed()
    assert unit.failure is not None
    return unit.failure.message


def test_a_mismatch_leaves_nothing_behind(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/w.pth", BODY)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "sha256": OTHER}]))

    assert report.exit_code() is ExitCode.INCOMPLETE
    assert failure(report) == f"{url}: expected sha256 {OTHER}, got {DIGEST}"
    assert DIGEST not in writer.blobs()
    assert writer.leftovers() == []
    assert writer.unit(url).state is UnitState.INCOMPLETE


def test_a_prefix_that_does_not_match_is_a_mismatch(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/w.pth", BODY)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "sha256": "0123456789"}]))

    assert failure(report) == f"{url}: expected sha256 0123456789..., got {DIGEST}"


def test_a_name_that_carries_another_hash_is_refused_with_the_line_to_write(
    writer: Writer, upstream: Upstream
) -> None:
    url = upstream.put("/w-0123abcd.pth", BODY)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url}]))

    assert failure(report) == f"{url}: its name says sha256 0123abcd..., got {DIGEST}"
    (unit,) = report.failed()
    assert unit.failure is not None
    assert f"sha256: {DIGEST}" in unit.failure.hint


def test_an_explicit_sha256_beats_the_hash_in_the_name(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/w-0123abcd.pth", BODY)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "sha256": DIGEST}]))

    assert report.exit_code() is ExitCode.OK
    assert report.units[0].warnings == (
        f"{url}: its name says sha256 0123abcd..., its bytes are {DIGEST}",
    )


def test_a_date_in_a_name_is_no_hash(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/w-20240131.pth", BODY)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url}]))

    assert report.exit_code() is ExitCode.OK


def test_bytes_that_changed_upstream_are_refused_until_the_pin_is_let_go(
    writer: Writer, upstream: Upstream
) -> None:
    url = upstream.put("/w.pth", BODY)
    manifest = writer.manifest(checkpoints=[{"url": url}])
    writer.sync(manifest)
    upstream.put("/w.pth", b"other")
    with Mirror.open(writer.root) as mirror:
        mirror.blobs.path(writer.unit(url).checkpoints[0].digest).unlink()

    report = writer.sync(manifest)

    assert report.exit_code() is ExitCode.REFUSED
    assert failure(report) == (
        f"{url}: its bytes changed upstream: the lock says sha256 {DIGEST}, got {OTHER}"
    )
    assert OTHER not in writer.blobs()
    assert writer.unit(url).state is UnitState.INCOMPLETE  # it has no bytes left to serve


def test_a_sha256_changed_in_the_manifest_replaces_the_locked_one(
    writer: Writer, upstream: Upstream
) -> None:
    url = upstream.put("/w.pth", BODY)
    writer.sync(writer.manifest(checkpoints=[{"url": url}]))
    upstream.put("/w.pth", b"other")

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "sha256": OTHER}]))

    assert report.exit_code() is ExitCode.OK
    assert writer.unit(url).checkpoints[0].digest.hex == OTHER


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (faults.HtmlPage("Log in"), "expected weights, got a web page titled 'Log in'"),
        (faults.Status(404), "HTTP 404 Not Found"),
        (faults.LyingLength(50), "the body broke off: "),
        (faults.Drop(100), "the body broke off: "),
        (faults.Empty(), "the file is empty (0 bytes)"),
        (faults.Status(500), "HTTP 500 Internal Server Error (4 attempts)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, faults.Fault) else "",
)
def test_what_is_no_file_of_weights_never_enters_the_mirror(
    writer: Writer, upstream: Upstream, fault: faults.Fault, said: str
) -> None:
    good = upstream.put("/good.pth", b"good")
    url = upstream.put("/w.pth", BODY, fault=fault)

    report = writer.sync(writer.manifest(checkpoints=[{"url": good}, {"url": url}]))

    assert report.exit_code() is ExitCode.INCOMPLETE
    assert failure(report).startswith(f"{url}: {said}")
    assert writer.unit(good).state is UnitState.COMPLETE
    assert writer.leftovers() == []
    with Mirror.open(writer.root) as mirror:
        assert verify(mirror).faults == ()


def test_a_fallback_gives_the_bytes_when_the_first_address_does_not(
    writer: Writer, upstream: Upstream
) -> None:
    url = upstream.url("/gone.pth")
    other = upstream.put("/other.pth", BODY)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "urls": [other]}]))

    assert report.exit_code() is ExitCode.OK
    assert writer.unit(url).checkpoints[0].digest.hex == DIGEST


def test_when_no_address_gives_the_bytes_each_is_named(writer: Writer, upstream: Upstream) -> None:
    url, other = upstream.url("/gone.pth"), upstream.put("/page.pth", b"<html>")

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "urls": [other]}]))

    assert failure(report) == (
        f"{url}: HTTP 404 Not Found; {other}: expected weights, got a web page"
    )


def test_a_gated_address_is_asked_and_never_stored(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_URL", upstream.put("/signed", BODY) + "?sig=s3cret")
    url = "https://gated.example/model.pth"

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "fetch_url": "${MODEL_URL}"}]))

    assert report.exit_code() is ExitCode.OK
    assert writer.unit(url).checkpoints[0].digest.hex == DIGEST
    for path in writer.folder.rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes()
            assert b"/signed" not in path.read_bytes()


def test_a_gated_address_that_fails_is_not_printed(
    writer: Writer, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_URL", upstream.url("/s3cret"))
    url = "https://gated.example/model.pth"

    report = writer.sync(writer.manifest(checkpoints=[{"url": url, "fetch_url": "${MODEL_URL}"}]))

    assert failure(report) == f"{url} (by its fetch_url): HTTP 404 Not Found"


def test_a_variable_that_is_not_set_is_named(writer: Writer, upstream: Upstream) -> None:
    report = writer.sync(
        writer.manifest(
            checkpoints=[{"url": "https://gated.example/m.pth", "fetch_url": "${NOT_SET}"}]
        )
    )

    assert "NOT_SET is not set in the environment" in failure(report)


def test_a_file_larger_than_the_limit_is_refused(writer: Writer, upstream: Upstream) -> None:
    url = upstream.put("/w.pth", BODY)

    report = writer.sync(writer.manifest(checkpoints=[{"url": url}], max_size="1kB"))

    assert failure(report) == f"{url}: {len(BODY)} bytes or more, the limit is 1000"


def test_a_repo_that_is_not_there_fails_alone(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    gone = {"repo": "acme/gone", "url": upstream.git_url("acme/gone")}

    report = writer.sync(writer.manifest([wanted(hub), gone]))

    assert report.exit_code() is ExitCode.INCOMPLETE
    assert "acme/gone" in failure(report)
    assert writer.unit(hub.name).state is UnitState.COMPLETE


def test_a_ref_that_is_not_there_says_what_is(writer: Writer, upstream: Upstream) -> None:
    hub = hubs.annotated_tag(upstream)
    tag = next(name for name in hub.refs if name.startswith("tags/")).removeprefix("tags/")

    report = writer.sync(writer.manifest([wanted(hub, refs=[f"{tag}x"])]))

    assert f"{tag}x" in failure(report)
    assert tag in failure(report).replace(f"{tag}x", "")


def test_weights_from_disk_are_mirrored_by_their_url(writer: Writer, upstream: Upstream) -> None:
    (writer.folder / "local.pth").write_bytes(BODY)
    url = f"file://{writer.folder}/local.pth"

    report = writer.sync(writer.manifest(checkpoints=[{"url": url}]))

    assert report.exit_code() is ExitCode.OK
    assert writer.unit(url).checkpoints[0].digest.hex == DIGEST
