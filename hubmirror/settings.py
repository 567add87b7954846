"""Settings of a machine or user: defaults < /etc < user file < HUBMIRROR_* < flags.

The only reader of the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from hubmirror import flat_yaml
from hubmirror.errors import InvalidInputError, NotFoundError
from hubmirror.files import Modes
from hubmirror.sizes import parse_rate

_T = TypeVar("_T")
_Choice = TypeVar("_Choice", bound=StrEnum)

SITE_FILE = Path("/etc/hubmirror/config.yaml")

RECORDER = "HUBMIRROR_RECORDER"
"""Set by ``hubmirror trace`` for what it starts, and no setting of anybody's."""

_VARIABLES = {
    "mirror": ("HUBMIRROR",),
    "state": ("HUBMIRROR_STATE",),
    "cache": ("HUBMIRROR_CACHE",),
    "publication": ("HUBMIRROR_PUBLICATION",),
    "verify": ("HUBMIRROR_VERIFY",),
    "isolate": ("HUBMIRROR_ISOLATE",),
    "on_miss": ("HUBMIRROR_ON_MISS",),
    "weights_only": ("HUBMIRROR_WEIGHTS_ONLY",),
    "allow_hosts": ("HUBMIRROR_ALLOW_HOSTS",),
    "jobs": ("HUBMIRROR_JOBS",),
    "connections_per_host": ("HUBMIRROR_CONNECTIONS_PER_HOST",),
    "limit_rate": ("HUBMIRROR_LIMIT_RATE",),
    "signatures": ("HUBMIRROR_SIGNATURES",),
    "allowed_signers": ("HUBMIRROR_ALLOWED_SIGNERS",),
    "ca_bundle": ("HUBMIRROR_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"),
}
_FILE_KEYS = (*(name for name in _VARIABLES if name != "publication"), "file_mode", "folder_mode")
_HOST = r"\.?[\w-]+(\.[\w-]+)*|[\d.]+/\d+|[\da-f:.]*:[\da-f:.]*(/\d+)?"


class Verify(StrEnum):
    """How much ``load`` believes of a blob: see docs/loading.md."""

    STAT = "stat"
    ONCE = "once"
    FULL = "full"


class Isolate(StrEnum):
    """Whether a repo gets modules of its own in a process: see docs/loading.md."""

    AUTO = "auto"
    NEVER = "never"
    ALWAYS = "always"


class OnMiss(StrEnum):
    """What becomes of what is not mirrored: an error, or a matter of the network."""

    ERROR = "error"
    ONLINE = "online"


class WeightsOnly(StrEnum):
    """Whether pickles of weights may name anything but tensors: see docs/loading.md."""

    AUTO = "auto"
    UPSTREAM = "upstream"
    ALWAYS = "always"


class SignaturePolicy(StrEnum):
    """What ``import`` makes of a bundle that no allowed signer signed: see docs/carrying.md."""

    OFF = "off"
    WARN = "warn"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True)
class Settings:
    """What every command and the loader are told once, at their start.

    Attributes:
        mirror: The mirror's folder, or empty when nobody named one.
        state: The writer's own folder, or empty for the default.
        cache: The reader's private folder, or empty for the default.
        publication: The publication that a job is pinned to, or empty.
        verify: How ``load`` checks blobs.
        isolate: When ``load`` gives a repo modules of its own.
        on_miss: What the loader does about what is not mirrored.
        weights_only: When ``load`` lets weights be tensors only.
        allow_hosts: Hosts, suffixes and networks that loading code may reach.
        jobs: How many things ``sync`` does at once.
        connections_per_host: How many connections downloads may hold to one host.
        limit_rate_bytes: Bytes a second over all downloads; 0 for no limit.
        signatures: What ``import`` makes of signatures; ``require`` where signers are named.
        allowed_signers: The file that says who may sign bundles, or empty.
        ca_bundle: A PEM file of the certificate authorities to trust, or empty.
        modes: Permissions of what is written into a mirror.
        cache_home: Where this user's caches belong, or empty when there is no such place.
        state_home: Where this user's state belongs, or empty when there is no such place.
        token_folder: A file for each host, with a token in it; None when there is no such place.
        home: The user's home, for netrc; may be empty.
        proxies: Proxy URL for each scheme, and ``no`` for the exceptions.
        recorder: Where a process that is traced asks for everything; empty in all others.
        variables: The environment, for ``${NAME}`` in a ``fetch_url``.
        origins: Where each setting that is no default was found: a flag, variable or file line.
    """

    mirror: str = ""
    state: str = ""
    cache: str = ""
    publication: str = ""
    verify: Verify = Verify.ONCE
    isolate: Isolate = Isolate.AUTO
    on_miss: OnMiss = OnMiss.ERROR
    weights_only: WeightsOnly = WeightsOnly.AUTO
    allow_hosts: tuple[str, ...] = ()
    jobs: int = 4
    connections_per_host: int = 4
    limit_rate_bytes: int = 0
    signatures: SignaturePolicy = SignaturePolicy.OFF
    allowed_signers: str = ""
    ca_bundle: str = ""
    modes: Modes = field(default_factory=Modes)
    cache_home: str = ""
    state_home: str = ""
    token_folder: Path | None = None
    home: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict)
    recorder: str = ""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    origins: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, **overrides: str | None) -> Settings:
        """Read files and environment; an override that is not None outranks them.

        Raises:
            InvalidInputError: naming file, line and setting.
        """
        environment = dict(os.environ)
        home = environment.get("HOME", "")
        config_home = environment.get("XDG_CONFIG_HOME") or _under(home, ".config")
        files = [SITE_FILE]
        if config_home:
            files.append(Path(config_home) / "hubmirror" / "config.yaml")
        found: dict[str, tuple[str, str]] = {}
        for path in files:
            found.update(flat_yaml.read(path, _FILE_KEYS))
        found.update(_read_variables(environment))
        flags = {name: (value, f"--{name}") for name, value in overrides.items() if value}
        settings = _typed(found | flags)
        return replace(
            settings,
            cache_home=environment.get("XDG_CACHE_HOME") or _under(home, ".cache"),
            state_home=environment.get("XDG_STATE_HOME")
            or (f"{home}/.local/state" if home else ""),
            token_folder=Path(config_home) / "hubmirror" / "tokens" if config_home else None,
            home=home,
            proxies=_proxies(environment),
            recorder=environment.get(RECORDER, ""),
            variables=environment,
            origins={name: where for name, (_, where) in (found | flags).items()},
        )

    def require_mirror(self) -> Path:
        """Return the mirror's folder.

        Raises:
            NotFoundError: when nobody named one; says the four places to do so.
        """
        if "://" in self.mirror:
            raise InvalidInputError(
                f"{self.mirror}: only folders can be mirrors today",
                hint="mount it, or copy the mirror to a folder",
            )
        if self.mirror:
            return Path(self.mirror).expanduser()
        raise NotFoundError(
            "no mirror is configured",
            hint="name one, in this order of precedence: an argument (mirror=... in Python, "
            "--mirror DIR on the command line), HUBMIRROR in the environment, `mirror:` in "
            f"~/.config/hubmirror/config.yaml, or `mirror:` in {SITE_FILE}",
        )

    def expand(self, text: str) -> str:
        """Fill in ``${NAME}`` from the environment.

        Raises:
            InvalidInputError: naming the variable that is not set; never its value.
        """

        def value(match: re.Match[str]) -> str:
            if match[1] not in self.variables:
                raise InvalidInputError(
                    f"{text}: {match[1]} is not set in the environment",
                    hint=f"set {match[1]} for the command or the systemd service that runs sync",
                )
            return self.variables[match[1]]

        return re.sub(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)


