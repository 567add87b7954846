"""The commands of the offline node, which has the standard library and nothing else.

Each is a module ``<name>_command`` with ``parser()`` and ``run(arguments)``: argparse reads its
words, with or without click beside it, so its options are written down once. ``delegating`` puts
the same commands before click.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from hubmirror.cli import render
from hubmirror.durations import parse_duration
from hubmirror.errors import ExitCode, HubmirrorError, UsageError

COMMANDS = {
    "history": "List the publications that are kept, and what became of each.",
    "diff": "Say what changed between two publications.",
    "rollback": "Let readers see an older publication again.",
    "release": "Let publishing go on after a rollback.",
    "pin": "Keep a publication for as long as it is pinned.",
    "quarantine": "Let nothing be loaded from a blob.",
    "source": "List the sources of a mirror, or take one out.",
    "prune": "Remove what no kept publication needs.",
    "verify": "Read the blobs of the mirror and compare.",
    "repair": "Fetch again what verify finds bad.",
    "status": "Say what is published, how old it is, and what is not whole.",
    "rehearse": "Load what is declared from the mirror alone, and prove it.",
    "run": "Run a command whose Python processes load from the mirror.",
    "env": "Print what a batch script needs for the same.",
    "doctor": "Say what would fail on this machine, before a model is loaded.",
    "materialize": "Write torch.hub's own layout, for use without hubmirror.",
    "export": "Write a publication as the parts of a bundle, to carry it away.",
    "import": "Take parts of a bundle in, and publish once all are there.",
    "have": "Print what this mirror has, for the side that makes bundles.",
    "receipt": "Verify what readers see, and print a receipt of it.",
    "bundles": "List the bundles that were made here, or answer one.",
}

_VERBOSE = {"-v": 1, "-vv": 2, "--verbose": 1}
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


@dataclass(frozen=True, slots=True)
class Command:
    """One command of the node: how its words are read, and what it does."""

    parser: argparse.ArgumentParser
    run: Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """A parser of one command: its errors end as all others do, its help keeps its lines."""

    def __init__(self, name: str, description: str, examples: str) -> None:
        super().__init__(
            prog=f"hubmirror {name}",
            description=description,
            epilog=examples,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """Refuse wrong usage.

        Raises:
            UsageError: always.
        """
        usage = " ".join(self.format_usage().split())
        raise UsageError(message, hint=f"{usage}\n`{self.prog} --help` tells more")

    def add_mirror(self) -> None:
        """Add ``--mirror``, which means what it means everywhere."""
        self.add_argument(
            "--mirror",
            metavar="DIR",
            help="The mirror's folder; else HUBMIRROR, else `mirror:` in the user's or site's "
            "settings.",
        )

    def add_state(self) -> None:
        """Add ``--state``, for what reads or writes a writer's own folder."""
        self.add_argument(
            "--state",
            metavar="DIR",
            help="The writer's own folder, if it is on this host; else as `hubmirror sync` finds "
            "it.",
        )

    def add_writer(self) -> None:
        """Add what every command has that writes to a mirror."""
        self.add_mirror()
        self.add_state()
        self.add_argument(
            "--wait",
            metavar="TIME",
            type=parse_duration,
            default=0,
            help="Wait so long (30s, 10m) for a writer that is at work, and not end with 75.",
        )
        self.add_argument(
            "--take-over",
            action="store_true",
            help="Let this host write from now on, where another one did.",
        )

    def add_publication(self) -> None:
        """Add ``--publication``."""
        self.add_argument(
            "--publication",
            metavar="DIGEST",
            help="Hold to this publication; the first digits of its digest will do. Else "
            "HUBMIRROR_PUBLICATION, else the newest.",
        )

    def add_json(self) -> None:
        """Add ``--json``."""
        self.add_argument(
            "--json",
            dest="as_json",
            action="store_true",
            help="Print one JSON document on stdout, of an error too.",
        )


def find(name: str) -> Command:
    """Return a command of the node by its name."""
    module = importlib.import_module(f"hubmirror.cli.{name}_command")
    return Command(module.parser(), module.run)


def is_one(words: Sequence[str]) -> bool:
    """Tell whether a command line is for the node: such a one must not wait for click."""
    _, rest = _split(words)
    return bool(rest) and rest[0] in COMMANDS


def run(words: Sequence[str]) -> int:
    """Run one command line of the node and return its exit code; nothing escapes but bugs."""
    verbose, (name, *rest) = _split(words)
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s: %(message)s")
    logging.getLogger("hubmirror").setLevel(_LEVELS[min(verbose, 2)])
    command = find(name)
    as_json = name != "run" and "--json" in rest
    try:
        code = command.run(command.parser.parse_args(rest))
        sys.stdout.flush()
    except SystemExit:  # argparse has printed the help
        return ExitCode.OK
    except KeyboardInterrupt:
        return fail("interrupted", "", ExitCode.INTERRUPTED, as_json=as_json)
    except BrokenPipeError:
        return end_quietly()
    except HubmirrorError as error:
        return fail(error.message, error.hint, error.exit_code, as_json=as_json)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        message = f"{where}{error.strerror or error}"
        return fail(message, "", ExitCode.STORAGE, as_json=as_json)
    return code


def fail(message: str, hint: str, code: ExitCode, *, as_json: bool) -> ExitCode:
    """Say on stderr why a command failed, and in a document as well where one is wanted."""
    render.say_error(message, hint)
    if as_json:
        failure = {"message": message, "hint": hint, "exit_code": int(code)}
        render.document({"error": failure})
    return code


def end_quietly() -> ExitCode:
    """Say nothing more to a reader that is gone, such as ``head``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return ExitCode.STORAGE


def _split(words: Sequence[str]) -> tuple[int, Sequence[str]]:
    """Part the ``-v`` before a command from the command itself."""
    number = next((at for at, word in enumerate(words) if word not in _VERBOSE), len(words))
    return sum(_VERBOSE[word] for word in words[:number]), words[number:]


def fail_without_click(words: Sequence[str]) -> ExitCode:
    """Say what all other commands need, and which ones need nothing."""
    asked = " ".join(["hubmirror", *_split(words)[1][:1]])
    message = f"{asked}: needs the package click, which this environment does not have"
    hint = f"pip install click; without it there are: {', '.join(COMMANDS)}"
    return fail(message, hint, ExitCode.NOT_FOUND, as_json="--json" in words)
