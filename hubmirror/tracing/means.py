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
from hubmirror.sync import engines
from hubmirror.sync.writing import Workplace
from hubmirror.tracing.bytes_of import BytesOf, judge
from hubmirror.tracing.declared import Declared, Held
from hubmirror.tracing.locating import Locator
from hubmirror.tracing.options import Options
from hubmirror.tracing.traces import Located
from hubmirror.upstream.http import HttpUpstream

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
    place.mirror.clear_staged()
    held = Held.read(place.index)
    address_of = options.address_of
    with engines.opened(settings, place.desk, judge) as means:
        landing = means.landing
        yield Means(
            BytesOf(means.weights, landing, declared, held, address_of, came),
            Locator(
                means.maker,
                means.git.list_refs,
                landing,
                declared,
                held.snapshots,
                address_of,
                came,
            ),
            lambda prefix: _list_files(means.http, prefix, address_of),
            means.weights.stop.set,
        )


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
