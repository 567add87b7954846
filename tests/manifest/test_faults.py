"""Every fault of a manifest that is YAML, with the very message that its author reads."""

# ruff: noqa: E501 - a table reads best with one case to a line

from __future__ import annotations

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.manifest.models import RepoEntry
from hubmirror.manifest.reading import parse_manifest


def faults(text: str) -> list[str]:
    with pytest.raises(InvalidInputError) as caught:
        parse_manifest(text, file="m")
    return [str(fault).removeprefix("m:") for fault in caught.value.faults]


def repo(lines: str) -> str:
    return f"version: 1\nrepos:\n- repo: a/b\n  {lines}\n"


def entry(lines: str) -> str:
    return f"version: 1\nrepos:\n- {lines}\n"


def weight(lines: str) -> str:
    return f"version: 1\ncheckpoints:\n- {lines}\n"


REF = "is not a branch, tag, commit or glob: it"
CALL = "expected a name such as resnet18, or a call such as resnet18(pretrained=True)"
SHA = "expected the 64 hex digits of a sha256, or the first 8 or more of them, got"
LITERAL = "only literal arguments can be given, such as True, 3 or 'tiny'"
VALUE = (
    "an argument must be text, a number, true, false, null, or a list or mapping of these; "
    "quote what YAML takes for a date"
)
NETRC = "use ~/.netrc, or fetch_url: ${NAME} for a checkpoint"
USERINFO = "a user name, password or token in a URL is not allowed"
DOLLAR = (
    "a '$' must start ${NAME}, the name of an environment variable: "
    "letters, digits and '_' in braces; got"
)
REPO_KEYS = ", ".join(RepoEntry.model_fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a", "1:1: manifest: expected `version: 1` and `repos:`, got a list"),
        ("hello", "1:1: manifest: expected `version: 1` and `repos:`, got the text 'hello'"),
        ("repos: []", "1:1: version: is missing; add `version: 1`"),
        ("version: 2\nfoo: 1", "1:10: version: 2 needs a newer hubmirror; this one, 0.1.0, reads version 1"),
        ("version: 0\nrepos: []", "1:10: version: expected 1, got 0"),
        ('version: "1"\nrepos: []', "1:10: version: expected a number, got the text '1'; remove the quotes"),
        ("version: 1.0\nrepos: []", "1:10: version: expected the number 1, got the number 1.0"),
        ("version: yes\nrepos: []", "1:10: version: expected the number 1, got yes, which YAML takes for true"),
        ("version:\nrepos: []", "1:9: version: has no value; write one after it, or remove the line"),
        ("version: 1\nname: 2024-01-01\nrepos: []", '2:7: name: expected text, got the date 2024-01-01; quote it: "2024-01-01"'),
        ("version: 1\nname: a b\nrepos: []", "2:7: name: expected a letter or digit, then letters, digits, '.', '_' or '-', at most 64 in all; got 'a b'"),
        ("version: 1\nrepos: {repo: a/b}", "2:8: repos: expected a list, got a mapping; put `- ` in front of its first key"),
        ("version: 1\nsettings: fast\nrepos: []", "2:11: settings: expected keys such as `jobs: 4`, got the text 'fast'"),
        ("version: 1\nversion: 1\nrepos: []", "2:1: 'version' is here twice; the first is at line 1"),
        ("version: 1\nrepo: a/b", "2:1: unknown key 'repo'; did you mean 'repos'?"),
        ("version: 1\nmirror: /x", "2:1: unknown key 'mirror'; the keys here are version, name, repos, checkpoints, settings"),
    ],
)  # fmt: skip
def test_a_fault_of_the_manifest_itself(text: str, expected: str) -> None:
    assert faults(text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (repo("ref: v1"), "4:3: unknown key 'ref'; did you mean 'refs'?"),
        (repo("tag: v1"), "4:3: unknown key 'tag'; did you mean 'refs'?"),
        (repo("zzzz: true"), f"4:3: unknown key 'zzzz'; the keys here are {REPO_KEYS}"),
        (repo("submodule: true"), "4:3: unknown key 'submodule'; did you mean 'submodules'?"),
        (repo("sha256: abc"), "4:3: unknown key 'sha256'; it goes into an entry of `checkpoints:`; look at the indentation"),
        (repo("repo: c/d"), "4:3: 'repo' is here twice; the first is at line 3"),
        (entry("a/b"), "3:3: repos: expected `repo: owner/name`, got the text 'a/b'; write `repo:` in front of it"),
        (entry("[a/b]"), "3:3: repos: expected `repo: owner/name`, got a list; remove a `- `"),
        (entry("refs: [a]"), "3:3: repo: is missing; add `repo: owner/name`, or `url:` with a git address"),
        (entry("repo: 5"), "3:9: repo: expected owner/name, got the number 5"),
        (entry("repo: x"), "3:9: repo: not a repo name: expected owner/name, got 'x'"),
        (entry("repo: ../x"), "3:9: repo: not a repo name: '../x' has '..' where a name should be"),
        (entry("repo: /abs/x"), "3:9: repo: not a repo name: '/abs/x' has an empty part where a name should be"),
        (entry("repo: 'a b/c'"), "3:9: repo: not a repo name: 'a b/c' has 'a b' where a name should be"),
        (entry('repo: "a/b\\n"'), "3:9: repo: not a repo name: 'a/b\\n' has 'b\\n' where a name should be"),
        (entry("repo: a/b.git"), "3:9: repo: not a repo name: 'a/b.git' has 'b.git' where a name should be"),
        (entry("repo: a/b/c"), "3:9: repo: expected owner/name, or a host with a path such as git.example/team/name, got 'a/b/c'; if 'a' is a host, say so with url:"),
        (entry("repo: github.com/a/b/c"), "3:9: repo: expected owner/name, or github.com/owner/name, got 'github.com/a/b/c'"),
        (entry("repo: a/b:v1"), "3:9: repo: expected owner/name, got 'a/b:v1'; the ref goes to refs: [v1]"),
        (entry("repo: https://github.com/a/b"), "3:9: repo: expected owner/name, got the URL 'https://github.com/a/b'; a URL goes to url:"),
        (entry("url: https://git.x/b"), "3:8: url: 'https://git.x/b' gives the repo no name; name it with repo: owner/name"),
        (entry("url: https://git.x/~me/b"), "3:8: url: 'https://git.x/~me/b' gives the repo no name; name it with repo: owner/name"),
    ],
)  # fmt: skip
def test_a_fault_of_a_repo(text: str, expected: str) -> None:
    assert faults(text) == [expected]


