"""The real servers on loopback: nginx for files, with and without TLS, and for git.

Git's smart HTTP is git's own ``http-backend`` behind nginx and fcgiwrap. The certificate is
from an authority that is made for the run and thrown away.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_START_S = 10.0
_GIT_WORKERS = 16
_CONFIG = """\
daemon off;
worker_processes 2;
pid {own}/nginx.pid;
error_log {own}/error.log warn;
{user}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  default_type application/octet-stream;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_temp_path {own}/body;
  fastcgi_temp_path {own}/fastcgi;
  proxy_temp_path {own}/proxy;
  uwsgi_temp_path {own}/uwsgi;
  scgi_temp_path {own}/scgi;
  root {served};
  server {{
    listen 127.0.0.1:{port};
    location ~ ^/git(/.*)$ {{
      fastcgi_pass unix:{own}/git.sock;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {repos};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH_INFO $1;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param REMOTE_ADDR $remote_addr;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_buffering off;
    }}
  }}
  server {{
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {own}/server.pem;
    ssl_certificate_key {own}/server.key;
    ssl_session_cache shared:tls:1m;
  }}
}}
"""
_EXTENSIONS = """\
basicConstraints=CA:FALSE
keyUsage=digitalSignature,keyEncipherment
extendedKeyUsage=serverAuth
subjectAltName=IP:127.0.0.1
"""


@dataclass(frozen=True, slots=True)
class Web:
    """The running servers.

    Attributes:
        http: The address of the files.
        https: The same over TLS.
        git: The address of the repositories.
        ca_file: The authority that signed the certificate.
    """

    http: str
    https: str
    git: str
    ca_file: Path

    @classmethod
    @contextlib.contextmanager
    def started(cls, served: Path, repos: Path) -> Iterator[Web]:
        """Serve a folder of files and a folder of bare repositories."""
        with contextlib.ExitStack() as ends:
            own = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="hubmirror-bench-")))
            _make_certificate(own)
            port, tls_port = _free_port(), _free_port()
            config = own / "nginx.conf"
            config.write_text(
                _CONFIG.format(
                    own=own,
                    served=served,
                    repos=repos,
                    port=port,
                    tls_port=tls_port,
                    user="user root;" if os.geteuid() == 0 else "",
                    backend=Path(_output(["git", "--exec-path"])) / "git-http-backend",
                )
            )
            _start(["fcgiwrap", "-c", str(_GIT_WORKERS), "-s", f"unix:{own}/git.sock"], ends)
            _start(["nginx", "-p", str(own), "-c", str(config)], ends)
            for one in (port, tls_port):
                wait_for_port(one)
            at = f"://127.0.0.1:{port}"
            tls = f"https://127.0.0.1:{tls_port}"
            yield cls(f"http{at}", tls, f"http{at}/git", own / "ca.pem")


def wait_for_port(port: int) -> None:
    """Return once something listens there.

    Raises:
        TimeoutError: when nothing does.
    """
    ends_at = time.monotonic() + _START_S
    while time.monotonic() < ends_at:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on port {port}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(command: Sequence[str], ends: contextlib.ExitStack) -> None:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, process_group=0
    )

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()

    ends.callback(end)


def _make_certificate(own: Path) -> None:
    (own / "server.ext").write_text(_EXTENSIONS)
    key = ["-newkey", "rsa:2048", "-nodes"]
    authority = ["-x509", "-days", "2", "-subj", "/CN=Throw-away authority"]
    usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    _openssl(own, ["req", *authority, *usage, *key, "-keyout", "ca.key", "-out", "ca.pem"])
    request = ["-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"]
    _openssl(own, ["req", *key, *request])
    signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    files = ["-in", "server.csr", "-extfile", "server.ext", "-out", "server.pem"]
    _openssl(own, ["x509", "-req", *signer, *files])


def _openssl(folder: Path, arguments: Sequence[str]) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
