"""What ``config/`` shows to a newcomer works as it stands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest

from hubmirror.cli.app import commands
from hubmirror.manifest.lock import read_lock
from hubmirror.manifest.reading import read_manifest
from hubmirror.settings import Settings, Verify

CONFIG = Path(__file__).parents[2] / "config"


def test_the_example_manifest_is_sound_and_starts_with_torchvision() -> None:
    manifest = read_manifest(CONFIG / "manifest.example.yaml")

    vision = manifest.repos[0]
    assert (vision.title, vision.refs) == ("pytorch/vision", ("v0.10.0",))
    assert [spec.call for spec in vision.entrypoints] == [
        "resnet18(pretrained=True)",
        "alexnet(pretrained=True)",
    ]
    assert [(spec.url, spec.prefix) for spec in vision.checkpoints] == [
        ("https://download.pytorch.org/models/resnet18-f37072fd.pth", "f37072fd"),
        ("https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79"),
    ]


def test_the_example_manifest_points_editors_at_the_shipped_schema() -> None:
    first = (CONFIG / "manifest.example.yaml").read_text(encoding="utf-8").splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)

    assert found
    assert (CONFIG / found[1]).resolve().name == "manifest.schema.json"
    assert (CONFIG / found[1]).is_file()


def test_no_example_is_shipped_with_a_lock() -> None:
    assert read_lock(CONFIG / "manifest.example.yaml.lock") is None


def test_the_example_settings_change_nothing_until_they_are_uncommented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (CONFIG / "hubmirror.example.yaml").read_text(encoding="utf-8")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "hubmirror").mkdir()
    path = tmp_path / "hubmirror" / "config.yaml"

    path.write_text(text, encoding="utf-8")
    untouched = Settings.load()
    path.write_text(re.sub(r"(?m)^#(?=[a-z_]+: )", "", text), encoding="utf-8")
    settings = Settings.load()

    assert (untouched.mirror, untouched.limit_rate_bytes) == ("", 0)
    assert (settings.mirror, settings.verify, settings.jobs) == (
        "/srv/hubmirror",
        Verify.ONCE,
        4,
    )
    assert settings.limit_rate_bytes == 50_000_000
    assert settings.ca_bundle == "/etc/ssl/certs/ca-certificates.crt"


JOBS = ("sync", "check-urls", "verify")


@pytest.mark.parametrize("job", JOBS)
def test_the_services_and_cron_run_the_same_commands(job: str) -> None:
    service = (CONFIG / f"hubmirror-{job}.service").read_text(encoding="utf-8")
    command = re.search(r"(?m)^ExecStart=/usr/bin/env (.+)$", service)
    lines = (CONFIG / "hubmirror.cron").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if re.match(r"\d", line)]

    assert len(entries) == len(JOBS)
    assert command
    assert sum(f" {command[1]} >>" in entry for entry in entries) == 1


@pytest.mark.parametrize("job", JOBS)
def test_every_command_of_a_service_is_one_that_there_is(job: str) -> None:
    service = (CONFIG / f"hubmirror-{job}.service").read_text(encoding="utf-8")
    command = re.search(r"(?m)^ExecStart=/usr/bin/env hubmirror (\w+) (.+)$", service)
    assert command
    given = re.findall(r"--[a-z-]+", command[2])

    found = commands.get_command(click.Context(commands), command[1])

    assert found
    assert set(given) <= {name for one in found.params for name in one.opts}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    units = [
        shutil.copy(CONFIG / f"hubmirror-{job}.{kind}", tmp_path)
        for job in JOBS
        for kind in ("service", "timer")
    ]

    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units)], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
