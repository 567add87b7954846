"""What the doctor finds on a node, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from hubmirror.hub.doctor import Diagnosis, diagnose
from hubmirror.resolve import Spec
from hubmirror.settings import Settings
from tests.hub.small_mirror import SmallRepo, blob_of, publish, weights

URL = "https://weights.example/net.pth"
RUNS = "raise SystemExit('a repo ran')\n"


def repo(title: str, body: str, content: bytes = b"") -> SmallRepo:
    tree = {"hubconf.py": body, "models/__init__.py": "", "helper.py": ""}
    return SmallRepo(title, {"main": tree}, {URL: content} if content else {})


def look(mirror: Path, *specs: str, stale_days: int = 30) -> Diagnosis:
    settings = Settings.load(mirror=str(mirror))
    return diagnose(settings, [Spec.parse(spec) for spec in specs], stale_days)


def said(found: Diagnosis, subject: str) -> list[str]:
    return [one.message for one in found.findings if one.subject.startswith(subject)]


def test_a_sound_node_is_all_well(mirror: Path) -> None:
    publish(mirror, [repo("acme/nets", "import torch, models\nfrom helper import x", weights(1))])

    found = look(mirror, stale_days=9999)

    assert found.exit_code is ExitCode.OK
    others = [one for one in found.findings if one.subject not in ("cache", "cuda")]
    assert {one.hint for one in others} == {""}
    assert said(found, "mirror") == [f"{mirror}: its catalog is sound"]


def test_all_that_is_missing_comes_with_one_pip_line(mirror: Path) -> None:
    first = repo("acme/nets", "dependencies = ['torch', 'yaml_missing', 'cv2']\n" + RUNS)
    second = repo("acme/more", "import fvcore_missing\ntry:\n    import optional\nexcept: pass\n")
    publish(mirror, [first, second])

    found = look(mirror)

    assert found.exit_code is ExitCode.INCOMPLETE
    assert found.pip == "pip install fvcore_missing yaml_missing opencv-python"
    assert said(found, "acme/nets at ") == ["missing dependencies: yaml_missing, cv2"]


def test_only_what_was_asked_for_counts(mirror: Path) -> None:
    publish(mirror, [repo("acme/nets", "import missing"), repo("acme/more", "import torch")])

    assert look(mirror, "acme/more").exit_code is ExitCode.OK
    assert look(mirror, "acme/nets:main").exit_code is ExitCode.INCOMPLETE


def test_a_repo_that_is_not_mirrored_says_what_to_add(mirror: Path) -> None:
    publish(mirror)

    found = look(mirror, "acme/nets")

    assert found.exit_code is ExitCode.NOT_FOUND
    assert "- repo: acme/nets" in found.findings[-1].hint


def test_a_missing_mirror_is_a_finding_like_all_others(tmp_path: Path) -> None:
    found = look(tmp_path / "nothing")

    assert found.exit_code is ExitCode.NOT_FOUND
    assert said(found, "python")


def test_lost_weights_outrank_missing_packages(mirror: Path) -> None:
    publish(mirror, [repo("acme/nets", "import missing", weights(1))])
    blob_of(mirror, weights(1)).unlink()

    assert look(mirror).exit_code is ExitCode.VERIFICATION


def test_an_old_publication_is_worth_a_word(mirror: Path) -> None:
    publish(mirror)

    found = look(mirror)

    assert found.exit_code is ExitCode.OK
    assert (
        "days old: ask whoever"
        in next(one for one in found.findings if one.subject == "publication").hint
    )


def test_a_cache_that_cannot_serve_says_why(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(mirror)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("HUBMIRROR_CACHE", str(tmp_path / "file"))

    assert said(look(mirror), "cache") == [
        f"{tmp_path / 'file'}: a temporary folder serves instead: File exists"
    ]


def test_settings_are_told_with_their_origin(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(mirror)
    monkeypatch.setenv("HUBMIRROR_VERIFY", "full")

    told = said(look(mirror), "settings")

    assert f"mirror is {mirror} (--mirror)" in told
    assert "verify is full (HUBMIRROR_VERIFY)" in told
