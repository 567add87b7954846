"""A group of commands that says what it has, and what was probably meant."""

from __future__ import annotations

import difflib

import click

from hubmirror.errors import ExitCode


class Group(click.Group):
    """A click group that is the same whatever version of click runs it.

    Without a command it prints its help to stderr, as wrong usage; a command that it does
    not have is refused with the nearest one that it has.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options before the command; without any word print the help."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(ExitCode.USAGE)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a name, or say which one was probably meant."""
        known = self.list_commands(ctx)
        name = args[0]
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise click.UsageError(f"no such command {name!r}; {meant}", ctx=ctx)
        return super().resolve_command(ctx, args)
