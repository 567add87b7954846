"""What the single values of a manifest may be: refs, checksums, names.

Standard library only. Invariant: each check raises ``InvalidInputError`` with a message that
says what was expected and repeats no secret, or returns a value that needs no second look.
"""

from __future__ import annotations

import re

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.addresses import shown
from hubmirror.records import Digest, check_repo_name

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
CHECKSUM_PATTERN = r"(sha256:)?[0-9A-Fa-f]{8,64}"
MOST_JOBS = 64

_NAME = re.compile(NAME_PATTERN)
_CHECKSUM = re.compile(CHECKSUM_PATTERN)
_FULL_LENGTH = 64
_REF_TRAPS = (
    ("..", "has '..' in it"),
    ("@{", "has '@{' in it"),
    ("//", "has '//' in it"),
    ("/.", "has a part that starts with '.'"),
)
_REF_CHARACTERS = frozenset("~^:\\")


def check_ref(text: str) -> None:
    """Refuse what git would not take as the name of a branch or tag; ``* ? [ ]`` are globs.

    Raises:
        InvalidInputError: saying what git does not allow.
    """
    if reason := _ref_trap(text):
        raise InvalidInputError(f"{shown(text)} is not a branch, tag, commit or glob: it {reason}")


def _ref_trap(text: str) -> str:
    for odd in text:
        if odd.isspace() or not odd.isprintable():
            return (
                "has a space in it" if odd == " " else f"has the character U+{ord(odd):04X} in it"
            )
        if odd in _REF_CHARACTERS:
            return f"has {odd!r} in it"
    for trap, reason in _REF_TRAPS:
        if trap in text:
            return reason
    return _ref_ends(text)


def _ref_ends(text: str) -> str:
    if text[:1] in ("", "-", "/", "."):
        return f"starts with {text[0]!r}" if text else "is empty"
    if text.endswith(("/", ".")):
        return f"ends in {text[-1]!r}"
    if any(part.endswith(".lock") for part in text.split("/")):
        return "has a part that ends in '.lock'"
    if text in ("@", "HEAD"):
        return "is git's word for the default branch; leave refs: out for that, or name the branch"
    return ""


def check_repo(text: str) -> None:
    """Refuse what cannot be ``owner/name`` or ``host/path``, and say where it belongs.

    Raises:
        InvalidInputError: saying what was expected.
    """
    if "://" in text or "@" in text:
        message = f"expected owner/name, got the URL {shown(text)}; a URL goes to url:"
        raise InvalidInputError(message)
    name, colon, ref = text.partition(":")
    if colon and ref and "/" in name:
        message = f"expected owner/name, got {shown(text)}; the ref goes to refs: [{ref}]"
        raise InvalidInputError(message)
    check_repo_name(text)


def parse_checksum(text: str) -> Digest | str:
    """Read a full sha256 as a digest, or the leading part of one as lower-case hex digits.

    Raises:
        InvalidInputError: when it is neither.
    """
    if not _CHECKSUM.fullmatch(text):
        hexadecimal = text.removeprefix("sha256:")
        counted = re.fullmatch(r"[0-9A-Fa-f]+", hexadecimal)
        got = f"{len(hexadecimal)} digits" if counted else shown(text)
        raise InvalidInputError(
            f"expected the {_FULL_LENGTH} hex digits of a sha256, "
            f"or the first 8 or more of them, got {got}"
        )
    digits = text.removeprefix("sha256:").lower()
    return Digest(digits) if len(digits) == _FULL_LENGTH else digits


def check_jobs(number: int) -> None:
    """Refuse what is no sensible number of downloads at once.

    Raises:
        InvalidInputError: saying the bounds.
    """
    if not 1 <= number <= MOST_JOBS:
        raise InvalidInputError(f"expected a number from 1 to {MOST_JOBS}, got {number}")


def check_source_name(text: str) -> None:
    """Refuse a source name that would not do as a file name on every system.

    Raises:
        InvalidInputError: saying what a name is made of.
    """
    if not _NAME.fullmatch(text):
        raise InvalidInputError(
            "expected a letter or digit, then letters, digits, '.', '_' or '-', "
            f"at most 64 in all; got {shown(text)}"
        )
