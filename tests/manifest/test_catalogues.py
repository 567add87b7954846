"""The catalogues in ``config/``: manifests that people start from, so all of them must hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hubmirror.drift import Resolution
from hubmirror.manifest.reading import read_manifest
from hubmirror.plan import Known, plan_source
from hubmirror.records import RefKind, RefRow, RepoKey
from hubmirror.specs import CheckpointSpec, Manifest
from tests.samples import COMMIT

CONFIG = Path(__file__).parents[2] / "config"
NAMES = ("pytorch-hub", "popular")
NESTED = re.compile(r"\bloads ((?:[\w.-]+/)+[\w.-]*\w)")


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def manifest(name: str) -> Manifest:
    return read_manifest(CONFIG / f"{name}.yaml")


def test_a_catalogue_is_sound_and_its_source_has_its_name(name: str, manifest: Manifest) -> None:
    assert manifest.name == name
    assert len(manifest.repos) > 20


def test_every_repo_says_what_must_load_and_says_it_once(manifest: Manifest) -> None:
    calls = {spec.title: [one.call for one in spec.entrypoints] for spec in manifest.repos}

    assert [title for title, one in calls.items() if not one] == []
    assert [title for title, one in calls.items() if len(set(one)) < len(one)] == []


def test_every_repo_that_another_one_loads_is_there(name: str, manifest: Manifest) -> None:
    comments = re.findall(r"^ *# ?(.*)$", (CONFIG / f"{name}.yaml").read_text(), re.MULTILINE)
    nested = {RepoKey.parse(one) for one in NESTED.findall(" ".join(comments))}
    aliases = {RepoKey.parse(alias) for spec in manifest.repos for alias in spec.aliases}

    assert nested
    assert nested - {spec.key for spec in manifest.repos} - aliases == set()


def test_a_dry_plan_makes_and_fetches_all_of_it(manifest: Manifest) -> None:
    branch = RefRow("main", RefKind.BRANCH, COMMIT)
    resolutions = {
        spec.key: Resolution("main", dict.fromkeys(spec.refs or ("",), (branch,)))
        for spec in manifest.repos
    }

    plan = plan_source(manifest, None, resolutions, Known({}, {}, frozenset()))

    assert [unit.name for unit in plan.units if unit.failure or not unit.make] == []
    assert {one.spec.url for unit in plan.units for one in unit.fetch} == {
        one.url for spec in manifest.repos for one in spec.checkpoints
    }


def test_a_digest_is_one_that_its_url_carries(manifest: Manifest) -> None:
    specs = [one for spec in manifest.repos for one in spec.checkpoints]

    assert sum(bool(_digits(one)) for one in specs) > 70
    assert [one.url for one in specs if _digits(one) not in one.url] == []


def _digits(spec: CheckpointSpec) -> str:
    return spec.prefix or (spec.sha256.hex if spec.sha256 else "")


def test_both_catalogues_may_be_sources_of_one_mirror() -> None:
    first, second = (read_manifest(CONFIG / f"{name}.yaml") for name in NAMES)
    addresses = {spec.key: spec.url for spec in first.repos}
    digests = {one.url: _digits(one) for spec in first.repos for one in spec.checkpoints}

    shared = [spec for spec in second.repos if spec.key in addresses]
    assert shared
    assert [spec.title for spec in shared if addresses[spec.key] != spec.url] == []
    assert [
        one.url
        for spec in second.repos
        for one in spec.checkpoints
        if digests.get(one.url, _digits(one)) != _digits(one)
    ] == []


def test_gated_weights_come_from_the_environment_and_no_address_of_them_is_written() -> None:
    (dinov3,) = [
        spec
        for spec in read_manifest(CONFIG / "popular.yaml").repos
        if spec.title == "facebookresearch/dinov3"
    ]

    assert all(re.fullmatch(r"\$\{\w+\}", one.fetch_url) for one in dinov3.checkpoints)
