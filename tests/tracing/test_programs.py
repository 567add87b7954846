"""Which programs leave a trace complete, by what they are told to do."""

from __future__ import annotations

import pytest

from hubmirror.hub.recording.programs import far_program


@pytest.mark.parametrize(
    "command",
    [
        ["fc-list", "--format=%{file}\\n"],  # what matplotlib runs when it is imported
        ["uname", "-p"],
        ["/sbin/ldconfig", "-p"],
        ["c++", "-v"],
        ["/usr/local/cuda/bin/nvcc", "--version"],
        ["tool-of-nobody", "--version"],
        ["git", "rev-parse", "HEAD"],
        ["git", "-C", "clone", "describe", "--tags"],
        ["git", "--version"],
        ["sh", "-c", "uname -a 2>&1 | grep x86"],
        "cd /tmp && git status",
        "LC_ALL=C ls -l",
        ["python3.11", "-m", "torch.utils.collect_env"],
    ],
)
def test_what_stays_on_the_machine_fetches_nothing(command: object) -> None:
    assert far_program(command) == ""


@pytest.mark.parametrize(
    ("command", "program"),
    [
        (["fetch-weights"], "fetch-weights"),
        (["fetch-weights", "--version", "2"], "fetch-weights"),
        (["bash", "install.sh"], "bash"),
        (["sh", "-c", "uname; fetch-weights now"], "fetch-weights"),
        ("ls && ./fetch-weights", "fetch-weights"),
        (["ffmpeg", "-i", "https://sound.example/a.wav", "a.mp3"], "ffmpeg"),
        (["git", "archive", "--remote=ssh://code.example/r", "HEAD"], "git"),
        (["git", "-c", "status", "annex", "get"], "git"),
    ],
)
def test_what_may_reach_out_is_named(command: object, program: str) -> None:
    assert far_program(command) == program


@pytest.mark.parametrize("command", [["git", "clone", "https://x.example/y"], "curl -O https://x"])
def test_what_the_guard_refuses_is_told_by_the_guard(command: object) -> None:
    assert far_program(command) == ""