@pytest.mark.parametrize(
    ("refs", "expected"),
    [
        ("v1", "4:9: refs: expected a list, got the text 'v1'; write it as [v1]"),
        ('"v1*"', "4:9: refs: expected a list, got the text 'v1*'; write it as [\"v1*\"]"),
        ("1.10", '4:9: refs: expected a list, got the number 1.10; write it as ["1.10"]'),
        ("[1.10]", '4:10: refs: expected text, got the number 1.10; quote it: "1.10"'),
        ("[0123456]", '4:10: refs: expected text, got the number 0123456; quote it: "0123456"'),
        ("[1.0e+10]", '4:10: refs: expected text, got the number 1.0e+10; quote it: "1.0e+10"'),
        ("[2024-01-01]", '4:10: refs: expected text, got the date 2024-01-01; quote it: "2024-01-01"'),
        ("[2024-99-99]", '4:10: refs: expected text, got the date 2024-99-99; quote it: "2024-99-99"'),
        ("[no]", '4:10: refs: expected text, got no, which YAML takes for false; quote it: "no"'),
        ("[true]", '4:10: refs: expected text, got true; quote it: "true"'),
        ("[[v1]]", "4:10: refs: expected text, got a list"),
        ("[~]", "4:10: refs: has no value; write one after it, or remove the line"),
        ("[v1, v2, v1]", "4:18: refs: 'v1' is here twice; the first is at line 4"),
        ("['']", f"4:10: refs: '' {REF} is empty"),
        ("[a..b]", f"4:10: refs: 'a..b' {REF} has '..' in it"),
        ("[--upload-pack]", f"4:10: refs: '--upload-pack' {REF} starts with '-'"),
        ("[/a]", f"4:10: refs: '/a' {REF} starts with '/'"),
        ("[.a]", f"4:10: refs: '.a' {REF} starts with '.'"),
        ("[a/.b]", f"4:10: refs: 'a/.b' {REF} has a part that starts with '.'"),
        ("[a//b]", f"4:10: refs: 'a//b' {REF} has '//' in it"),
        ("[a/]", f"4:10: refs: 'a/' {REF} ends in '/'"),
        ("[a.]", f"4:10: refs: 'a.' {REF} ends in '.'"),
        ("[a.lock/b]", f"4:10: refs: 'a.lock/b' {REF} has a part that ends in '.lock'"),
        ("['a@{1}']", f"4:10: refs: 'a@{{1}}' {REF} has '@{{' in it"),
        ("[a b]", f"4:10: refs: 'a b' {REF} has a space in it"),
        ("[a~1]", f"4:10: refs: 'a~1' {REF} has '~' in it"),
        ('["a\\x07"]', f"4:10: refs: 'a\\x07' {REF} has the character U+0007 in it"),
        ("[a\u200bb]", f"4:10: refs: 'a\\u200bb' {REF} has the character U+200B in it"),
        ("[HEAD]", f"4:10: refs: 'HEAD' {REF} is git's word for the default branch; leave refs: out for that, or name the branch"),
    ],
)  # fmt: skip
def test_a_fault_of_a_ref(refs: str, expected: str) -> None:
    assert faults(repo(f"refs: {refs}")) == [expected]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("git.example/a/b", "expected a URL such as https://host/owner/name.git or git@host:path, got 'git.example/a/b'"),
        ("s3://b/a/b", "s3:// is not supported: expected one of https://, ssh://, http://, file://; got 's3://b/a/b'"),
        ("ext::sh -c x", "'ext::sh -c x' has a space in it; in a URL a space is %20"),
        ("ext::sh", "expected a URL such as https://host/owner/name.git or git@host:path, got 'ext::sh'"),
        ("-oProxyCommand=x:a/b", "expected a URL such as https://host/owner/name.git or git@host:path, got '-oProxyCommand=x:a/b'"),
        ("ssh://-oProxyCommand=x/a/b", "'ssh://-oProxyCommand=x/a/b' names no host: expected https://host/path"),
        ("git@h.example:-x/b", "expected git@host:path, got 'git@h.example:-x/b'"),
        ("https://tok@h.example/a/b", f"{USERINFO}: 'https://***@h.example/a/b'; {NETRC}"),
        ("ssh://git:pw@h.example/a/b", f"{USERINFO}: 'ssh://***@h.example/a/b'; {NETRC}"),
        ("https://h.example", "'https://h.example' names no repo: expected https://host/owner/name.git"),
        ("https://h.example/a/b?x=1", "'https://h.example/a/b?x=1' has a '?' or '#' part, which no git address has"),
        ("https://github.com/a/b/tree/main", "expected https://github.com/owner/name, got 'https://github.com/a/b/tree/main'; a branch or tag goes to refs:"),
        ("file://srv/a/b", "expected three slashes, file:///path, got 'file://srv/a/b'"),
    ],
)  # fmt: skip
def test_a_fault_of_a_git_address(url: str, expected: str) -> None:
    assert faults(entry(f"url: '{url}'")) == [f"3:8: url: {expected}"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("h.example/x.pth", "expected a URL such as https://host/file.pth, got 'h.example/x.pth'"),
        ("s3://b/x.pth", "s3:// is not supported: expected one of https://, http://, file://; got 's3://b/x.pth'"),
        ("https:///x.pth", "'https:///x.pth' names no host: expected https://host/path"),
        ("https://h.example:x/y", "the host or port of 'https://h.example:x/y' is not one: expected https://host:443/path"),
        ("https://h.example/", "'https://h.example/' names no file: expected https://host/file.pth"),
        ("https://h.example/a b", "'https://h.example/a b' has a space in it; in a URL a space is %20"),
        ("https://h.example\\x", "'https://h.example\\\\x' has a backslash in it; a URL has '/'"),
        ("https://h.example/x#y", "'https://h.example/x#y' has a part after '#', which no server ever sees"),
        ("https://u:PW@h.example/x", f"{USERINFO}: 'https://***@h.example/x'; {NETRC}"),
        ("https://h.example/x?a=1&X-Amz-Signature=SIG", "'https://h.example/x?a=1&X-Amz-Signature=***' has 'X-Amz-Signature' in it, which is a secret that the lock would keep; leave it out here and give the whole address as fetch_url: ${NAME}"),
        ("file://x/y", "expected three slashes, file:///path, got 'file://x/y'"),
        ("", "is empty"),
    ],
)  # fmt: skip
def test_a_fault_of_a_checkpoint_url(url: str, expected: str) -> None:
    assert faults(weight(f"url: '{url}'")) == [f"3:8: url: {expected}"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("https://h.example/x", "3:3: checkpoints: expected `url: https://host/file.pth`, got the text 'https://h.example/x'; write `url:` in front of it"),
        ("sha256: aaaaaaaa", "3:3: url: is missing; add `url: https://host/file.pth`"),
        ("{url: 'file:///x', sha256: 12345678}", '3:30: sha256: expected text, got the number 12345678; quote it: "12345678"'),
        ("{url: 'file:///x', sha256: xyz}", f"3:30: sha256: {SHA} 'xyz'"),
        ("{url: 'file:///x', sha256: abc}", f"3:30: sha256: {SHA} 3 digits"),
        (f"{{url: 'file:///x', sha256: {'a' * 65}}}", f"3:30: sha256: {SHA} 65 digits"),
        ("{url: 'file:///x', hash: aaaaaaaa}", "3:22: unknown key 'hash'; did you mean 'sha256'?"),
        ("{url: 'file:///x', szie: 4}", "3:22: unknown key 'szie'; the keys here are url, sha256, urls, fetch_url, on_changed_url, on_gone_url"),
        ("{url: 'file:///x', on_gone_ulr: hold}", "3:22: unknown key 'on_gone_ulr'; did you mean 'on_gone_url'?"),
        ("{url: 'file:///x', on_gone_url: keep}", "3:35: on_gone_url: expected 'follow', 'hold' or 'fail', got the text 'keep'"),
        ("{url: 'file:///x', urls: 'file:///y'}", "3:28: urls: expected a list, got the text 'file:///y'; write it as [\"file:///y\"]"),
        ("{url: 'file:///x', urls: ['file:///x']}", "3:29: urls: 'file:///x' is here twice; the first is at line 3"),
        ("{url: 'file:///x', fetch_url: $X}", f"3:33: fetch_url: {DOLLAR} '$X'"),
        ("{url: 'file:///x', fetch_url: '${1X}'}", f"3:33: fetch_url: {DOLLAR} '${{1X}}'"),
        ("{url: 'file:///x', fetch_url: 'https://${U}@h.example/x'}", f"3:33: fetch_url: {USERINFO}: 'https://***@h.example/x'; {NETRC}"),
        ("{url: 'file:///x', fetch_url: 'https://h.example/x?token=SECRET'}", "3:33: fetch_url: 'https://h.example/x?token=***' has a secret in 'token'; write token=${NAME} and set that variable in the environment of sync"),
        ("{url: 'file:///x', fetch_url: x.pth}", "3:33: fetch_url: expected a URL such as ${MODEL_URL} or https://host/file.pth, got 'x.pth'"),
    ],
)  # fmt: skip
def test_a_fault_of_a_checkpoint(lines: str, expected: str) -> None:
    assert faults(weight(lines)) == [expected]


