"""The health of a mirror as Prometheus reads it: every line parses, every name is documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.findings import Finding, FindingKind
from hubmirror.health import Health, look
from hubmirror.last_run import LastRun, RunUnit
from hubmirror.metrics import metrics_text, write_metrics
from hubmirror.mirror import Mirror
from hubmirror.specs import Drift
from tests.writer import Writer

DOCS = Path(__file__).parents[1] / "docs" / "operating.md"
SAMPLE = re.compile(
    r'(hubmirror_[a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\} (-?[0-9.e+]+)'
)
AT = "2026-11-25T12:00:00+00:00"
AT_S = 1_795_608_000.0


@pytest.fixture
def health(tmp_path: Path) -> Iterator[Health]:
    folder = tmp_path / 'a "host"\\n'
    folder.mkdir()
    weights = folder / "w.pth"
    weights.write_bytes(b"weights")
    writer = Writer(folder)
    report = writer.sync(writer.manifest(checkpoints=[{"url": weights.as_uri()}]))
    assert report.exit_code() is ExitCode.OK
    with Mirror.open(writer.root) as mirror:
        found = look(mirror, writer.settings)
        gone = Finding(FindingKind.GONE_URL, "u", Drift.HOLD, "m", AT)
        unit = RunUnit("team", "u", findings=(gone, gone))
        run = LastRun(AT, AT, 6, urls_checked_at=AT, units=(unit,))
        yield replace(found, last_run=run, last_success_at=AT)


def samples(text: str) -> dict[str, float]:
    """Return each sample of a text by its name and labels, less the mirror's id."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            labels = re.sub(r'mirror="[^"]*",?', "", sample[2])
            found[f"{sample[1]}{{{labels}}}"] = float(sample[3])
    return found


def test_every_sample_says_what_is_known(health: Health) -> None:
    found = samples(metrics_text(health))

    assert found["hubmirror_last_success_timestamp_seconds{}"] == AT_S
    assert found["hubmirror_last_attempt_timestamp_seconds{}"] == AT_S
    assert found["hubmirror_last_attempt_exit_code{}"] == 6
    assert found["hubmirror_urls_checked_timestamp_seconds{}"] == AT_S
    assert found['hubmirror_findings{kind="gone_url",policy="hold"}'] == 2
    assert found['hubmirror_units{state="complete"}'] == 1
    assert found['hubmirror_units{state="stale"}'] == 0
    assert found["hubmirror_publication_sequence{}"] == 1
    assert found["hubmirror_publishing_held{}"] == 0
    assert found["hubmirror_state_free_bytes{}"] > 0


def test_every_family_has_its_help_and_type_once_and_before_its_samples(health: Health) -> None:
    lines = metrics_text(health).splitlines()

    names = [line.split()[2] for line in lines if line.startswith("# HELP ")]
    assert len(names) == len(set(names))
    for name in names:
        at = lines.index(f"# TYPE {name} gauge")
        assert lines[at - 1].startswith(f"# HELP {name} ")
        assert lines[at + 1].startswith(f"{name}{{")


def test_what_is_not_known_is_left_out(health: Health) -> None:
    unknown = replace(health, last_run=None, last_success_at="", state_free_bytes=None)

    found = samples(metrics_text(unknown))

    assert not [name for name in found if "last_" in name or "state_free" in name]


def test_every_metric_is_documented_and_no_other(health: Health) -> None:
    names = set(re.findall(r"^# HELP (\S+)", metrics_text(health), re.MULTILINE))

    rows = re.findall(r"^\| `(hubmirror_[a-z_]+)", DOCS.read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(names)


def test_the_file_is_readable_by_all_and_replaced_whole(health: Health, tmp_path: Path) -> None:
    path = tmp_path / "textfile" / "hubmirror.prom"
    path.parent.mkdir()
    path.write_text("old")
    with path.open() as reader:
        write_metrics(health, path)

        assert reader.read() == "old"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]
    assert samples(path.read_text())
