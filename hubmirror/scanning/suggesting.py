"""Turns what a scan found into what a manifest would say, with a remark for each line.

Invariant: what is suggested passes the checks of a manifest; the rest becomes a remark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.addresses import check_weight_url, name_repo
from hubmirror.manifest.entrypoints import Call, entrypoint
from hubmirror.naming import did_you_mean, shorten
from hubmirror.records import RepoKey
from hubmirror.scanning.findings import Call as Seen
from hubmirror.scanning.findings import Confidence, Finding, Kind, Scan
from hubmirror.specs import CheckpointSpec, RepoSpec

_MOST_NAMED = 3
_NEEDS_ARGUMENT = re.compile(r"\((?!\*|/)[^=,()*]+[,)]")
_IS_OFF = re.compile(r"\bpretrained\b[^=,]*=\s*False\b")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a manifest should hold for one repo.

    Attributes:
        spec: The repo.
        remarks: Where each line comes from, by the ref, call or URL that it is about.
        nested: The repos that its code loads in turn, as they are written, with a remark each.
        rest: What no line of a manifest can say: patterns, commands, models of other packages.
    """

    spec: RepoSpec
    remarks: Mapping[str, str]
    nested: Mapping[str, str]
    rest: tuple[str, ...]


def suggest(scan: Scan, title: str, url: str, calls: Sequence[Call] = ()) -> Suggestion:
    """Say what a manifest needs for a repo, or for some calls of its entrypoints.

    Certain and likely weights are suggested; of named calls those that they are known to lead
    to, and those of which no entrypoint is known.

    Raises:
        InvalidInputError: when a call names an entrypoint that the repo certainly has not.
    """
    _check(calls, scan)
    concerned = [finding for finding in scan.findings if _concerns(finding, calls)]
    weights = [one for one in concerned if one.kind is Kind.URL and _is_whole(one)]
    title, url = name_repo(title, url)
    spec = RepoSpec(
        title=title,
        key=RepoKey.parse(title),
        url=url,
        refs=(scan.ref,) if scan.ref else (),
        entrypoints=tuple(dict.fromkeys(map(entrypoint, calls))),
        checkpoints=tuple(CheckpointSpec(one.subject) for one in weights),
    )
    loaded = [one for one in concerned if one.kind is Kind.REPO]
    listed = {one.subject for one in (*weights, *loaded) if "{" not in one.subject}
    rest = [one for one in concerned if one.subject not in listed and one.kind in _OPEN]
    return Suggestion(
        spec,
        remarks={one.subject: remark(one) for one in weights},
        nested={one.subject: remark(one) for one in loaded if one.subject in listed},
        rest=tuple(f"{one.kind}: {one.subject} ({remark(one)})" for one in rest),
    )


def usual_calls(scan: Scan) -> list[Call]:
    """Return how each entrypoint that asks for no argument is called to get its weights."""
    found = []
    for one in scan.hubconf.entrypoints if scan.hubconf else ():
        if one.signature and not _NEEDS_ARGUMENT.match(one.signature):
            switch = {"pretrained": True} if _IS_OFF.search(one.signature) else {}
            found.append(Call(one.name, (), switch))
    return found


_OPEN = (Kind.URL, Kind.HUGGING_FACE, Kind.PACKAGE, Kind.COMMAND, Kind.SUBMODULE, Kind.LFS)


def nested_spec(text: str) -> RepoSpec:
    """Return a repo that code loads as ``owner/name`` or ``owner/name:ref``."""
    name, _, ref = text.partition(":")
    title, url = name_repo(name, "")
    return RepoSpec(title, RepoKey.parse(title), url, refs=(ref,) if ref else ())


def _check(calls: Iterable[Call], scan: Scan) -> None:
    if scan.hubconf is None or scan.hubconf.open_ended:
        return
    known = [one.name for one in scan.hubconf.entrypoints]
    for call in calls:
        if call.name not in known:
            raise InvalidInputError(
                f"{scan.title}: hubconf.py has no entrypoint {call.name!r}",
                hint=did_you_mean(call.name, known) or f"it has {shorten(known)}",
            )


def _concerns(finding: Finding, calls: Sequence[Call]) -> bool:
    if finding.is_aside:
        return False
    if not calls or not finding.calls:
        return True
    return any(_leads(seen, call) for seen in finding.calls for call in calls)


def _leads(seen: Seen, call: Call) -> bool:
    """Tell whether a call gives all the arguments with which something was seen to be needed."""
    given = {f"{name}={value!r}" for name, value in call.kwargs.items()}
    by_place = {repr(value) for value in call.args}
    return seen.entrypoint == call.name and all(
        argument in given or argument.partition("=")[2] in by_place for argument in seen.arguments
    )


def _is_whole(finding: Finding) -> bool:
    if finding.confidence is Confidence.POSSIBLE:
        return False
    try:
        check_weight_url(finding.subject)
    except InvalidInputError:
        return False
    return True


def remark(finding: Finding) -> str:
    """Say where a finding comes from, how sure it is, and which calls lead to it."""
    calls = [str(call) for call in finding.calls[:_MOST_NAMED]]
    more = len(finding.calls) - len(calls)
    leads = ", ".join(calls) + (f" and {more} more" if more else "")
    start = f"{finding.place}, {finding.confidence}"
    return f"{start}: {leads}" if leads else start
