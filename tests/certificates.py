"""A private certificate authority for tests, made by the real openssl."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

from tests.services import require_program


def make_ca(folder: Path, *hosts: str) -> Path:
    """Make a certificate for 127.0.0.1, localhost and further hosts; its key lies beside it."""
    openssl = require_program("openssl")
    pair = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "ca.pem"), "-nodes"]
    known = ",".join(["IP:127.0.0.1", *(f"DNS:{host}" for host in ("localhost", *hosts))])
    names = ["-subj", "/CN=localhost", "-addext", f"subjectAltName={known}"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command = [openssl, "req", "-x509", *curve, *pair, *names]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "ca.pem"


def server_context(ca: Path) -> ssl.SSLContext:
    """Return what a server needs to show that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, ca.with_name("key.pem"))
    return context
