"""Which network addresses a request may connect to: globally reachable unicast, nothing else.

The rule is an allow-list. Deny-lists of special ranges were incomplete in every server that
tried them, and the answer of `ipaddress` differs between Python releases, so the ranges that
matter are named here as well (IANA special-purpose registries, RFC 6890).
"""

import ipaddress
from collections.abc import Iterable

_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
# RFC 6052: the well-known prefix through which a NAT64 network reaches IPv4 hosts.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 hides an IPv4 address and has been deprecated since RFC 7526
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the former 6bone
        "3fff::/20",  # documentation, RFC 9637
    )
)
# RFC 5214: interface identifiers that carry an IPv4 address in the last four bytes.
_ISATAP_MARKS = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


def is_public(address: str) -> bool:
    """True if `address` is a global unicast address; anything that is no address is not.

    Addresses that wrap an IPv4 address are judged by it (IPv4-mapped, the NAT64 well-known
    prefix, ISATAP) or refused (IPv4-compatible, 6to4, Teredo, local NAT64 prefixes).
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return _is_public_v4(parsed)
    return _is_public_v6(parsed)


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in network for network in _REFUSED_V4)
    )


def _is_public_v6(address: ipaddress.IPv6Address) -> bool:
    if address.scope_id is not None:
        return False
    inner = _embedded_v4(address)
    if inner is not None and not _is_public_v4(inner):
        return False
    if address.ipv4_mapped is not None or address in _NAT64:
        return True
    return (
        address in _GLOBAL_UNICAST_V6
        and address.is_global
        and not any(address in network for network in _REFUSED_V6)
    )


def _embedded_v4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address.packed[8:12] in _ISATAP_MARKS:
        return ipaddress.IPv4Address(address.packed[12:])
    return None


class AddressRule:
    """Decides about one address and port: public ones, and the exceptions the config names."""

    __slots__ = ("_exceptions",)

    def __init__(self, reachable_addresses: Iterable[str]) -> None:
        """Take exact addresses: "127.0.0.1", "127.0.0.1:8081", "::1" or "[::1]:8081".

        Raises ValueError for anything else: a name or a network is never an exception.
        """
        self._exceptions = frozenset(split_address(text) for text in reachable_addresses)

    def allows(self, address: str, port: int) -> bool:
        """True if a connection to `address` (textual, as connected to) and `port` may be made."""
        return self.is_exception(address, port) or is_public(address)

    def is_exception(self, address: str, port: int) -> bool:
        """True if the config names this very address, with this port or with none."""
        if not self._exceptions:
            return False
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return (parsed, port) in self._exceptions or (parsed, None) in self._exceptions


def split_address(
    text: str,
) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int | None]:
    """Split "address", "address:port" or "[address]:port". Raises ValueError for other forms."""
    host, separator, port = text.rpartition(":")
    if text.startswith("[") and text.endswith("]"):
        return ipaddress.ip_address(text[1:-1]), None
    if separator and host.startswith("[") and host.endswith("]"):
        return ipaddress.ip_address(host[1:-1]), _port(port)
    if separator and ":" not in host:
        return ipaddress.ip_address(host), _port(port)
    return ipaddress.ip_address(text), None


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65_536:
        raise ValueError(f"no such port: {text}")
    return port
