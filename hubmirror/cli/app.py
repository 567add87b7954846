"""The group of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence

import click

from hubmirror.errors import ExitCode, HubmirrorError
from hubmirror.version import __version__

_COMMANDS = {
    "sync": "Bring the mirror up to its manifests, and publish it.",
    "put": "Let a file that you fetched by hand stand for its URL.",
    "list": "List what the mirror holds.",
    "show": "Show one mirrored repo: refs, entrypoints, checkpoints.",
    "verify": "Hash every blob of the mirror and compare.",
    "history": "List the publications that are kept.",
    "manifest": "Check a manifest, or print the schema of manifests.",
    "lock": "Show what a lock pins, or let go of a pin.",
}


class _Commands(click.Group):
    """Imports a command when it is run: ``--help`` must not pay for all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"hubmirror.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 2 wrong usage; 3 incomplete; 4 verification failed; "
    "5 not found; 6 refused by policy; 65 faulty input; 69 upstream unreachable; "
    "74 cannot read or write; 75 locked, try again later; 130 interrupted.",
)
@click.version_option(__version__, message="hubmirror %(version)s")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for all.")
def commands(verbose: int) -> None:
    """Mirror PyTorch Hub across an air gap."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s: %(message)s")


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing escapes but bugs."""
    try:
        outcome = commands.main(list(arguments), prog_name="hubmirror", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; running the same command again finishes the work", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.STORAGE
    except HubmirrorError as error:
        return _fail(arguments, error.message, error.hint, error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(arguments, f"{where}{error.strerror or error}", "", ExitCode.STORAGE)
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _fail(arguments: Sequence[str], message: str, hint: str, code: ExitCode) -> ExitCode:
    click.echo(f"hubmirror: {message}", err=True)
    if hint:
        click.echo(f"  {hint}", err=True)
    if "--json" in arguments:
        failure = {"message": message, "hint": hint, "exit_code": int(code)}
        click.echo(json.dumps({"error": failure}, indent=2))
    return code
