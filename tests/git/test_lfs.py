"""Git LFS objects in place of their pointers: from where, as whom, and what is refused."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from hubmirror.errors import HubmirrorError, UpstreamError, VerificationError
from hubmirror.records import Digest
from hubmirror.sync.lfs import ObjectFetcher
from hubmirror.sync.room import Room
from hubmirror.upstream.credentials import Credentials, Secret
from hubmirror.upstream.http import HttpUpstream
from hubmirror.upstream.lfs import find_server, read_answer
from hubmirror.upstream.pointers import Pointed, Pointer, read_pointer
from hubmirror.upstream.snapshots import Choices, Snapshot, write_snapshot
from hubmirror.upstream.submodules import Submodule
from tests.certificates import make_ca, server_context
from tests.git.conftest import Bench, contents
from tests.services import require_program
from tests.upstream import RepoBuilder, Upstream, faults
from tests.upstream.gitcmd import run_git
from tests.upstream.lfs import RULES, Lfs, pointer
from tests.upstream.repos import Executable
from tests.upstream.repos import Submodule as Gitlink

TOKEN = "hunter2-is-secret"
BASIC = f"Basic {b64encode(f'x-access-token:{TOKEN}'.encode()).decode()}"
SMALL = b"the real weights\n"
LARGE = bytes(range(256)) * 20_000
SIGNATURE = "s3cr3t"


class Client:
    """Fetches commits of the bench with the objects that they name."""

    def __init__(self, folder: Path, *, ca: Path | None = None, token_for: str = "") -> None:
        self.partials = folder / "partials"
        self.partials.mkdir(exist_ok=True)
        room = Room(self.partials, folder)
        tokens = {urlsplit(token_for).netloc: Secret(TOKEN)} if token_for else {}
        logins = Credentials(tokens).for_git()
        self.http = HttpUpstream(ca_bundle=str(ca or ""), credentials=logins, first_wait_s=0.01)
        self.objects = ObjectFetcher(lambda: self.http, room, lambda: None)

    def snapshot(
        self, bench: Bench, commit: str, url: str = "", max_bytes: int | None = None
    ) -> tuple[Snapshot, bytes]:
        choices = Choices(max_bytes, url=url or bench.http_url, bring=self.objects.bring)
        stream = io.BytesIO()
        written = write_snapshot(bench.git.clone(bench.folder), commit, stream, choices)
        return written, stream.getvalue()

    def bring(self, url: str, *files: bytes) -> dict[Digest, Path]:
        """Bring in objects as a repo at a URL without .lfsconfig would name them."""
        found = [read_pointer(pointer(content).encode()) for content in files]
        named = {one: f"{number}.bin" for number, one in enumerate(found) if one}
        return dict(self.objects.bring([Pointed(url, {}, named)]))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    made = Client(tmp_path)
    with made.http:
        yield made


@pytest.fixture
def lfs(bench: Bench) -> Lfs:
    return Lfs(bench.upstream, "owner/name")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Upstream]:
    """Whoever keeps the objects, on another port."""
    with Upstream(tmp_path / "storage") as running:
        yield running


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return make_ca(tmp_path)


def refusal(client: Client, url: str, *files: bytes) -> HubmirrorError:
    with pytest.raises(HubmirrorError) as refused:
        client.bring(url, *files)
    said = str(refused.value)
    assert url in said
    assert "0.bin" in said
    assert "lfs: pointer" in said or isinstance(refused.value, VerificationError)
    assert SIGNATURE not in said
    return refused.value


# --- What stands in the tar -----------------------------------------------------------------


def test_objects_stand_in_place_of_their_pointers(bench: Bench, lfs: Lfs, client: Client) -> None:
    commit = bench.repo.commit(
        {
            ".gitattributes": RULES,
            "a.bin": lfs.put(SMALL),
            "deep/er/b.bin": Executable(lfs.put(LARGE)),
            "same.bin": pointer(SMALL),
            "plain.py": "1",
        }
    )
    bench.fetch("main")

    written, tar = client.snapshot(bench, commit)

    held = contents(tar)
    assert {path: held[path] for path in ("a.bin", "deep/er/b.bin", "same.bin", "plain.py")} == {
        "a.bin": SMALL,
        "deep/er/b.bin": LARGE,
        "same.bin": SMALL,
        "plain.py": b"1",
    }
    assert written.findings == ()
    assert len(lfs.questions) == 1


def test_the_tar_is_what_a_repo_without_lfs_would_give(
    bench: Bench, lfs: Lfs, client: Client
) -> None:
    rules = {".gitattributes": RULES}
    pointed = bench.repo.commit(
        {**rules, "a.bin": lfs.put(SMALL), "b.bin": Executable(lfs.put(LARGE))}
    )
    plain = bench.repo.commit({**rules, "a.bin": SMALL, "b.bin": Executable(LARGE)})
    bench.fetch(pointed, plain)

    _, tar = client.snapshot(bench, pointed)
    _, expected = client.snapshot(bench, plain)

    assert tar == expected


def test_the_real_client_would_check_out_the_same(
    bench: Bench, lfs: Lfs, client: Client, tmp_path: Path
) -> None:
    program = require_program("git-lfs")
    files = {"a.bin": lfs.put(SMALL), "deep/b.bin": lfs.put(LARGE), "empty.bin": ""}
    commit = bench.repo.commit({".gitattributes": RULES, **files, "note.txt": pointer(SMALL)})
    bench.fetch("main")
    filters = ["-c", f"filter.lfs.process={program} filter-process"]
    filters += ["-c", f"filter.lfs.smudge={program} smudge -- %f", "-c", "filter.lfs.required=true"]

    _, tar = client.snapshot(bench, commit)
    run_git(*filters, "clone", "--quiet", bench.http_url, str(tmp_path / "checkout"))

    held = contents(tar)
    assert {path: (tmp_path / "checkout" / path).read_bytes() for path in held} == held


def test_a_pointer_that_git_would_not_replace_stays_with_a_finding(
    bench: Bench, lfs: Lfs, client: Client
) -> None:
    text = lfs.put(SMALL)
    commit = bench.repo.commit({".gitattributes": RULES, "fixture.txt": text})
    bench.fetch("main")

    written, tar = client.snapshot(bench, commit)

    assert contents(tar)["fixture.txt"] == text.encode()
    assert "without `filter=lfs`" in written.findings[0]
    assert lfs.questions == []


def test_what_only_looks_like_lfs_is_taken_as_it_is(bench: Bench, lfs: Lfs, client: Client) -> None:
    commit = bench.repo.commit({".gitattributes": RULES, "a.bin": "no pointer", "empty.bin": ""})
    bench.fetch("main")

    written, tar = client.snapshot(bench, commit)

    assert contents(tar)["a.bin"] == b"no pointer"
    assert written.findings == ()
    assert lfs.questions == []


def test_an_object_that_is_a_web_page_or_empty_is_meant(
    bench: Bench, lfs: Lfs, client: Client
) -> None:
    page = b"<!doctype html><title>a report</title>"
    files = {"page.bin": lfs.put(page), "empty.bin": pointer(b"")}
    commit = bench.repo.commit({".gitattributes": RULES, **files})
    bench.fetch("main")

    _, tar = client.snapshot(bench, commit)

    assert contents(tar)["page.bin"] == page
    assert contents(tar)["empty.bin"] == b""


def test_the_sizes_of_objects_count_before_anything_is_asked(
    bench: Bench, lfs: Lfs, client: Client
) -> None:
    commit = bench.repo.commit({".gitattributes": RULES, "a.bin": lfs.put(LARGE)})
    bench.fetch("main")

    with pytest.raises(UpstreamError, match="the limit is 1000000"):
        client.snapshot(bench, commit, max_bytes=1_000_000)

    assert lfs.questions == []
    assert bench.upstream.fetched_files() == []


def test_a_pointer_with_an_extension_is_refused(bench: Bench, lfs: Lfs, client: Client) -> None:
    lines = lfs.put(SMALL).splitlines(keepends=True)
    extended = "".join([lines[0], f"ext-0-mine sha256:{'b' * 64}\n", *lines[1:]])
    commit = bench.repo.commit({".gitattributes": RULES, "a.bin": extended})
    bench.fetch("main")

    with pytest.raises(UpstreamError, match=r"a\.bin: its Git LFS pointer asks for an extension"):
        client.snapshot(bench, commit)


def test_a_submodule_asks_its_own_server(bench: Bench, lfs: Lfs, client: Client) -> None:
    commit = bench.repo.commit({".gitattributes": RULES, "a.bin": lfs.put(SMALL)})
    bench.fetch("main")
    inner = Lfs(bench.upstream, "other/inner")
    RepoBuilder.create(bench.upstream, "other/inner")
    inner.put(SMALL)
    url = bench.upstream.git_url("other/inner")
    module = Submodule(bench.git.clone(bench.folder), commit, {}, url)
    outer = bench.repo.commit({"sub": Gitlink(commit)}, branch="outer")
    bench.fetch("outer")
    clone = bench.git.clone(bench.folder)
    stream = io.BytesIO()
    choices = Choices(submodules={"sub": module}, url=bench.http_url, bring=client.objects.bring)

    write_snapshot(clone, outer, stream, choices)

    assert contents(stream.getvalue())["sub/a.bin"] == SMALL
    assert (len(lfs.questions), len(inner.questions)) == (0, 1)


# --- Again, and twice -----------------------------------------------------------------------


def test_whole_objects_are_not_fetched_again(bench: Bench, lfs: Lfs, tmp_path: Path) -> None:
    lfs.put(SMALL)
    lfs.put(LARGE)
    first = Client(tmp_path)
    with first.http:
        first.bring(bench.http_url, SMALL)
    bench.upstream.clear_log()

    second = Client(tmp_path)
    with second.http:
        second.bring(bench.http_url, SMALL, LARGE)

    assert bench.upstream.fetched_files() == [lfs.path(LARGE)]


def test_what_lies_there_is_not_believed(bench: Bench, lfs: Lfs, client: Client) -> None:
    lfs.put(SMALL)
    (path,) = client.bring(bench.http_url, SMALL).values()
    path.write_bytes(bytes(len(SMALL)))

    again = Client(client.partials.parent)
    with again.http:
        (path,) = again.bring(bench.http_url, SMALL).values()

    assert path.read_bytes() == SMALL


def test_a_hundred_objects_are_asked_for_at_once(bench: Bench, lfs: Lfs, client: Client) -> None:
    files = [b"%d" % number for number in range(150)]
    for content in files:
        lfs.put(content)

    brought = client.bring(bench.http_url, *files)

    assert {path.read_bytes() for path in brought.values()} == set(files)
    assert sorted(len(asked["objects"]) for asked in lfs.questions) == [50, 100]
    assert {asked["operation"] for asked in lfs.questions} == {"download"}


def test_an_address_that_expired_is_asked_for_anew(bench: Bench, lfs: Lfs, client: Client) -> None:
    lfs.put(SMALL)
    lfs.stale_answers = 1

    (path,) = client.bring(bench.http_url, SMALL).values()

    assert path.read_bytes() == SMALL
    assert len(lfs.questions) == 2


def test_a_connection_that_breaks_is_gone_on_with(bench: Bench, lfs: Lfs, client: Client) -> None:
    lfs.put(LARGE)
    bench.upstream.fault(lfs.path(LARGE), faults.Drop(3_000_000, times=1))

    (path,) = client.bring(bench.http_url, LARGE).values()

    asked = [request for request in bench.upstream.requests if request.path == lfs.path(LARGE)]
    assert path.read_bytes() == LARGE
    assert [request.status for request in asked] == [200, 206]


# --- What is wrong with objects and servers -------------------------------------------------


def test_wrong_bytes_are_refused(bench: Bench, lfs: Lfs, client: Client) -> None:
    lfs.put(SMALL)
    bench.upstream.fault(lfs.path(SMALL), faults.WrongBytes())

    refused = refusal(client, bench.http_url, SMALL)

    assert "expected sha256" in refused.message
    assert list(client.partials.iterdir()) == []


@pytest.mark.parametrize("fault", [(), faults.NoLength("chunked"), faults.NoLength("close")])
def test_a_wrong_size_is_refused(
    bench: Bench, lfs: Lfs, client: Client, fault: faults.Fault | tuple[()]
) -> None:
    lfs.put(SMALL)
    bench.upstream.put(lfs.path(SMALL), SMALL + b"!", fault=fault)

    refused = refusal(client, bench.http_url, SMALL)

    assert f"expected {len(SMALL)} bytes" in refused.message
    assert f"got {len(SMALL) + 1}" in refused.message


def test_an_object_that_the_server_has_not_is_named(bench: Bench, lfs: Lfs, client: Client) -> None:
    refused = refusal(client, bench.http_url, SMALL)

    assert "missing: the server says 404 'Object does not exist'" in refused.message
    assert "git lfs push --all" in refused.hint


@pytest.mark.parametrize(
    ("code", "words"),
    [(401, "token"), (403, "quota"), (404, "private"), (429, "limits how often"), (503, "again")],
)
def test_a_server_that_says_no_is_explained(
    bench: Bench, lfs: Lfs, client: Client, code: int, words: str
) -> None:
    lfs.put(SMALL)
    bench.upstream.fault_repo("owner/name", faults.Status(code), service="info/lfs/objects/batch")

    refused = refusal(client, bench.http_url, SMALL)

    assert f"HTTP {code}" in refused.message
    assert words in str(refused)


def test_a_server_that_is_busy_once_is_asked_again(bench: Bench, lfs: Lfs, client: Client) -> None:
    lfs.put(SMALL)
    bench.upstream.fault_repo(
        "owner/name", faults.Status(503, times=1), service="info/lfs/objects/batch"
    )

    assert client.bring(bench.http_url, SMALL)


def test_a_host_without_lfs_is_told(bench: Bench, client: Client) -> None:
    refused = refusal(client, bench.http_url, SMALL)

    assert "Git LFS at" in refused.message


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"objects": 1}',
        b'{"objects": [1]}',
        b'{"objects": [{"oid": "x"}]}',
        b'{"objects": [], "transfer": "tus"}',
        b'{"objects": [], "hash_algo": "sha512"}',
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_refused(bench: Bench, client: Client, answer: bytes) -> None:
    bench.upstream.serve_lfs("owner/name", lambda _: answer)

    refused = refusal(client, bench.http_url, SMALL)

    assert isinstance(refused, UpstreamError)


@pytest.mark.parametrize(
    "fields",
    [
        {"actions": {}},
        {"actions": None},
        {"actions": {"download": {"href": "file:///etc/passwd"}}},
        {"actions": {"download": {"href": 7}}},
        {"actions": {"download": {"href": "http://[::1"}}},
        {"actions": {"download": {"href": "http://127.0.0.1:1/s3cr3t", "header": {"a": "b\r\nc"}}}},
        {"actions": {"download": {"href": "http://127.0.0.1:1/", "header": {"a b": "c"}}}},
        {"actions": {"download": {"href": "http://127.0.0.1:1/", "header": ["a"]}}},
        {"error": {"code": 500, "message": "x" * 10_000}},
        {"error": "gone"},
        {"oid": "a" * 64},
    ],
)
def test_an_object_that_is_nowhere_to_be_had_is_refused(
    bench: Bench, lfs: Lfs, client: Client, fields: dict[str, object]
) -> None:
    lfs.put(SMALL)
    lfs.fields = fields

    refused = refusal(client, bench.http_url, SMALL)

    assert len(refused.message) < 500


# --- Who is told what -----------------------------------------------------------------------


def test_a_token_opens_a_private_server_and_its_own_downloads(tmp_path: Path, ca: Path) -> None:
    with Upstream(tmp_path / "private", tls=server_context(ca)) as host:
        RepoBuilder.create(host, "owner/name")
        lfs = Lfs(host, "owner/name")
        lfs.put(SMALL)
        host.fault_repo("owner/name", faults.WantsAuthorization(BASIC))
        host.fault(lfs.path(SMALL), faults.WantsAuthorization(BASIC))
        client = Client(tmp_path, ca=ca, token_for=host.base_url)

        with client.http:
            brought = client.bring(host.git_url("owner/name"), SMALL)

    assert len(brought) == 1


def test_without_the_token_it_is_refused_with_what_to_do(tmp_path: Path, ca: Path) -> None:
    with Upstream(tmp_path / "private", tls=server_context(ca)) as host:
        RepoBuilder.create(host, "owner/name")
        Lfs(host, "owner/name").put(SMALL)
        host.fault_repo("owner/name", faults.WantsAuthorization(BASIC))
        client = Client(tmp_path, ca=ca)

        with client.http:
            refused = refusal(client, host.git_url("owner/name"), SMALL)

    assert "token" in refused.hint


def test_another_host_gets_the_lines_that_the_answer_names_and_no_login(
    tmp_path: Path, ca: Path
) -> None:
    with (
        Upstream(tmp_path / "host", tls=server_context(ca)) as host,
        Upstream(tmp_path / "other", tls=server_context(ca)) as other,
    ):
        RepoBuilder.create(host, "owner/name")
        plain = Lfs(host, "owner/name", storage=other)
        plain.put(SMALL)
        told = Lfs(host, "owner/told", storage=other, headers={"Authorization": "Basic theirs"})
        RepoBuilder.create(host, "owner/told")
        told.put(LARGE)
        other.fault(plain.path(SMALL), faults.RejectsAuthorization())
        other.fault(told.path(LARGE), faults.WantsAuthorization("Basic theirs"))
        client = Client(tmp_path, ca=ca, token_for=other.base_url)

        with client.http:
            client.bring(host.git_url("owner/name"), SMALL)
            client.bring(host.git_url("owner/told"), LARGE)

        assert {request.status for request in other.requests} == {200}
        assert not any(
            request.is_authorized for request in other.requests if request.path == plain.path(SMALL)
        )


def test_lines_of_an_answer_do_not_follow_a_redirect(
    bench: Bench, storage: Upstream, client: Client
) -> None:
    lfs = Lfs(bench.upstream, "owner/name", headers={"Authorization": "Basic theirs"})
    for content in (SMALL, LARGE):
        lfs.put(content)
        path = lfs.path(content)
        storage.put(path, content)
        bench.upstream.fault(
            path,
            faults.WantsAuthorization("Basic theirs"),
            faults.RedirectTo(storage.url(path)),
        )

    client.bring(bench.http_url, SMALL, LARGE)

    assert {request.path for request in storage.requests} == {lfs.path(SMALL), lfs.path(LARGE)}
    assert not any(request.is_authorized for request in storage.requests)


def test_signatures_and_lines_are_left_nowhere(
    bench: Bench, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    lfs = Lfs(bench.upstream, "owner/name", headers={"Authorization": f"Basic {SIGNATURE}"})
    lfs.put(LARGE)
    bench.upstream.fault(
        lfs.path(LARGE), faults.Drop(3_000_000, times=1), faults.Status(404, after=1)
    )

    with pytest.raises(UpstreamError) as refused:
        client.bring(bench.http_url, LARGE)

    held = [path.read_bytes() for path in client.partials.iterdir()]
    assert len(held) == 2  # the bytes and their journal
    said = "\n".join([str(refused.value), caplog.text]).encode()
    assert not any(SIGNATURE.encode() in text for text in [said, *held])


# --- Which server ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "settings", "expected"),
    [
        ("https://h/o/n", {}, "https://h/o/n.git/info/lfs"),
        ("https://h/o/n.git/", {}, "https://h/o/n.git/info/lfs"),
        ("http://h:8080/o/n", {}, "http://h:8080/o/n.git/info/lfs"),
        ("file:///srv/n", {}, "file:///srv/n"),
        ("https://h/o/n", {"lfs.url": "https://lfs.example/"}, "https://lfs.example"),
        ("https://h/o/n", {"remote.origin.lfsurl": "https://x/y"}, "https://x/y"),
        ("git@h:o/n", {"lfs.url": "https://x/y"}, "https://x/y"),
        ("http://h/o/n", {"lfs.url": "http://h:1/y"}, "http://h:1/y"),
        ("file:///srv/n", {"lfs.url": "file:///srv/big"}, "file:///srv/big"),
    ],
)
def test_a_repo_has_one_server(url: str, settings: dict[str, str], expected: str) -> None:
    assert find_server(url, settings) == expected


@pytest.mark.parametrize(
    "named",
    [
        "http://h/y",
        "http://other/y",
        "file:///etc",
        "ssh://git@h/y",
        "git@h:y",
        "ext::sh -c x",
        "//h/y",
        "https",
        "http://[",
        "-x",
    ],
)
def test_lfsconfig_leads_to_https_only(named: str) -> None:
    with pytest.raises(UpstreamError, match="which may not be asked"):
        find_server("https://h/o/n", {"lfs.url": named})


@pytest.mark.parametrize("named", ["http://other/y", "file:///etc", "ssh://git@h/y"])
def test_lfsconfig_leads_a_repo_on_http_to_no_other_host(named: str) -> None:
    with pytest.raises(UpstreamError, match="which may not be asked"):
        find_server("http://h/o/n", {"lfs.url": named})


def test_a_repo_over_ssh_is_refused_with_what_to_do() -> None:
    with pytest.raises(UpstreamError, match="not fetched over ssh") as refused:
        find_server("git@h:o/n", {})

    assert "https `url:`" in refused.value.hint


def test_a_password_in_lfsconfig_is_not_repeated() -> None:
    with pytest.raises(UpstreamError) as refused:
        find_server("https://h/o/n", {"lfs.url": f"http://me:{TOKEN}@h/y"})

    assert TOKEN not in str(refused.value)


def test_lfsconfig_of_the_commit_is_followed(bench: Bench, client: Client) -> None:
    elsewhere = Lfs(bench.upstream, "other/objects")
    RepoBuilder.create(bench.upstream, "other/objects")
    server = f"{bench.upstream.git_url('other/objects')}.git/info/lfs"
    commit = bench.repo.commit(
        {
            ".gitattributes": RULES,
            ".lfsconfig": f"[lfs]\n\turl = {server}\n",
            "a.bin": elsewhere.put(SMALL),
        }
    )
    bench.fetch("main")

    _, tar = client.snapshot(bench, commit)

    assert contents(tar)["a.bin"] == SMALL
    assert len(elsewhere.questions) == 1


@pytest.mark.parametrize("inside", ["", ".git/"])
def test_a_repo_on_this_machine_gives_its_own_objects(
    client: Client, tmp_path: Path, inside: str
) -> None:
    oid = Digest.of(SMALL).hex
    held = tmp_path / "a repo" / f"{inside}lfs/objects/{oid[:2]}/{oid[2:4]}/{oid}"
    held.parent.mkdir(parents=True)
    held.write_bytes(SMALL)

    (path,) = client.bring(f"file://{tmp_path}/a%20repo", SMALL).values()

    assert path.read_bytes() == SMALL
    assert path != held


def test_a_repo_on_this_machine_that_lacks_an_object_says_so(
    client: Client, tmp_path: Path
) -> None:
    refused = refusal(client, f"file://{tmp_path}/repo", SMALL)

    assert "that repo has not fetched it" in refused.message


def test_an_https_server_cannot_send_to_plain_http() -> None:
    oid = "a" * 64
    body = (
        f'{{"objects": [{{"oid": "{oid}", "actions": {{"download": {{"href": "http://h/x"}}}}}}]}}'
    )

    said = read_answer("https://h/o/n.git/info/lfs", body.encode())

    assert "plain http" in getattr(said[Digest(oid)], "reason", "")


def test_a_pointer_is_read_as_git_lfs_writes_it() -> None:
    text = pointer(SMALL).encode()

    assert read_pointer(text) == Pointer(Digest.of(SMALL), len(SMALL))
    assert read_pointer(text + b"x") is None
    assert read_pointer(text.replace(b"sha256", b"sha1")) is None
    assert read_pointer(text + b" " * 2000) is None
