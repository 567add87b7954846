"""The docs say what is there: no dead link, no setting, promise or file that they leave out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hubmirror import settings

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#]+)", text)

    missing = [
        target for target in targets if "://" not in target and not (page.parent / target).exists()
    ]

    assert missing == []


def test_every_setting_and_variable_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()

    keys = {*settings._VARIABLES, *settings._FILE_KEYS} - {"publication"}
    variables = {name for names in settings._VARIABLES.values() for name in names}
    assert [key for key in sorted(keys) if f"| `{key}` |" not in text] == []
    assert [name for name in sorted(variables) if f"`{name}`" not in text] == []


def test_every_key_of_the_example_settings_is_one() -> None:
    text = (ROOT / "config" / "hubmirror.example.yaml").read_text()

    assert set(re.findall(r"^#([a-z_]+): ", text, re.MULTILINE)) == set(settings._FILE_KEYS)


def test_no_host_of_a_package_registry_is_named() -> None:
    # Assembled here, or this file would name them itself.
    hosts = [f"{name}.org" for name in ("pypi", "files.pythonhosted")] + ["registry.npm" + "js"]
    found = [
        f"{path}: {host}"
        for path in [
            *ROOT.glob("*.*"),
            *ROOT.glob("config/*"),
            *ROOT.glob("docs/*"),
            *ROOT.glob("scripts/*"),
        ]
        if path.is_file()
        for host in hosts
        if host in path.read_text(errors="replace")
    ]

    assert found == []


def test_every_test_that_holds_a_promise_of_loading_is_there() -> None:
    text = (ROOT / "docs" / "loading.md").read_text()

    named = re.findall(r"`(test_\w+)::(test_\w+)`", text)

    assert len(named) > 15
    assert [
        name
        for module, name in named
        if f"def {name}(" not in (ROOT / "tests" / "hub" / f"{module}.py").read_text()
    ] == []
