"""Signatures of bundles, with the real ssh-keygen and real keys."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hubmirror.carry.signatures import judge, sign, verify
from hubmirror.errors import InvalidInputError, NotFoundError, StorageError, VerificationError
from hubmirror.settings import Settings, SignaturePolicy

ROOT = b'{"bundle": "1234"}\n'
HERE: Mapping[str, str] = {"PATH": os.environ["PATH"]}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of keys: ``courier``, ``stranger``, and ``locked`` with a passphrase."""
    folder = tmp_path_factory.mktemp("keys")
    for name, passphrase in (("courier", ""), ("stranger", ""), ("locked", "secret")):
        words = ["-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(folder / name)]
        subprocess.run(["ssh-keygen", *words], check=True)
    return folder


@pytest.fixture
def allowed(keys: Path, tmp_path: Path) -> Path:
    return allow(tmp_path / "allowed_signers", "courier@site", keys / "courier.pub")


def allow(path: Path, name: str, key: Path, options: str = "") -> Path:
    kind, body, *_ = key.read_text().split()
    path.write_text(" ".join(filter(None, (name, options, kind, body))) + "\n")
    return path


def test_a_signature_names_its_signer(keys: Path, allowed: Path) -> None:
    signature = sign(ROOT, keys / "courier", variables=HERE)

    assert verify(ROOT, signature, allowed, variables=HERE) == "courier@site"


def test_any_of_the_names_of_a_key_will_do(keys: Path, tmp_path: Path) -> None:
    allowed = allow(tmp_path / "allowed", "*@site,!eve@site", keys / "courier.pub")

    signature = sign(ROOT, keys / "courier", variables=HERE)

    assert verify(ROOT, signature, allowed, variables=HERE) == "*@site"


def test_tampered_bytes_are_refused(keys: Path, allowed: Path) -> None:
    signature = sign(ROOT, keys / "courier", variables=HERE)

    with pytest.raises(VerificationError, match="incorrect signature"):
        verify(ROOT.replace(b"1", b"2"), signature, allowed, variables=HERE)


def test_a_tampered_signature_is_refused(keys: Path, allowed: Path) -> None:
    signature = sign(ROOT, keys / "courier", variables=HERE)
    lines = signature.splitlines()
    lines[3] = lines[3].swapcase()

    with pytest.raises(VerificationError):
        verify(ROOT, b"\n".join(lines) + b"\n", allowed, variables=HERE)


@pytest.mark.parametrize("signature", [b"", b"\0" * 100, b"-----BEGIN SSH SIGNATURE-----\n"])
def test_what_is_no_signature_is_refused(allowed: Path, signature: bytes) -> None:
    with pytest.raises(VerificationError, match="signature"):
        verify(ROOT, signature, allowed, variables=HERE)


def test_a_signature_of_megabytes_is_refused_unread(allowed: Path) -> None:
    with pytest.raises(VerificationError, match="1,000,000 bytes"):
        verify(ROOT, b"x" * 1_000_000, allowed, variables=HERE)


def test_a_signature_for_another_purpose_is_refused(
    keys: Path, allowed: Path, tmp_path: Path
) -> None:
    (tmp_path / "root").write_bytes(ROOT)
    words = ["-Y", "sign", "-q", "-n", "git", "-f", str(keys / "courier"), str(tmp_path / "root")]
    subprocess.run(["ssh-keygen", *words], check=True)

    with pytest.raises(VerificationError, match="namespace does not match"):
        verify(ROOT, (tmp_path / "root.sig").read_bytes(), allowed, variables=HERE)


def test_an_unknown_signer_is_refused(keys: Path, allowed: Path) -> None:
    signature = sign(ROOT, keys / "stranger", variables=HERE)

    with pytest.raises(VerificationError, match="No principal matched"):
        verify(ROOT, signature, allowed, variables=HERE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('valid-before="20200101"', "key has expired"),
        ('valid-after="29990101"', "key is not yet valid"),
        ('namespaces="git"', "not permitted for use in signature namespace"),
    ],
)
def test_what_the_allowed_signers_file_says_of_a_key_counts(
    keys: Path, tmp_path: Path, options: str, said: str
) -> None:
    allowed = allow(tmp_path / "allowed", "courier@site", keys / "courier.pub", options)
    signature = sign(ROOT, keys / "courier", variables=HERE)

    with pytest.raises(VerificationError, match=said):
        verify(ROOT, signature, allowed, variables=HERE)


