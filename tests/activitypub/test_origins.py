"""Origins: one spelling for one authority, and no disguises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.errors import DocumentError
from activitypub.origins import host_of, is_web_url, origin, same_origin, same_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x?y#z", "https://a.example"),
        ("https://A.Example", "https://a.example"),
        ("https://a.example:443/", "https://a.example"),
        ("https://a.example:/", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("https://a.example./", "https://a.example"),
        ("https://a.example?x", "https://a.example"),
        ("https://bücher.example/", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.example/", "https://xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example"),
        ("https://a。example/", "https://a.example"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]"),
        ("https://a.example/@user", "https://a.example"),
        ("https://a.example/?u=x@b.example", "https://a.example"),
    ],
)
def test_origins_have_one_spelling(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example",
        "//a.example/",
        "https:a.example",
        "https:///a.example",
        "https://",
        "https://:443/",
        "ftp://a.example/",
        "did:key:z6Mk",
        "acct:ann@a.example",
        "javascript://a.example/%0aalert(1)",
        "https://user@a.example/",
        "https://user:pass@a.example/",
        "https://a.example@b.example/",
        "https://a.example\\@b.example/",
        "https://a.example\\.b.example/",
        "https://a.example /",
        "https://a.example\t/",
        "https://a.example/\r\nHost: b",
        " https://a.example/",
        "https://a.example/ ",
        "https://a.example:0/",
        "https://a.example:65536/",
        "https://a.example:8o/",
        "https://a.example:-1/",
        "https://a.example:٤٤٣/",
        "https://a..example/",
        "https://-a.example/",
        "https://a_b.example/",
        "https://a.example../",
        "https://a%2eexample/",
        "https://xn--zzzzzz--.example/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[::ffff]x/",
        "https://a.example:80:80/",
        "https://\ud800.example/",
        f"https://a.example/{'x' * 2048}",
        f"https://{'a' * 64}.example/",
        f"https://{'a.' * 130}example/",
    ],
)
def test_malformed_and_disguised_urls_have_no_origin(url: str) -> None:
    with pytest.raises(DocumentError):
        origin(url)
    assert not same_origin(url, url)


def test_hosts_keep_unusual_ports() -> None:
    assert host_of("https://A.example:443/x") == "a.example"
    assert host_of("http://a.example:8080/x") == "a.example:8080"


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("https://a.example/1", "https://A.EXAMPLE:443/2", True),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/", "https://a.example:8443/", False),
        ("https://a.example/", "https://b.a.example/", False),
        ("https://a.example/", "https://a.example.b.example/", False),
        ("https://bücher.example/", "https://xn--bcher-kva.example/", True),
    ],
)
def test_same_origin(a: str, b: str, same: bool) -> None:
    assert same_origin(a, b) is same


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("https://a.example", "https://a.example/", True),
        ("https://A.example/x", "https://a.example:443/x", True),
        ("https://a.example?q", "https://a.example/?q", True),
        ("https://a.example/X", "https://a.example/x", False),
        ("https://a.example/x", "https://a.example/x/", False),
        ("https://a.example/x", "https://b.example/x", False),
    ],
)
def test_same_url(a: str, b: str, same: bool) -> None:
    assert same_url(a, b) is same


@given(st.text() | st.text().map("https://{}".format) | st.text().map("http://[{}]/".format))
def test_any_text_has_an_origin_or_is_refused(url: str) -> None:
    try:
        found = origin(url)
    except DocumentError:
        return
    assert is_web_url(url)
    assert origin(found) == found
    assert same_origin(url, found)
