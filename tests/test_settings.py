"""Settings: where they come from, which wins, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubmirror import settings
from hubmirror.errors import InvalidInputError, NotFoundError
from hubmirror.files import Modes
from hubmirror.settings import Settings, Verify


@pytest.fixture
def site(sealed: Path) -> Path:
    settings.SITE_FILE.parent.mkdir(parents=True)
    return settings.SITE_FILE


@pytest.fixture
def user(sealed: Path) -> Path:
    path = sealed / ".config" / "hubmirror" / "config.yaml"
    path.parent.mkdir(parents=True)
    return path


def test_each_level_outranks_the_one_below(
    site: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write_text("mirror: /site\ncache: /site-cache\njobs: 2\nverify: full\n")
    user.write_text("mirror: /user\njobs: 3\n")
    monkeypatch.setenv("HUBMIRROR_JOBS", "5")

    found = Settings.load(mirror="/flag")

    assert (found.mirror, found.cache, found.jobs) == ("/flag", "/site-cache", 5)
    assert found.verify is Verify.FULL
    assert Settings.load().mirror == "/user"
    monkeypatch.setenv("HUBMIRROR", "/variable")
    assert Settings.load().mirror == "/variable"


def test_no_mirror_is_an_error_that_names_the_four_places() -> None:
    with pytest.raises(NotFoundError) as caught:
        Settings.load().require_mirror()

    for place in ("--mirror", "HUBMIRROR", "~/.config/hubmirror/config.yaml", "config.yaml"):
        assert place in caught.value.hint


def test_every_fault_of_a_settings_file_comes_at_once(user: Path) -> None:
    user.write_text("mirror: /m\nmiror: /m\nnested:\n  key: value\nmirror: /n\n")

    with pytest.raises(InvalidInputError) as caught:
        Settings.load()

    assert [fault.line for fault in caught.value.faults] == [2, 3, 4, 5]
    assert "'miror'" in caught.value.message
    assert f"{user}:5:1: 'mirror' is set twice" in caught.value.message


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("verify: sometimes", "verify: expected one of stat, once, full, got 'sometimes'"),
        ("jobs: many", "jobs: expected a number from 1 to 64, got 'many'"),
        ("jobs: 0", "jobs: expected a number from 1 to 64, got '0'"),
        (
            "limit_rate: fast",
            "limit_rate: expected a rate with its unit, such as 50MB/s or 1MiB/s, got 'fast'",
        ),
        ("file_mode: rw", "file_mode: expected an octal mode such as 0644, got 'rw'"),
    ],
)
def test_a_bad_value_is_named_with_its_line(user: Path, line: str, said: str) -> None:
    user.write_text(f"# a comment\n{line}\n")

    with pytest.raises(InvalidInputError) as caught:
        Settings.load()

    assert caught.value.message.startswith(f"{user}:2: {said}")


def test_comments_quotes_and_empty_values_are_yaml(user: Path) -> None:
    user.write_text('---\nmirror: "/a b"  # the mirror\ncache:\nfile_mode: 0640\n')

    found = Settings.load()

    assert (found.mirror, found.cache) == ("/a b", "")
    assert found.modes == Modes(file=0o640, folder=0o755, blob=0o440)


def test_a_file_without_home_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")

    found = Settings.load()

    assert (found.cache_home, found.state_home, found.home) == ("", "", "")


def test_one_ca_bundle_serves_whichever_variable_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/b.pem")
    assert Settings.load().ca_bundle == "/b.pem"
    monkeypatch.setenv("SSL_CERT_FILE", "/a.pem")
    assert Settings.load().ca_bundle == "/a.pem"


def test_a_variable_that_is_not_set_is_named_and_no_value_leaks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    found = Settings.load()

    assert found.expand("https://x/${TOKEN}") == "https://x/s3cret"
    with pytest.raises(InvalidInputError) as caught:
        found.expand("https://x/${TOKEN}/${GONE}")

    assert "GONE is not set" in caught.value.message
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(found)
