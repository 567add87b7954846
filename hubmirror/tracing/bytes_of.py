"""The bytes of URLs that code asks for: from what is there already, else from their hosts.

Owns: under which URL bytes may be stored, and who may ask for a file of this machine. Used from
several threads; the same question is answered once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from hubmirror import urls
from hubmirror.errors import InvalidInputError, VerificationError
from hubmirror.index import Arrival
from hubmirror.inspection import inspect_file
from hubmirror.manifest.addresses import check_weight_url
from hubmirror.plan import FetchPlan
from hubmirror.records import CheckpointRow, Digest
from hubmirror.sync.landing import Landing
from hubmirror.sync.weights import WeightsFetcher, check_digest
from hubmirror.tracing.declared import Declared, Held
from hubmirror.tracing.once import Once
from hubmirror.upstream.http import Fetched

_WEB = ("http://", "https://")


def storable(url: str) -> str:
    """Return the URL under which bytes may be stored and will be found; empty where there is none.

    That is the URL itself; without its signature where it has one, for the loader drops that too.
    """
    for one in (url, urls.canonical(url)):
        try:
            check_weight_url(one)
        except InvalidInputError:
            continue
        return one
    return ""


def judge(wanted: FetchPlan, fetched: Fetched, shown: str) -> Sequence[str]:
    """Compare bytes with what manifest and lock say of them.

    What a file name says is no demand here: code fetched it all the same, and the manifest line
    that the trace writes names the digest.

    Raises:
        VerificationError: when the manifest says otherwise.
        RefusedError: when the lock does.
    """
    if wanted.spec.sha256 or wanted.spec.prefix or wanted.pinned:
        return check_digest(wanted, fetched, shown)
    return ()


class BytesOf:
    """Brings in the bytes of URLs.

    ``arrived`` is told of each that came in, from any thread.
    """

    def __init__(
        self,
        fetcher: WeightsFetcher,
        landing: Landing,
        declared: Declared,
        held: Held,
        address_of: Callable[[str], str],
        arrived: Callable[[Arrival], None],
    ) -> None:
        self._fetcher = fetcher
        self._landing = landing
        self._declared = declared
        self._held = held
        self._address_of = address_of
        self._arrived = arrived
        self._once = Once[tuple[str, bool], CheckpointRow](lambda asked: self._bring(*asked))

    def bring(self, url: str, *, may_be_page: bool) -> CheckpointRow:
        """Return a URL's bytes, brought in if need be; the row has the storable URL.

        Raises:
            StatusError: when its host says no.
            HubmirrorError: when it could not be had otherwise.
        """
        return self._once((url, may_be_page))

    def is_near(self, url: str) -> bool:
        """Tell whether a URL is a file of this machine that no manifest names: not ours to bring.

        Code could ask for any file of whoever runs the trace, and it would land in the mirror.
        """
        return not url.startswith(_WEB) and url not in self._declared.urls

    def path(self, digest: Digest) -> Path:
        """Return where bytes lie that have come in.

        Raises:
            VerificationError: when they are gone.
        """
        found = self._landing.find(digest)
        if found is None:
            raise VerificationError(f"{digest}: its bytes are gone from the mirror")
        return found

    def _bring(self, url: str, may_be_page: bool) -> CheckpointRow:
        name = storable(url) or url
        pinned, row = self._known(name)
        if row and self._landing.present([row.blob]):
            return self._described(row)
        spec = self._declared.checkpoint(name)
        address = self._address_of(url)
        if not spec.fetch_url and address != name:
            spec = replace(spec, fetch_url=address)
        came = self._fetcher.fetch(FetchPlan(spec, pinned), None, may_be_page=may_be_page)
        if name == storable(url):
            self._arrived(came.arrival)
        return self._described(came.row)

    def _known(self, name: str) -> tuple[Digest | None, CheckpointRow | None]:
        """Return which bytes are demanded, and those that are known; as a sync would."""
        locked = self._declared.locked(name)
        row = self._held.checkpoints.get(name)
        if locked and not (row and row.digest == locked.digest):
            row = CheckpointRow(name, locked.digest, locked.size_bytes)
        demanded = self._declared.checkpoint(name).checksum
        if row and not row.digest.hex.startswith(demanded):
            row = None
        return (row.digest if row else None), row

    def _described(self, row: CheckpointRow) -> CheckpointRow:
        return replace(row, contents=inspect_file(self.path(row.digest)))
