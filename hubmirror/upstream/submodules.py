"""The submodules of a commit: where they come from, each in a bare clone of its own.

Owns: reading ``.gitmodules``, and what an address in it may be. Only gitlinks of the tree
count, so a ``path`` in that file leads nowhere by itself. Invariant: a submodule is asked by
https or ssh, or by the transport of its parent, and never over more than some depth and number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hubmirror import urls
from hubmirror.errors import InvalidInputError, UpstreamError
from hubmirror.upstream.addresses import Address
from hubmirror.upstream.clones import Clone

_SUBMODULE = 0o160000
_MOST_DEEP = 10
_MOST = 200
_SETTING = re.compile(r"submodule\.(.*)\.(path|url)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule that was fetched, and those within it by their paths.

    Attributes:
        url: The address that it was fetched from.
    """

    clone: Clone
    commit: str
    within: Mapping[str, Submodule]
    url: str


class Collector:
    """Fetches the submodules of one commit, and theirs.

    ``fetch`` brings one commit of a git URL into its clone.
    """

    def __init__(self, url: str, fetch: Callable[[str, str], Clone]) -> None:
        self._root = Address.parse(url)
        self._fetch = fetch
        self._count = 0

    def collect(self, clone: Clone, commit: str) -> Mapping[str, Submodule]:
        """Fetch every submodule of a commit of the repo itself.

        Raises:
            UpstreamError: naming the submodule that cannot be had, and why.
        """
        return self._collect(self._root.url, clone, commit, 1)

    def _collect(
        self, parent: str, clone: Clone, commit: str, depth: int
    ) -> Mapping[str, Submodule]:
        wanted = {e.path: e.object_id for e in clone.tree(commit) if e.mode == _SUBMODULE}
        if not wanted:
            return {}
        declared = _declared(clone.read_settings(commit, ".gitmodules"))
        found: dict[str, Submodule] = {}
        for path, pinned in sorted(wanted.items()):
            self._count += 1
            if depth > _MOST_DEEP or self._count > _MOST:
                raise UpstreamError(
                    f"submodule {path!r}: more than {_MOST_DEEP} levels or {_MOST} submodules"
                )
            try:
                url = self._address(parent, declared.get(path, ""))
                inner = self._fetch(url, pinned)
            except (InvalidInputError, UpstreamError) as error:
                raise UpstreamError(
                    f"submodule {path!r}: {error.message}",
                    hint=error.hint,
                    unreachable=isinstance(error, UpstreamError) and error.unreachable,
                ) from error
            within = self._collect(url, inner, pinned, depth + 1)
            found[path] = Submodule(inner, pinned, within, url)
        return found

    def _address(self, parent: str, declared: str) -> str:
        if not declared:
            raise UpstreamError(".gitmodules gives it no address")
        address = Address.parse(resolve_url(parent, declared))
        if address.protocol not in ("https", "ssh", self._root.protocol):
            raise UpstreamError(
                f"{address.shown}: a submodule may not be asked over {address.protocol}",
                hint="only a repo whose own `url:` is such an address may have such submodules",
            )
        return address.url


def resolve_url(parent: str, declared: str) -> str:
    """Return a submodule's address; ``./`` and ``../`` are relative to its parent's.

    Raises:
        InvalidInputError: when it climbs out of the host.
    """
    if not declared.startswith(("./", "../")):
        return declared
    start = re.match(r"[a-z]+://[^/]*/|[^/:]+:", parent)
    root = start[0] if start else ""
    parts = [part for part in parent[len(root) :].split("/") if part]
    for part in declared.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part == "..":
            raise InvalidInputError(f"{declared!r} leads out of {urls.redact(parent)}")
        elif part not in ("", "."):
            parts.append(part)
    return root + "/".join(parts)


def _declared(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the address that ``.gitmodules`` gives for each path."""
    named: dict[str, dict[str, str]] = {}
    for key, value in settings.items():
        if found := _SETTING.fullmatch(key):
            named.setdefault(found[1], {})[found[2]] = value
    return {
        one["path"].rstrip("/"): one["url"] for one in named.values() if {"path", "url"} <= set(one)
    }
