"""The commands whose durable steps are failed, each with the world that it starts from.

A scenario is prepared once: its template folder is copied for every run.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubmirror import layout
from hubmirror.cli import node
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from hubmirror.records import Holdings
from hubmirror.verify import verify
from tests.faults.steps import Site
from tests.faults.victims import Runner
from tests.upstream import Upstream, hubs
from tests.writer import Writer, wanted

Words = Callable[[Path], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A command, and what must be true whatever becomes of it.

    Attributes:
        name: How it is called in the names of tests.
        template: The folder that it starts from; copied for each run.
        words: The command, for a copy of that folder.
        mirror: The mirror that readers see, below the folder.
        check: Says what else is not as it should be once the command has done its work.
        bad: Files of the mirror that are damaged until the command is done.
    """

    name: str
    template: Path
    words: Words
    mirror: str = "mirror"
    check: Callable[[Path], str] = lambda _: ""
    bad: frozenset[str] = frozenset()

    def copy(self, folder: Path) -> Path:
        """Make a world to start from."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.template, folder, symlinks=True)
        return folder


@dataclass(frozen=True, slots=True)
class Known:
    """A scenario that was run once without a fault, its upstream running."""

    scenario: Scenario
    before: Holdings | None
    after: Holdings | None
    visits: Mapping[Site, int]


def run_once(scenario: Scenario, folder: Path, runner: Runner) -> Known:
    """Run a scenario to its end, and say what it came from, led to and went through."""
    copy = scenario.copy(folder)
    before = holdings(copy, scenario.mirror, scenario.bad)
    code, visits = runner.visits(scenario.words(copy))
    assert code == 0
    return Known(scenario, before, holdings(copy, scenario.mirror), visits)


def holdings(folder: Path, mirror: str, bad: Collection[str] = ()) -> Holdings | None:
    """Return what readers see, checked byte for byte; None before the first publication.

    ``bad`` are the files that may still be damaged.
    """
    root = folder / mirror
    if not (root / "current.json").exists():
        return None
    with Mirror.open(root) as opened:
        serving = opened.serving()
        assert serving.is_current
        found = {str(Path(one.path).relative_to(root)) for one in verify(opened).findings}
        assert found <= set(bad)
        return serving.catalog.holdings()


def sync_first(folder: Path, upstream: Upstream) -> Scenario:
    """A sync where there is nothing yet."""
    writer = Writer(folder / "template")
    writer.folder.mkdir(parents=True)
    _manifest(writer, upstream, "first")
    return Scenario("sync-first", writer.folder, _sync)


def sync_next(folder: Path, upstream: Upstream) -> Scenario:
    """A sync that adds a repo and weights to what is published."""
    writer = Writer(folder / "template")
    writer.folder.mkdir(parents=True)
    report = writer.sync(_manifest(writer, upstream, "first"))
    assert report.exit_code() is ExitCode.OK
    _manifest(writer, upstream, "second")
    return Scenario("sync-next", writer.folder, _sync)


def put(folder: Path, upstream: Upstream) -> Scenario:
    """Weights that somebody brought by hand."""
    scenario = sync_next(folder, upstream)
    (scenario.template / "brought.pth").write_bytes(b"brought by hand" * 100)

    def words(copy: Path) -> Sequence[str]:
        url, file = "https://gated.example/w.pth", str(copy / "brought.pth")
        return ["put", url, file, *_places(copy)]

    return Scenario("put", scenario.template, words)


def rollback(folder: Path, upstream: Upstream) -> Scenario:
    """Going back to the publication before."""
    scenario = sync_next(folder, upstream)
    writer = Writer(scenario.template)
    first = _published(writer)
    assert writer.sync(scenario.template / "team.yaml").exit_code() is ExitCode.OK

    def words(copy: Path) -> Sequence[str]:
        return ["rollback", first, *_places(copy)]

    return Scenario("rollback", scenario.template, words)


def quarantine(folder: Path, upstream: Upstream) -> Scenario:
    """Weights that nobody may load any more."""
    scenario = sync_next(folder, upstream)
    weights = Writer(scenario.template).holdings().units[0].checkpoints[0]

    def words(copy: Path) -> Sequence[str]:
        return ["quarantine", weights.digest.hex, "--reason", "reported", *_places(copy)]

    return Scenario("quarantine", scenario.template, words)


def prune(folder: Path, upstream: Upstream) -> Scenario:
    """Taking away all but the newest of three publications, and what only they need."""
    scenario = rollback(folder, upstream)
    writer = Writer(scenario.template)
    upstream.put("/late.pth", b"late" * 3000)
    late = [{"url": upstream.url("/late.pth")}]
    assert writer.sync(writer.manifest(checkpoints=late)).exit_code() is ExitCode.OK

    def words(copy: Path) -> Sequence[str]:
        keep = ["--keep-publications", "1", "--reader-grace", "0", "--yes"]
        return ["prune", *keep, *_places(copy)]

    return Scenario("prune", scenario.template, words)


def export(folder: Path, upstream: Upstream) -> Scenario:
    """Writing a bundle of several parts, with a blob that is cut in pieces."""
    scenario = sync_next(folder, upstream)
    assert (
        Writer(scenario.template).sync(scenario.template / "team.yaml").exit_code() is ExitCode.OK
    )

    def words(copy: Path) -> Sequence[str]:
        return ["export", str(copy / "out"), "--part-size", "800kB", *_places(copy)]

    return Scenario("export", scenario.template, words, check=_is_whole)


def import_next(folder: Path, upstream: Upstream) -> Scenario:
    """Taking a bundle in where an older publication is served."""
    template = folder / "template"
    writer = Writer(template)
    template.mkdir(parents=True)
    assert writer.sync(_manifest(writer, upstream, "first")).exit_code() is ExitCode.OK
    _run("export", str(folder / "first"), *_places(template))
    far = ["--mirror", str(template / "far"), "--state", str(template / "far-state")]
    _run("import", str(folder / "first"), *far)
    assert writer.sync(_manifest(writer, upstream, "second")).exit_code() is ExitCode.OK
    _run("export", str(template / "out"), "--part-size", "800kB", *_places(template))

    def words(copy: Path) -> Sequence[str]:
        places = ["--mirror", str(copy / "far"), "--state", str(copy / "far-state")]
        return ["import", str(copy / "out"), *places]

    return Scenario("import-next", template, words, mirror="far")


def _run(*words: str) -> None:
    assert node.run(words) == 0


def _is_whole(folder: Path) -> str:
    """Say which part of a bundle is missing, or is not what SHA256SUMS says."""
    out = folder / "out"
    told = (out / "SHA256SUMS").read_text().splitlines()
    for line in told:
        digest, _, name = line.partition("  ")
        if hashlib.sha256((out / name).read_bytes()).hexdigest() != digest:
            return f"{name} is not what SHA256SUMS says"
    parts = sorted(path.name for path in out.glob("*.tar"))
    return "" if len(parts) == len(told) > 1 else f"{len(told)} sums, {parts}"


def repair(folder: Path, upstream: Upstream) -> Scenario:
    """Mending blobs, an old publication and writer.json from a copy of the mirror."""
    scenario = rollback(folder, upstream)
    root, far = scenario.template / "mirror", scenario.template / "far"
    writer = Writer(scenario.template)
    unit = writer.unit("acme/plain-weights")
    with Mirror.open(root) as mirror:
        old = mirror.current()[1].previous
    assert unit.repo
    assert old
    cut, gone = unit.checkpoints[0].digest, unit.repo.snapshots[0].about
    shutil.copytree(root, far)
    (root / layout.blob(gone)).unlink()
    damaged = (layout.blob(cut), layout.publication(old), layout.WRITER)
    for name in damaged:
        (root / name).chmod(0o644)
        (root / name).write_bytes((root / name).read_bytes()[:-3])

    def words(copy: Path) -> Sequence[str]:
        return ["repair", "--from", str(copy / "far"), *_places(copy)]

    bad = frozenset({*damaged, layout.blob(gone)})
    return Scenario("repair", scenario.template, words, bad=bad)


def _published(writer: Writer) -> str:
    with Mirror.open(writer.root) as mirror:
        return mirror.current()[0].hex


def _manifest(writer: Writer, upstream: Upstream, name: str) -> Path:
    """Write a manifest of one hub, or of two with weights that belong to none."""
    hub = hubs.plain_weights(upstream)
    if name == "first":
        return writer.manifest([wanted(hub)], jobs=2)
    other = hubs.same_basename(upstream)
    loose = upstream.put("/large.pth", b"large" * 400_000)
    urls = [upstream.put(f"/{number}.pth", b"%d" % number * 5000) for number in range(9)]
    checkpoints = [{"url": url} for url in (loose, *urls)]
    return writer.manifest([wanted(hub), wanted(other)], checkpoints=checkpoints, jobs=2)


def _sync(folder: Path) -> Sequence[str]:
    return ["sync", str(folder / "team.yaml"), *_places(folder)]


def _places(folder: Path) -> Sequence[str]:
    return ["--mirror", str(folder / "mirror"), "--state", str(folder / "state")]


ALL = (
    *(sync_first, sync_next, put, rollback, quarantine, prune),
    *(export, import_next, repair),
)
