"""``hubmirror sync`` as a person, cron or a script meets it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.files import exclusive
from hubmirror.publications import Publications
from tests.cli.shell import Shell
from tests.upstream import RepoBuilder, Upstream, faults, hubs
from tests.writer import Writer, wanted

REPORT = {
    *("outcome", "exit_code", "idle", "held", "publication", "sequence", "locks", "units"),
    *("dropped", "checked_urls", "unanswered"),
}
UNIT = {
    *("source", "name", "state", "made", "fetched", "fetched_bytes", "failure", "hint"),
    *("warnings", "findings"),
    "drift_held",
}
PLANNED = {"name", "failure", "hint", "refs", "make", "fetch"}


def tree(folder: Path) -> list[tuple[str, int]]:
    return sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))


def test_a_fresh_sync_says_what_it_published_and_how_it_went(
    shell: Shell, upstream: Upstream
) -> None:
    hub = hubs.plain_weights(upstream)

    said = shell("sync", shell.writer.manifest([wanted(hub)]))

    assert said.code == ExitCode.OK
    (line,) = said.out.splitlines()
    assert line.startswith(
        f"published sequence 1 ({shell.digests()[0][:12]}): 1 repo, 1 snapshot, 2 checkpoints, "
    )
    progress = said.err.splitlines()
    assert f"made a snapshot of {hub.name}:main (commit {hub.commit[:12]})" in progress
    assert len(progress) == 3


def test_with_nothing_to_do_one_line_says_so(shell: Shell, upstream: Upstream) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])
    shell("sync", manifest)

    said = shell("sync", manifest)

    assert (said.code, said.out, said.err) == (0, "nothing to do: the mirror is up to date\n", "")


def test_a_unit_that_fails_is_named_with_its_reason_and_the_rest_is_published(
    shell: Shell, upstream: Upstream
) -> None:
    hub, gone = hubs.plain_weights(upstream), upstream.url("/gone.pth")

    said = shell("sync", shell.writer.manifest([wanted(hub)], checkpoints=[{"url": gone}]))

    assert said.code == ExitCode.INCOMPLETE
    assert said.out.startswith("published sequence 1 ")
    assert f"incomplete: {gone} (source team) is not loadable yet\n" in said.err
    assert f"  {gone}: HTTP 404 Not Found\n" in said.err
    assert said.err.endswith("1 of 2 units did not advance; exit code 3\n")


def test_an_upstream_that_is_down_is_told_from_one_that_says_no(
    shell: Shell, upstream: Upstream
) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])
    shell("sync", manifest)
    upstream.stop()

    said = shell("sync", manifest)

    assert said.code == ExitCode.UPSTREAM
    assert said.out == "no upstream could be reached: nothing was changed\n"
    assert "stale: acme/plain-weights (source team) keeps what it had\n" in said.err
    assert "no answer from the host" in said.err


def test_every_fault_of_every_manifest_is_named_by_its_place(shell: Shell) -> None:
    folder = shell.writer.folder / "manifests.d"
    folder.mkdir()
    (folder / "a.yaml").write_text("version: 1\nrepos:\n  - repo: pytorch\n    ref: [x]\n")
    (folder / "b.yaml").write_text("version: 1\ncheckpoints:\n  - url: nowhere\n")

    said = shell("sync", "manifests.d")

    assert said.code == ExitCode.INVALID
    assert said.out == ""
    places = [line.split(": ")[0] for line in said.err.splitlines() if ".yaml:" in line]
    assert "manifests.d/a.yaml:3:11" in places
    assert "manifests.d/a.yaml:4:5" in places
    assert "manifests.d/b.yaml:3:10" in places
    assert not shell.writer.root.exists()


def test_sources_that_contradict_each_other_are_refused(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    shell("sync", shell.writer.manifest([wanted(hub)], name="one"))
    RepoBuilder(upstream, hub.name).commit({"README.md": "newer"})

    said = shell("sync", shell.writer.manifest([wanted(hub)], name="two"))

    assert said.code == ExitCode.REFUSED
    assert "hubmirror: two sources contradict each other:\n" in said.err
    assert "in source 'one'" in said.err
    assert "  sync both manifests in one run, or pin the same commit" in said.err


def test_what_is_on_hold_is_fetched_and_not_published(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.manifest([wanted(hub)])
    shell("sync", manifest)
    (shell.writer.root / "writer.json").write_text('{"held": true}')
    assert Publications(shell.writer.root).is_held()
    RepoBuilder(upstream, hub.name).commit({"README.md": "newer"})

    said = shell("sync", manifest)

    assert said.code == ExitCode.REFUSED
    assert said.out == (
        "publishing is on hold: what was fetched waits, readers see what they saw\n"
    )
    assert len(shell.digests()) == 1


def test_a_second_writer_is_told_who_is_at_work(shell: Shell, upstream: Upstream) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])
    shell("sync", manifest)

    with exclusive(shell.writer.folder / "state" / "run.lock"):
        said = shell("sync", manifest)

    assert said.code == ExitCode.LOCKED
    assert f"held by process {os.getpid()} on " in said.err
    assert "  wait for it to end, then run this again\n" in said.err


def test_a_lock_that_cannot_be_written_is_a_matter_of_storage(
    shell: Shell, upstream: Upstream
) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])

    said = shell("sync", manifest, "--lock-dir", manifest / "locks")

    assert said.code == ExitCode.STORAGE
    assert said.err == f"hubmirror: {manifest}/locks: Not a directory\n"
    assert upstream.requests == []


def test_a_dry_run_prints_the_plan_and_changes_nothing(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.manifest([wanted(hub)], checkpoints=[{"url": upstream.put("/w", b"w")}])
    before = tree(shell.writer.folder)

    said = shell("sync", manifest, "--dry-run")

    assert said.code == ExitCode.OK
    assert said.out.splitlines() == [
        f"team ({manifest})",
        f"  {hub.name}:main: make a snapshot of branch {hub.commit}",
        *(f"  {hub.name}: fetch {weights.url}" for weights in hub.weights),
        f"  {upstream.url('/w')}: fetch {upstream.url('/w')}",
    ]
    assert said.err == ""
    assert tree(shell.writer.folder) == before
    assert upstream.fetched_files() == []


def test_a_dry_run_after_a_sync_has_nothing_to_do_and_changes_nothing(
    shell: Shell, upstream: Upstream
) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])
    shell("sync", manifest)
    before = tree(shell.writer.folder)

    said = shell("sync", manifest, "--dry-run")

    assert said.out.splitlines()[1:] == ["  acme/plain-weights: nothing to do"]
    assert tree(shell.writer.folder) == before


def test_a_dry_run_foresees_the_exit_code(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    builder = RepoBuilder(upstream, hub.name)
    manifest = shell.writer.manifest([wanted(hub, refs=["v1.0"])])
    shell("sync", manifest)
    builder.tag("v1.0", builder.commit({"README.md": "newer"}))

    moved = shell("sync", manifest, "--dry-run")
    upstream.stop()
    cut_off = shell("sync", manifest, "--dry-run")

    assert moved.code == ExitCode.REFUSED
    assert f"  {hub.name}: would fail\n" in moved.out
    assert f"hubmirror lock MANIFEST --upgrade {hub.name}:v1.0" in moved.out
    assert cut_off.code == ExitCode.UPSTREAM


def test_frozen_implies_locked_and_asks_no_network(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.manifest([wanted(hub)])
    shell("sync", manifest)
    RepoBuilder(upstream, hub.name).commit({"README.md": "newer"})
    upstream.clear_log()

    said = [
        shell("sync", manifest, *flags)
        for flags in (["--frozen"], ["--frozen", "--locked"], ["--frozen", "--dry-run"])
    ]

    assert [one.code for one in said] == [0, 0, 0]
    assert "nothing to do" in said[2].out
    assert upstream.requests == []


def test_frozen_names_the_bytes_that_are_missing(shell: Shell, upstream: Upstream) -> None:
    url = upstream.put("/w.pth", b"weights")
    manifest = shell.writer.manifest(checkpoints=[{"url": url}])
    shell("sync", manifest)
    shell.blob(url).unlink()

    said = shell("sync", manifest, "--frozen")
    planned = shell("sync", manifest, "--frozen", "--dry-run")

    assert said.code == ExitCode.VERIFICATION
    assert f"hubmirror: bytes are missing:\n  {url}\n" in said.err
    assert planned.out.splitlines()[1:] == [f"  {url}: fetch {url}"]


@pytest.mark.parametrize("flag", ["--locked", "--frozen"])
def test_without_a_lock_the_lock_cannot_decide(shell: Shell, upstream: Upstream, flag: str) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])

    said = shell("sync", manifest, flag)

    assert said.code == ExitCode.INVALID
    assert "there is no lock" in said.err
    assert "  run `hubmirror sync` once without --locked or --frozen" in said.err


def test_locks_can_be_kept_in_a_folder_of_their_own(shell: Shell, upstream: Upstream) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])

    report = shell.document("sync", manifest, "--lock-dir", "locks")

    assert report["locks"] == ["locks/team.yaml.lock"]
    assert (shell.writer.folder / "locks" / "team.yaml.lock").exists()
    assert not manifest.with_name("team.yaml.lock").exists()


def test_the_report_has_the_documented_keys(shell: Shell, upstream: Upstream) -> None:
    hub, gone = hubs.plain_weights(upstream), upstream.url("/gone.pth")
    manifest = shell.writer.manifest([wanted(hub)], checkpoints=[{"url": gone}])

    report = shell.document("sync", manifest, code=3)

    assert set(report) == REPORT
    assert (report["outcome"], report["exit_code"], report["idle"]) == ("incomplete", 3, False)
    assert report["publication"] == shell.digests()[0]
    assert report["sequence"] == 1
    assert report["locks"] == [f"{manifest}.lock"]
    good, bad = report["units"]
    assert set(good) == set(bad) == UNIT
    assert (good["name"], good["state"], good["made"]) == (hub.name, "complete", ["main"])
    assert sorted(good["fetched"]) == sorted(weights.url for weights in hub.weights)
    assert (bad["name"], bad["state"]) == (gone, "incomplete")
    assert bad["failure"] == f"{gone}: HTTP 404 Not Found"


def test_the_report_of_an_idle_run_names_no_new_publication(
    shell: Shell, upstream: Upstream
) -> None:
    manifest = shell.writer.manifest([wanted(hubs.plain_weights(upstream))])
    shell("sync", manifest)

    report = shell.document("sync", manifest)

    assert report["idle"]
    assert (report["outcome"], report["publication"], report["sequence"]) == ("ok", None, None)


def test_the_plan_has_the_documented_keys(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    manifest = shell.writer.manifest([wanted(hub)])

    plan = shell.document("sync", manifest, "--dry-run")

    assert set(plan) == {"dry_run", "exit_code", "sources"}
    (source,) = plan["sources"]
    assert set(source) == {"name", "file", "units"}
    (unit,) = source["units"]
    assert set(unit) == PLANNED
    assert unit["refs"] == [{"name": "main", "kind": "branch", "commit": hub.commit}]
    assert unit["make"] == ["main"]
    assert sorted(unit["fetch"]) == sorted(weights.url for weights in hub.weights)


def test_with_json_progress_and_failures_still_go_to_stderr(
    shell: Shell, upstream: Upstream
) -> None:
    url, gone = upstream.put("/w.pth", b"weights"), upstream.url("/gone.pth")
    manifest = shell.writer.manifest(checkpoints=[{"url": url}, {"url": gone}])

    said = shell("sync", manifest, "--json")

    assert said.document["exit_code"] == said.code == ExitCode.INCOMPLETE
    assert f"fetched {url} (7 bytes)\n" in said.err
    assert f"incomplete: {gone}" in said.err


def test_a_secret_address_is_not_said_however_verbose(
    shell: Shell, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.put("/signed", b"weights", fault=faults.Status(503, times=2))
    monkeypatch.setenv("MODEL_URL", upstream.url("/signed") + "?sig=s3cret&X-Amz-Signature=s3cret")
    entry = {"url": "https://gated.example/model.pth", "fetch_url": "${MODEL_URL}"}

    said = shell("-vv", "sync", shell.writer.manifest(checkpoints=[entry]))

    assert said.code == ExitCode.OK
    assert "s3cret" not in said.out + said.err
    assert "/signed" not in said.out + said.err


def test_manifests_of_one_name_are_told_apart_before_anything_is_done(
    shell: Shell, writer: Writer, upstream: Upstream
) -> None:
    one = writer.manifest([wanted(hubs.plain_weights(upstream))])
    other = writer.folder / "other" / "team.yaml"
    other.parent.mkdir()
    other.write_bytes(one.read_bytes())

    said = shell("sync", one, other)

    assert said.code == ExitCode.INVALID
    assert "the source name 'team' is taken by" in said.err
    assert not writer.root.exists()
