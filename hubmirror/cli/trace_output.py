"""How a trace's report looks."""

from __future__ import annotations

from collections.abc import Iterator

from hubmirror import urls
from hubmirror.cli import render
from hubmirror.errors import ExitCode
from hubmirror.tracing import Trace, TraceReport
from hubmirror.tracing.traces import Asker, Distribution, SeenRepo, SeenUrl

_MOST_LINES = 12


def progress(line: str) -> None:
    """Say on stderr what was just done."""
    render.note(line)


def show(report: TraceReport, *, as_json: bool) -> ExitCode:
    """Print what was traced; return the exit code."""
    code = report.exit_code()
    for trace in report.traces:
        if trace.reasons():
            _note_incomplete(trace)
    if as_json:
        render.document(_fields(report, code))
        return code
    for trace in report.traces:
        for line in _lines(trace):
            render.say(line)
    if report.manifest:
        render.say(f"wrote {report.manifest} and {report.lock}")
    elif report.lines:
        render.say(f"the manifest lacks:\n\n{report.lines.rstrip()}")
    return code


def _note_incomplete(trace: Trace) -> None:
    render.note(f"incomplete: {trace.target}")
    for reason in trace.reasons():
        render.note(f"  {reason}")
    if trace.error:
        for line in trace.output.rstrip().splitlines()[-_MOST_LINES:]:
            render.note(f"    | {line}")


def _lines(trace: Trace) -> Iterator[str]:
    state = "incomplete" if trace.reasons() else "complete"
    result = f", result {trace.result[:12]}" if trace.result else ""
    yield f"{trace.target}: {state}{result}"
    for repo in trace.repos:
        if repo.found:
            yield f"  {repo.asked} is commit {repo.found.ref.commit[:12]}{_by(repo.asker)}"
    for seen in trace.urls:
        yield f"  {urls.redact(seen.url)} {_what(seen)}{_by(seen.asker)}"
    for one in trace.undeclared():
        named = "" if one.module == one.name else f" ({one.name})"
        yield f"  imports {one.module}{named}, which {one.repo} does not declare"
    for write in trace.writes:
        yield f"  wrote {write}"


def _what(seen: SeenUrl) -> str:
    if seen.row:
        return f"is {render.size(seen.row.size_bytes)}, sha256 {seen.row.digest.hex[:12]}"
    return "is not there" if not seen.failure else "could not be had"


def _by(asker: Asker) -> str:
    return f", asked by {asker}" if str(asker) else ""


def _fields(report: TraceReport, code: ExitCode) -> dict[str, object]:
    return {
        "exit_code": int(code),
        "manifest": report.manifest or None,
        "lock": report.lock or None,
        "lines": report.lines,
        "traces": [_trace_fields(trace) for trace in report.traces],
    }


def _trace_fields(trace: Trace) -> dict[str, object]:
    own = trace.own()
    return {
        "target": str(trace.target),
        "complete": not trace.reasons(),
        "reasons": list(trace.reasons()),
        "commit": own.ref.commit if own else None,
        "result": trace.result or None,
        "urls": [_url_fields(seen) for seen in trace.urls],
        "repos": [_repo_fields(seen) for seen in trace.repos],
        "imports": [_import_fields(one) for one in trace.distributions],
        "undeclared": [one.module for one in trace.undeclared()],
        "writes": list(trace.writes),
        "confinement": trace.confinement,
        "output": trace.output,
    }


def _url_fields(seen: SeenUrl) -> dict[str, object]:
    row = seen.row
    return {
        "url": urls.redact(seen.url),
        "status": seen.status,
        "failure": seen.failure or None,
        "sha256": row.digest.hex if row else None,
        "size_bytes": row.size_bytes if row else None,
        "kind": row.contents.kind.value if row else None,
        "globals": list(row.contents.globals) if row else [],
        "redirect": row.redirect if row else "",
        "by": seen.by,
        "method": seen.method,
        "hash_prefix": seen.hash_prefix,
        "file": seen.file,
        "repo": seen.asker.repo,
        "place": seen.asker.place,
    }


def _repo_fields(seen: SeenRepo) -> dict[str, object]:
    found = seen.found
    return {
        "spec": seen.asked,
        "failure": seen.failure or None,
        "ref": found.ref.name if found else None,
        "commit": found.ref.commit if found else None,
        "repo": seen.asker.repo,
        "place": seen.asker.place,
    }


def _import_fields(one: Distribution) -> dict[str, object]:
    return {
        "repo": one.repo,
        "module": one.module,
        "distribution": one.name,
        "version": one.version,
    }
