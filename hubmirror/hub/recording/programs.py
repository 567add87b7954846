"""Which programs fetch nothing by themselves, told by their name and by what they are told to do.

Invariant: on the side of doubt. A program that is not known here may have fetched something, and
a trace that cannot tell is not complete.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from hubmirror.hub import commands

_NEAR = frozenset(
    {
        # They build from files that are here, or say of which version they are.
        *("ar", "as", "c++", "cc", "clang", "clang++", "collect2", "cuobjdump", "g++", "gcc"),
        *("gfortran", "ld", "ld.gold", "ld.lld", "make", "ninja", "nm", "nvcc", "objdump"),
        *("ptxas", "ranlib", "strip"),
        # They tell of this machine: processors, memory, libraries, devices, users, the terminal.
        *("date", "df", "dmesg", "dmidecode", "env", "free", "getconf", "hostname", "id"),
        *("ldconfig", "ldd", "lscpu", "lsb_release", "lsof", "lspci", "nproc", "numactl"),
        *("nvidia-smi", "ps", "rocm-smi", "rocminfo", "stty", "sysctl", "tput", "tty", "uname"),
        *("uptime", "which", "whoami"),
        # matplotlib lists the fonts of this machine once, when it is imported for the first time.
        *("fc-cache", "fc-list", "fc-match"),
        # They go through files that are here.
        *("basename", "cat", "cp", "cut", "dirname", "file", "grep", "head", "ls", "md5sum"),
        *("mkdir", "mv", "pwd", "readlink", "realpath", "rm", "sha256sum", "sort", "stat"),
        *("tail", "tar", "test", "touch", "tr", "true", "uniq", "unzip", "wc"),
        # A shell does these itself.
        *(":", "[", "cd", "echo", "exit", "export", "false", "printf", "set"),
        # They convert sound and pictures; a stream on the network is known by its address.
        *("ffmpeg", "ffprobe", "sox", "soxi"),
    }
)
_PYTHON = re.compile(r"python[\d.]*")  # is traced itself
_VERSION = frozenset({"--version", "-version", "-V", "--help"})
# Of git only what reads or changes a repository that is here; ``clone`` and the like are refused.
_NEAR_GIT = frozenset(
    {
        *("blame", "branch", "cat-file", "config", "describe", "diff", "for-each-ref", "log"),
        *("ls-files", "ls-tree", "merge-base", "name-rev", "rev-list", "rev-parse", "show"),
        *("show-ref", "status", "symbolic-ref", "tag", "version"),
    }
)
_REDIRECTION = re.compile(r"\d*>&\d|&>")
_GIT_OPTIONS = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace"})  # with a value


def far_program(given: object) -> str:
    """Return the program of a command that may reach out; nothing where the guard refuses it."""
    if isinstance(given, str | bytes | os.PathLike):
        line = os.fsdecode(given)
        return "" if commands.networking_in(line) else _far_in(line)
    words = [os.fsdecode(word) for word in given] if isinstance(given, Sequence) else []
    return "" if commands.networking(words) else _far(words)


def _far_in(line: str) -> str:
    """Return the first program of a line for a shell that may reach out."""
    plain = _REDIRECTION.sub(" ", line)
    far = (_far(words) for words in commands.commands_in(plain))
    return next((name for name in far if name), "")


def _far(argv: Sequence[str]) -> str:
    program, arguments = commands.program(argv)
    if not program or _PYTHON.fullmatch(program):
        return ""
    if program in commands.SHELLS and "-c" in arguments[:-1]:
        return _far_in(arguments[arguments.index("-c") + 1])
    is_near = program in _NEAR and not any("://" in word for word in arguments)
    if is_near or (arguments and _VERSION.issuperset(arguments)):
        return ""
    return "" if program == "git" and _git_deed(arguments) in _NEAR_GIT else program


def _git_deed(arguments: Sequence[str]) -> str:
    """Return what git is told to do: its first word that is no option, nor the value of one."""
    words = iter(arguments)
    for word in words:
        if word in _GIT_OPTIONS:
            next(words, "")
        elif word == "--version":
            return "version"
        elif not word.startswith("-"):
            return word
    return "version"
