"""``hubmirror trace``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hubmirror.cli import options
from hubmirror.durations import parse_duration
from hubmirror.errors import InvalidInputError
from hubmirror.manifest.entrypoints import Call, check_argument, check_value, entrypoint, parse_call
from hubmirror.resolve import check_spec
from hubmirror.settings import Settings
from hubmirror.specs import EntrypointSpec

_COMMAND = "hubmirror.trace.command"
_MANIFESTS = (".json", ".yaml", ".yml")


class _Trace(click.Command):
    """Keeps the words after ``--``, which are the command to run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            args, ctx.meta[_COMMAND] = args[:at], tuple(args[at + 1 :])
        return super().parse_args(ctx, args)


@click.command(
    cls=_Trace,
    epilog="""\b
Examples:
  hubmirror trace pytorch/vision:v0.10.0 'resnet18(pretrained=True)' --to manifest.yaml
  hubmirror trace acme/nets net --kwargs '{"pretrained": true}' --call use_it.py
  hubmirror trace manifest.yaml --to manifest.yaml --jobs 4
  hubmirror trace --to manifest.yaml -- python train.py --epochs 1
""",
)
@click.argument("wanted", nargs=-1, metavar="[MANIFEST | SPEC ENTRYPOINT | -- COMMAND...]")
@click.option(
    "--kwargs", metavar="JSON", default="", help="Keyword arguments of ENTRYPOINT, as one object."
)
@click.option(
    "--call",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A Python file whose call(model) is run after each load, for what is fetched late.",
)
@click.option(
    "--to",
    metavar="MANIFEST",
    type=click.Path(path_type=Path),
    help="Write what the manifest lacks into it, and its lock; else the lines are printed.",
)
@click.option("--jobs", metavar="N", default=1, type=click.IntRange(1, 64), help="Calls at once.")
@click.option(
    "--timeout", metavar="TIME", default="1h", help="Kill a call that takes longer, such as 30m."
)
@options.mirror
@options.state
@options.lock_dir
@options.wait
@options.take_over
@options.as_json
@click.pass_context
def command(
    ctx: click.Context,
    wanted: tuple[str, ...],
    kwargs: str,
    call: Path | None,
    to: Path | None,
    jobs: int,
    timeout: str,
    mirror: str | None,
    state: str | None,
    lock_dir: Path | None,
    *,
    wait: int,
    take_over: bool,
    as_json: bool,
) -> int:
    """Run an entrypoint, or a script, for real, and record what it fetches.

    The code runs in a child process with throw-away folders and no network, and asks this one
    for each repo and URL; what was fetched waits in the mirror for `hubmirror sync`, which needs
    no network then. MANIFEST stands for every entrypoint that it declares. A trace that may not
    have seen all says why, and the exit code is 3. Needs torch, and the packages of the code.
    """
    from hubmirror.cli import trace_output  # with all that a trace needs: `trace --help` does not
    from hubmirror.tracing import Options, Target, trace
    from hubmirror.writer import Turn

    script = ctx.meta.get(_COMMAND, ())
    manifest, targets = to, [Target(command=script)] if script else []
    if len(wanted) == 1 and _is_manifest(wanted[0]):
        manifest = Path(wanted[0])
        if to not in (None, manifest):
            raise click.UsageError(f"what is traced of {manifest} can be written --to it only")
    elif len(wanted) == 2 and not script:
        targets = [Target(check_spec(wanted[0]), _entrypoint(wanted[1], kwargs))]
    elif wanted or not script:
        raise click.UsageError("give a MANIFEST, a SPEC and its ENTRYPOINT, or -- and a command")
    given = Options(
        manifest=manifest,
        edit=to is not None,
        lock_dir=lock_dir,
        call=call,
        jobs=jobs,
        timeout_s=parse_duration(timeout),
        turn=Turn("trace", wait, take_over),
        notify=trace_output.progress,
    )
    report = trace(targets, Settings.load(mirror=mirror, state=state), given)
    return trace_output.show(report, as_json=as_json)


def _is_manifest(word: str) -> bool:
    return word.endswith(_MANIFESTS) or Path(word).is_file()


def _entrypoint(text: str, kwargs: str) -> EntrypointSpec:
    made = parse_call(text)
    if not kwargs:
        return entrypoint(made)
    try:
        given = json.loads(kwargs)
    except ValueError as error:
        raise InvalidInputError(f"--kwargs: not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidInputError('--kwargs: expected one object, such as {"pretrained": true}')
    for name, value in given.items():
        check_argument(name)
        check_value(value)
    return entrypoint(Call(made.name, made.args, {**made.kwargs, **given}))
