"""What a URL is: an identity, a place, or a thing that may carry a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubmirror import urls


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("HTTPS://Host.Example:443/a?b=1#c", "https://host.example/a?b=1"),
        ("http://h:8080/a", "http://h:8080/a"),
        ("https://h/a?download=1&id=7", "https://h/a?id=7"),
        ("https://h/a?X-Amz-Signature=s&X-Amz-Date=d", "https://h/a"),
        ("https://h/uc?id=A&export=download", "https://h/uc?id=A&export=download"),
        ("https://h/a.pth?sr=16000", "https://h/a.pth?sr=16000"),
        ("https://h/a?sv=1&sr=b&sig=x&se=2&id=3", "https://h/a?id=3"),
        ("https://h/a?Expires=1&Signature=x&Key-Pair-Id=k", "https://h/a"),
        ("https://h/a?expires=never", "https://h/a?expires=never"),
    ],
)
def test_the_canonical_form_drops_what_does_not_change_the_bytes(url: str, same: str) -> None:
    assert urls.canonical(url) == same


@given(st.text())
def test_redacting_never_fails(text: str) -> None:
    urls.redact(text)
    urls.redact(f"https://{text}")


@pytest.mark.parametrize("text", ["http://[::1/x", "http://h:port/x", ""])
def test_what_is_no_url_stands_for_itself(text: str) -> None:
    assert urls.canonical(text) == text
    assert not urls.is_plain(text) or text == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pass@h/a", "https://h/a"),
        ("https://h/a?token=s3cret&id=1", "https://h/a?token=***&id=1"),
        ("https://h/a?download=true", "https://h/a?download=true"),
        ("https://h/a?key=k&pass=p&hdnts=h&sr=1", "https://h/a?key=***&pass=***&hdnts=***&sr=1"),
        (
            "https://h/a?X-Amz-Signature=s&X-Amz-Date=d",
            "https://h/a?X-Amz-Signature=***&X-Amz-Date=d",
        ),
        ("https://[::1/a", "***"),
    ],
)
def test_what_may_be_printed_holds_no_secret(url: str, shown: str) -> None:
    assert urls.redact(url) == shown


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://h/resnet18-f37072fd.pth", "f37072fd"),
        ("https://h/alexnet-owt-7be5be79.pth", "7be5be79"),
        ("https://h/resnet-50.pth", ""),
        ("https://h/vit-b.pth", ""),
        ("https://h/model-.pth", ""),
        ("https://h/dpt_beit_large_512.pt", ""),
    ],
)
def test_only_eight_digits_or_more_are_a_hash(url: str, named: str) -> None:
    assert urls.name_hash(url) == named


def test_a_place_has_no_query() -> None:
    assert urls.place("https://u:p@h:8443/a/b?sig=1#c") == "https://h:8443/a/b"
