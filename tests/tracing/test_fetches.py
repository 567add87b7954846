"""What is recorded, by each of the ways in which code fetches; and what cannot be."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping

import pytest
import torch

from hubmirror.errors import ExitCode
from hubmirror.tracing import Trace, TraceReport
from hubmirror.tracing.traces import SeenUrl
from tests.tracing.tracer import Tracer, target
from tests.upstream import RepoBuilder, Upstream
from tests.upstream.faults import RedirectTo, Status
from tests.writer import Writer

HUBCONF = '''dependencies = ["torch"]
import os
import subprocess
import sys
import torch

HOST = "https://weights.example"


def _net(content):
    import io
    net = torch.nn.Linear(2, 1)
    net.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return net


def records():
    """Fetch by every way that is recorded."""
    import urllib.request
    import httpx
    import requests
    _net(urllib.request.urlopen(HOST + "/urllib.pth").read())
    _net(requests.get(HOST + "/requests.pth").content)
    _net(httpx.get(HOST + "/httpx.pth").content)
    request = urllib.request.Request(HOST + "/head.pth", method="HEAD")
    assert int(urllib.request.urlopen(request).headers["Content-Length"]) > 100
    _net(urllib.request.urlopen(HOST + "/head.pth").read())
    torch.hub.load_state_dict_from_url("@UPSTREAM@/moved.pth")
    torch.hub.load_state_dict_from_url(
        HOST + "/signed.pth?X-Amz-Signature=s3cr3t&X-Amz-Expires=60"
    )
    return _of_hugging_face()


def _of_hugging_face():
    from huggingface_hub import hf_hub_download, snapshot_download
    snapshot_download("acme/net", allow_patterns="*.json")
    return _net(open(hf_hub_download("acme/net", "net.pth"), "rb").read())


def asks():
    """Ask GitHub's API first, as repos do that look for their newest release."""
    import json, urllib.request
    answer = urllib.request.urlopen("https://api.github.com/repos/acme/fetches/releases/latest")
    name = json.load(answer)["name"]
    file = os.path.join(os.path.dirname(__file__), name)
    torch.hub.download_url_to_file(f"{HOST}/{name}", file)
    return _falling_back(_net(open(file, "rb").read()))


def _falling_back(net):
    import urllib.error
    try:
        net.load_state_dict(torch.hub.load_state_dict_from_url(HOST + "/gone.pth"))
    except urllib.error.HTTPError as error:
        assert error.code == 404
    return net


def hides():
    """Reach for the network by ways that nobody records, and swallow every failure."""
    import socket, urllib.request
    with open("fetch.sh", "w") as script:
        script.write("#!/bin/sh\\n")
    os.chmod("fetch.sh", 0o755)
    for attempt in (
        lambda: torch.hub.load_state_dict_from_url(HOST + "/forbidden.pth"),
        lambda: subprocess.run(["curl", "-O", HOST + "/by-curl.pth"]),
        lambda: subprocess.run(["./fetch.sh"]),
        lambda: socket.create_connection(("203.0.113.1", 443), timeout=1),
        lambda: urllib.request.urlopen(HOST + "/form", data=b"question"),
    ):
        try:
            attempt()
        except Exception:
            pass
    return torch.nn.Linear(2, 1)


def wants_cuda():
    torch.hub.load_state_dict_from_url(HOST + "/urllib.pth")
    return torch.nn.Linear(2, 1).cuda()


def writes():
    for path in ("@OUTSIDE@/a", os.path.join(sys.prefix, "a"), torch.__file__):
        try:
            open(path, "a").close()
        except OSError:
            continue
        raise ValueError(path + " was written to")
    for name in ("~/settings.txt", "here.txt", os.path.join(os.path.dirname(__file__), "own.txt")):
        with open(os.path.expanduser(name), "w") as stream:
            stream.write("x")
    return torch.nn.Linear(2, 1)


def tells_secrets():
    found = sorted(name for name, value in os.environ.items() if "s3cr3t" in value)
    raise ValueError(f"{found} at https://user:s3cr3t@weights.example/x?token=s3cr3t")
