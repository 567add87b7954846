"""docs/commands.md and docs/exit-codes.md say what the commands and codes are: all, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from hubmirror.cli.app import commands
from hubmirror.errors import ExitCode
from hubmirror.mirror import Mirror
from tests.carry.handmade import Handmade
from tests.cli.shell import Shell, keys
from tests.upstream import Upstream, hubs
from tests.upstream.faults import Status
from tests.writer import wanted

DOCS = Path(__file__).parents[2] / "docs"
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")
CODES = (DOCS / "exit-codes.md").read_text(encoding="utf-8")


def walk(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Go through a command and all below it, by the words that start it."""
    yield context.command_path, command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from walk(found, click.Context(found, parent=context, info_name=name))


ROOT = click.Context(commands, info_name="hubmirror", **commands.context_settings)
ALL = dict(walk(commands, ROOT))
LEAVES = {path: one for path, one in ALL.items() if not isinstance(one, click.Group)}


def section(path: str) -> str:
    """Return what the reference says of one command."""
    found = re.search(rf"^## {path}\n(.*?)(?=^## |\Z)", COMMANDS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/commands.md has no section '## {path}'"
    return found[1]


def options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option)]


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    assert re.findall(r"^## (.*)$", COMMANDS, re.MULTILINE) == ["hubmirror", *LEAVES]


def test_every_command_is_in_the_table_of_commands() -> None:
    listed = re.findall(r"^\| \[`(.*?)`\]\(#(.*?)\) \|", COMMANDS, re.MULTILINE)

    assert listed == [(path, path.replace(" ", "-")) for path in LEAVES]


