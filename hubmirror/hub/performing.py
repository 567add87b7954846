"""What the child of a rehearsal runs: one load from a mirror alone, and an account of it.

``python -m hubmirror.hub.performing ORDER ANSWER``: two files of JSON, as ``rehearsing`` has them.
The catalog need not be published: an order names the file.
"""

from __future__ import annotations

import errno
import json
import platform
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from hubmirror.catalog import Catalog
from hubmirror.errors import HubmirrorError, MissingDependencyError
from hubmirror.evidence import Quarantine
from hubmirror.hub import hooks, loading, scope, torch_door
from hubmirror.hub.cache import open_cache
from hubmirror.hub.fingerprints import fingerprint, settle
from hubmirror.hub.reach import Reach
from hubmirror.hub.recording.places import Place, Places
from hubmirror.hub.shelves import MirrorShelf
from hubmirror.hub.supply import Supply
from hubmirror.hub.watching import Missed, WatchedShelf
from hubmirror.manifest.entrypoints import parse_call
from hubmirror.mirror import Mirror
from hubmirror.proofs import this_platform
from hubmirror.records import Digest
from hubmirror.settings import Settings

_REFUSED_WRITES = (errno.EACCES, errno.EROFS)
_GPU_WORDS = ("CUDA", "NVIDIA", "HIP GPU", "ROCm")


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a load ended: with a result, or with an error and the line of a repo that it left."""

    result: str
    error: BaseException | None
    place: Place


def main(order_file: str, answer_file: str) -> None:
    """Load what the order says, and write what came of it."""
    order = json.loads(Path(order_file).read_text(encoding="utf-8"))
    settings = Settings.load()
    root, cache = Path(order["root"]), open_cache(settings)
    places = Places(cache)
    with Mirror.open(root) as mirror, Catalog.open(Path(order["catalog"])) as catalog:
        serving = mirror.find_serving()
        quarantine = mirror.quarantine(serving) if serving else Quarantine()
        inner = MirrorShelf(mirror, Digest(order["publication"]), catalog, quarantine)
        shelf = WatchedShelf(inner, places)
        supply = Supply(shelf, cache, settings.verify, settings.weights_only)
        inside = scope.open_scope(supply, Reach())
        inside.isolate = settings.isolate
        with hooks.serving(inside):
            ended = _perform(order["spec"], order["call"], places)
    answer = {
        "torch": _torch_version(),
        "python": platform.python_version(),
        "platform": this_platform(),
        "result": ended.result,
        "error": _error_fields(ended),
        "relied": {name: digest.hex for name, digest in shelf.relied().items()},
        "missed": [_missed_fields(one) for one in shelf.misses()],
    }
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def _perform(spec: str, call: str, places: Places) -> _Ended:
    wanted = parse_call(call)
    load: Callable[..., Any] = loading.load  # whose keywords are the entrypoint's
    try:
        settle()
        made = load(spec, wanted.name, *wanted.args, **wanted.kwargs)
    except BaseException as error:  # noqa: BLE001 - the code of a repo may end as it likes
        traceback.print_exc()
        return _Ended("", error, _left(error.__traceback__, places))
    return _Ended(fingerprint(made), None, Place())


def _torch_version() -> str:
    try:
        return torch_door.version()
    except (MissingDependencyError, ImportError, OSError):
        return ""


def _left(trace: TracebackType | None, places: Places) -> Place:
    """Return the innermost line of a repo that an error came through."""
    found = Place()
    for frame, line in traceback.walk_tb(trace):
        repo, path = places.of_file(frame.f_code.co_filename)
        if repo:
            found = Place(repo, f"{path}:{line}")
    return found


def _error_fields(ended: _Ended) -> Mapping[str, object] | None:
    error = ended.error
    if error is None:
        return None
    return {
        "kind": type(error).__name__,
        "message": error.message if isinstance(error, HubmirrorError) else str(error),
        "hint": error.hint if isinstance(error, HubmirrorError) else "",
        "lacks": _lack(error),
        "repo": ended.place.repo,
        "line": ended.place.line,
    }


def _lack(error: BaseException) -> str:
    """Say what this machine lacks for a load, where that is why it failed: no proof of anything."""
    if isinstance(error, MissingDependencyError):
        return error.message
    said = str(error)
    if isinstance(error, OSError) and error.errno in _REFUSED_WRITES:
        return f"it writes where a rehearsal lets nobody write: {error.filename}"
    if not _torch_version():
        return f"torch cannot be imported here: {said}"
    if not torch_door.torch().cuda.is_available() and any(word in said for word in _GPU_WORDS):
        return f"it wants a GPU, and there is none here: {said.splitlines()[0]}"
    return ""


def _missed_fields(one: Missed) -> Mapping[str, Any]:
    return {
        "wanted": one.error.wanted,
        "message": one.error.message,
        "hint": one.error.hint,
        "repo": one.place.repo,
        "line": one.place.line,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
