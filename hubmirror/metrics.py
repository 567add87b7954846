"""The health of a mirror as Prometheus reads it: a file for node_exporter's textfile collector.

Owns: the names of the metrics, which stay (docs/operating.md has them), and the text format.
Invariant: the file is whole or the one before; a value that is not known is left out, never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from hubmirror import files
from hubmirror.health import Health
from hubmirror.records import UnitState
from hubmirror.version import __version__

_PREFIX = "hubmirror_"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class _Sample:
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def write_metrics(health: Health, path: Path) -> None:
    """Replace a file by the metrics of now, in one step, readable by all."""
    content = metrics_text(health).encode()
    files.write(content, path, staging=path.parent, modes=files.Modes())


def metrics_text(health: Health) -> str:
    """Return the metrics; every sample says which mirror it is of."""
    lines: list[str] = []
    for name, text, samples in _families(health):
        if samples:
            lines += [f"# HELP {_PREFIX}{name} {text}", f"# TYPE {_PREFIX}{name} gauge"]
            lines += [_line(name, one, health.mirror.id) for one in samples]
    return "\n".join(lines) + "\n"


def _line(name: str, sample: _Sample, mirror_id: str) -> str:
    labels = {"mirror": mirror_id, **sample.labels}
    inner = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in labels.items())
    return f"{_PREFIX}{name}{{{inner}}} {sample.value:.15g}"


def _families(health: Health) -> Iterator[tuple[str, str, list[_Sample]]]:
    publication, counts = health.serving.publication, health.serving.publication.counts
    info = {"path": str(health.mirror.root), "version": __version__}
    yield "info", "Where the mirror lies, and the version that wrote this.", [_Sample(1, info)]
    yield from _times(health)
    sequence = [_Sample(publication.sequence)]
    yield "publication_sequence", "The number of the publication within its origin.", sequence
    held = [_Sample(int(health.is_held))]
    yield "publishing_held", "1 while publishing is on hold after a rollback.", held
    states = [_Sample(health.units.get(one, 0), {"state": one.value}) for one in UnitState]
    yield "units", "Units of the publication, by state.", states
    proofs = [_Sample(number, {"state": state}) for state, number in health.entrypoints.items()]
    yield "entrypoints", "Declared entrypoints, by what rehearsals proved.", proofs
    yield "findings", "What upstream did, as the last syncs saw it.", _findings(health)
    yield "repos", "Repos of the publication.", [_Sample(counts.repos)]
    yield "snapshots", "Snapshots of the publication.", [_Sample(counts.snapshots)]
    yield "checkpoints", "Checkpoints of the publication.", [_Sample(counts.checkpoints)]
    yield "publication_bytes", "The size of all that it holds.", [_Sample(counts.size_bytes)]
    free = [_Sample(health.free_bytes)]
    yield "mirror_free_bytes", "What the disk of the mirror has left.", free
    state_free = [_Sample(known) for known in (health.state_free_bytes,) if known is not None]
    yield "state_free_bytes", "What the disk of the writer's state has left.", state_free


def _times(health: Health) -> Iterator[tuple[str, str, list[_Sample]]]:
    run = health.last_run
    for name, text, at in (
        ("last_success", "When a sync last ended with 0.", health.last_success_at),
        ("last_attempt", "When a sync last ended, however.", run.ended_at if run else ""),
        ("urls_checked", "When URLs were last asked again.", run.urls_checked_at if run else ""),
        (
            "publication_created",
            "When the publication was made.",
            health.serving.publication.created_at,
        ),
    ):
        samples = [_Sample(datetime.fromisoformat(at).timestamp())] if at else []
        yield f"{name}_timestamp_seconds", text, samples
    codes = [_Sample(run.exit_code)] if run else []
    yield "last_attempt_exit_code", "How that sync ended; see docs/exit-codes.md.", codes


def _findings(health: Health) -> list[_Sample]:
    counts = Counter((one.kind.value, one.policy.value) for _, _, one in health.findings())
    return [
        _Sample(number, {"kind": kind, "policy": policy})
        for (kind, policy), number in sorted(counts.items())
    ]