@pytest.mark.parametrize("path", ["hubmirror", *LEAVES])
def test_every_option_is_in_the_reference_and_no_other(path: str) -> None:
    rows = re.findall(r"^\| (`-.*?) \|", section(path), re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`(-.*?)`", row)}

    known = {name for option in options(ALL[path]) for name in option.opts}
    assert documented - {"-h", "--help"} == known
    for name in {max(option.opts, key=len) for option in options(ALL[path])} - {"--version"}:
        synopsis = section(path).split("```")[1]
        short = [option.opts[0] for option in options(ALL[path]) if name in option.opts]
        assert name in synopsis or short[0] in synopsis


@pytest.mark.parametrize("path", ALL)
def test_every_command_and_option_says_what_it_is_for(path: str) -> None:
    command = ALL[path]

    assert command.help
    for option in options(command):
        assert option.help, option.name
        assert option.help.endswith("."), option.name
        assert option.is_flag or option.count or option.metavar, option.name


@pytest.mark.parametrize("path", [path for path, one in LEAVES.items() if options(one)])
def test_every_command_with_options_gives_an_example(path: str) -> None:
    command = LEAVES[path]

    assert command.epilog
    examples = re.findall(r"^  (hubmirror .*)$", command.epilog, re.MULTILINE)
    assert examples
    assert all(one.startswith(path) for one in examples)


def test_the_help_lists_every_command() -> None:
    text = commands.get_help(ROOT)

    listed = re.search(r"^Commands:\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)

    assert listed
    names = [line.split()[0] for line in listed[1].splitlines()]
    assert names == list(dict.fromkeys(path.split()[1] for path in LEAVES))


def damaged_part(shell: Shell) -> Path:
    """Return a part of a bundle whose last blob has another byte."""
    with Mirror.open(shell.writer.root) as mirror:
        parts = Handmade.of(mirror, mirror.current()[0]).write(shell.writer.folder / "medium")
    content = parts[0].read_bytes()
    parts[0].write_bytes(content[:-2000] + bytes([content[-2000] ^ 1]) + content[-1999:])
    return parts[0]


def _gone(shell: Shell, upstream: Upstream, manifest: Path) -> Iterator[Any]:
    """Let a URL go, so that there is a finding."""
    upstream.put("/left.pth", b"left", fault=Status(404))
    yield shell.document("sync", manifest, "--check-urls", code=6)


def repairs(shell: Shell) -> list[object]:
    """Return what a repair says of two blobs, of which nobody has one."""
    with Mirror.open(shell.writer.root) as mirror:
        _, current = mirror.current()
        assert current.evidence
        for blob in (current.evidence, shell.writer.holdings().units[0].checkpoints[0].blob):
            mirror.blobs.path(blob.digest).rename(shell.writer.folder / blob.digest.hex)
        documents = [shell.document("repair", "--dry-run"), shell.document("repair", code=4)]
        evidence = shell.writer.folder / current.evidence.digest.hex
        evidence.rename(mirror.blobs.path(current.evidence.digest))
    return documents


def test_every_key_of_every_document_is_in_the_reference(shell: Shell, upstream: Upstream) -> None:
    hub = hubs.plain_weights(upstream)
    home = shell.writer.folder / "torch"
    gone = {"url": upstream.url("/gone.pth")}
    manifest = shell.writer.manifest([wanted(hub, refs=["v1.0"])], checkpoints=[gone])
    traced = shell.writer.manifest(
        [{"repo": hub.name, "url": hub.url, "entrypoints": ["small"]}], name="traced"
    )
    left = shell.writer.manifest(
        checkpoints=[{"url": upstream.put("/left.pth", b"left")}], name="left"
    )
    documents = {
        "hubmirror sync": [
            shell.document("sync", manifest, "--dry-run"),
            shell.document("sync", manifest, code=3),
            shell.document("sync", left),
            *_gone(shell, upstream, left),
        ],
        "hubmirror trace": [shell.document("trace", traced)],
        "hubmirror put": [shell.document("put", "https://gated.example/w.pth", manifest)],
        "hubmirror quarantine": [
            shell.document("quarantine", f"{hub.name}:v1.0", "--reason", "withdrawn")
        ],
        "hubmirror scan": [shell.document("scan", hub.name, "--url", hub.url)],
        "hubmirror add": [
            shell.document("add", hub.name, "--url", hub.url, "--to", manifest, "--dry-run")
        ],
        "hubmirror list": [shell.document("list")],
        "hubmirror show": [shell.document("show", f"{hub.name}:v1.0")],
        "hubmirror verify": [shell.document("verify")],
        "hubmirror status": [shell.document("status", code=3)],
        "hubmirror pin": [shell.document("pin", f"{hub.name}:v1.0")],
        "hubmirror history": [shell.document("history")],
        "hubmirror diff": [shell.document("diff")],
        "hubmirror prune": [shell.document("prune", "--dry-run")],
        "hubmirror repair": repairs(shell),
        "hubmirror rollback": [shell.document("rollback", shell.digests()[-1])],
        "hubmirror release": [shell.document("release")],
        "hubmirror manifest check": [shell.document("manifest", "check", manifest)],
        "hubmirror deps": [shell.document("deps")],
        "hubmirror lock": [shell.document("lock", manifest)],
        "hubmirror rehearse": [shell.document("rehearse")],
        "hubmirror doctor": [shell.document("doctor", code=6)],
        "hubmirror export": [
            shell.document("export", "parts", "--dry-run"),
            shell.document("export", "parts"),
        ],
        "hubmirror import": [shell.document("import", damaged_part(shell), "--check", code=4)],
        "hubmirror have": [shell.document("have")],
        "hubmirror receipt": [shell.document("receipt")],
        "hubmirror bundles": [shell.document("bundles")],
        "hubmirror materialize": [shell.document("materialize", "--torch-home", home)],
        "hubmirror source": [
            shell.document("source", "list"),
            shell.document("source", "rm", "team"),
        ],
    }

    for path, found in documents.items():
        words = set(re.findall(r"`(?:[a-z]+\[\]\.)?([a-z0-9_]+)`", section(path)))
        assert keys(found) - words == set(), path
    with_json = {path for path, one in LEAVES.items() if "as_json" in {p.name for p in one.params}}
    assert set(documents) == with_json


def test_the_exit_codes_are_all_there_and_no_other() -> None:
    rows = re.findall(r"^\| (\d+) \| `(.*?)` \|", CODES, re.MULTILINE)

    assert rows == [(str(int(code)), code.name.lower()) for code in ExitCode]


def test_the_exit_codes_in_the_help_are_all_there() -> None:
    assert commands.epilog
    found = re.findall(r"(?:^  |  )(\d+) ", commands.epilog, re.MULTILINE)

    assert sorted(map(int, found)) == sorted(map(int, ExitCode))


def test_the_exit_codes_in_the_readme_are_all_there() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| (\d+) \|", readme, re.MULTILINE)

    assert rows == [str(int(code)) for code in ExitCode]


def test_the_service_repeats_only_what_time_can_help() -> None:
    unit = (DOCS.parent / "config" / "hubmirror-sync.service").read_text(encoding="utf-8")
    line = re.search(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)

    assert line
    assert line[0] in CODES
    helped = {ExitCode.OK, ExitCode.UPSTREAM, ExitCode.LOCKED, ExitCode.INTERRUPTED}
    assert {int(code) for code in line[1].split()} == {int(code) for code in {*ExitCode} - helped}
