"""Makes git repositories that an upstream serves, with the real git.

Owns: commits, branches and tags. Knows nothing of hub repositories or weights.
Invariant: the same calls give the same commit ids, whoever runs them; files are committed byte
for byte, without a work tree, so that any name, mode or line end can be made on any system.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.upstream.gitcmd import AUTHOR, FIRST_COMMIT_AT_S, run_git
from tests.upstream.site import Site

SECONDS_BETWEEN_COMMITS = 60


@dataclass(frozen=True, slots=True)
class Executable:
    """A file with the executable bit."""

    content: str | bytes


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Submodule:
    """Another repository at a commit; the `.gitmodules` file is yours to write."""

    commit: str


Entry = str | bytes | Executable | Symlink | Submodule | None
"""What stands at a path; None takes the path away."""


class RepoBuilder:
    """Works on one repository of a site, as its owner would by pushing; holds no state.

    A revision is whatever git understands: a branch, a tag, a commit, `main~2`.
    """

    def __init__(self, site: Site, name: str) -> None:
        self.site = site
        self.name = name

    @classmethod
    def create(cls, site: Site, name: str, *, default_branch: str = "main") -> "RepoBuilder":
        """Serve a new, empty repository `owner/name`."""
        site.add_repo(name, default_branch=default_branch)
        return cls(site, name)

    def commit(
        self,
        files: Mapping[str, Entry],
        message: str = "Change the model",
        *,
        branch: str | None = None,
        start: str | None = None,
    ) -> str:
        """Commit these files on top of a branch's others; gives the commit.

        Args:
            files: what changes, by POSIX path.
            message: the commit's message.
            branch: where to; the default branch if absent. A new one is made.
            start: for a new branch: the revision it grows from; without, it has no parent.
        """
        reference = f"refs/heads/{branch or self.default_branch}"
        parent = self._find(reference) or (start and self.resolve(start))
        moment = FIRST_COMMIT_AT_S + SECONDS_BETWEEN_COMMITS * self._count(parent)
        stream = [_line(f"commit {reference}"), _line("mark :1")]
        stream += [_line(f"{who} {AUTHOR} {moment} +0000") for who in ("author", "committer")]
        stream.append(_data(message.encode()))
        if parent:
            stream.append(_line(f"from {parent}"))
        stream += [_change(path, entry) for path, entry in sorted(files.items())]
        stream += [_line(""), _line("get-mark :1"), _line("done")]
        arguments = ("fast-import", "--quiet", "--force", "--done")
        return self._git(*arguments, stdin=b"".join(stream)).strip()

    def branch(self, name: str, at: str) -> str:
        """Make a branch, or move it by force; gives its commit."""
        return self._point(f"refs/heads/{name}", self.resolve(at))

    def tag(self, name: str, at: str | None = None) -> str:
        """Make a lightweight tag, or move it by force; gives its commit."""
        return self._point(f"refs/tags/{name}", self.resolve(at or self.default_branch))

    def annotate(self, name: str, message: str = "A release", at: str | None = None) -> str:
        """Make an annotated tag, or replace it by force; gives its commit, not the tag object."""
        commit = self.resolve(at or self.default_branch)
        tagger = f"tagger {AUTHOR} {FIRST_COMMIT_AT_S} +0000"
        text = f"object {commit}\ntype commit\ntag {name}\n{tagger}\n\n{message}\n"
        self._point(f"refs/tags/{name}", self._git("mktag", stdin=text.encode()).strip())
        return commit

    def delete(self, reference: str) -> None:
        """Delete `heads/NAME` or `tags/NAME`; its commits stay in the repository, unreachable."""
        self._git("update-ref", "-d", f"refs/{reference}")

    def rename(self, name: str) -> None:
        """Move the repository to another owner or name; the old one redirects."""
        self.site.rename_repo(self.name, name)
        self.name = name

    def resolve(self, revision: str) -> str:
        """The commit that a revision means now."""
        return self._git("rev-parse", "--verify", f"{revision}^{{commit}}").strip()

    def refs(self) -> dict[str, str]:
        """The commit of every branch and tag, by `heads/NAME` and `tags/NAME`."""
        form = (
            "%(refname:lstrip=1) %(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
        )
        lines = self._git("for-each-ref", f"--format={form}").splitlines()
        return dict(line.rsplit(" ", 1) for line in lines)

    @property
    def default_branch(self) -> str:
        """The branch that HEAD names."""
        return self._git("symbolic-ref", "--short", "HEAD").strip()

    @default_branch.setter
    def default_branch(self, name: str) -> None:
        self._git("symbolic-ref", "HEAD", f"refs/heads/{name}")

    def _point(self, reference: str, target: str) -> str:
        self._git("update-ref", reference, target)
        return target

    def _find(self, reference: str) -> str | None:
        found = self._git("for-each-ref", "--format=%(objectname)", reference).split()
        return found[0] if found else None

    def _count(self, commit: str | None) -> int:
        return int(self._git("rev-list", "--count", commit)) if commit else 0

    def _git(self, *arguments: str, stdin: bytes = b"") -> str:
        folder = self.site.repo_folder(self.name)
        return run_git("--git-dir", str(folder), *arguments, stdin=stdin)


def _line(text: str) -> bytes:
    return text.encode() + b"\n"


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _change(path: str, entry: Entry) -> bytes:
    quoted = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    match entry:
        case None:
            return _line(f'D "{quoted}"')
        case Submodule(commit=commit):
            return _line(f'M 160000 {commit} "{quoted}"')
        case Executable(content=content):
            mode = "100755"
        case Symlink(target=content):
            mode = "120000"
        case content:
            mode = "100644"
    raw = content.encode() if isinstance(content, str) else content
    return _line(f'M {mode} inline "{quoted}"') + _data(raw)
