"""Runs the real git, deaf to the configuration of whoever runs the tests.

Owns: the environment and the exit status of git. Knows nothing of hub repositories.
Invariant: the same input gives the same commits on every machine and at every hour.
"""

import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

AUTHOR = "Hub Author <author@hub.invalid>"
FIRST_COMMIT_AT_S = 1_577_836_800  # 2020-01-01T00:00:00Z


@cache
def git_program() -> str:
    """The git on the search path."""
    found = shutil.which("git")
    if found is None:
        message = "git is not installed"
        raise FileNotFoundError(message)
    return found


@cache
def http_backend() -> str:
    """Git's own server program for smart HTTP."""
    return str(Path(run_git("--exec-path").strip()) / "git-http-backend")


def git_environment() -> Mapping[str, str]:
    """All that git may know of the world."""
    return {
        "PATH": f"{Path(git_program()).parent}:/usr/bin:/bin",
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_COMMITTER_NAME": "Hub Author",
        "GIT_COMMITTER_EMAIL": "author@hub.invalid",
        "GIT_COMMITTER_DATE": f"{FIRST_COMMIT_AT_S} +0000",
    }


def run_git(*arguments: str, stdin: bytes = b"") -> str:
    """Run git to its end and give what it printed.

    Raises:
        RuntimeError: git failed; with its own words.
    """
    command = [git_program(), *arguments]
    done = subprocess.run(
        command, input=stdin, capture_output=True, env=git_environment(), check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        message = f"git {' '.join(arguments)}: exit {done.returncode}: {said}"
        raise RuntimeError(message)
    return done.stdout.decode()
