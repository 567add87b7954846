"""Writes what is needed as a requirements file for a site's own index.

torch is held back: a node's torch is built for its CUDA, and an index would put another one in
its place. Pure; the same needs give the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hubmirror.dependencies.joining import joined
from hubmirror.dependencies.judging import Judged, Verdict
from hubmirror.distributions import normalized
from hubmirror.hubconf.imports import When
from hubmirror.naming import shorten

_TORCH = "torch"


def requirements_text(judged: Iterable[Judged]) -> str:
    """Return the text of a requirements file: what is not there, and who wants it."""
    wanted = [one for one in judged if one.verdict is not Verdict.OK]
    known = [one for one in wanted if one.distribution and normalized(one.distribution) != _TORCH]
    certain = [one for one in known if one.need.when is not When.OPTIONAL]
    named = {normalized(one.distribution) for one in certain}
    optional = [one for one in known if normalized(one.distribution) not in named]
    lines = [
        *_torch_lines([one for one in wanted if normalized(one.distribution) == _TORCH]),
        *_lines(certain, ""),
        *_section("Imported only on some paths; a repo loads without:", _lines(optional, "# ")),
        *_section(
            "Which distribution brings these is not known:",
            (
                f"# import {one.need.module}  # {_who([one])}"
                for one in wanted
                if not one.distribution
            ),
        ),
    ]
    return "".join(f"{line}\n" for line in lines)


def _torch_lines(torch: Sequence[Judged]) -> Iterator[str]:
    if not torch:
        return
    yield "# torch is not in this list: the node's own is built for its CUDA, and must stay."
    for one in torch:
        if one.need.versions:
            yield f"# {one.need.repo} wants torch{one.need.versions}"
    yield "# Hold it there, with what was built for it:"
    yield "#   pip freeze | grep -i '^torch' > torch.txt"
    yield "#   pip install -c torch.txt -r THIS-FILE"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == 0:
            yield f"# {title}"
        yield line


def _lines(judged: Sequence[Judged], prefix: str) -> Iterator[str]:
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(normalized(one.distribution), []).append(one)
    for _, group in sorted(groups.items()):
        name, versions = group[0].distribution, joined(one.need.versions for one in group)
        if versions is not None:
            yield f"{prefix}{name}{versions}  # {_who(group)}"
            continue
        yield f"# no one version of {name} is right for all of these:"
        for stated in dict.fromkeys(one.need.versions for one in group if one.need.versions):
            who = _who([one for one in group if one.need.versions == stated])
            yield f"#   {name}{stated}  # {who}"


def _who(judged: Sequence[Judged]) -> str:
    return shorten(list(dict.fromkeys(one.need.repo for one in judged)))
