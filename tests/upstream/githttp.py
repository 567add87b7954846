"""Git repositories over smart HTTP, answered by git's own `git http-backend` as CGI.

Owns: the CGI dialogue and its child processes. Knows nothing of sockets or faults.
Invariant: no child outlives the answer that it was started for.
"""

import io
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.upstream.gitcmd import git_environment, http_backend
from tests.upstream.reply import Asked, Reply

PIECE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class GitAsked:
    """A request to one repository: the part of the path after its name, and the query."""

    repository: Path
    tail: str
    query: str
    asked: Asked
    speaks_v2: bool


def git_reply(request: GitAsked, body: IO[bytes] | None, ends: ExitStack) -> Reply:
    """Let git answer; its processes end with `ends` at the latest.

    Args:
        request: what is asked of which repository.
        body: the request's body in a real file, rewound; None if it has none.
        ends: what is closed when the answer was sent, or could not be.
    """
    child = subprocess.Popen(
        [http_backend()],
        stdin=subprocess.DEVNULL if body is None else body,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_cgi_environment(request, body),
        process_group=0,
    )
    ends.callback(_end, child)
    assert isinstance(child.stdout, io.BufferedReader)
    status, headers = _read_head(child.stdout)
    return Reply(status, headers, _pieces(child.stdout), framing="chunked")


def _cgi_environment(request: GitAsked, body: IO[bytes] | None) -> dict[str, str]:
    headers = request.asked.headers
    environment = {
        **git_environment(),
        "GIT_PROJECT_ROOT": str(request.repository.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{request.repository.name}{request.tail}",
        "QUERY_STRING": request.query,
        "REQUEST_METHOD": request.asked.method,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    if body is not None:
        environment["CONTENT_LENGTH"] = str(os.fstat(body.fileno()).st_size)
        environment["CONTENT_TYPE"] = headers["Content-Type"] or ""
    if (encoding := headers["Content-Encoding"]) is not None:
        environment["HTTP_CONTENT_ENCODING"] = encoding
    if request.speaks_v2 and (protocol := headers["Git-Protocol"]) is not None:
        environment["GIT_PROTOCOL"] = protocol
    return environment


def _read_head(stream: io.BufferedReader) -> tuple[int, tuple[tuple[str, str], ...]]:
    status, headers = 200, []
    while (line := stream.readline().decode("latin-1").strip()) != "":
        name, _, value = line.partition(": ")
        if name == "Status":
            status = int(value.split()[0])
        elif name != "Content-Length":  # every answer is chunked, so that any can be cut
            headers.append((name, value))
    return status if headers else 500, tuple(headers)


def _pieces(stream: io.BufferedReader) -> Iterator[bytes]:
    while piece := stream.read1(PIECE_BYTES):
        yield piece


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End git and whatever it started."""
    with child:
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
