"""The group of all commands, and the one place where errors become exit codes."""

from __future__ import annotations

import importlib
import io
import logging
import sys
from collections.abc import Sequence

import click

from hubmirror.cli import node
from hubmirror.cli.groups import Group
from hubmirror.errors import ExitCode, HubmirrorError
from hubmirror.version import __version__

_COMMANDS = {
    "sync": "Bring the mirror up to its manifests, and publish it.",
    "trace": "Run an entrypoint for real, and record what it fetches.",
    "put": "Let a file that you fetched by hand stand for its URL.",
    "scan": "Say what a repo needs, from its source text.",
    "add": "Add a repo to a manifest, with the weights that a scan finds.",
    "list": "List what the mirror holds.",
    "show": "Show one mirrored repo: refs, entrypoints, checkpoints.",
    "manifest": "Check a manifest, or print the schema of manifests.",
    "deps": "Say which Python packages the mirrored repos need.",
    "lock": "Show what a lock pins, or let go of a pin.",
}


class _Commands(Group):
    """Imports a command when it is run: ``--help`` must not pay for all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_COMMANDS, *node.COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in node.COMMANDS:
            from hubmirror.cli.delegating import delegated

            return delegated(cmd_name, node.find(cmd_name))
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"hubmirror.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*_COMMANDS.items(), *node.COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Exit codes:
  0   done, or nothing to do          65  a fault in a manifest, lock or setting
  2   wrong usage                     69  no upstream could be reached
  3   incomplete                      74  cannot read or write
  4   verification failed             75  another writer is at work, try again later
  5   not mirrored, not found         130 interrupted
  6   refused by policy               1   a bug of hubmirror

`hubmirror COMMAND --help` tells more of each command.
""",
)
@click.version_option(__version__, message="hubmirror %(version)s")
@click.option("-v", "--verbose", count=True, help="Say more on stderr; twice for all there is.")
def commands(verbose: int) -> None:
    """Mirror PyTorch Hub across an air gap."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s: %(message)s")
    # Ours alone: what libraries log at these levels has whole addresses and command lines in it.
    logging.getLogger("hubmirror").setLevel(level)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing escapes but bugs.

    With ``--json`` among the arguments stdout gets one document, of a failure as well.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a docstring may hold anything
    try:
        outcome = commands.main(list(arguments), prog_name="hubmirror", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        return _fail_usage(arguments, error)
    except (click.Abort, KeyboardInterrupt):
        message = "interrupted; running the same command again finishes the work"
        return _fail(arguments, message, "", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        return node.end_quietly()
    except SystemExit as end:  # click's own: after shell completion, and for a broken pipe
        return node.end_quietly() if end.code else ExitCode.OK
    except HubmirrorError as error:
        return _fail(arguments, error.message, error.hint, error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(arguments, f"{where}{error.strerror or error}", "", ExitCode.STORAGE)
    except Exception as error:
        message = f"a bug of hubmirror: {type(error).__name__}: {error}"
        _fail(arguments, message, "please report it with the lines below", ExitCode.BUG)
        raise
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _fail_usage(arguments: Sequence[str], error: click.ClickException) -> ExitCode:
    message = error.format_message().removesuffix(".")
    message = message[:1].lower() + message[1:]
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = ""
    if context:
        usage = " ".join(context.get_usage().split())
        hint = f"{usage}\n`{context.command_path} --help` tells more"
    return _fail(arguments, message, hint, ExitCode.USAGE)


def _fail(arguments: Sequence[str], message: str, hint: str, code: ExitCode) -> ExitCode:
    return node.fail(message, hint, code, as_json="--json" in arguments)
