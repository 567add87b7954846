"""What all commands share: usage errors, exit codes, failures as JSON, a quick start."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import pytest

from hubmirror.cli import app, render
from hubmirror.errors import ExitCode
from hubmirror.version import __version__
from tests.cli.shell import Shell
from tests.upstream import Upstream, faults

ROOT = Path(__file__).parents[2]
HEAVY = ("sqlalchemy", "pydantic", "git", "yaml", "urllib3", "torch")


def python(program: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", program, *words],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let every command end with this error."""

    def invoke(self: click.Command, context: click.Context) -> Any:
        raise error

    monkeypatch.setattr(click.Command, "invoke", invoke)


# --- Usage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["snyc"], "no such command 'snyc'; did you mean 'sync'?"),
        (
            ["frobnicate"],
            "no such command 'frobnicate'; there are sync, trace, put, scan, add, list, show, ",
        ),
        (["manifest", "chek"], "no such command 'chek'; did you mean 'check'?"),
        (["sync"], "missing argument 'MANIFEST...'"),
        (["list", "--frobnicate"], "--frobnicate"),
        (["list", "extra"], "extra"),
        (["--frobnicate"], "--frobnicate"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_named_with_the_way_to_the_help(
    shell: Shell, words: list[str], said: str
) -> None:
    found = shell(*words)

    assert (found.code, found.out) == (ExitCode.USAGE, "")
    assert found.err.startswith("hubmirror: ")
    assert said in found.err.splitlines()[0]
    assert found.err.endswith(" --help` tells more\n")


@pytest.mark.parametrize("words", [[], ["manifest"]], ids=["hubmirror", "manifest"])
def test_a_group_without_a_command_prints_its_help_as_wrong_usage(
    shell: Shell, words: list[str]
) -> None:
    said = shell(*words)

    assert (said.code, said.out) == (ExitCode.USAGE, "")
    assert said.err.startswith("Usage: hubmirror")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_a_result(shell: Shell, flag: str) -> None:
    said = shell(flag)

    assert (said.code, said.err) == (ExitCode.OK, "")
    assert said.out.startswith("Usage: hubmirror [OPTIONS] COMMAND [ARGS]...\n")


def test_the_version_is_one_line(shell: Shell) -> None:
    assert shell("--version").out == f"hubmirror {__version__}\n"


# --- Failures as JSON -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["snyc"], ExitCode.USAGE),
        (["sync"], ExitCode.USAGE),
        (["sync", "nowhere.yaml"], ExitCode.INVALID),
        (["sync", "nowhere.yaml", "--frozen", "--dry-run"], ExitCode.INVALID),
        (["list"], ExitCode.NOT_FOUND),
        (["show", "a/b"], ExitCode.NOT_FOUND),
        (["verify"], ExitCode.NOT_FOUND),
        (["history"], ExitCode.NOT_FOUND),
        (["lock", "nowhere.yaml"], ExitCode.NOT_FOUND),
        (["manifest", "check", "nowhere.yaml"], ExitCode.INVALID),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_with_json_a_failure_is_one_document_too(
    shell: Shell, words: list[str], code: ExitCode
) -> None:
    said = shell(*words, "--json")

    error = said.document["error"]
    assert set(said.document) == {"error"}
    assert set(error) == {"message", "hint", "exit_code"}
    assert error["exit_code"] == said.code == code
    assert said.err.startswith(f"hubmirror: {error['message']}\n")


# --- Exit codes -------------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()], ids=["ctrl-c", "abort"])
def test_an_interruption_is_130(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    raising(monkeypatch, error)

    said = shell("list", "--json")

    assert said.code == ExitCode.INTERRUPTED
    assert said.err.strip() == (
        "hubmirror: interrupted; running the same command again finishes the work"
    )
    assert said.document["error"]["exit_code"] == ExitCode.INTERRUPTED


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "/m/blob: No space left on device"),
        (errno.EROFS, "/m/blob: Read-only file system"),
        (errno.EACCES, "/m/blob: Permission denied"),
    ],
)
def test_what_cannot_be_written_is_74_with_its_name(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    raising(monkeypatch, OSError(number, os.strerror(number), "/m/blob"))

    found = shell("list")

    assert (found.code, found.err) == (ExitCode.STORAGE, f"hubmirror: {said}\n")


def test_a_bug_keeps_its_traceback_and_is_one_document(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    raising(monkeypatch, ZeroDivisionError("by zero"))

    with pytest.raises(ZeroDivisionError):
        shell("list", "--json")

    out, err = shell.capture.readouterr()
    assert json.loads(out)["error"]["exit_code"] == ExitCode.BUG
    assert err.startswith("hubmirror: a bug of hubmirror: ZeroDivisionError: by zero\n")


def test_a_bug_ends_the_process_with_1() -> None:
    program = (
        "import sys, hubmirror.cli.app as app\n"
        "def run(arguments): raise ZeroDivisionError\n"
        "app.run = run\n"
        "from hubmirror.__main__ import main\n"
        "sys.argv[1:] = ['list']\n"
        "main()\n"
    )

    assert python(program).returncode == ExitCode.BUG


def test_settings_that_are_faulty_are_65_by_file_and_line(shell: Shell, sealed: Path) -> None:
    file = sealed / ".config" / "hubmirror" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("# mine\nmirro: /m\n")

    said = shell("list")

    assert said.code == ExitCode.INVALID
    assert f"{file}:2:1: expected `key: value`" in said.err


def test_ctrl_c_ends_a_sync_with_130_and_one_document(shell: Shell, upstream: Upstream) -> None:
    slow = upstream.put("/slow.pth", bytes(600_000), fault=faults.Slow(20_000))
    manifest = shell.writer.manifest(checkpoints=[{"url": slow}])
    command = [sys.executable, "-m", "hubmirror", "sync", str(manifest), "--json"]

    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        while not any((shell.writer.folder / "state" / "partial").glob("*")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert process.returncode == ExitCode.INTERRUPTED
    assert json.loads(out)["error"]["exit_code"] == ExitCode.INTERRUPTED
    assert "Traceback" not in err


# --- Streams ----------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["manifest", "schema"], ["--help"]], ids=" ".join)
def test_a_reader_that_is_gone_ends_a_command_quietly(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "hubmirror", *words],
            cwd=ROOT,
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert (done.returncode, done.stderr) == (ExitCode.STORAGE, b"")


def test_a_terminal_of_another_encoding_gets_escapes_and_no_traceback() -> None:
    program = (
        "import sys\n"
        "from hubmirror.cli import app, render\n"
        "app.run(['--version'])\n"
        "render.say('\\u2192 \\udcff')\n"
    )

    done = python(program, PYTHONIOENCODING="latin-1", PYTHONUTF8="0")

    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "\\u2192 \\udcff"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (20 * 10**9, "20.0 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes_are_decimal(number: int, said: str) -> None:
    assert render.size(number) == said


# --- A quick start ----------------------------------------------------------------------


def imported(*words: str) -> list[str]:
    """Say which modules a command line imports."""
    program = (
        "import json, sys\n"
        "from hubmirror.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))\n"
    )
    done = python(program, *words)
    found: list[str] = json.loads(done.stderr)
    return found


@pytest.mark.parametrize("command", ["", *app._COMMANDS])
def test_help_imports_nothing_heavy(command: str) -> None:
    modules = imported(*filter(None, [command, "--help"]))

    assert "click" in modules
    assert [name for name in HEAVY if name in modules] == []
    assert "hubmirror.sync" not in modules


def test_the_version_is_said_without_click() -> None:
    modules = imported("--version")

    assert "click" not in modules
    assert [name for name in modules if name.startswith("hubmirror.cli")] == []


@pytest.mark.parametrize("words", [["env", "--help"], ["-v", "run", "-h"]])
def test_what_runs_on_the_offline_node_needs_no_click(words: list[str]) -> None:
    modules = imported(*words)

    assert [name for name in ("click", *HEAVY) if name in modules] == []


@pytest.mark.parametrize("words", [["list"], ["show", "a/b"], ["verify"], ["history"]])
def test_what_reads_a_mirror_needs_no_library_of_the_writer(words: list[str]) -> None:
    program = (
        "import sys\n"
        "from hubmirror.cli.app import run\n"
        "code = run(sys.argv[1:])\n"
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])\n"
    )

    done = python(program, *words, HUBMIRROR="/nowhere")

    assert done.stdout == f"{int(ExitCode.NOT_FOUND)} []\n"
