"""One connection of an upstream: reads requests, finds what to say, says it.

Owns: HTTP/1.1 on a socket. Knows nothing of what the answers mean.
Invariant: silent, whatever the client does; a request's body is read before it is answered.
"""

import socket
import ssl
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from typing import IO, ClassVar
from urllib.parse import urlsplit

from tests.upstream import faults as bad
from tests.upstream.armed import FaultSet
from tests.upstream.githttp import GitAsked, git_reply
from tests.upstream.log import Entry, Request, RequestLog
from tests.upstream.reply import Asked, Reply, answer, redirect, refusal, text
from tests.upstream.site import GIT_ROOT, Redirect, Site
from tests.upstream.wire import BodyWriter, CutError, abort, spoilt

LFS_TYPE = "application/vnd.git-lfs+json"
BODILESS = {204, 304}
CLIENT_LEFT = (ConnectionError, TimeoutError, ssl.SSLError)
"""It went away, refused our certificate, or was cut off: no fault of the server's own."""


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection from `site`; subclasses bind the class attributes."""

    site: ClassVar[Site]
    log: ClassVar[RequestLog]
    halt: ClassVar[threading.Event]

    protocol_version = "HTTP/1.1"
    server_version = "upstream"
    sys_version = ""
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer until the client, a fault or the end of the server closes the connection."""
        try:
            if isinstance(self.connection, ssl.SSLSocket):
                self.connection.do_handshake()
            super().handle()
        except CLIENT_LEFT:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        self._serve()

    def do_HEAD(self) -> None:
        """Answer with the headers alone."""
        self._serve()

    def do_POST(self) -> None:
        """Answer."""
        self._serve()

    def _serve(self) -> None:
        target = self._own_target()
        asked = Asked(self.command, target, self.headers)
        with ExitStack() as ends, self.log.record(self._request(target)) as entry:
            try:
                body = self._read_body(ends)
                reply, faults = self._find(asked, body, ends)
                self._send(reply, faults, entry)
            except CutError as cut:
                self.close_connection = True
                if cut.reset:
                    self.rfile.close()
                    abort(self.connection)

    def _own_target(self) -> str:
        """The path and query; a proxy's client writes a whole URL."""
        if self.path.startswith("/"):
            return self.path
        parts = urlsplit(self.path)
        return parts._replace(scheme="", netloc="").geturl() or "/"

    def _request(self, target: str) -> Request:
        path, _, query = target.partition("?")
        return Request(
            method=self.command,
            path=path,
            query=query,
            host=urlsplit(self.path).netloc or self.headers["Host"] or "",
            range=self.headers["Range"],
            is_authorized=self.headers["Authorization"] is not None,
        )

    def _read_body(self, ends: ExitStack) -> IO[bytes] | None:
        is_chunked = (self.headers["Transfer-Encoding"] or "").lower() == "chunked"
        size = int(self.headers["Content-Length"] or 0)
        if not is_chunked and not size:
            return None
        spool = ends.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - `ends` closes it
        if is_chunked:
            while size := int(self.rfile.readline().split(b";")[0], 16):
                spool.write(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
        else:
            spool.write(self.rfile.read(size))
        spool.seek(0)
        return spool

    def _find(
        self, asked: Asked, body: IO[bytes] | None, ends: ExitStack
    ) -> tuple[Reply, FaultSet]:
        if asked.target.startswith(GIT_ROOT):
            return self._find_git(asked, body, ends)
        served, faults = self.site.find(asked.target)
        if (refused := refusal(asked, faults)) is not None:
            return refused, faults
        if served is None:
            return text(404, "not found\n"), faults
        if isinstance(served, Redirect):
            return redirect(served.status, served.location), faults
        return answer(served, asked, faults), faults

    def _find_git(
        self, asked: Asked, body: IO[bytes] | None, ends: ExitStack
    ) -> tuple[Reply, FaultSet]:
        path, _, query = asked.target.partition("?")
        owner, _, rest = path.removeprefix(GIT_ROOT).partition("/")
        short, slash, tail = rest.partition("/")
        name, tail = f"{owner}/{short.removesuffix('.git')}", slash + tail
        faults = self.site.repo_faults(name, tail)
        if (refused := refusal(asked, faults)) is not None:
            return refused, faults
        if (new := self.site.renamed_to(name)) is not None:
            suffix = ".git" if short.endswith(".git") else ""
            return redirect(301, f"{GIT_ROOT}{new}{suffix}{tail}?{query}".rstrip("?")), faults
        try:
            folder = self.site.repo_folder(name)
        except (LookupError, ValueError):
            return text(404, "no such repository\n"), faults
        if tail == "/info/lfs/objects/batch" and body and (lfs := self.site.lfs(name)):
            return text(200, lfs(body.read()).decode(), kind=LFS_TYPE), faults
        request = GitAsked(folder, tail, query, asked, self.site.speaks_v2(name))
        reply = git_reply(request, body, ends)
        return Reply(reply.status, reply.headers, spoilt(reply.body, faults), framing="chunked"), (
            faults
        )

    def _send(self, reply: Reply, faults: FaultSet, entry: Entry) -> None:
        if faults.biting(bad.HangUp) is not None:
            raise CutError
        silence = faults.biting(bad.Silence)
        if silence is not None and self.halt.wait(silence.seconds):
            raise CutError
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if reply.framing == "length" and reply.status not in BODILESS:
            self.send_header("Content-Length", str(reply.length))
        elif reply.framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.framing == "close":
            self.send_header("Connection", "close")
        entry.answered(reply.status)
        self.end_headers()
        if self.command != "HEAD" and reply.status not in BODILESS:
            BodyWriter(self.wfile, self.halt, entry.sent).send(reply, faults)


def wrap_tls(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    """The connection as the handler wants it; the TLS handshake is left to the handler's thread."""
    if tls is None:
        return connection
    return tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
