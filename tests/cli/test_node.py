"""The commands of the offline node: with nothing but Python, and listed like all others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubmirror.cli import node
from hubmirror.errors import ExitCode
from hubmirror.hub.inheritance import STARTUP
from tests.cli.shell import Said, Shell

ROOT = Path(__file__).parents[2]
BARE = (
    "import sys\n"
    "sys.modules.update(dict.fromkeys(['click', 'yaml', 'sqlalchemy', 'pydantic', 'urllib3']))\n"
    "sys.argv[0] = 'hubmirror'\n"
    "from hubmirror.__main__ import main\n"
    "main()\n"
)


def bare(*words: str | Path, **variables: str) -> Said:
    """Run hubmirror where no package but itself is installed."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, *map(str, words)],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def mirror(shell: Shell) -> Path:
    shell.writer.sync(shell.writer.manifest())
    return shell.writer.root


@pytest.mark.parametrize("name", node.COMMANDS)
def test_each_works_without_click(name: str) -> None:
    said = bare(name, "--help")

    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"usage: hubmirror {name} ")


@pytest.mark.parametrize("words", [["show"], ["-v", "list"]], ids=" ".join)
def test_all_others_say_that_they_need_click(words: list[str]) -> None:
    said = bare(*words)

    assert said.code == ExitCode.NOT_FOUND
    assert said.err.splitlines()[0] == (
        f"hubmirror: hubmirror {words[-1]}: needs the package click, which this environment does "
        "not have"
    )
    assert "pip install click" in said.err


@pytest.mark.parametrize("name", node.COMMANDS)
def test_click_prints_the_same_help(shell: Shell, name: str) -> None:
    assert shell(name, "--help").out == bare(name, "--help").out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run"], "no command to run"),
        (["env", "--frobnicate"], "--frobnicate"),
        (["env", "--shell", "fish"], "fish"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_named_with_the_way_to_the_help(words: list[str], said: str) -> None:
    found = bare(*words)

    assert (found.code, found.out) == (ExitCode.USAGE, "")
    assert said in found.err.splitlines()[0]
    assert found.err.endswith(" --help` tells more\n")


def test_env_prints_lines_that_a_shell_understands(mirror: Path) -> None:
    said = bare("env", "--mirror", mirror, PYTHONPATH=f"/a b{os.pathsep}{ROOT}")

    script = f'{said.out}printf \'%s\\n\' "$HUBMIRROR" "$HUBMIRROR_PUBLICATION" "$PYTHONPATH"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    found = bare("env", "--mirror", mirror, "--shell", "json", PYTHONPATH=f"/a b{os.pathsep}{ROOT}")
    assert done.stdout.splitlines() == list(found.document.values())
    assert found.document["PYTHONPATH"].split(os.pathsep) == [str(STARTUP), "/a b", str(ROOT)]
    assert len(found.document["HUBMIRROR_PUBLICATION"]) == 64


def test_what_is_evaluated_twice_is_set_once(mirror: Path) -> None:
    once = bare("env", "--mirror", mirror, "--shell", "json", PYTHONPATH=str(ROOT)).document

    twice = bare("env", "--shell", "json", **once)

    assert twice.document == once


def test_run_becomes_the_command(mirror: Path) -> None:
    program = (
        "import os, sys; print(os.environ['HUBMIRROR_PUBLICATION'], sys.argv[1:]); sys.exit(7)"
    )

    said = bare("run", "--mirror", mirror, "--", sys.executable, "-c", program, "--json", "-h")

    assert said.code == 7
    digest, words = said.out.split(maxsplit=1)
    assert len(digest) == 64
    assert words == "['--json', '-h']\n"


def test_a_signal_ends_the_command_and_nothing_else(mirror: Path) -> None:
    said = bare("run", "--mirror", mirror, "sh", "-c", "kill -TERM $$")

    assert said.code == -15


def test_a_program_that_is_not_there_is_not_found(mirror: Path) -> None:
    said = bare("run", "--mirror", mirror, "no-such-program")

    assert (said.code, said.err) == (
        ExitCode.NOT_FOUND,
        "hubmirror: no-such-program: no such program\n",
    )


def test_without_a_mirror_nothing_is_run() -> None:
    said = bare("run", "--", "echo", "ran")

    assert (said.code, said.out) == (ExitCode.NOT_FOUND, "")
    assert "no mirror is configured" in said.err


def test_a_failure_is_a_document_only_where_one_was_asked_for() -> None:
    said = bare("run", "--", "echo", "--json")

    assert said.out == ""
    with pytest.raises(json.JSONDecodeError):
        _ = said.document
