"""The shape of a manifest for pydantic: which keys there are, and what each may hold.

The docstrings and descriptions here are what an editor shows: they end up in the JSON Schema.
Knows nothing of lines and columns, nor of what contradicts what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from hubmirror import sizes
from hubmirror.errors import InvalidInputError
from hubmirror.manifest import addresses, entrypoints, values

_T = TypeVar("_T")

FAULT = "hubmirror"
"""The type of a pydantic error whose ``sentence`` is ours and needs no translation."""


def _checked(check: Callable[[_T], object]) -> AfterValidator:
    def validate(value: _T) -> _T:
        _run(check, value)
        return value

    return AfterValidator(validate)


def _run(check: Callable[[_T], object], value: _T) -> None:
    try:
        check(value)
    except InvalidInputError as error:
        raise PydanticCustomError(FAULT, "{sentence}", {"sentence": error.message}) from None


def _pattern(pattern: str, *examples: str) -> Any:
    return Field(json_schema_extra={"pattern": f"^{pattern}$", "examples": list(examples)})


def _version(number: int) -> None:
    if number != 1:
        raise InvalidInputError(f"expected 1, got {number}")


def _call(value: object) -> object:
    if not isinstance(value, str):
        return value
    calls: list[entrypoints.Call] = []
    _run(lambda text: calls.append(entrypoints.parse_call(text)), value)
    return EntrypointEntry(
        name=calls[0].name, args=list(calls[0].args), kwargs=dict(calls[0].kwargs)
    )


WeightUrl = Annotated[
    str,
    _checked(addresses.check_weight_url),
    _pattern("(https?|file)://.+", "https://download.pytorch.org/models/resnet18-f37072fd.pth"),
]
RepoUrl = Annotated[
    str,
    _checked(addresses.check_repo_url),
    _pattern(
        "((https?|ssh|file)://.+|([^@/:]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:.+)",
        "https://git.example/team/models.git",
        "git@git.example:team/models.git",
    ),
]
RepoName = Annotated[
    str,
    _checked(values.check_repo),
    _pattern("[A-Za-z0-9_.][A-Za-z0-9_.-]*(/[A-Za-z0-9_.][A-Za-z0-9_.-]*)+", "pytorch/vision"),
]
Ref = Annotated[
    str,
    _checked(values.check_ref),
    _pattern(r"[^-/.\s~^:\\][^\s~^:\\]*", "main", "v0.10.0", "v0.1?.*"),
]
Policy = Literal["follow", "hold", "fail"]
_ArgumentName = Annotated[str, _checked(entrypoints.check_argument)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class CheckpointEntry(_Entry):
    """A weight file, or any other file that code downloads."""

    url: WeightUrl = Field(
        description="The address by which code asks for the file, exactly as the code has it."
    )
    sha256: Annotated[
        str,
        _checked(values.parse_checksum),
        _pattern(values.CHECKSUM_PATTERN, "f37072fd"),
    ] = Field(
        default="",
        description="The 64 hex digits that the file must have, or the first 8 or more of them. "
        "Quote it. Without it the first download is trusted and goes into the lock.",
    )
    urls: list[WeightUrl] | None = Field(
        default=None, description="Other addresses of the same bytes, tried in this order."
    )
    fetch_url: Annotated[
        str,
        _checked(addresses.check_fetch_url),
        Field(json_schema_extra={"examples": ["${MODEL_URL}"]}),
    ] = Field(
        default="",
        description="The address to download from instead of `url`, when it is signed or gated. "
        "${NAME} stands for an environment variable of sync. It is never stored.",
    )
    on_changed_url: Policy = Field(
        default="fail",
        description="What to do when `sync --check-urls` finds other bytes at the URL.",
    )
    on_gone_url: Policy = Field(
        default="hold",
        description="What to do when `sync --check-urls` finds nothing at the URL any more. The "
        "mirrored bytes stay; `follow` says that you know.",
    )


class EntrypointEntry(_Entry):
    """A function of the repo's hubconf.py that must work offline, and its arguments."""

    name: Annotated[str, _checked(entrypoints.check_name)] = Field(
        description="The function's name.", examples=["resnet18"]
    )
    args: Annotated[list[Any], _checked(entrypoints.check_value)] | None = Field(
        default=None, description="Its positional arguments."
    )
    kwargs: Annotated[dict[_ArgumentName, Any], _checked(entrypoints.check_value)] | None = Field(
        default=None, description="Its keyword arguments.", examples=[{"pretrained": True}]
    )


