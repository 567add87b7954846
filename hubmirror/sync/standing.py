"""What the policies of checkpoints make of URLs that are gone, or have other bytes. Pure.

What ``sync --check-urls`` saw stands until it sees something else, so that a unit which is held
back stays so in the syncs between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from hubmirror import urls
from hubmirror.errors import HubmirrorError, RefusedError
from hubmirror.findings import Finding, FindingKind, SeenUrl, UrlState
from hubmirror.plan import FetchPlan, SourcePlan, UnitPlan
from hubmirror.records import CheckpointRow
from hubmirror.specs import CheckpointSpec, Drift


def judge_urls(
    plans: Iterable[SourcePlan], drifted: Mapping[str, SeenUrl], asked: Set[str]
) -> Iterator[SourcePlan]:
    """Judge the checkpoints that are held; those that shall follow are to be fetched.

    Args:
        plans: What is to be done otherwise.
        drifted: The URLs that were last found gone or changed.
        asked: Those of which that was found in this run.
    """
    for plan in plans:
        if drifted:
            specs = {spec.url: spec for spec in plan.manifest.all_checkpoints()}
            units = (_judge(unit, specs, drifted, asked) for unit in plan.units)
            yield replace(plan, units=tuple(units))
        else:
            yield plan


def _judge(
    unit: UnitPlan,
    specs: Mapping[str, CheckpointSpec],
    drifted: Mapping[str, SeenUrl],
    asked: Set[str],
) -> UnitPlan:
    held: list[CheckpointRow] = []
    fetch = list(unit.fetch)
    findings = list(unit.findings)
    failure: HubmirrorError | None = unit.failure
    for row in unit.held_checkpoints:
        if not (seen := drifted.get(row.url)):
            held.append(row)
            continue
        spec = specs[row.url]
        finding = replace(_finding(spec, seen), is_standing=row.url not in asked)
        findings.append(finding)
        if finding.policy is Drift.FAIL:
            failure = failure or _refused(spec, finding)
        if finding.policy is Drift.FOLLOW and seen.state is UrlState.CHANGED:
            fetch.append(FetchPlan(spec, None))
        else:
            held.append(row)
    if failure:  # it advances as a whole or not at all; what is held stays pinned
        unit = replace(unit, failure=failure, make=(), fetch=())
        return replace(unit, findings=tuple(findings))
    return replace(unit, held_checkpoints=tuple(held), fetch=tuple(fetch), findings=tuple(findings))


def _finding(spec: CheckpointSpec, seen: SeenUrl) -> Finding:
    shown = urls.redact(spec.url)
    if seen.state is UrlState.GONE:
        message = f"gone: {seen.detail}; the mirrored bytes stay"
        return Finding(FindingKind.GONE_URL, shown, spec.on_gone_url, message, seen.since)
    policy = spec.on_changed_url
    if policy is Drift.FOLLOW and spec.checksum:  # the manifest itself says which bytes
        policy = Drift.HOLD
    done = {Drift.FAIL: "", Drift.HOLD: "; the locked ones stay", Drift.FOLLOW: "; followed"}
    message = f"{shown}: its bytes changed upstream: {seen.detail}{done[policy]}"
    return Finding(FindingKind.CHANGED_URL, shown, policy, message, seen.since)


def _refused(spec: CheckpointSpec, finding: Finding) -> RefusedError:
    if finding.kind is FindingKind.GONE_URL:
        hint = "to go on with the mirrored bytes: `on_gone_url: follow` beside it in the manifest"
    elif spec.checksum:
        hint = "find out why; to accept them, write their `sha256:` into the manifest"
    else:
        hint = f"find out why; to accept them: hubmirror lock MANIFEST --upgrade {finding.subject}"
    return RefusedError(finding.message, hint=hint)
