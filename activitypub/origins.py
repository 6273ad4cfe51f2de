"""Origins of URLs: the unit of authority in the fediverse (FEP-fe34, RFC 6454 §4)."""

import functools
import ipaddress
import re

import idna

from activitypub.errors import DocumentError

MAX_URL_CHARS = 2048
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Blanks, control characters, backslashes, quotes and surrogates: readers disagree on each.
# User information ("@" in the authority) serves only to make a URL look like another's.
_URL = re.compile(
    r"(https?)://([^/?#@\s\x00-\x20\x7f\\\"<>^`{|}\ud800-\udfff]+)"
    r"(?:[/?#][^\s\x00-\x20\x7f\\\ud800-\udfff]*)?"
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
# Resolvers read a name whose last label is a number as an IPv4 address ("0x7f.1", "127.1").
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)
_PORT = re.compile(r"[0-9]{0,5}", re.ASCII)


def is_web_url(url: str) -> bool:
    """Tell at little cost whether `url` can be an id: absolute http(s), no user, no blanks.

    The host is looked at only by `origin`, which every comparison of authority goes through.
    """
    return _is_short(url) and _URL.fullmatch(url) is not None


def origin(url: str) -> str:
    """Return the origin of `url` as `scheme://host:port`, always in the same spelling.

    The host is in lower case, its international labels are A-labels (IDNA 2008 after UTS 46),
    the default port and a trailing dot are dropped. Raises DocumentError if `url` is not
    http(s), names a user, or its authority is malformed.
    """
    scheme, host, port = _parts(url)
    return f"{scheme}://{_with_port(scheme, host, port)}"


def host_of(url: str) -> str:
    """Return the normal form of the host of `url`, with the port if it is not the default one.

    Raises DocumentError as `origin` does.
    """
    return _with_port(*_parts(url))


def same_origin(a: str, b: str) -> bool:
    """Tell whether two URLs have one origin. A malformed URL has the origin of nothing."""
    try:
        return _parts(a) == _parts(b)
    except DocumentError:
        return False


def same_url(a: str, b: str) -> bool:
    """Tell whether two URLs name one resource: same origin, and the same rest to the letter."""
    return a == b or (same_origin(a, b) and _rest(a) == _rest(b))


def _rest(url: str) -> str:
    match = _URL.fullmatch(url)
    rest = url[match.end(2) :] if match else url
    return rest if rest.startswith("/") else f"/{rest}"


def _with_port(scheme: str, host: str, port: int) -> str:
    return host if port == _DEFAULT_PORTS[scheme] else f"{host}:{port}"


@functools.lru_cache(maxsize=4096)
def _parts(url: str) -> tuple[str, str, int]:
    if not _is_short(url):
        raise DocumentError("URL is too long")
    match = _URL.fullmatch(url)
    if match is None:
        raise DocumentError("not a well-formed http(s) URL")
    scheme, authority = match.groups()
    host, port = _split_port(authority, _DEFAULT_PORTS[scheme])
    return scheme, _host(host), port


def _split_port(authority: str, default: int) -> tuple[str, int]:
    if authority.endswith("]"):
        return authority, default
    host, colon, digits = authority.rpartition(":")
    if not colon:
        return authority, default
    if not _PORT.fullmatch(digits) or not 0 < int(digits or default) < 65536:
        raise DocumentError("URL has a malformed port")
    return host, int(digits or default)


def _host(host: str) -> str:
    if host.startswith("["):
        return _ipv6(host)
    name = _ascii(host.removesuffix(".")).lower()
    if _NUMERIC.fullmatch(name):
        return _ipv4(name)
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise DocumentError("URL has a malformed host name")
    return name


def _ascii(host: str) -> str:
    if host.isascii() and "xn--" not in host.lower():
        return host
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode("ascii").removesuffix(".")
    except idna.IDNAError as error:
        raise DocumentError("URL has a malformed international host name") from error


def _ipv6(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host[1:-1] if host.endswith("]") else host)
    except ValueError as error:
        raise DocumentError("URL has a malformed IPv6 address") from error
    if address.scope_id is not None:
        raise DocumentError("URL has an IPv6 address with a zone")
    return f"[{address.compressed}]"


def _ipv4(host: str) -> str:
    try:
        return str(ipaddress.IPv4Address(host))
    except ValueError as error:
        raise DocumentError("URL spells an IPv4 address in an unusual way") from error


def _is_short(url: str) -> bool:
    """Ids are kept in indexes, whose limit counts bytes."""
    if len(url) > MAX_URL_CHARS:
        return False
    return url.isascii() or len(url.encode("utf-8", "replace")) <= MAX_URL_CHARS