def _proxies(environment: Mapping[str, str]) -> Mapping[str, str]:
    if not any(name.lower().endswith("_proxy") for name in environment):
        return {}
    # A third of all that a command imports: only where there is a proxy.
    from urllib.request import getproxies_environment

    return getproxies_environment()


def _under(home: str, folder: str) -> str:
    return f"{home}/{folder}" if home else ""


def _read_variables(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {
        setting: (environment[name], name)
        for setting, names in _VARIABLES.items()
        for name in reversed(names)
        if environment.get(name)
    }


def _typed(found: Mapping[str, tuple[str, str]]) -> Settings:
    def text(name: str) -> str:
        return found[name][0] if name in found else ""

    def parsed(name: str, parse: Callable[[str], _T], default: _T) -> _T:
        if name not in found:
            return default
        value, where = found[name]
        try:
            return parse(value)
        except InvalidInputError as error:
            raise InvalidInputError(f"{where}: {name}: {error.message}") from None

    file_mode = parsed("file_mode", _mode, 0o644)
    signatures = SignaturePolicy.REQUIRE if text("allowed_signers") else SignaturePolicy.OFF
    return Settings(
        mirror=text("mirror"),
        state=text("state"),
        cache=text("cache"),
        publication=text("publication"),
        verify=parsed("verify", _one_of(Verify), Verify.ONCE),
        isolate=parsed("isolate", _one_of(Isolate), Isolate.AUTO),
        on_miss=parsed("on_miss", _one_of(OnMiss), OnMiss.ERROR),
        weights_only=parsed("weights_only", _one_of(WeightsOnly), WeightsOnly.AUTO),
        allow_hosts=parsed("allow_hosts", _hosts, ()),
        jobs=parsed("jobs", _to_64, 4),
        connections_per_host=parsed("connections_per_host", _to_64, 4),
        limit_rate_bytes=parsed("limit_rate", parse_rate, 0),
        signatures=parsed("signatures", _one_of(SignaturePolicy), signatures),
        allowed_signers=text("allowed_signers"),
        ca_bundle=text("ca_bundle"),
        modes=Modes(file_mode, parsed("folder_mode", _mode, 0o755), file_mode & 0o444),
    )


def _one_of(choices: type[_Choice]) -> Callable[[str], _Choice]:
    def parse(text: str) -> _Choice:
        if text in list(choices):
            return choices(text)
        raise InvalidInputError(f"expected one of {', '.join(choices)}, got {text!r}")

    return parse


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(host for part in text.split(",") if (host := part.strip().lower()))
    for host in hosts:
        if not re.fullmatch(_HOST, host):
            raise InvalidInputError(
                f"expected host names, suffixes such as .cluster.local and networks such as "
                f"10.0.0.0/8, separated by commas; got {host!r}"
            )
    return hosts


def _to_64(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 64:
        return int(text)
    raise InvalidInputError(f"expected a number from 1 to 64, got {text!r}")


def _mode(text: str) -> int:
    if re.fullmatch(r"0?o?[0-7]{3}", text):
        return int(text.replace("o", ""), 8)
    raise InvalidInputError(f"expected an octal mode such as 0644, got {text!r}")
