"""A private repo, synced with a token: it comes, and the token is left nowhere."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import pytest

from hubmirror.errors import ExitCode
from tests.certificates import make_ca, server_context
from tests.upstream import RepoBuilder, Upstream, faults
from tests.writer import Writer

TOKEN = "hunter2-is-secret"
BASIC = b64encode(f"x-access-token:{TOKEN}".encode()).decode()


def test_a_token_opens_a_private_repo_and_is_left_nowhere(
    writer: Writer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(0)
    ca = make_ca(tmp_path)
    config = tmp_path / "config"
    monkeypatch.setenv("HUBMIRROR_CA_BUNDLE", str(ca))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    with Upstream(tmp_path / "private", tls=server_context(ca)) as host:
        repo = RepoBuilder.create(host, "owner/name")
        repo.commit({"hubconf.py": "def net():\n    pass\n"})
        host.fault_repo("owner/name", faults.WantsAuthorization(f"Basic {BASIC}"))
        tokens = config / "hubmirror" / "tokens"
        tokens.mkdir(parents=True)
        (tokens / f"127.0.0.1:{host.port}").write_text(TOKEN)

        report = writer.sync(
            writer.manifest([{"repo": "owner/name", "url": host.git_url("owner/name")}])
        )

    said = "\n".join([*writer.said, caplog.text]).encode()
    held = [path.read_bytes() for path in writer.folder.rglob("*") if path.is_file()]
    assert report.exit_code() is ExitCode.OK
    assert len(held) > 10
    assert not any(secret.encode() in text for text in [said, *held] for secret in (TOKEN, BASIC))
