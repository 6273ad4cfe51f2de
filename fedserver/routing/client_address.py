"""Whose request it is, when proxies stand between: X-Forwarded-For, believed from our own only."""

import ipaddress
from collections.abc import Iterable

from aiohttp import web

_MAX_HOPS = 20


class ClientAddresses:
    """Finds the address of clients behind the trusted proxies."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        """Take addresses or networks. Raises ValueError for what is neither."""
        self._trusted = [ipaddress.ip_network(one, strict=False) for one in trusted_proxies]

    def of(self, request: web.Request) -> str:
        """Give the address of the client: the nearest that is not one of our own proxies.

        What stands left of it in X-Forwarded-For could be written by anybody. Over a Unix socket
        only a proxy on this machine can call.
        """
        peer = _peer(request)
        if peer is not None and not self._is_proxy(peer):
            return peer
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", []))
        if not forwarded:
            return peer or "unix"
        nearest = peer or "unix"
        for hop in reversed(forwarded.split(",")[-_MAX_HOPS:]):
            address = _address(hop.strip())
            if address is None:
                return nearest
            nearest = address
            if not self._is_proxy(address):
                return address
        return nearest

    def _is_proxy(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed in network for network in self._trusted)


def _peer(request: web.Request) -> str | None:
    name = request.transport.get_extra_info("peername") if request.transport else None
    return _address(str(name[0])) if isinstance(name, tuple) else None


def _address(text: str) -> str | None:
    """Give an address in its usual form, without a port, a zone or brackets; None for others."""
    host = text
    if text.startswith("["):
        host = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        host = text.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(parsed)
