"""Signatures of bundles: SSHSIG, made and checked by ssh-keygen.

Owns: the namespace, and what a site's policy makes of a signature. Knows nothing of bundles: it is
handed the bytes that are signed. Invariant: ssh-keygen is never given a terminal, standard input or
a program to ask a passphrase with, so that a batch job fails at once where a person would be asked.
"""

from __future__ import annotations

import base64
import logging
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubmirror.errors import InvalidInputError, NotFoundError, StorageError, VerificationError
from hubmirror.settings import Settings, SignaturePolicy

NAMESPACE = "hubmirror-bundle"

_log = logging.getLogger(__name__)
_LIMIT_S = 60  # a hardware key waits for a finger
_MOST_BYTES = 64 * 1024  # of a signature; the largest RSA key makes 6 KiB
# Where keys, agents and hardware are found; nothing else of the environment reaches ssh-keygen.
_HANDED_ON = ("PATH", "HOME", "SSH_AUTH_SOCK", "SSH_SK_PROVIDER")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a policy lets pass.

    Attributes:
        signer: Who signed, as the file of allowed signers names them; empty where nobody is known.
        warning: What the person at the command is to be told; empty when all is well.
    """

    signer: str = ""
    warning: str = ""


def sign(content: bytes, key: Path, *, variables: Mapping[str, str]) -> bytes:
    """Return the signature of some bytes.

    Args:
        content: What is signed.
        key: A private key, or the public half of one that an agent or hardware key holds.
        variables: The environment, for the agent's socket.

    Raises:
        StorageError: when there is no such key, or it cannot be used without asking somebody.
        NotFoundError: when ssh-keygen is not installed.
    """
    if _is_on_hardware(key):
        _log.warning("%s: a hardware key: touch it when it blinks", key)
    with tempfile.TemporaryDirectory() as folder:
        message = Path(folder) / "message"
        message.write_bytes(content)
        words = ("sign", "-q", "-n", NAMESPACE, "-f", str(key), str(message))
        done = _ssh_keygen(words, variables)
        signature = message.with_suffix(".sig")
        if done.returncode != 0 or not signature.exists():
            raise StorageError(
                f"{key}: cannot sign with this key: {_said(done)}",
                hint="a key with a passphrase must be in an agent (`ssh-add KEY`): "
                "nobody is asked for it here",
            )
        return signature.read_bytes()


def verify(
    content: bytes, signature: bytes, allowed_signers: Path, *, variables: Mapping[str, str]
) -> str:
    """Return who signed these bytes.

    Raises:
        VerificationError: when the signature is not of these bytes, or not by a key that the file
            allows to sign bundles today.
        StorageError: when that file cannot be read.
        NotFoundError: when ssh-keygen is not installed.
    """
    if len(signature) > _MOST_BYTES:
        raise VerificationError(f"a signature of {len(signature):,} bytes is none")
    with allowed_signers.open("rb"):
        pass  # ssh-keygen would say that nobody is allowed
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "signature"
        path.write_bytes(signature)
        files = ("-f", str(allowed_signers), "-s", str(path))
        found = _ssh_keygen(("find-principals", *files), variables)
        done = found
        for name in found.stdout.decode(errors="replace").splitlines():
            words = ("verify", "-q", "-n", NAMESPACE, "-I", name, *files)
            done = _ssh_keygen(words, variables, content)
            if done.returncode == 0:
                return name
    raise VerificationError(_said(done).replace(str(path), "the signature"))


def judge(settings: Settings, content: bytes, signature: bytes | None, *, where: str) -> Judgement:
    """Say whether bytes with this signature may be believed.

    Args:
        settings: For the policy and the file of allowed signers.
        content: What is signed.
        signature: Its signature, or None where there is none.
        where: The file that holds it, for messages.

    Raises:
        VerificationError: when the policy is ``require`` and no allowed signer is known.
        InvalidInputError: when signatures are to be looked at and nobody is allowed to sign.
    """
    if settings.signatures is SignaturePolicy.OFF:
        return Judgement()
    if not settings.allowed_signers:
        raise InvalidInputError(
            f"signatures: {settings.signatures}, but no file of allowed signers is named",
            hint="name it: `allowed_signers:` in a settings file, or HUBMIRROR_ALLOWED_SIGNERS",
        )
    allowed = Path(settings.allowed_signers).expanduser()
    try:
        if signature is None:
            raise VerificationError("not signed")
        return Judgement(signer=verify(content, signature, allowed, variables=settings.variables))
    except (VerificationError, NotFoundError) as error:
        message = f"{where}: {error.message}"
        if settings.signatures is SignaturePolicy.WARN:
            return Judgement(warning=f"{message}; taken all the same, for signatures: warn")
        hint = error.hint or f"who may sign is said in {allowed}; ask whoever made the bundle"
        raise type(error)(message, hint=hint) from error


def is_of_the_same_key(one: bytes | None, other: bytes | None) -> bool:
    """Tell whether two signatures, or two missing ones, are of one signer.

    The signature itself may differ each time: some kinds of key roll dice.
    """
    if one is None or other is None:
        return one is other
    return _public_key(one) == _public_key(other) != b""


def _public_key(signature: bytes) -> bytes:
    """Return the key that is in a signature, or nothing where it cannot be understood."""
    body = b"".join(signature.split(b"-----")[2:3])
    try:
        raw = base64.b64decode(b"".join(body.split()), validate=True)
    except ValueError:
        return b""
    # "SSHSIG", a version of four bytes, then the key with its length before it.
    return raw[14 : 14 + int.from_bytes(raw[10:14])] if raw.startswith(b"SSHSIG") else b""


def _is_on_hardware(key: Path) -> bool:
    for path in (key, key.with_name(f"{key.name}.pub")):
        try:
            if path.read_bytes().startswith(b"sk-"):
                return True
        except OSError:
            continue
    return False


def _ssh_keygen(
    words: Sequence[str], variables: Mapping[str, str], content: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    environment = {name: variables[name] for name in _HANDED_ON if name in variables}
    environment |= {"LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}
    try:
        return subprocess.run(
            ["ssh-keygen", "-Y", *words],  # noqa: S607 - found by PATH, as the user's shell does
            input=content,
            capture_output=True,
            env=environment,
            start_new_session=True,  # without a terminal there is nothing to ask on
            timeout=_LIMIT_S,
            check=False,
        )
    except FileNotFoundError:
        raise NotFoundError(
            "ssh-keygen is not installed, which makes and checks signatures",
            hint="install it: `apt-get install openssh-client` or `dnf install openssh-clients`",
        ) from None
    except subprocess.TimeoutExpired:
        raise StorageError(f"ssh-keygen {words[0]}: no answer within {_LIMIT_S} s") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return why ssh-keygen refused, in its own words."""
    said = (done.stdout + done.stderr).decode(errors="replace")
    lines = (line.removeprefix("Enter passphrase: ").strip() for line in said.splitlines())
    told = dict.fromkeys(line for line in lines if line)
    return "; ".join(told) or f"ssh-keygen ended with {done.returncode}"
