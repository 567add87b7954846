"""Ready-made hub repositories, one function each; see the modules for what each is about."""

from tests.upstream.hubs.downloads import (
    early_bound,
    hashed_names,
    in_repo_weights,
    plain_weights,
    same_basename,
)
from tests.upstream.hubs.packages import (
    needs_missing_packages,
    needs_newer_torch,
    nested,
    own_package,
)
from tests.upstream.hubs.records import Entrypoint, HubRepo, WeightFile
from tests.upstream.hubs.references import (
    annotated_tag,
    master_default,
    no_hubconf,
    renamed_owner,
    slash_branch,
)
from tests.upstream.hubs.vision import vision_standin

__all__ = [
    "Entrypoint",
    "HubRepo",
    "WeightFile",
    "annotated_tag",
    "early_bound",
    "hashed_names",
    "in_repo_weights",
    "master_default",
    "needs_missing_packages",
    "needs_newer_torch",
    "nested",
    "no_hubconf",
    "own_package",
    "plain_weights",
    "renamed_owner",
    "same_basename",
    "slash_branch",
    "vision_standin",
]
