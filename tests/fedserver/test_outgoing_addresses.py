"""The address predicate and the URL checks, as tables."""

import pytest

from fedserver.outgoing.addresses import AddressRule, is_public
from fedserver.outgoing.urls import UrlRule


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "93.184.215.14",
        "2606:4700:4700::1111",
        "2a00:1450:4001:80e::200e",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2606:4700::5efe:101:101",
    ],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        # IPv4 special ranges
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        # IPv6 special ranges
        "::",
        "::1",
        "100::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%1",
        "2606:4700:4700::1111%1",
        "fec0::1",
        "ff02::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "3fff::1",
        "3ffe::1",
        "5f00::1",
        "4000::1",
        # IPv4-mapped
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:0",
        # IPv4-translated and IPv4-compatible, also of public addresses
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "::10.0.0.1",
        "::1.1.1.1",
        # NAT64
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "64:ff9b:1::1.1.1.1",
        "64:ff9b:0:1::1.1.1.1",
        # NAT64 with an address that is itself reserved, and the local prefix of RFC 8215 in full
        "64:ff9b::192.0.2.1",
        "64:ff9b::100.64.0.1",
        "64:ff9b::224.0.0.1",
        "64:ff9b:1:ffff:ffff:ffff:808:808",
        # discard-only, site-local, unique local, link-local at their edges
        "100::",
        "fdff:ffff::1",
        "febf::1",
        "feff::1",
        "ff0e::1",
        # carrier-grade NAT, benchmark and private ranges at their edges
        "100.127.255.255",
        "198.19.255.255",
        "192.31.196.1",
        "192.52.193.1",
        "192.175.48.1",
        "172.31.0.1",
        "169.254.0.0",
        "255.255.255.254",
        "::ffff:100.64.0.1",
        "::ffff:198.18.0.1",
        "::ffff:224.0.0.1",
        "::255.255.255.255",
        # 6to4, Teredo
        "2002:7f00:1::1",
        "2002:101:101::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe",
        # ISATAP
        "2606:4700::5efe:7f00:1",
        "2606:4700::200:5efe:10.0.0.1",
        # no addresses
        "",
        "localhost",
        "0x7f000001",
        "2130706433",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1 ",
        "[::1]",
        "1.1.1.1/32",
        "1.1.1.1:80",
        "١.١.١.١",
        "1.1.1.01",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_exceptions_are_exact() -> None:
    rule = AddressRule({"127.0.0.1:8081", "10.0.0.1", "[::1]:8081", "fd00::1"})
    assert rule.allows("127.0.0.1", 8081)
    assert not rule.allows("127.0.0.1", 8082)
    assert not rule.allows("127.0.0.2", 8081)
    assert not rule.allows("::ffff:127.0.0.1", 8081)
    assert rule.allows("10.0.0.1", 1)
    assert not rule.allows("10.0.0.2", 1)
    assert rule.allows("::1", 8081)
    assert not rule.allows("::1", 443)
    assert rule.allows("fd00::1", 443)
    assert rule.allows("1.1.1.1", 443)


@pytest.mark.parametrize(
    "text", ["localhost", "10.0.0.0/8", "", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:x"]
)
def test_an_exception_that_is_no_address_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        AddressRule({text})


def rule(*, plain_http: bool = False) -> UrlRule:
    return UrlRule(
        plain_http=plain_http,
        addresses=AddressRule({"127.0.0.1:8081"}),
        mapped=frozenset({"alpha.test:8443"}),
    )


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://a.example", "https://a.example/"),
        ("https://a.example?x=%26", "https://a.example/?x=%26"),
        ("https://@a.example/", "https://a.example/"),
        ("https://A.Example:443/x?y#z", "https://a.example/x?y"),
        ("https://a.example:80/", "https://a.example:80/"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://127.0.0.1:8081/", "https://127.0.0.1:8081/"),
        ("https://alpha.test:8443/", "https://alpha.test:8443/"),
        # An address in its usual spelling after normalising; the socket's rule refuses it.
        ("https://①②⑦.0.0.1/", "https://127.0.0.1/"),
        ("https://[2606:4700::1]/", "https://[2606:4700::1]/"),
        ("https://a.example/users/a%2Fb", "https://a.example/users/a%2Fb"),
    ],
)
def test_urls_that_may_be_requested(url: str, normal: str) -> None:
    assert str(rule().check(url)) == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/x",
        "//a.example/",
        "http://a.example/",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https:///x",
        "https://a.example:8080/",
        "https://a.example:22/",
        "https://127.0.0.1:8082/",
        "https://a.example:99999/",
        "https://user@a.example/",
        "https://user:password@a.example/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://a.example.1/",
        "https://0x7f.0.0.0x1/",
        "https://017700000001/",
        "https://127.0.1/",
        "https://127。1/",
        "https://[::ffff:127.0.0.1/",
        "https://[v1.x]/",
        "https://1.1.1.1./",
        "https://a.example./",
        "https://a..example/",
        "https://-a.example/",
        "https://a_b.example/",
        "https://a%2eexample/",
        "https://[fe80::1%25eth0]/",
        "https://[::1/",
        "https://[x]/",
        "https://a.example\\@b.example/",
        "https://a.example/\r\nX: y",
        "https://a.example/ x",
        "https://a.example/\x00",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 130 + "example/",
        "https://a.example/" + "x" * 5000,
    ],
)
def test_urls_that_may_not_be_requested(url: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        rule().check(url)


def test_plain_http_allows_other_ports_too() -> None:
    assert rule(plain_http=True).check("http://localhost:8080/").port == 8080
