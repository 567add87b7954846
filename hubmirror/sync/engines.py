"""Opens what bytes are fetched with where no manifest says how: the engines of a sync.

Owns: how they hang together. Knows nothing of what is fetched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from hubmirror.settings import Settings
from hubmirror.sync.landing import Landing
from hubmirror.sync.lfs import ObjectFetcher
from hubmirror.sync.planning import find_credentials, git_upstream
from hubmirror.sync.room import Room
from hubmirror.sync.snapshots import SnapshotMaker
from hubmirror.sync.weights import Judge, WeightsFetcher
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.http import HttpUpstream
from hubmirror.upstream.pace import Pace
from hubmirror.upstream.repos import GitUpstream
from hubmirror.writer import Desk


@dataclass(frozen=True, slots=True)
class Engines:
    """What fetches; used from several threads.

    Attributes:
        landing: Where all of it waits, checked.
        http: Asks hosts over HTTP.
        weights: Fetches checkpoints.
        git: Asks git hosts.
        maker: Makes snapshots.
    """

    landing: Landing
    http: HttpUpstream
    weights: WeightsFetcher
    git: GitUpstream
    maker: SnapshotMaker


@contextlib.contextmanager
def opened(settings: Settings, desk: Desk, judge: Judge | None = None) -> Iterator[Engines]:
    """Open them; all that they have begun ends with this."""
    landing = Landing(desk.mirror, settings.modes)
    room = Room(desk.state.partial, desk.mirror.incoming)
    credentials = find_credentials(settings)
    with contextlib.ExitStack() as ends:
        git = ends.enter_context(git_upstream(settings))
        pace = Pace(settings.limit_rate_bytes)

        def http(logins: Credentials) -> HttpUpstream:
            return ends.enter_context(
                HttpUpstream(
                    ca_bundle=settings.ca_bundle,
                    proxies=settings.proxies,
                    credentials=logins,
                    pace=pace,
                    connections_per_host=settings.connections_per_host,
                )
            )

        engine = http(credentials)
        weights = WeightsFetcher(engine, landing, room, settings.expand, judge)
        objects = ObjectFetcher(lambda: http(credentials.for_git()), room, weights.stop.check)
        maker = SnapshotMaker(git, landing, objects, desk.state.clone, weights.stop.check)
        try:
            yield Engines(landing, engine, weights, git, maker)
        finally:
            weights.stop.set()
