"""Weights as code asks for them: from a URL to bytes that were checked.

The whole URL counts, never the file name: what lies in torch's own cache under the same name
may be anything. Bytes are read where they lie; whoever asks for a *file* gets a copy.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import re
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hubmirror import urls
from hubmirror.errors import OfflineMissError
from hubmirror.hub import scope, torch_door
from hubmirror.hub.notices import warn_once
from hubmirror.hub.opening import Request, open_weights
from hubmirror.hub.scope import Scope
from hubmirror.hub.shelves import Asked
from hubmirror.hub.supply import Supply
from hubmirror.records import CheckpointRow, Digest

_log = logging.getLogger(__name__)

_NAME_HASH = re.compile(r"-([a-f0-9]*)\.")  # torch.hub's own, for check_hash means what it means
_FICLONE = 0x40049409


def answer_state_dict(
    original: Callable[..., Any],
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
    **rest: Any,
) -> Any:
    """Answer ``load_state_dict_from_url``: from the blob, where it lies."""
    inside = scope.current()
    name = urlsplit(url).path.rpartition("/")[2] if file_name is None else file_name
    if inside is None or (model_dir is not None and _is_own_file(Path(model_dir) / name)):
        return original(
            url=url,
            model_dir=model_dir,
            map_location=map_location,
            check_hash=check_hash,
            file_name=file_name,
            weights_only=weights_only,
            **rest,
        )
    claimed = _claimed_hash(name) if check_hash else ""
    found = _find(url, inside, Asked("load_state_dict_from_url", hash_prefix=claimed))
    if isinstance(found, Path):
        return torch_door.read(str(found), map_location, weights_only=weights_only)
    supply, row = found
    if check_hash:
        _check_name(name, row, is_own=file_name is not None)
    return open_weights(supply, row, Request(map_location, weights_only, inside.title))


def answer_file(
    original: Callable[..., None],
    url: str,
    dst: str,
    hash_prefix: str | None = None,
    **rest: Any,
) -> None:
    """Answer ``download_url_to_file``: with a file of the caller's own."""
    inside = scope.current()
    if inside is None:
        return original(url=url, dst=dst, hash_prefix=hash_prefix, **rest)
    wanted = Asked("download_url_to_file", hash_prefix=hash_prefix or "", file=str(dst))
    found = _find(url, inside, wanted)
    if isinstance(found, Path):
        return original(url=found.as_uri(), dst=dst, hash_prefix=hash_prefix, **rest)
    supply, row = found
    _check_prefix(row.digest, hash_prefix or "")
    return copy_out(supply.blob(row), Path(dst).expanduser())


def _find(url: str, inside: Scope, asked: Asked) -> tuple[Supply, CheckpointRow] | Path:
    """Return the mirrored weights, or a local file that no mirror knows."""
    row = inside.supply.find(url, asked) if inside.supply else None
    if inside.supply and row:
        return inside.supply, row
    path = _local_path(url)
    if path is not None and path.is_file():
        return path
    inside.require_supply(urls.redact(url))
    raise inside.missed(explain_miss(url, inside))


def _local_path(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    return Path(url).expanduser().absolute() if not parts.scheme else None


def explain_miss(url: str, inside: Scope) -> OfflineMissError:
    """Return the error for a URL that is not mirrored: what is near, and what to add."""
    shown = urls.redact(url)
    reason, near = inside.supply.shelf.why_missing(url) if inside.supply else ("", ())
    known = "".join(f"\n    - {urls.redact(other)}" for other in near)
    also = f"; other URLs with this file name are:{known}" if near else ""
    if reason:
        return OfflineMissError(
            f"{shown}: wanted by a manifest, but not in {inside.where()}: {reason}",
            hint="mend the cause, then run `hubmirror sync` again",
            wanted=shown,
        )
    lines = [f"checkpoints:\n      - url: {shown}"]
    if inside.title:
        lines = [f"- repo: {inside.title}\n      checkpoints:\n        - url: {shown}"]
    return OfflineMissError(
        f"{shown}: not mirrored in {inside.where()}{also}",
        hint="\n    ".join(["to mirror it, add to the manifest:", *lines]),
        wanted=shown,
    )


def _is_own_file(path: Path) -> bool:
    """Tell whether a file exists which its user, and not torch.hub, has put there."""
    hub = torch_door.hub()
    homes = [Path(hub.get_dir()), Path(hub._get_torch_home())]  # noqa: SLF001 - NVIDIA's repos use it
    resolved = path.resolve()
    return path.is_file() and not any(resolved.is_relative_to(home.resolve()) for home in homes)


def _check_name(name: str, row: CheckpointRow, *, is_own: bool) -> None:
    """Compare bytes with the hash in a file name, as ``check_hash=True`` asks.

    What the URL's own name says was judged at sync: where the two differ, a manifest or lock has
    outranked it. A name of the caller's own is news, and means what torch.hub makes of it.
    """
    if is_own:
        _check_prefix(row.digest, _claimed_hash(name))
    elif urls.name_contradicts(row.url, row.digest.hex):
        warn_once(
            _log,
            "%s: check_hash: its bytes are not what its name says, but what the manifest wants",
            urls.redact(row.url),
        )


def _claimed_hash(name: str) -> str:
    claimed = _NAME_HASH.search(name)
    return claimed[1] if claimed else ""


def _check_prefix(digest: Digest, prefix: str) -> None:
    if not digest.hex.startswith(prefix):
        raise RuntimeError(f'invalid hash value (expected "{prefix}", got "{digest}")')


def copy_out(blob: Path, final: Path) -> None:
    """Give user code a file of its own; never a link, for it may write to what it gets."""
    private = final.with_name(f"{final.name}.{uuid.uuid4().hex}.partial")
    try:
        with blob.open("rb") as source, private.open("xb") as copy:
            try:
                fcntl.ioctl(copy.fileno(), _FICLONE, source.fileno())
            except OSError:  # another file system, or one that cannot share blocks
                shutil.copyfileobj(source, copy, 1 << 20)
        private.replace(final)
    finally:
        with contextlib.suppress(FileNotFoundError):
            private.unlink()