@pytest.mark.parametrize(
    "fetch_url", ["${A}", "${A}/x", "https://h.example/x?token=${T}", "https://h.example/x"]
)
def test_a_fetch_url_may_have_variables_where_secrets_go(fetch_url: str) -> None:
    text = weight(f"{{url: 'file:///x', fetch_url: '{fetch_url}'}}")

    assert parse_manifest(text, file="m").checkpoints[0].fetch_url == fetch_url


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("'f(x)'", f"entrypoints: 'f(x)': {LITERAL}"),
        ("'f({1, 2})'", f"entrypoints: 'f({{1, 2}})': {LITERAL}"),
        ("'f(1e999)'", f"entrypoints: 'f(1e999)': {LITERAL}"),
        ("'f(**k)'", "entrypoints: 'f(**k)' has ** in it"),
        ("'f(*k)'", f"entrypoints: 'f(*k)': {LITERAL}"),
        ("'f(a=1, a=2)'", "entrypoints: 'f(a=1, a=2)' has the argument 'a' twice"),
        ("'a..b()'", f"entrypoints: {CALL}, got 'a..b()'"),
        ("'lambda: 0'", f"entrypoints: {CALL}, got 'lambda: 0'"),
        ("''", f"entrypoints: {CALL}, got ''"),
        ("'f(1'", "entrypoints: 'f(1' is cut off: between [ and ] a comma ends an entry, so put the whole call in quotes"),
        ("5", "entrypoints: expected a call such as resnet18(pretrained=True), got the number 5"),
    ],
)  # fmt: skip
def test_a_fault_of_an_entrypoint(item: str, expected: str) -> None:
    assert faults(repo(f"entrypoints: [{item}]")) == [f"4:17: {expected}"]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("{kwargs: {}}", "4:17: name: is missing; add `name: resnet18`"),
        ("{name: class}", "4:24: name: expected the name of a function in hubconf.py, such as resnet18, got 'class'"),
        ("{name: f, args: 3}", "4:33: args: expected a list, got the number 3; write it as [3]"),
        ("{name: f, kwargs: [1]}", "4:35: kwargs: expected `key: value`, got a list; remove a `- `"),
        ("{name: f, kwargs: {a-b: 1}}", "4:41: kwargs: expected the name of an argument, got 'a-b'"),
        ("{name: f, kwargs: {a: 2024-01-01}}", f"4:35: kwargs: {VALUE}"),
        ("{name: f, args: [.nan]}", f"4:33: args: {VALUE}"),
    ],
)  # fmt: skip
def test_a_fault_of_an_entrypoint_as_a_mapping(item: str, expected: str) -> None:
    assert faults(repo(f"entrypoints: [{item}]")) == [expected]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("jobs: 0", "jobs: expected a number from 1 to 64, got 0"),
        ("jobs: 65", "jobs: expected a number from 1 to 64, got 65"),
        ("connections_per_host: 0", "connections_per_host: expected a number from 1 to 64, got 0"),
        ("jobs: '4'", "jobs: expected a number, got the text '4'; remove the quotes"),
        ("jobs: many", "jobs: expected a whole number, got the text 'many'"),
        ("limit_rate: 50", "limit_rate: expected a rate with its unit, such as 50MB/s, got the number 50"),
        ("limit_rate: 5GB/h", "limit_rate: expected a rate with its unit, such as 50MB/s or 1MiB/s, got '5GB/h'"),
        ("max_size: 20Gigs", "max_size: expected a size with its unit, such as 20GB or 512MiB, got '20Gigs'"),
        ("max_size: 20GB/s", "max_size: expected a size with its unit, such as 20GB or 512MiB, got '20GB/s'"),
        ("max_size: 0GB", "max_size: expected more than nothing, got '0GB'; without this key there is no limit"),
    ],
)  # fmt: skip
def test_a_fault_of_a_setting(settings: str, expected: str) -> None:
    key, _, _ = settings.partition(" ")
    column = 2 + len(key) + 2

    assert faults(f"version: 1\nsettings:\n  {settings}\nrepos: []\n") == [
        f"3:{column}: {expected}"
    ]
