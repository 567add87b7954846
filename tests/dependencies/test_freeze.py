"""What ``pip freeze`` prints on a node is read as it is; anything else is named by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror.dependencies.freeze import parse_freeze, read_freeze
from hubmirror.errors import InvalidInputError


def versions(text: str) -> dict[str, str]:
    installed = parse_freeze(text, file="freeze.txt").installed
    return {name: str(version or "") for name, version in installed.items()}


@pytest.mark.parametrize(
    ("line", "name", "version"),
    [
        ("numpy==2.1.0", "numpy", "2.1.0"),
        ("Opencv_Python==4.10.0.84", "opencv-python", "4.10.0.84"),
        ("torch==2.6.0+cu124", "torch", "2.6.0+cu124"),
        ("odd===not-a-version", "odd", ""),
        ("uvicorn[standard]==0.30", "uvicorn", "0.30"),
        ("timm @ file:///wheels/timm-1.0.9-py3-none-any.whl#sha256=00", "timm", "1.0.9"),
        ("xf @ https://x.example/xf-0.1%2Bcu1-cp312-cp312-linux_x86_64.whl", "xf", "0.1+cu1"),
        ("tool @ file:///src/tool-1.4.tar.gz", "tool", "1.4"),
        ("clip @ git+https://github.com/openai/CLIP.git@a1b2c3", "clip", ""),
        ("-e git+https://git.example/nets.git@a1b2c3#egg=our_nets", "our-nets", ""),
        ("-e git+https://git.example/nets.git@a1b2c3#egg=our_nets&subdirectory=x", "our-nets", ""),
        ("-e /home/anna/our_nets", "our-nets", ""),
        ("# Editable install with no version control (nets==0.3)\n-e /home/x", "nets", "0.3"),
    ],
)  # fmt: skip
def test_each_kind_of_line_gives_a_name_and_the_version_if_it_is_told(
    line: str, name: str, version: str
) -> None:
    assert versions(f"{line}\n") == {name: version}


def test_comments_blank_lines_and_options_give_nothing() -> None:
    text = "\ufeff# a comment\n\n--index-url https://index.example/simple\n-f wheels\n"

    assert versions(text.removeprefix("\ufeff")) == {}


def test_every_line_that_pip_does_not_print_is_named() -> None:
    with pytest.raises(InvalidInputError) as caught:
        versions("numpy==2.1.0\nnumpy 2.1.0\n_libgcc_mutex=0.1=main\n")

    assert [fault.line for fault in caught.value.faults] == [2, 3]
    assert "expected a line of `pip freeze`, such as numpy==2.1.0, got 'numpy 2.1.0'" in str(
        caught.value
    )
    assert caught.value.hint == "make it on the node: pip freeze > freeze.txt"


def test_a_file_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"freeze\.txt: no such file") as caught:
        read_freeze(tmp_path / "freeze.txt")

    assert caught.value.hint == "make it on the node: pip freeze > freeze.txt"
