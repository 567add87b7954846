"""``hubmirror sync``."""

from __future__ import annotations

from pathlib import Path

import click

from hubmirror.cli import options
from hubmirror.settings import Settings


@click.command(
    epilog="""\b
Examples:
  hubmirror sync manifest.yaml --mirror /srv/hubmirror
  hubmirror sync /etc/hubmirror/manifests.d --lock-dir /var/lib/hubmirror/locks
  hubmirror sync manifest.yaml --dry-run
  hubmirror sync manifest.yaml --locked --json >report.json
  hubmirror sync manifest.yaml --check-urls
"""
)
@click.argument(
    "manifests",
    nargs=-1,
    required=True,
    metavar="MANIFEST...",
    type=click.Path(path_type=Path),
)
@options.mirror
@options.state
@click.option("--dry-run", is_flag=True, help="Print the plan and stop; nothing is changed.")
@click.option(
    "--locked",
    is_flag=True,
    help="The lock decides what refs mean and what bytes must be; missing bytes are fetched.",
)
@click.option(
    "--frozen",
    is_flag=True,
    help="Like --locked (which it implies) with no network at all: missing bytes are an error.",
)
@click.option(
    "--check-urls",
    is_flag=True,
    help="Also ask every URL whose bytes are held whether it is there still, and the same.",
)
@click.option(
    "--rehearse",
    is_flag=True,
    help="Publish only what loads: every declared entrypoint is loaded first, with no network.",
)
@options.lock_dir
@options.wait
@options.take_over
@options.as_json
def command(
    manifests: tuple[Path, ...],
    mirror: str | None,
    state: str | None,
    *,
    dry_run: bool,
    locked: bool,
    frozen: bool,
    check_urls: bool,
    rehearse: bool,
    lock_dir: Path | None,
    wait: int,
    take_over: bool,
    as_json: bool,
) -> int:
    """Bring the mirror up to its manifests, and publish what came of it.

    Each MANIFEST is a YAML or JSON file, or a folder of them. A missing mirror is made. A unit
    (a repo with its checkpoints) that fails keeps what it had before, the rest is published,
    and the exit code is 3. With nothing to do, nothing is fetched or written.
    """
    from hubmirror.cli import sync_output  # with all that sync needs: `sync --help` does not
    from hubmirror.manifest.reading import find_manifests
    from hubmirror.rehearsing import Judge
    from hubmirror.rehearsing import Options as HowToRehearse
    from hubmirror.sync import Mode, Options, plan_sync, sync
    from hubmirror.writer import Turn

    if check_urls and (dry_run or locked or frozen):
        raise click.UsageError("--check-urls goes with none of --dry-run, --locked and --frozen.")
    settings = Settings.load(mirror=mirror, state=state)
    mode = Mode.FROZEN if frozen else Mode.LOCKED if locked else Mode.FOLLOW
    turn, told = Turn("sync", wait, take_over), sync_output.progress
    judge = Judge(settings, HowToRehearse(notify=told)) if rehearse and not dry_run else None
    wanted = Options(
        mode=mode,
        lock_dir=lock_dir,
        check_urls=check_urls,
        judge=judge,
        notify=told,
        turn=turn,
    )
    files = find_manifests(manifests)
    if dry_run:
        return sync_output.show_plan(plan_sync(files, settings, wanted), as_json=as_json)
    return sync_output.show_report(sync(files, settings, wanted), as_json=as_json)
