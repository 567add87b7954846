"""Runs traces: each call in a child of its own, all of them with one set of means.

The order is that of a sync: bytes on first sight, the index, the manifest, its lock.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

from hubmirror import urls
from hubmirror.errors import InvalidInputError, MissingDependencyError
from hubmirror.hub.views import view_parent
from hubmirror.index import Arrival, Index
from hubmirror.resolve import Spec
from hubmirror.sandbox import Sandbox
from hubmirror.settings import Settings
from hubmirror.sync.writing import Workplace, writing
from hubmirror.tracing.children import Left, left_behind, run_child
from hubmirror.tracing.declared import Declared
from hubmirror.tracing.means import Means, opened
from hubmirror.tracing.options import Options
from hubmirror.tracing.outcome import manifest_lines, write_outcome
from hubmirror.tracing.recorder import Recorder
from hubmirror.tracing.report import TraceReport
from hubmirror.tracing.serving import serving
from hubmirror.tracing.traces import Located, Target, Trace

_Came = Arrival | Located | None  # None: a call has ended


def trace(targets: Sequence[Target], settings: Settings, options: Options) -> TraceReport:
    """Run each target for real, and record what it needs; what it fetched waits for a sync.

    Without targets, every entrypoint that the manifest declares is one.

    Raises:
        MissingDependencyError: when torch is not installed here.
        InvalidInputError: for faults in the manifest or its lock, or when it declares nothing.
        LockedError: when another writer of this mirror is at work.
    """
    declared = Declared.read(options.manifest, options.lock_dir)
    targets = targets or _declared_targets(declared)
    if any(target.entrypoint for target in targets):
        _require_torch()
    with writing(settings, options.turn) as place:
        traces = _run_all(place, targets, settings, options, declared)
        lines = manifest_lines(declared, traces)
        if not options.edit or options.manifest is None:
            return TraceReport(traces, lines)
        lock = write_outcome(options.manifest, options.lock_dir, traces, settings.modes)
        return TraceReport(traces, lines, str(options.manifest), str(lock))


def _require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise MissingDependencyError(
            "a trace runs the code of hub repos, and torch is not installed in this environment",
            hint="pip install torch",
        )


def _declared_targets(declared: Declared) -> Sequence[Target]:
    targets = [
        Target(Spec(repo.title, repo.key, ref), entrypoint)
        for repo in declared.manifest.repos
        for ref in repo.refs or ("",)
        for entrypoint in repo.entrypoints
        if not set("*?[").intersection(ref)
    ]
    if not targets:
        raise InvalidInputError(
            f"{declared.manifest.file}: no repo in it has `entrypoints:` at a ref that is no glob",
            hint="declare them, or name one: hubmirror trace OWNER/REPO[:REF] ENTRYPOINT",
        )
    return targets


def _run_all(
    place: Workplace,
    targets: Sequence[Target],
    settings: Settings,
    options: Options,
    declared: Declared,
) -> tuple[Trace, ...]:
    came: SimpleQueue[_Came] = SimpleQueue()
    with opened(place, settings, options, declared, came.put) as means:
        pool = ThreadPoolExecutor(max_workers=options.jobs)
        try:
            running: list[Future[Trace]] = []
            for target in targets:
                one = pool.submit(_run, place, target, settings, options, means)
                one.add_done_callback(lambda _: came.put(None))
                running.append(one)
            left = len(running)
            while left:
                left -= _take_note(came.get(), place.index, options.notify)
            while not came.empty():
                _take_note(came.get(), place.index, options.notify)
            return tuple(one.result() for one in running)
        finally:
            # After an interruption nobody waits: what a child is doing ends with this process.
            pool.shutdown(wait=False, cancel_futures=True)


def _take_note(came: _Came, index: Index, notify: Callable[[str], None]) -> int:
    """Put into the index what came in; return how many calls have ended."""
    match came:
        case Arrival():
            index.put(came)
            notify(f"fetched {urls.redact(came.url)} ({came.size_bytes:,} bytes)")
        case Located():
            name = (came.spec.key, came.snapshot.commit, came.spec.content)
            index.record_made({name: came.snapshot})
            notify(f"found {came.spec.title}:{came.ref.name} (commit {came.ref.commit[:12]})")
        case None:
            return 1
    return 0


def _run(
    place: Workplace, target: Target, settings: Settings, options: Options, means: Means
) -> Trace:
    """Run one call in a child, and return what was seen of it."""
    recorder = Recorder(target, means)
    with Sandbox.opened(place.state.root / "sandboxes", settings.variables) as sandbox:
        folders = sandbox.folders
        with serving(folders.exchange, recorder.answer) as address:
            ended = run_child(
                sandbox, target, options.call, settings.variables, address, options.timeout_s
            )
        seen = recorder.trace()
        snapshots = [
            Left(
                one.found.spec.title,
                view_parent(one.found.spec.key, one.found.ref.commit),
                means.bytes_of.path(one.found.snapshot.digest),
            )
            for one in seen.repos
            if one.found
        ]
        writes = left_behind(folders, snapshots)
    return replace(
        seen,
        error=_error(seen, ended.code, ended.timed_out, options.timeout_s),
        writes=writes,
        output=ended.output,
        confinement=str(ended.protections),
    )


def _error(seen: Trace, code: int, timed_out: bool, timeout_s: float) -> str:
    if timed_out:
        return f"it was not through after {timeout_s:g} s"
    if code < 0:
        return f"it was killed by signal {-code}"
    if seen.target.command:
        return f"it ended with exit code {code}" if code else ""
    return seen.error
