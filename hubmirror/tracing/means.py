"""Opens what a trace fetches with: the engines of sync, over one landing."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from hubmirror.errors import UpstreamError
from hubmirror.index import Arrival
from hubmirror.settings import Settings
from hubmirror.sync.landing import Landing
from hubmirror.sync.lfs import ObjectFetcher
from hubmirror.sync.planning import find_credentials, git_upstream
from hubmirror.sync.room import Room
from hubmirror.sync.snapshots import SnapshotMaker
from hubmirror.sync.weights import WeightsFetcher
from hubmirror.sync.writing import Workplace
from hubmirror.tracing.bytes_of import BytesOf, judge
from hubmirror.tracing.declared import Declared, Held
from hubmirror.tracing.locating import Locator
from hubmirror.tracing.options import Options
from hubmirror.tracing.traces import Located
from hubmirror.upstream.credentials import Credentials
from hubmirror.upstream.http import HttpUpstream
from hubmirror.upstream.pace import Pace

_HUGGING_FACE = "https://huggingface.co/"
_KINDS = ("datasets", "spaces")


@dataclass(frozen=True, slots=True)
class Means:
    """What a trace fetches with; used from several threads.

    Attributes:
        bytes_of: The bytes of URLs.
        locator: Repos and their snapshots.
        list_files: The URLs of the files of a Hugging Face revision, by what they begin with.
        stop: Ends every thread that is fetching.
    """

    bytes_of: BytesOf
    locator: Locator
    list_files: Callable[[str], Sequence[str]]
    stop: Callable[[], None]


@contextlib.contextmanager
def opened(
    place: Workplace,
    settings: Settings,
    options: Options,
    declared: Declared,
    came: Callable[[Arrival | Located], None],
) -> Iterator[Means]:
    """Open them; ``came`` is told of what comes in, from any thread."""
    landing = Landing(place.mirror, settings.modes)
    place.mirror.clear_staged()
    room = Room(place.state.partial, place.mirror.incoming)
    held = Held.read(place.index)
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
        fetcher = WeightsFetcher(engine, landing, room, settings.expand, judge)
        objects = ObjectFetcher(lambda: http(credentials.for_git()), room, fetcher.stop.check)
        maker = SnapshotMaker(git, landing, objects, place.state.clone, fetcher.stop.check)
        address_of = options.address_of
        try:
            yield Means(
                BytesOf(fetcher, landing, declared, held, address_of, came),
                Locator(maker, git.list_refs, landing, declared, held.snapshots, address_of, came),
                lambda prefix: _list_files(engine, prefix, address_of),
                fetcher.stop.set,
            )
        finally:
            fetcher.stop.set()


def _list_files(http: HttpUpstream, prefix: str, address_of: Callable[[str], str]) -> Sequence[str]:
    """Ask Hugging Face which files a revision has.

    Raises:
        UpstreamError: when it does not say.
    """
    repo, resolve, revision = prefix.removeprefix(_HUGGING_FACE).rstrip("/").partition("/resolve/")
    if not prefix.startswith(_HUGGING_FACE) or not resolve:
        raise UpstreamError(f"{prefix}: only the files of a Hugging Face repo can be listed")
    asked = repo if repo.partition("/")[0] in _KINDS else f"models/{repo}"
    url = f"{_HUGGING_FACE}api/{asked}/revision/{revision}"
    try:
        told = json.loads(http.get(address_of(url), url))
        return [prefix + quote(str(one["rfilename"])) for one in told["siblings"]]
    except (ValueError, LookupError, TypeError) as error:
        raise UpstreamError(f"{url}: its host does not list the files") from error