class RepoEntry(_Entry):
    """A repo and all that must advance together with it."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["repo"]}, {"required": ["url"]}]}
    )

    repo: RepoName = Field(
        default="",
        description="The name by which code asks for it: owner/name on github.com, "
        "or host/path. Left out, it is the last two parts of `url`.",
    )
    url: RepoUrl = Field(
        default="", description="Its git address, when it is not the one that `repo` implies."
    )
    refs: list[Ref] | None = Field(
        default=None,
        description="Branches, tags, commits and globs (* ? [ ]). Left out: the default branch. "
        "Quote what looks like a number.",
        examples=[["v0.10.0", "v0.1?.*"]],
    )
    aliases: list[RepoName] | None = Field(
        default=None, description="Other names by which code asks for the same repo."
    )
    entrypoints: (
        list[
            Annotated[
                EntrypointEntry,
                BeforeValidator(_call, json_schema_input_type=str | EntrypointEntry),
            ]
        ]
        | None
    ) = Field(
        default=None,
        description="What must work offline: a name, a call with literal arguments, "
        "or a mapping of name, args and kwargs.",
        examples=[["resnet18(pretrained=True)"]],
    )
    checkpoints: list[CheckpointEntry] | None = Field(
        default=None, description="The weights that this repo's code downloads."
    )
    submodules: bool = Field(
        default=False,
        description="Whether submodules are part of the snapshots, at the commits that the repo "
        "pins. Left out: an empty folder stands for each, with a warning.",
    )
    lfs: Literal["pointer", "fetch", "fail"] = Field(
        default="pointer",
        description="Git LFS pointers are mirrored as they are with a warning, replaced by the "
        "files that they stand for, or fail the repo.",
    )
    max_size: Annotated[str, _checked(sizes.parse_size), _pattern(sizes.SIZE_PATTERN, "2GB")] = (
        Field(default="", description="A larger snapshot or checkpoint of this repo is refused.")
    )
    allow_unreachable: bool = Field(
        default=False,
        description="Whether commits in `refs` may be on no branch or tag. A host also gives "
        "commits that only a fork has.",
    )
    on_moved_tag: Policy = Field(
        default="fail", description="What to do when a tag names another commit than the lock."
    )
    on_moved_branch: Policy = Field(
        default="follow",
        description="What to do when a branch names another commit than the lock.",
    )
    on_gone_repo: Policy = Field(
        default="hold",
        description="What to do when the repo is not there any more. What is mirrored stays; "
        "`follow` says that you know.",
    )


class SettingsEntry(_Entry):
    """How sync works on this source; each outranks the setting of the machine."""

    jobs: Annotated[int, _checked(values.check_jobs)] | None = Field(
        default=None,
        description="How many downloads run at once.",
        json_schema_extra={"minimum": 1, "maximum": values.MOST_JOBS},
        examples=[4],
    )
    connections_per_host: Annotated[int, _checked(values.check_jobs)] | None = Field(
        default=None,
        description="The most connections that downloads hold to one host.",
        json_schema_extra={"minimum": 1, "maximum": values.MOST_JOBS},
        examples=[4],
    )
    limit_rate: Annotated[
        str, _checked(sizes.parse_rate), _pattern(sizes.RATE_PATTERN, "50MB/s")
    ] = Field(
        default="",
        description="The most bytes a second over all downloads. MB is 10^6, MiB is 2^20.",
    )
    max_size: Annotated[str, _checked(sizes.parse_size), _pattern(sizes.SIZE_PATTERN, "20GB")] = (
        Field(
            default="",
            description="A larger file is refused, not downloaded. MB is 10^6, MiB is 2^20.",
        )
    )


class ManifestEntry(_Entry):
    """What hubmirror shall mirror: repos, the weights that their code downloads, settings."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [key], "properties": {key: {"type": "array"}}}
                for key in ("repos", "checkpoints")
            ]
        }
    )

    version: Annotated[int, _checked(_version), WithJsonSchema({"const": 1})] = Field(
        description="The version of this format."
    )
    name: Annotated[
        str, _checked(values.check_source_name), _pattern(values.NAME_PATTERN, "vision-team")
    ] = Field(
        default="",
        description="The name of this source in the mirror. Left out: the file's name without "
        "its ending. Changing it later makes it another source.",
    )
    repos: list[RepoEntry] | None = Field(default=None, description="The repos to mirror.")
    checkpoints: list[CheckpointEntry] | None = Field(
        default=None, description="Weights that belong to no repo."
    )
    settings: SettingsEntry | None = Field(
        default=None, description="How sync works on this source."
    )


ENTRIES: dict[str, type[BaseModel]] = {
    "": ManifestEntry,
    "repos": RepoEntry,
    "checkpoints": CheckpointEntry,
    "entrypoints": EntrypointEntry,
    "settings": SettingsEntry,
}
"""What the mapping under each key is; the empty key is the manifest itself."""
