"""The environment in which git runs: what it is told, and what is kept from it.

Pure: takes the environment of this process, gives the one of git. Invariants: no system or
user configuration, attribute file, hook, credential helper or ``GIT_DIR`` reaches git; the
address of an upstream is in this environment only, never in ``.git/config``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from hubmirror.upstream.addresses import Address
from hubmirror.upstream.credentials import GIT_USER, Secret

UPSTREAM = "upstream"  # the name by which every address is known to git

_KEPT = re.compile(
    r"GIT_(EXEC_PATH|SSH_VARIANT|HTTP_USER_AGENT|HTTP_PROXY_AUTHMETHOD"
    r"|(PROXY_)?SSL_(CA.*|CERT.*|KEY|CIPHER_LIST|VERSION)|PYTHON_.*)"
)
# No shared connection: its master would outlive git, and hold git's stderr open.
_SSH_OPTIONS = "-oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oControlMaster=no"
_FIXED = {
    "GIT_ASKPASS": "",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LANGUAGE": "C",
    "LC_ALL": "C",
}
_ENTRUSTED = "HUBMIRROR_GIT_TOKEN"  # to one git process, which runs no hooks
_ANSWER = (
    f"""!f() {{ test "$1" != get || printf 'username={GIT_USER}\\npassword=%s\\n' """
    f""""${_ENTRUSTED}"; }}; f"""
)
_SETTINGS = (
    ("core.attributesFile", "/dev/null"),
    ("core.bigFileThreshold", "32m"),  # git holds no larger file in memory
    ("core.hooksPath", "/dev/null"),
    ("core.symlinks", "false"),
    ("credential.helper", ""),
    ("fetch.fsckObjects", "true"),
    ("fetch.unpackLimit", "1"),  # packs come whole or not at all; loose objects do not
    ("gc.auto", "0"),
    ("http.followRedirects", "initial"),  # as a renamed repo needs; never in mid-conversation
    ("http.lowSpeedLimit", "1"),
    ("maintenance.auto", "false"),
    ("protocol.version", "2"),
    ("transfer.fsckObjects", "true"),
)
# Faults in author lines, and padded file modes, as in many old and honest histories. They
# cannot hurt; every other fault that git knows still refuses the objects.
_HARMLESS_FAULTS = (
    "badDate", "badDateOverflow", "badEmail", "badName", "badTimezone", "missingEmail",
    "missingNameBeforeEmail", "missingSpaceBeforeDate", "missingSpaceBeforeEmail",
    "zeroPaddedDate", "zeroPaddedFilemode",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What differs in git's environment from that of this process."""

    given: Mapping[str, str]
    taken: tuple[str, ...]


def surroundings(
    environ: Mapping[str, str],
    *,
    folder: Path | None,
    address: Address | None,
    ca_bundle: str = "",
    timeout_s: float = 60,
    token: Secret | None = None,
    extra: Mapping[str, str] | None = None,
) -> Surroundings:
    """Say what git may see on its way to ``address``, or with no network at all."""
    given = {
        **_FIXED,
        "GIT_ALLOW_PROTOCOL": address.allowed if address else "",
        "GIT_SSH_COMMAND": f"{_ssh(environ)} {_SSH_OPTIONS}",
        **_numbered([*_settings(folder, address, timeout_s), *_helper(address, token)]),
        **(extra or {}),
    }
    if token:
        given[_ENTRUSTED] = token.reveal()
    if ca_bundle:
        given["GIT_SSL_CAINFO"] = ca_bundle
    if "HTTP_PROXY" in environ and "http_proxy" not in environ:
        given["http_proxy"] = environ["HTTP_PROXY"]  # curl reads the lower-case one only
    taken = [
        name
        for name in environ
        if name.startswith("GIT_") and name not in given and not _KEPT.fullmatch(name)
    ]
    return Surroundings(given, tuple(sorted(taken)))


def _ssh(environ: Mapping[str, str]) -> str:
    """Keep the command that names a deploy key."""
    return environ.get("GIT_SSH_COMMAND") or shlex.quote(environ.get("GIT_SSH") or "ssh")


def _settings(
    folder: Path | None, address: Address | None, timeout_s: float
) -> list[tuple[str, str]]:
    return [
        *_SETTINGS,
        *((f"fetch.fsck.{fault}", "ignore") for fault in _HARMLESS_FAULTS),
        ("http.lowSpeedTime", str(max(1, round(timeout_s)))),
        *([("safe.directory", str(folder))] if folder else []),
        *([(f"remote.{UPSTREAM}.url", address.url)] if address else []),
    ]


def _helper(address: Address | None, token: Secret | None) -> list[tuple[str, str]]:
    """Answer when git asks for a login, for this very host and port, over https.

    Not a header: git would send that wherever a redirect leads it.
    """
    if address is None or token is None:
        return []
    parts = urlsplit(address.url)
    return [(f"credential.{parts.scheme}://{parts.netloc}.helper", _ANSWER)]


def _numbered(settings: list[tuple[str, str]]) -> dict[str, str]:
    numbered = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (key, value) in enumerate(settings):
        numbered[f"GIT_CONFIG_KEY_{number}"] = key
        numbered[f"GIT_CONFIG_VALUE_{number}"] = value
    return numbered
