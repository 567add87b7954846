"""``hubmirror deps``."""

from __future__ import annotations

import importlib.metadata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from hubmirror.cli import options, render
from hubmirror.dependencies.freeze import read_freeze
from hubmirror.dependencies.gathering import gather
from hubmirror.dependencies.judging import Judged, Verdict, judge
from hubmirror.dependencies.writing import requirements_text
from hubmirror.errors import ExitCode
from hubmirror.hubconf.imports import When
from hubmirror.mirror import Mirror, parse_publication
from hubmirror.resolve import check_spec
from hubmirror.settings import Settings


@click.command(
    epilog="""\b
Examples:
  hubmirror deps
  hubmirror deps pytorch/vision:v0.10.0 --freeze freeze.txt
  hubmirror deps --freeze freeze.txt --requirements >requirements.txt
"""
)
@click.argument("specs", nargs=-1, metavar="[OWNER/REPO[:REF]]...")
@click.option(
    "--freeze",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What `pip freeze` printed on the node: say what is missing there, or too old.",
)
@click.option(
    "--requirements",
    is_flag=True,
    help="Print a requirements file for your own index; with --freeze, of what the node lacks.",
)
@options.mirror
@options.publication
@options.as_json
def command(
    specs: tuple[str, ...],
    freeze: Path | None,
    mirror: str | None,
    publication: str,
    *,
    requirements: bool,
    as_json: bool,
) -> int:
    """Say which Python packages the mirrored repos need, all or the named ones.

    Read from hubconf.py, from what it imports through the repo's own modules, and from the
    versions in its packaging files; no code of a repo is run, and no network is needed. With
    --freeze the exit code is 3 where something is missing or too old on the node.
    """
    wanted = [check_spec(spec) for spec in specs]
    frozen = read_freeze(freeze) if freeze else None
    with Mirror.open(Settings.load(mirror=mirror).require_mirror()) as opened:
        serving = opened.serving(parse_publication(publication, opened) if publication else None)
        needs = gather(opened, serving, wanted, importlib.metadata.packages_distributions())
    judged = judge(needs, frozen)
    if as_json:
        render.document(_fields(serving.digest.hex, judged))
    elif requirements:
        render.say(requirements_text(judged).rstrip("\n"))
    else:
        _show(judged, has_node=frozen is not None)
    is_lacking = any(one.is_lacking for one in judged)
    return ExitCode.INCOMPLETE if is_lacking else ExitCode.OK


def _show(judged: Sequence[Judged], *, has_node: bool) -> None:
    if not judged:
        render.say("no package is needed")
        return
    # What has to be done comes last, where a terminal ends.
    rows = sorted(judged, key=lambda one: (one.is_lacking, one.verdict is not Verdict.OK))
    node = ("ON THE NODE",) if has_node else ()
    render.table(
        ("REPO", "IMPORTS", "WANTED", *node, "VERDICT", "WHERE"),
        [_row(one, has_node=has_node) for one in rows],
    )
    counts = Counter(_verdict(one) for one in rows)
    render.say("\n" + ", ".join(f"{number} {verdict}" for verdict, number in counts.items()))


def _row(one: Judged, *, has_node: bool) -> tuple[str, ...]:
    wanted = f"{one.distribution or '?'}{one.need.versions}"
    node = (one.installed or "-",) if has_node else ()
    where = f"{one.need.place}{f', {one.need.stated_in}' if one.need.stated_in else ''}"
    return one.need.repo, one.need.module, wanted, *node, _verdict(one), where


def _verdict(one: Judged) -> str:
    is_optional = one.need.when is When.OPTIONAL and one.verdict is not Verdict.OK
    return f"{one.verdict} (optional)" if is_optional else str(one.verdict)


def _fields(publication: str, judged: Sequence[Judged]) -> dict[str, object]:
    return {
        "publication": publication,
        "needs": [
            {
                "repo": one.need.repo,
                "module": one.need.module,
                "when": one.need.when.value,
                "place": one.need.place,
                "distribution": one.distribution or None,
                "versions": str(one.need.versions),
                "stated_in": one.need.stated_in or None,
                "installed": one.installed or None,
                "verdict": one.verdict.value,
                "lacking": one.is_lacking,
            }
            for one in judged
        ],
    }
