"""What the refs typed in a manifest mean against the refs that a repo has.

Pure: asks nobody. Invariant: every name in ``RemoteRefs`` can be a git ref, every value is a
full commit id, and annotated tags are already peeled.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.naming import shorten
from hubmirror.records import FULL_COMMIT, SHORT_COMMIT, RefKind, RefRow
from hubmirror.upstream.addresses import check_ref_name

HEADS = "refs/heads/"
TAGS = "refs/tags/"

_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """The refs of a repo, as its host named them at one moment.

    Attributes:
        default_branch: What HEAD stands for; empty when HEAD is unborn, or detached from
            every branch.
        branches: Short name to commit.
        tags: Short name to what the tag stands for in the end: nearly always a commit.
        moved_to: Where the host redirected us, for a repo that was renamed; else empty.
    """

    default_branch: str
    branches: Mapping[str, str]
    tags: Mapping[str, str]
    moved_to: str = ""

    def tips(self) -> frozenset[str]:
        """Return every commit that a branch or tag stands for."""
        return frozenset([*self.branches.values(), *self.tags.values()])


def parse_refs(listing: bytes, *, moved_to: str = "") -> RemoteRefs:
    """Read what ``git ls-remote --symref`` printed.

    Names that are not UTF-8 are passed over: no manifest can ask for them. So is what is no
    ref at all; a login page that answers in place of a git host gives nothing.

    Raises:
        UpstreamError: for a repo whose object ids are longer than SHA-1.
    """
    found: dict[str, str] = {}
    head_name = ""
    for line in listing.splitlines():
        left, _, right = line.partition(b"\t")
        name = _text(right)
        if left.startswith(b"ref: ") and name == "HEAD":
            head_name = _text(left.removeprefix(b"ref: "))
        elif re.fullmatch(rb"[0-9a-f]{40}", left):
            found[name] = left.decode()
        elif re.fullmatch(rb"[0-9a-f]{64}", left):
            raise UpstreamError(
                "the repo names its objects by SHA-256, which hubmirror cannot mirror"
            )
    branches = dict(_under(HEADS, found))
    tags = {name: found.get(f"{TAGS}{name}^{{}}", commit) for name, commit in _under(TAGS, found)}
    head = _default_branch(head_name.removeprefix(HEADS), found.get("HEAD", ""), branches)
    return RemoteRefs(head, branches, tags, moved_to)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        return ""


def _under(prefix: str, found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, commit in found.items():
        short = name.removeprefix(prefix)
        if short != name and not name.endswith("^{}") and _can_be_ref(short):
            yield short, commit


def _can_be_ref(name: str) -> bool:
    try:
        check_ref_name(name)
    except InvalidInputError:
        return False
    return True


def _default_branch(named: str, commit: str, branches: Mapping[str, str]) -> str:
    """Trust what HEAD names; of a host too old to say, take the branch that HEAD equals."""
    if named:
        return named if named in branches else ""
    same = [name for name in branches if commit and branches[name] == commit]
    usual = [name for name in ("main", "master") if name in same]
    return next(iter([*usual, *same]), "")


def match_refs(typed: str, remote: RemoteRefs) -> tuple[RefRow, ...]:
    """Say which refs are meant by what somebody typed.

    Nothing means the default branch. A bare name that is both branch and tag means the
    branch, as in torch.hub. A glob means every branch and tag that it matches, and its ``*``
    crosses ``/``. Seven hex digits or more are a commit where no branch or tag has that name;
    the row of an abbreviated one has no commit yet: ``GitUpstream.fetch`` finds it.

    Raises:
        UpstreamError: when the repo has nothing of that name; says what is near.
        InvalidInputError: when no ref can have that name.
    """
    if not typed:
        return (_default(remote),)
    if _GLOB.search(typed):
        return _match_glob(typed, remote)
    check_ref_name(typed)
    named = _named(typed, remote)
    if named is not None:
        return (named,)
    folded = typed.lower()
    if FULL_COMMIT.fullmatch(folded):
        return (RefRow(typed, RefKind.COMMIT, folded),)
    if SHORT_COMMIT.fullmatch(folded):
        return (RefRow(typed, RefKind.COMMIT, ""),)
    raise _unknown(f"no branch or tag is called {typed!r}", typed, remote)


def _default(remote: RemoteRefs) -> RefRow:
    name = remote.default_branch
    if not name:
        raise UpstreamError(
            f"the repo has no default branch; it has {_listed(_all_names(remote))}",
            hint="name a branch or tag under `refs:`",
        )
    return RefRow(name, RefKind.BRANCH, remote.branches[name])


def _named(typed: str, remote: RemoteRefs) -> RefRow | None:
    branch, tag = typed.removeprefix(HEADS), typed.removeprefix(TAGS)
    if tag == typed and branch in remote.branches:
        return RefRow(typed, RefKind.BRANCH, remote.branches[branch])
    if branch == typed and tag in remote.tags:
        return RefRow(typed, RefKind.TAG, remote.tags[tag])
    return None


def _match_glob(typed: str, remote: RemoteRefs) -> tuple[RefRow, ...]:
    prefix = next((start for start in (HEADS, TAGS) if typed.startswith(start)), "")
    names = [prefix + name for name in _all_names(remote)]
    rows = [_named(name, remote) for name in names if fnmatchcase(name, typed)]
    found = tuple(sorted({row for row in rows if row is not None}))
    if not found:
        raise _unknown(f"no branch or tag matches {typed!r}", _GLOB.split(typed)[0], remote)
    return found


def _all_names(remote: RemoteRefs) -> list[str]:
    return sorted({*remote.branches, *remote.tags})


def _unknown(message: str, wanted: str, remote: RemoteRefs) -> UpstreamError:
    names = _all_names(remote)
    bare = wanted.removeprefix(HEADS).removeprefix(TAGS)
    near = difflib.get_close_matches(bare, names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    return UpstreamError(f"{message}; the repo has {_listed(names)}", hint=hint)


def _listed(names: Sequence[str]) -> str:
    return shorten(names) if names else "no branches or tags"
