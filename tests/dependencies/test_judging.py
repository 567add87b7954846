"""What a node has is compared with what repos need, and nothing else is asked."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from hubmirror.dependencies.freeze import parse_freeze
from hubmirror.dependencies.gathering import Need
from hubmirror.dependencies.judging import Judged, Verdict, judge
from hubmirror.hubconf.imports import When


def need(
    module: str,
    *distributions: str,
    versions: str = "",
    when: When = When.LOAD,
    repo: str = "a/b:main",
) -> Need:
    return Need(repo, module, when, "hubconf.py:1", distributions, SpecifierSet(versions), "")


def judged(one: Need, freeze: str) -> Judged:
    return judge([one], parse_freeze(freeze, file="freeze.txt"))[0]


@pytest.mark.parametrize(
    ("versions", "freeze", "verdict"),
    [
        ("", "numpy==1.0", Verdict.OK),
        (">=1.20", "numpy==1.20", Verdict.OK),
        (">=1.20", "numpy==1.19.5", Verdict.TOO_OLD),
        ("~=2.1", "numpy==1.9", Verdict.TOO_OLD),
        ("==2.*", "numpy==1.9", Verdict.TOO_OLD),
        (">=1.20,<2", "numpy==2.1.0", Verdict.EXCLUDED),
        ("!=2.1.0", "numpy==2.1.0", Verdict.EXCLUDED),
        (">=1.20", "numpy==1.21rc1", Verdict.OK),
        (">=1.20", "numpy==1.20+local", Verdict.OK),
        (">=1.20", "scipy==1.20", Verdict.MISSING),
        (">=1.20", "numpy @ git+https://git.example/numpy", Verdict.UNKNOWN),
        ("", "numpy @ git+https://git.example/numpy", Verdict.OK),
    ],
)
def test_a_version_is_held_against_what_the_repo_states(
    versions: str, freeze: str, verdict: Verdict
) -> None:
    assert judged(need("numpy", "numpy", versions=versions), freeze).verdict is verdict


def test_any_distribution_that_brings_the_module_will_do() -> None:
    one = need("cv2", "opencv-python", "opencv-python-headless")

    found = judged(one, "opencv-python-headless==4.10")

    assert (found.distribution, found.installed, found.verdict) == (
        "opencv-python-headless",
        "4.10",
        Verdict.OK,
    )


def test_a_module_of_no_known_distribution_is_unknown_and_not_lacking() -> None:
    found = judged(need("obscure"), "numpy==2.0")

    assert (found.distribution, found.verdict, found.is_lacking) == ("", Verdict.UNKNOWN, False)


def test_a_distribution_of_the_modules_own_name_brings_it() -> None:
    found = judged(need("obscure"), "Obscure==1.0")

    assert (found.distribution, found.verdict) == ("obscure", Verdict.OK)


@pytest.mark.parametrize(
    ("when", "lacking"), [(When.LOAD, True), (When.CALL, True), (When.OPTIONAL, False)]
)
def test_only_what_is_optional_may_be_absent(when: When, lacking: bool) -> None:
    found = judged(need("numpy", "numpy", when=when), "")

    assert (found.verdict, found.is_lacking) == (Verdict.MISSING, lacking)


def test_without_a_node_all_is_said_to_be_needed() -> None:
    found = judge([need("numpy", "numpy"), need("obscure")], None)

    assert [one.verdict for one in found] == [Verdict.NEEDED, Verdict.UNKNOWN]
