"""The one verb: reads a repo's hubconf.py, and the packaging files beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hubmirror.errors import InvalidInputError
from hubmirror.hubconf.about import Hubconf
from hubmirror.hubconf.requirements import stated_requirements
from hubmirror.hubconf.signatures import describe
from hubmirror.hubconf.source import Sources
from hubmirror.hubconf.values import CallableValue, Opaque, Texts, Value
from hubmirror.hubconf.world import RepoWorld

HUBCONF = "hubconf.py"


def read_hubconf(read: Callable[[str], bytes | None]) -> Hubconf:
    """Tell what a repo offers to torch.hub, without running any of its code.

    The entrypoints are the public names of hubconf.py that are callable for certain: what it
    defines, and what it imports from modules of the repo. What an installed package lends
    is no entrypoint. A name that may be callable (``net = make_net()``) is not listed, for
    the list is shown to people; it makes the answer open-ended, so that nobody is refused.

    Args:
        read: Gives the bytes of a file by its POSIX path in the repo, None for no such file.

    Raises:
        InvalidInputError: when hubconf.py is missing, or this Python cannot parse it.
            Any other file that is broken only ends the following of names there.
    """
    sources = Sources(read)
    if sources.content(HUBCONF) is None:
        raise InvalidInputError("no hubconf.py at this ref: torch.hub cannot load it")
    world = RepoWorld(sources)
    scope = world.enter(HUBCONF, sources.tree(HUBCONF))
    names = {name: world.settle(value) for name, value in scope.names.items()}
    public = {name: value for name, value in names.items() if not name.startswith("_")}
    stated = stated_requirements(sources)
    return Hubconf(
        entrypoints=tuple(
            describe(name, value, world)
            for name, value in sorted(public.items())
            if isinstance(value, CallableValue)
        ),
        open_ended=scope.is_open or world.is_exhausted or Opaque.UNKNOWN in public.values(),
        dependencies=_dependencies(names),
        requires_torch=stated.torch,
        requires_python=stated.python,
    )


def _dependencies(names: Mapping[str, Value]) -> tuple[str, ...]:
    value = names.get("dependencies")
    return value.items if isinstance(value, Texts) else ()