'''

CALLS = ("records", "asks", "hides", "wants_cuda", "writes", "tells_secrets")
FILES = ("urllib", "requests", "httpx", "head", "by-release", "signed", "real", "acme/net")
RELEASE = b'{"name": "by-release.pth"}'


def weights(seed: int) -> bytes:
    torch.manual_seed(seed)
    buffer = io.BytesIO()
    torch.save(torch.nn.Linear(2, 1).state_dict(), buffer)
    return buffer.getvalue()


def serve(upstream: Upstream, hubconf: str) -> None:
    builder = RepoBuilder.create(upstream, "acme/fetches")
    builder.commit({"hubconf.py": hubconf})
    for seed, name in enumerate(FILES):
        upstream.put(f"/{name}.pth", weights(seed))
    upstream.put("/repos/acme/fetches/releases/latest", RELEASE)
    upstream.put(
        "/api/models/acme/net/revision/main",
        b'{"siblings": [{"rfilename": "config.json"}, {"rfilename": "net.pth"}]}',
    )
    upstream.put("/acme/net/resolve/main/config.json", b"{}")
    upstream.put("/acme/net/resolve/main/net.pth", weights(9))
    upstream.put("/moved.pth", b"-")
    upstream.fault("/moved.pth", RedirectTo(url=upstream.url("/real.pth?token=s3cr3t")))
    upstream.fault("/forbidden.pth", Status(403))


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    folder = tmp_path_factory.mktemp("fetches")
    with Upstream(folder / "upstream") as upstream:
        source = HUBCONF.replace("@OUTSIDE@", str(folder))
        serve(upstream, source.replace("@UPSTREAM@", upstream.base_url))
        yield Tracer(Writer(folder), upstream)


@pytest.fixture(scope="module")
def report(tracer: Tracer) -> Iterator[TraceReport]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", "s3cr3t")
        patch.setenv("MY_SETTING", "s3cr3t")
        yield tracer(*(target("acme/fetches", call) for call in CALLS), jobs=2)


@pytest.fixture(scope="module")
def traces(report: TraceReport) -> Mapping[str, Trace]:
    return dict(zip(CALLS, report.traces, strict=True))


def seen(trace: Trace, ending: str) -> SeenUrl:
    return next(one for one in trace.urls if one.url.endswith(ending))


@pytest.mark.parametrize("name", ["urllib", "requests", "httpx", "head"])
def test_what_a_library_fetches_is_recorded_with_the_line_that_asked(
    traces: Mapping[str, Trace], name: str
) -> None:
    trace = traces["records"]

    found = seen(trace, f"/{name}.pth")
    assert trace.reasons() == ()
    assert (found.url, found.status) == (f"https://weights.example/{name}.pth", 200)
    assert found.asker.repo == "acme/fetches"
    assert found.asker.place.startswith("hubconf.py:")


def test_a_head_request_is_recorded_as_the_file_that_answers_it(
    traces: Mapping[str, Trace],
) -> None:
    methods = [one.method for one in traces["records"].urls if one.url.endswith("/head.pth")]

    assert methods == ["HEAD", "GET"]


def test_files_of_hugging_face_are_recorded_under_their_addresses(
    traces: Mapping[str, Trace],
) -> None:
    begin = "https://huggingface.co/acme/net/resolve/main/"
    found = [one.url for one in traces["records"].urls if one.url.startswith(begin)]

    assert found == [f"{begin}config.json", f"{begin}net.pth"]


def test_a_small_answer_is_recorded_as_a_file(traces: Mapping[str, Trace]) -> None:
    trace = traces["asks"]

    answer, file, _ = trace.urls
    assert trace.reasons() == ()
    assert answer.url == "https://api.github.com/repos/acme/fetches/releases/latest"
    assert answer.row is not None
    assert answer.row.size_bytes == len(RELEASE)
    assert (file.url, file.file) == ("https://weights.example/by-release.pth", "repo")
    assert trace.writes == ("acme/fetches: by-release.pth",)


def test_what_is_not_there_reaches_the_code_as_such_and_is_recorded(
    tracer: Tracer, traces: Mapping[str, Trace]
) -> None:
    edge = tracer.lock["repos"]["acme/fetches"]["entrypoints"]["asks()"]

    assert traces["asks"].reasons() == ()
    assert edge["absent"] == ["https://weights.example/gone.pth"]


def test_of_a_redirect_scheme_host_and_path_are_kept(
    tracer: Tracer, traces: Mapping[str, Trace]
) -> None:
    found = seen(traces["records"], "/moved.pth")

    assert found.row is not None
    assert found.row.redirect == tracer.upstream.url("/real.pth")


def test_a_signed_address_is_recorded_without_its_signature(
    tracer: Tracer, traces: Mapping[str, Trace]
) -> None:
    assert traces["records"].reasons() == ()
    assert "https://weights.example/signed.pth" in tracer.lock["checkpoints"]


def test_a_miss_that_the_code_swallows_is_a_reason(traces: Mapping[str, Trace]) -> None:
    reason = next(one for one in traces["hides"].reasons() if "forbidden.pth" in one)

    assert reason.startswith("https://weights.example/forbidden.pth could not be had: ")
    assert "HTTP 403" in reason
    assert "(asked by acme/fetches: hubconf.py:" in reason


@pytest.mark.parametrize(
    "what",
    [
        "curl https://weights.example/by-curl.pth",
        "what fetch.sh fetched, if anything",
        "203.0.113.1:443",
        "POST https://weights.example/form",
    ],
)
def test_what_nobody_records_is_a_reason_with_its_line(
    traces: Mapping[str, Trace], what: str
) -> None:
    begin = f"not recorded: {what} (by acme/fetches: hubconf.py:"

    assert [one for one in traces["hides"].reasons() if one.startswith(begin)]


def test_a_call_that_stops_early_keeps_what_it_fetched(
    tracer: Tracer, traces: Mapping[str, Trace]
) -> None:
    trace = traces["wants_cuda"]

    (reason,) = trace.reasons()
    assert reason.startswith("it stopped early: ")
    assert [one.url for one in trace.urls] == ["https://weights.example/urllib.pth"]
    edge = tracer.lock["repos"]["acme/fetches"]["entrypoints"]["wants_cuda()"]
    assert edge["incomplete"] == [reason]
    assert edge["result"] == ""


def test_a_run_with_an_incomplete_trace_is_no_success(report: TraceReport) -> None:
    assert report.exit_code() is ExitCode.INCOMPLETE


def test_the_child_can_write_nowhere_but_in_its_folders(
    tracer: Tracer, traces: Mapping[str, Trace]
) -> None:
    assert traces["writes"].reasons() == ()
    assert not (tracer.writer.folder / "a").exists()


def test_what_the_child_writes_in_its_folders_is_told(traces: Mapping[str, Trace]) -> None:
    assert traces["writes"].writes == (
        *("acme/fetches: own.txt", "cwd: here.txt", "home: settings.txt"),
    )


def test_no_secret_reaches_the_child_or_anything_that_is_written(
    tracer: Tracer, report: TraceReport, traces: Mapping[str, Trace]
) -> None:
    (reason,) = traces["tells_secrets"].reasons()
    written = [path for path in tracer.writer.folder.glob("manifest*") if path.is_file()]

    assert "ValueError: [] at https://weights.example/x?token=***" in reason
    assert len(written) == 2
    assert "s3cr3t" not in "".join(path.read_text() for path in written)
    assert "s3cr3t" not in report.lines + "".join(tracer.said)


def test_no_throw_away_folder_is_left(tracer: Tracer, report: TraceReport) -> None:
    assert list((tracer.writer.folder / "state" / "sandboxes").iterdir()) == []


def test_another_trace_fetches_nothing_again(tracer: Tracer, report: TraceReport) -> None:
    tracer.upstream.clear_log()

    tracer.one("acme/fetches", "asks")

    asked = [request.path for request in tracer.upstream.requests]
    assert [path for path in asked if "/git/" not in path] == ["/gone.pth"]  # nobody has that
