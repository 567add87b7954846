"""Repos on their hosts: which refs they have, and the commits that are wanted of them.

Owns: the order of questions to a git host. Knows nothing of manifests, locks or policies.
Invariant: a commit that ``fetch`` returns is in the clone with its whole tree, and is on a
branch or tag of that very repo.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from hubmirror import urls
from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.records import FULL_COMMIT, SHORT_COMMIT, RefKind, RefRow
from hubmirror.upstream import complaints
from hubmirror.upstream.addresses import Address, check_ref_name
from hubmirror.upstream.clones import COMMITS, Clone
from hubmirror.upstream.complaints import UnexplainedError
from hubmirror.upstream.connections import Connections
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.git import Answer, GitProgram
from hubmirror.upstream.listing import ask_refs
from hubmirror.upstream.refs import HEADS, TAGS, RemoteRefs, parse_refs
from hubmirror.upstream.surroundings import UPSTREAM
from hubmirror.upstream.upkeep import tidy

_ALL = "refs/hubmirror/all/"
_NAMED = "refs/hubmirror/named/"
_FETCH = ("fetch", "--progress", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
_WHOLE_DEPTH = "--depth=2147483647"  # git's own word for all history, in a shallow clone
_MOVED = re.compile(r"warning: redirecting to (\S+)")
# A host that does not give single commits (protocol 0), or is a plain web server.
_NOT_SHALLOW = re.compile(r"unadvertised object|does not support shallow|not our ref")


class GitUpstream:
    """Git hosts, asked through the installed git; may be used from several threads.

    Two calls at once must not share a clone. A run has one of these: the commits that it
    fetched are kept until it is over.

    Args:
        ca_bundle: A file of certificates to trust instead of the system's; empty for those.
        proxies: As ``Connections`` takes them; git itself finds them in the environment.
        credentials: The logins of this run.
        timeout_s: How long a host may say nothing; twice that while connecting.
    """

    def __init__(
        self,
        *,
        ca_bundle: str = "",
        proxies: Mapping[str, str] | None = None,
        credentials: Credentials | None = None,
        timeout_s: float = 60.0,
    ) -> None:
        logins = (credentials or Credentials()).for_git()
        self._program = GitProgram(ca_bundle, timeout_s, logins)
        self._connections = Connections(
            ca_bundle=ca_bundle, proxies=proxies, credentials=logins, stall_s=timeout_s
        )
        self._is_checked = False
        self._used: dict[Path, set[str]] = {}

    def close(self) -> None:
        """Close every connection."""
        self._connections.close()

    def __enter__(self) -> GitUpstream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def clone(self, folder: Path) -> Clone:
        """Return the clone in a folder, to read from."""
        return Clone(self._program, folder)

    def list_refs(self, url: str) -> RemoteRefs:
        """Ask for every branch and tag, and for the default branch, in one question.

        Raises:
            UpstreamError: when the host does not answer, or has no repo with a ref there.
            InvalidInputError: when the URL is none that git may be given.
            StorageError: when git is not installed.
        """
        address = Address.parse(url)
        remote = ask_refs(self._connections, address) or self._ask_git(address)
        if not remote.tips():
            raise UpstreamError(
                f"{address.shown}: no branch and no tag is there",
                hint="the repo is empty, or what answers is no git server but a login page",
            )
        return remote

    def _ask_git(self, address: Address) -> RemoteRefs:
        self._check_git()
        # HEAD comes only with the whole list: with patterns, git would still fetch all of it.
        answer = self._program.ask(address, ["ls-remote", "--symref", UPSTREAM], folder=None)
        if answer.status:
            raise complaints.upstream_error(address, answer.stderr)
        moved = _MOVED.search(answer.stderr)
        return parse_refs(answer.stdout, moved_to=urls.place(moved[1]).rstrip("/") if moved else "")

    def fetch(
        self,
        url: str,
        folder: Path,
        wanted: Sequence[RefRow],
        *,
        remote: RemoteRefs | None = None,
        allow_unreachable: bool = False,
    ) -> tuple[RefRow, ...]:
        """Bring wanted refs into the clone in ``folder``, and say which commit each one is.

        A row whose commit is already here is returned as it is, and nobody is asked. Branches
        and tags come as they are now, whatever the row says: they may have moved since they
        were listed. Commits, full or abbreviated, must be on a branch or tag, since a host may
        also give what only a fork has; with ``allow_unreachable`` full ones need not. ``remote``,
        the listing, saves looking that up for tips.

        Raises:
            UpstreamError: when the host does not answer, a ref is gone, a commit is on no
                branch or tag, or an abbreviation fits several.
            InvalidInputError: when the URL or a ref is none that git may be given.
            StorageError: when git is not installed, or the disk is full.
        """
        address = Address.parse(url)
        for row in wanted:
            _check_row(row)
        self._check_git()
        clone = self.clone(folder)
        is_new = not clone.folder.exists()
        known = set(remote.tips() if remote else ())
        if allow_unreachable:
            known.update(row.commit for row in wanted if row.kind is RefKind.COMMIT and row.commit)
        try:
            return self._fetch(address, clone, wanted, known)
        except UnexplainedError:
            if is_new:
                raise
        clone.remove()
        return self._fetch(address, clone, wanted, known)

    def _fetch(
        self, address: Address, clone: Clone, wanted: Sequence[RefRow], known: Set[str]
    ) -> tuple[RefRow, ...]:
        held = clone.prepare()
        missing = [row for row in wanted if row.commit not in held]
        found = self._fetch_named(
            address, clone, [row for row in missing if row.kind is not RefKind.COMMIT]
        )
        pinned = [row for row in missing if row.kind is RefKind.COMMIT]
        here = {*held, *found.values()}
        commits = self._find_pinned(address, clone, pinned, here | known)
        self._fetch_commits(address, clone, sorted(set(commits.values()) - here))
        found |= commits
        clone.keep(found.values())
        rows = tuple(replace(row, commit=found.get(row, row.commit)) for row in wanted)
        used = self._used.setdefault(clone.folder, set())
        used.update(row.commit for row in rows)
        if missing:
            tidy(self._program, clone, used)
        return rows

    def _fetch_named(
        self, address: Address, clone: Clone, rows: Sequence[RefRow]
    ) -> dict[RefRow, str]:
        """Fetch branches and tags, all in one go."""
        if not rows:
            return {}
        kept = {row: _NAMED + _flat(_full_name(row)) for row in rows}
        self._fetch_shallow(address, clone, [f"+{_full_name(row)}:{kept[row]}" for row in rows])
        commits = clone.commits_of(list(kept.values()))
        for row in rows:
            if kept[row] not in commits:
                raise UpstreamError(f"{address.shown}: {row.name} is no commit, but a file or tree")
        return {row: commits[kept[row]] for row in rows}

    def _find_pinned(
        self, address: Address, clone: Clone, rows: Sequence[RefRow], tips: Iterable[str]
    ) -> dict[RefRow, str]:
        """Say which commit each pinned row is, by the history of every branch and tag."""
        known = set(tips)
        if any(row.commit not in known for row in rows):
            known = self._history(address, clone, [row.commit or row.name.lower() for row in rows])
        found = {}
        for row in rows:
            prefix = row.commit or row.name.lower()
            fitting = sorted(commit for commit in known if commit.startswith(prefix))
            if not fitting:
                raise UpstreamError(
                    f"{address.shown}: commit {prefix} is on none of its branches or tags",
                    hint="it may belong to a fork, or to a branch that was rewritten: "
                    "name the repo that it is in",
                )
            if len(fitting) > 1:
                raise UpstreamError(
                    f"{address.shown}: commit {prefix} could be {' or '.join(fitting[:4])}",
                    hint="write more of its digits",
                )
            found[row] = fitting[0]
        return found

    def _history(self, address: Address, clone: Clone, prefixes: Sequence[str]) -> set[str]:
        """Return the commits on branches and tags that begin with one of these prefixes.

        In a clone of its own, thrown away: fetching without files would make git believe for
        ever that files which are missing may be had later.
        """
        lean = self.clone(clone.folder.with_name(f"{clone.folder.name}.history"))
        lean.remove()
        lean.prepare()
        try:
            everything = [f"+{HEADS}*:{HEADS}*", f"+{TAGS}*:{TAGS}*"]
            answer = self._ask(address, lean, ["--filter=tree:0"], everything)
            if answer.status:
                raise complaints.upstream_error(address, answer.stderr)
            starts = tuple(prefixes)
            return {commit for commit in lean.history() if commit.startswith(starts)}
        finally:
            lean.remove()

    def _fetch_commits(self, address: Address, clone: Clone, commits: Sequence[str]) -> None:
        """Fetch commits that are known to be on a branch or tag."""
        if not commits:
            return
        self._fetch_shallow(address, clone, [f"+{commit}:{COMMITS}{commit}" for commit in commits])
        gone = set(commits) - clone.commits_of(commits).keys()
        if gone:
            raise UpstreamError(
                f"{address.shown}: commit {min(gone)} is not there any more",
                hint="run this again: its branch or tag was rewritten meanwhile",
            )

    def _fetch_shallow(self, address: Address, clone: Clone, refspecs: Sequence[str]) -> None:
        """Fetch without history, or all that there is from a host that cannot do otherwise."""
        answer = self._ask(address, clone, ["--depth=1"], refspecs)
        if answer.status == 0:
            return
        if not _NOT_SHALLOW.search(answer.stderr):
            raise complaints.upstream_error(address, answer.stderr)
        named = [refspec for refspec in refspecs if refspec.startswith("+refs/")]
        everything = [f"+{HEADS}*:{_ALL}heads/*", f"+{TAGS}*:{_ALL}tags/*"]
        depth = [_WHOLE_DEPTH] if (clone.folder / "shallow").exists() else []
        answer = self._ask(address, clone, ["--prune", *depth], [*named, *everything])
        if answer.status:
            raise complaints.upstream_error(address, answer.stderr)

    def _ask(
        self, address: Address, clone: Clone, options: Sequence[str], refspecs: Sequence[str]
    ) -> Answer:
        lines = "".join(f"{refspec}\n" for refspec in refspecs).encode()
        command = [*_FETCH, *options, "--stdin", "--", UPSTREAM]
        return self._program.ask(address, command, folder=clone.folder, stdin=lines)

    def _check_git(self) -> None:
        if not self._is_checked:
            self._program.check_installed()
            self._is_checked = True


def _check_row(row: RefRow) -> None:
    if row.commit and not FULL_COMMIT.fullmatch(row.commit):
        raise InvalidInputError(f"not a full commit id: {row.commit!r}")
    if row.kind is not RefKind.COMMIT:
        check_ref_name(row.name)
    elif not SHORT_COMMIT.fullmatch(row.name.lower()):
        raise InvalidInputError(f"not a commit: expected 7 to 40 hex digits, got {row.name!r}")


def _full_name(row: RefRow) -> str:
    prefix = HEADS if row.kind is RefKind.BRANCH else TAGS
    return row.name if row.name.startswith(prefix) else prefix + row.name


def _flat(name: str) -> str:
    """Write a ref's name without ``/``, so that ``a`` and ``a/b`` may both be kept."""
    return name.replace("%", "%25").replace("/", "%2F")