def test_a_key_with_a_passphrase_fails_at_once_and_never_asks(keys: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    program = tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\ntouch {asked}\necho secret\n")
    program.chmod(0o755)
    variables = {**HERE, "SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}

    with pytest.raises(StorageError, match="cannot sign with this key") as caught:
        sign(ROOT, keys / "locked", variables=variables)

    assert "ssh-add" in caught.value.hint
    assert not asked.exists()


@pytest.fixture
def agent(keys: Path, tmp_path: Path) -> Iterator[str]:
    """An agent that holds ``courier``; gives its socket."""
    socket = str(tmp_path / "agent")
    process = subprocess.Popen(
        ["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
    )
    assert process.stdout
    with process.stdout:
        process.stdout.readline()  # printed when it listens
        variables = {**HERE, "SSH_AUTH_SOCK": socket}
        words = ["ssh-add", "-q", str(keys / "courier")]
        subprocess.run(words, env=variables, check=True, stderr=subprocess.DEVNULL)
        yield socket
        process.terminate()
        process.wait()


def test_an_agent_signs_for_whoever_has_the_public_half(
    keys: Path, allowed: Path, agent: str, tmp_path: Path
) -> None:
    public = tmp_path / "only-public.pub"
    public.write_bytes((keys / "courier.pub").read_bytes())

    signature = sign(ROOT, public, variables={**HERE, "SSH_AUTH_SOCK": agent})

    assert verify(ROOT, signature, allowed, variables=HERE) == "courier@site"


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere: cannot sign with this key: .*No such file"):
        sign(ROOT, tmp_path / "nowhere", variables=HERE)


def test_a_missing_ssh_keygen_says_what_to_install(tmp_path: Path, allowed: Path) -> None:
    with pytest.raises(NotFoundError, match="ssh-keygen is not installed") as caught:
        verify(ROOT, b"x", allowed, variables={"PATH": str(tmp_path)})

    assert "apt-get install openssh-client" in caught.value.hint


def test_nothing_of_the_environment_reaches_ssh_keygen_but_where_keys_are(
    tmp_path: Path, allowed: Path
) -> None:
    program = tmp_path / "ssh-keygen"
    program.write_text(f"#!/bin/sh\n/usr/bin/env >{tmp_path}/seen\nexit 1\n")
    program.chmod(0o755)
    variables = {"PATH": str(tmp_path), "HOME": "/h", "HF_TOKEN": "secret", "LD_PRELOAD": "x"}

    with pytest.raises(VerificationError):
        verify(ROOT, b"x", allowed, variables=variables)

    names = {line.split("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert names - {"PWD", "SHLVL", "_"} == {"PATH", "HOME", "LC_ALL", "SSH_ASKPASS_REQUIRE"}


def settings(policy: SignaturePolicy, allowed: Path | None) -> Settings:
    found = Settings(signatures=policy, allowed_signers=str(allowed or ""))
    return replace(found, variables=HERE)


def test_off_looks_at_no_signature(tmp_path: Path) -> None:
    judgement = judge(settings(SignaturePolicy.OFF, None), ROOT, b"rubbish", where="part")

    assert (judgement.signer, judgement.warning) == ("", "")


def test_warn_takes_a_bundle_that_nobody_signed_and_says_so(allowed: Path) -> None:
    judgement = judge(settings(SignaturePolicy.WARN, allowed), ROOT, None, where="part-001")

    assert judgement.signer == ""
    assert judgement.warning == "part-001: not signed; taken all the same, for signatures: warn"


@pytest.mark.parametrize("signature", [None, b"rubbish"])
def test_require_refuses_what_no_allowed_signer_signed(
    allowed: Path, signature: bytes | None
) -> None:
    with pytest.raises(VerificationError, match=r"^part-001: ") as caught:
        judge(settings(SignaturePolicy.REQUIRE, allowed), ROOT, signature, where="part-001")

    assert str(allowed) in caught.value.hint


@pytest.mark.parametrize("policy", [SignaturePolicy.WARN, SignaturePolicy.REQUIRE])
def test_a_good_signature_passes_with_its_signer(
    keys: Path, allowed: Path, policy: SignaturePolicy
) -> None:
    signature = sign(ROOT, keys / "courier", variables=HERE)

    judgement = judge(settings(policy, allowed), ROOT, signature, where="part-001")

    assert (judgement.signer, judgement.warning) == ("courier@site", "")


def test_a_policy_without_signers_is_a_fault_of_the_settings() -> None:
    with pytest.raises(InvalidInputError, match="no file of allowed signers"):
        judge(settings(SignaturePolicy.REQUIRE, None), ROOT, None, where="part-001")


def test_a_file_of_signers_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    gone = settings(SignaturePolicy.WARN, tmp_path / "gone")

    with pytest.raises(FileNotFoundError):
        judge(gone, ROOT, b"rubbish", where="part-001")


def test_whoever_names_signers_requires_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.load().signatures is SignaturePolicy.OFF

    monkeypatch.setenv("HUBMIRROR_ALLOWED_SIGNERS", "/etc/signers")

    assert Settings.load().signatures is SignaturePolicy.REQUIRE
    monkeypatch.setenv("HUBMIRROR_SIGNATURES", "warn")
    assert Settings.load().signatures is SignaturePolicy.WARN
