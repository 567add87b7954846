"""What may be given to git as an address or a ref."""

from __future__ import annotations

import pytest

from hubmirror.errors import InvalidInputError
from hubmirror.upstream.addresses import Address, check_ref_name


@pytest.mark.parametrize(
    ("url", "protocol", "allowed"),
    [
        ("https://github.com/owner/name", "https", "https"),
        ("https://user:secret@ghe.example:8443/owner/name.git", "https", "https"),
        ("http://127.0.0.1:8000/git/owner/name", "http", "http:https"),
        ("https://[::1]:8443/name", "https", "https"),
        ("ssh://git@host.example:2222/owner/name", "ssh", "ssh"),
        ("git@github.com:owner/name.git", "ssh", "ssh"),
        ("host:path/of/repo", "ssh", "ssh"),
        ("file:///srv/git/a%20b.git", "file", "file"),
    ],
)
def test_an_address_allows_its_own_transport_only(url: str, protocol: str, allowed: str) -> None:
    address = Address.parse(url)

    assert (address.protocol, address.allowed) == (protocol, allowed)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ext::sh -c id",
        "ext::sh%20-c%20id",
        "fd::17",
        "https::https://github.com/owner/name",
        "--upload-pack=touch /tmp/x",
        "-u",
        "git://github.com/owner/name",
        "ftp://host/name",
        "git+ssh://host/name",
        "file://host/srv/name",
        "/srv/git/name.git",
        "./name.git",
        "../name",
        "https://",
        "https://github.com",
        "https://-oProxyCommand=id/name",
        "ssh://-oProxyCommand=id/name",
        "ssh://host/-x",
        "-oProxyCommand=id:path",
        "user@-oProxyCommand=id:path",
        "host:-x",
        "https://host:99999/name",
        "https://host/name\nurl = ext::id",
        "https://host/na me",
        "https://host/name\x00",
        "https://[::1/name",
    ],
)
def test_other_transports_and_options_are_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        Address.parse(url)


def test_a_refused_address_shows_no_password() -> None:
    with pytest.raises(InvalidInputError) as refused:
        Address.parse("ftp://user:hunter2@host/name")

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("name", ["main", "feature/x", "v1.0", "ünï", "a@b", "refs/heads/x", "@x"])
def test_names_of_refs_are_taken(name: str) -> None:
    check_ref_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "-x", "--upload-pack=x", "a..b", "a b", "a~1", "a^", "a:b", "a*", "a?", "a[", "a\\b",
     "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "@", "a@{1}", "a\nb", "a\x7f"],
)  # fmt: skip
def test_what_git_would_take_for_no_ref_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        check_ref_name(name)
