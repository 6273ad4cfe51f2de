"""What a URL must look like before a request is made to it."""

import functools
import ipaddress
import re

from yarl import URL

from activitypub.onions import is_onion, is_onion_service
from fedserver.outgoing.addresses import AddressRule

MAX_URL_CHARS = 4096
_WEB_PORTS = frozenset({80, 443})
_BRACKET = re.compile(r"[^/?#]*//[^/?#]*\[")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
# The resolver reads names whose last label is a number as IPv4 addresses ("0x7f000001",
# "127.1", "0177.0.0.1"); the canonical spelling has been recognised before this is asked.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)


class UrlRule:
    """The checks on a URL that depend on the configuration: scheme and port."""

    __slots__ = ("_addresses", "_mapped", "_plain_http")

    def __init__(self, *, plain_http: bool, addresses: AddressRule, mapped: frozenset[str]) -> None:
        """Take the settings; `mapped` are the names (host or host:port) of the host map."""
        self._plain_http = plain_http
        self._addresses = addresses
        self._mapped = mapped

    def check(self, url: str) -> URL:
        """Return the normal form of `url` without its fragment.

        Raises ValueError, with the reason, if no request may be made to it.
        """
        target = parse(url)
        host = target.raw_host or ""
        if is_onion(host) and not is_onion_service(host):
            raise ValueError("no onion service can have this name")
        # The way to an onion service is sealed and proves who answers: TLS would add nothing.
        if target.scheme == "http" and not self._plain_http and not is_onion(host):
            raise ValueError("plain http is not allowed")
        if not self._port_allowed(target):
            raise ValueError(f"port {target.port} is not allowed")
        return target

    def _port_allowed(self, target: URL) -> bool:
        host, port = target.raw_host or "", target.port or 0
        return (
            port in _WEB_PORTS
            or self._plain_http
            or f"{host}:{port}" in self._mapped
            or self._addresses.is_exception(host, port)
        )


@functools.lru_cache(maxsize=2048)
def parse(url: str) -> URL:
    """Parse and normalise `url`: http or https, no user information, a well-formed host.

    International names become A-labels. The fragment is dropped. Raises ValueError with
    the reason.
    """
    if len(url) > MAX_URL_CHARS:
        raise ValueError("URL is too long")
    if _UNSAFE.search(url):
        raise ValueError("URL has a control character, a blank or a backslash")
    target = _parsed(url)
    if target.scheme not in {"http", "https"}:
        raise ValueError("URL is neither http nor https")
    if target.raw_user is not None or target.raw_password is not None:
        raise ValueError("URL has user information")
    _check_host(target.raw_host or "", bracketed=_BRACKET.match(url) is not None)
    return _with_path(target).with_fragment(None)


def _parsed(url: str) -> URL:
    try:
        return URL(url)
    except (ValueError, TypeError) as error:
        raise ValueError("URL is malformed") from error


def _with_path(target: URL) -> URL:
    """Write the path that goes on the wire, so that what is signed is what is sent."""
    after_scheme = str(target.with_fragment(None)).partition("://")[2]
    if "/" in after_scheme.partition("?")[0]:
        return target
    return URL.build(
        scheme=target.scheme,
        authority=target.raw_authority,
        path="/",
        query_string=target.raw_query_string,
        encoded=True,
    )


def _check_host(host: str, *, bracketed: bool) -> None:
    if not host:
        raise ValueError("URL has no host")
    if ":" in host or bracketed:
        _check_literal(host)
    elif not _is_canonical_v4(host):
        _check_name(host)


def _check_literal(host: str) -> None:
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError as error:
        raise ValueError("URL has a malformed IPv6 address") from error
    if address.scope_id is not None:
        raise ValueError("URL has an IPv6 address with a zone")


def _is_canonical_v4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def _check_name(host: str) -> None:
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise ValueError("URL has a malformed host name")
    if _NUMERIC.fullmatch(host):
        raise ValueError("URL spells an IPv4 address in an unusual way")
