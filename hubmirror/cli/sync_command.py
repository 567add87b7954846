"""``hubmirror sync``."""

from __future__ import annotations

from pathlib import Path

import click

from hubmirror.cli import options, sync_output
from hubmirror.settings import Settings


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(path_type=Path))
@options.mirror
@options.state
@click.option("--dry-run", is_flag=True, help="Print the plan and stop; nothing is changed.")
@click.option(
    "--locked", is_flag=True, help="The lock decides what refs mean; missing bytes are fetched."
)
@click.option("--frozen", is_flag=True, help="Like --locked, with no network: bytes must be there.")
@click.option("--lock-dir", type=click.Path(path_type=Path), help="Keep locks in this folder.")
@options.as_json
def command(
    manifests: tuple[Path, ...],
    mirror: str | None,
    state: str | None,
    *,
    dry_run: bool,
    locked: bool,
    frozen: bool,
    lock_dir: Path | None,
    as_json: bool,
) -> int:
    """Bring the mirror up to its manifests, and publish what came of it.

    Each MANIFEST is a YAML file, or a folder of them. A missing mirror is made. A unit that
    fails keeps what it had before; the exit code says so.
    """
    from hubmirror.manifest.reading import find_manifests
    from hubmirror.sync import Mode, Options, plan_sync, sync

    settings = Settings.load(mirror=mirror, state=state)
    mode = Mode.FROZEN if frozen else Mode.LOCKED if locked else Mode.FOLLOW
    notify = sync_output.progress if not as_json else sync_output.silence
    wanted = Options(mode=mode, lock_dir=lock_dir, notify=notify)
    files = find_manifests(manifests)
    if dry_run:
        return sync_output.show_plan(plan_sync(files, settings, wanted), as_json=as_json)
    return sync_output.show_report(sync(files, settings, wanted), as_json=as_json)
