"""What ``add`` prints."""

from __future__ import annotations

import difflib
from pathlib import Path

from hubmirror.cli import render
from hubmirror.scanning.adding import Added


def show(added: Added, manifest: Path, *, dry_run: bool) -> None:
    """Print what was added, or the lines that would be; on stderr what no line can say."""
    if added.before == added.after:
        render.say(f"{manifest}: has all of it; nothing was changed")
    elif dry_run:
        lines = difflib.unified_diff(
            added.before.splitlines(),
            added.after.splitlines(),
            str(manifest),
            str(manifest),
            lineterm="",
        )
        for line in lines:
            render.say(line)
    else:
        count = len(added.after.splitlines()) - len(added.before.splitlines())
        render.say(f"{manifest}: {render.count(count, 'line')} added for {_names(added)}")
    for line in added.suggestion.rest:
        render.note(f"not in the manifest: {line}")
    for name in added.suggestion.nested:
        render.note(
            f"its code loads {name}: `hubmirror add {name} --to {manifest}` adds what that needs"
        )


def show_document(added: Added, manifest: Path, *, dry_run: bool) -> None:
    """Print the same as one JSON document."""
    spec = added.suggestion.spec
    render.document(
        {
            "manifest": str(manifest),
            "changed": added.before != added.after,
            "dry_run": dry_run,
            "repo": spec.title,
            "refs": list(spec.refs),
            "entrypoints": [one.call for one in spec.entrypoints],
            "checkpoints": [one.url for one in spec.checkpoints],
            "nested": list(added.suggestion.nested),
            "rest": list(added.suggestion.rest),
        }
    )


def _names(added: Added) -> str:
    return ", ".join([added.suggestion.spec.title, *added.suggestion.nested])
