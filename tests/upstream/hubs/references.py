"""Hub repositories that differ in their refs and their names, not in their code."""

from dataclasses import replace

from tests.upstream.hubs.downloads import HEAD
from tests.upstream.hubs.records import TINY, HubRepo, describe, entrypoint, loader, put_weights
from tests.upstream.repos import RepoBuilder
from tests.upstream.server import Upstream


def slash_branch(up: Upstream) -> HubRepo:
    """`net` on `main`, and with other weights on the branch `feature/x`: entrypoint `net_x`."""
    builder, made = _one_net(up, "acme/slash-branch", seed=20)
    weights = put_weights(up, f"/{builder.name}/feature.pth", seed=21)
    source = HEAD + TINY + loader("net_x", weights.url)
    builder.commit({"hubconf.py": source}, branch="feature/x", start="main")
    return describe(builder, up, *made.entrypoints, entrypoint("net_x", weights))


def annotated_tag(up: Upstream) -> HubRepo:
    """`v1.0` is an annotated tag, `v1.0-light` a lightweight one; `main` has moved on."""
    builder, made = _one_net(up, "acme/annotated-tag", seed=22)
    builder.annotate("v1.0")
    builder.tag("v1.0-light")
    builder.commit({"README.md": "# After the release\n"})
    return describe(builder, up, *made.entrypoints)


def master_default(up: Upstream) -> HubRepo:
    """The default branch is `master`; there is no `main`."""
    return _one_net(up, "acme/master-default", seed=23, default_branch="master")[1]


def renamed_owner(up: Upstream) -> HubRepo:
    """`new-owner/renamed`, which once was `old-owner/renamed` and still answers to it."""
    builder, made = _one_net(up, "old-owner/renamed", seed=24)
    builder.rename("new-owner/renamed")
    return replace(made, name=builder.name, url=up.git_url(builder.name))


def no_hubconf(up: Upstream) -> HubRepo:
    """`main` is a hub repository; the branch `docs` and the tag `docs-1` have no hubconf.py."""
    builder, made = _one_net(up, "acme/no-hubconf", seed=25)
    builder.commit({"hubconf.py": None, "index.md": "# Words only\n"}, branch="docs", start="main")
    builder.tag("docs-1", "docs")
    return describe(builder, up, *made.entrypoints)


def _one_net(
    up: Upstream, name: str, *, seed: int, default_branch: str = "main"
) -> tuple[RepoBuilder, HubRepo]:
    weights = put_weights(up, f"/{name}/net.pth", seed=seed)
    builder = RepoBuilder.create(up, name, default_branch=default_branch)
    builder.commit({"hubconf.py": HEAD + TINY + loader("net", weights.url)})
    return builder, describe(builder, up, entrypoint("net", weights))
