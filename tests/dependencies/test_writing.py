"""The requirements file that a site's own index is asked with."""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from hubmirror.dependencies.freeze import parse_freeze
from hubmirror.dependencies.gathering import Need
from hubmirror.dependencies.joining import joined
from hubmirror.dependencies.judging import judge
from hubmirror.dependencies.writing import requirements_text
from hubmirror.hubconf.imports import When
from tests.dependencies.test_judging import need


def text(*needs: Need, freeze: str | None = None) -> str:
    node = None if freeze is None else parse_freeze(freeze, file="freeze.txt")
    return requirements_text(judge(needs, node))


def asked(written: str) -> list[str]:
    """Return the lines that pip would act on, each read as pip reads it."""
    lines = [line for line in written.splitlines() if not line.startswith("#")]
    return [str(Requirement(line.partition("  #")[0])) for line in lines]


def test_each_distribution_is_asked_for_once_with_all_who_want_it() -> None:
    written = text(
        need("numpy", "numpy", versions=">=1.20", repo="a/b:main"),
        need("yaml", "PyYAML", repo="a/b:main"),
        need("numpy", "numpy", versions="<2", repo="c/d:v1"),
    )

    assert written == "numpy<2,>=1.20  # a/b:main, c/d:v1\nPyYAML  # a/b:main\n"
    assert asked(written) == ["numpy<2,>=1.20", "PyYAML"]


def test_torch_is_not_asked_for_and_it_says_why() -> None:
    written = text(need("torch", "torch", versions=">=1.10"), need("timm", "timm"))

    assert asked(written) == ["timm"]
    assert "# a/b:main wants torch>=1.10\n" in written
    assert "the node's own is built for its CUDA" in written


def test_of_a_node_only_what_it_lacks_is_asked_for() -> None:
    wants = [need("numpy", "numpy"), need("timm", "timm"), need("torch", "torch")]

    assert text(*wants, freeze="numpy==2.0\ntorch==2.6.0") == "timm  # a/b:main\n"


def test_what_is_optional_or_unknown_stays_a_comment() -> None:
    written = text(need("wandb", "wandb", when=When.OPTIONAL), need("obscure"))

    assert asked(written) == []
    assert "# wandb  # a/b:main\n" in written
    assert "# import obscure  # a/b:main\n" in written


def test_two_pins_that_no_version_satisfies_are_named_and_not_asked_for() -> None:
    written = text(
        need("timm", "timm", versions="==0.5.4", repo="a/b:main"),
        need("timm", "timm", versions="==1.0.9", repo="c/d:v1"),
    )

    assert asked(written) == []
    assert "# no one version of timm is right for all of these:\n" in written
    assert "#   timm==0.5.4  # a/b:main\n" in written


def test_of_several_bounds_the_narrowest_are_written() -> None:
    written = text(
        need("numpy", "numpy", versions=">=1.9,<3", repo="a/b:main"),
        need("numpy", "numpy", versions=">=1.20,<2,!=1.22", repo="c/d:v1"),
    )

    assert asked(written) == ["numpy!=1.22,<2,>=1.20"]


@pytest.mark.parametrize(
    ("one", "other", "possible"),
    [
        (">=2.0.0", "<1.24", False),
        (">=2.0", "<2.0", False),
        (">2.0", "<2.1", True),
        (">=2.0", "<=2.0", True),
        ("==2.*", ">=2.5", True),
        ("==2.*", ">=3", False),
        ("~=1.4", ">=2", False),
        ("<2.1", "<2.10", True),
        ("===odd", "", True),
    ],
)
def test_bounds_that_leave_nothing_between_them_are_noticed(
    one: str, other: str, possible: bool
) -> None:
    found = joined([SpecifierSet(one), SpecifierSet(other)])

    assert (found is not None) is possible
