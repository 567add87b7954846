"""Tells which commands reach for the network, by what is written in them.

A program that is not known here may reach for it all the same: this gives a clear message for
the usual ones, and is no sandbox.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator, Sequence

from hubmirror import urls

_ALWAYS: frozenset[str] = frozenset()
_INSTALLING = frozenset(
    {"add", "create", "download", "install", "sync", "update", "upgrade", "wheel"}
)
_NETWORKING = {
    "apt": _INSTALLING,
    "apt-get": _INSTALLING,
    "aria2c": _ALWAYS,
    "aws": _ALWAYS,
    "azcopy": _ALWAYS,
    "conda": _INSTALLING,
    "curl": _ALWAYS,
    "gcloud": _ALWAYS,
    "gdown": _ALWAYS,
    "git": frozenset({"clone", "fetch", "lfs", "ls-remote", "pull", "push", "remote", "submodule"}),
    "gsutil": _ALWAYS,
    "hf": _ALWAYS,
    "huggingface-cli": _ALWAYS,
    "mamba": _INSTALLING,
    "pip": _INSTALLING,
    "pip3": _INSTALLING,
    "rclone": _ALWAYS,
    "scp": _ALWAYS,
    "sftp": _ALWAYS,
    "ssh": _ALWAYS,
    "uv": _INSTALLING | {"pip"},
    "wget": _ALWAYS,
}
SHELLS = frozenset({"bash", "dash", "sh", "zsh"})
_BEFORE_A_COMMAND = frozenset({"command", "env", "exec", "nice", "nohup", "sudo", "time", "!"})
_BETWEEN_COMMANDS = re.compile(r"[;&|\n()`{}]+")
_ASSIGNMENT = re.compile(r"\w+=.*", re.DOTALL)
_PLAIN_WORD = re.compile(r"[\w-]+")


def networking(argv: Sequence[str]) -> str:
    """Return a command that would reach for the network, as it may be printed, or nothing.

    Only the program, what it is told to do and URLs are shown: other arguments hold passwords.
    """
    name, arguments = program(argv)
    if name in SHELLS and "-c" in arguments[:-1]:
        return networking_in(arguments[arguments.index("-c") + 1])
    if name.startswith("python") and arguments[:1] == ["-m"]:
        return networking(arguments[1:])
    words = [word for word in arguments if _PLAIN_WORD.fullmatch(word) and word[0] != "-"]
    deeds = _NETWORKING.get(name)
    if deeds is None or (deeds and not deeds.intersection(words)):
        return ""
    deed = next((word for word in words if word in deeds), "")
    addresses = [urls.redact(word) for word in arguments if "://" in word]
    return " ".join(part for part in (name, deed, *addresses) if part)


def networking_in(script: str) -> str:
    """The same, for a line that a shell is given."""
    found = (networking(words) for words in commands_in(script))
    return next((one for one in found if one), "")


def commands_in(script: str) -> Iterator[list[str]]:
    """Go through the commands of a line that a shell is given."""
    for command in _BETWEEN_COMMANDS.split(script):
        try:
            yield shlex.split(command)
        except ValueError:  # a quotation cut in two by our simple split
            yield command.split()


def program(argv: Sequence[str]) -> tuple[str, list[str]]:
    """Return the program that a command runs, by its plain name, and its arguments."""
    words = list(argv)
    while words and (words[0] in _BEFORE_A_COMMAND or _ASSIGNMENT.fullmatch(words[0])):
        words.pop(0)
    return (os.path.basename(words[0]), words[1:]) if words else ("", [])  # noqa: PTH119 - a word
