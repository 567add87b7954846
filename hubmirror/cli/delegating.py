"""Puts a command of the offline node before click: listed, helped and completed like the others.

Its words are read by its own parser; what click sees is made from that.
"""

from __future__ import annotations

import argparse

import click

from hubmirror.cli import node


def delegated(name: str, command: node.Command) -> click.Command:
    """Return a click command that hands everything to a command of the node."""
    return _Delegated(
        name,
        params=[_option(one) for one in command.parser._actions if _is_option(one)],  # noqa: SLF001
        help=command.parser.description,
        short_help=node.COMMANDS[name],
        epilog=command.parser.epilog,
        command=command,
    )


class _Delegated(click.Command):
    def __init__(self, *args: object, command: node.Command, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed through
        self._command = command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words as they are: one parser reads them."""
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> int:
        """Run the command."""
        return self._command.run(self._command.parser.parse_args(ctx.args))


def _is_option(action: argparse.Action) -> bool:
    return bool(action.option_strings) and action.dest != "help"


def _option(action: argparse.Action) -> click.Option:
    return click.Option(
        [*action.option_strings, action.dest],
        is_flag=action.nargs == 0,
        metavar=action.metavar if isinstance(action.metavar, str) else None,
        help=action.help,
    )
