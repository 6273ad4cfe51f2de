"""The SOCKS5 proxy (Tor): the way to .onion names, and round a blocked one.

Names go to the proxy as they are; it alone looks them up. What it may be asked for is decided here,
since the check of addresses stands at sockets that only we open.
"""

import asyncio
import ipaddress
import ssl
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
from python_socks import ProxyType
from yarl import URL

from activitypub.onions import is_onion
from fedserver.config import Config
from fedserver.errors import ConfigError

# aiohttp-socks raises them as they are, not as errors of aiohttp.
PROXY_ERRORS: Final = (ProxyConnectionError, ProxyError, ProxyTimeoutError)
DEFAULT_PORT: Final = 9050
# Names that lead nowhere, or somewhere else in each network (RFC 6761, 6762, 8375, 9476, ICANN).
_LOCAL_ENDINGS: Final = (
    ".alt",
    ".arpa",
    ".corp",
    ".home",
    ".internal",
    ".intranet",
    ".invalid",
    ".lan",
    ".local",
    ".localdomain",
    ".localhost",
    ".private",
    ".test",
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where the proxy is. `fallback`: it also leads to hosts that cannot be reached directly."""

    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    fallback: bool = False
    # A circuit through Tor takes its time.
    timeout_s: float = 30.0


def parse_proxy(url: str, *, fallback: bool = False, timeout_s: float = 30.0) -> Proxy:
    """Read "socks5://[user:password@]host[:port]". Raises ValueError for anything else."""
    try:
        parts = URL(url, encoded=True)
        host, port = parts.raw_host or "", parts.explicit_port
    except (ValueError, TypeError) as error:
        raise ValueError("is no address of a proxy") from error
    if parts.scheme not in ("socks5", "socks5h") or not host:
        raise ValueError("needs an address such as socks5://127.0.0.1:9050")
    if parts.raw_path not in ("", "/") or parts.raw_query_string:
        raise ValueError("has more than user, password, host and port")
    user, password = parts.raw_user, parts.raw_password
    return Proxy(
        host.strip("[]"),
        port or DEFAULT_PORT,
        unquote(user) if user else None,
        unquote(password) if user and password else None,
        fallback,
        timeout_s,
    )


def configured_proxy(config: Config) -> Proxy | None:
    """Give the proxy that the settings name. Raises ConfigError for one that cannot be."""
    network = config.network
    if not network.socks:
        return None
    try:
        return parse_proxy(network.socks, fallback=network.fallback, timeout_s=network.timeout_s)
    except ValueError as error:
        raise ConfigError(f"[network] socks {error}") from error


async def greet(proxy: Proxy, *, limit_s: float = 5.0) -> None:
    """See whether a SOCKS5 proxy is there that would serve us (RFC 1928 §3).

    Raises OSError or TimeoutError where nobody answers, ValueError where it is something else.
    """
    methods = b"\x00" if proxy.username is None else b"\x00\x02"
    async with asyncio.timeout(limit_s):
        reader, writer = await asyncio.open_connection(proxy.host, proxy.port)
        try:
            writer.write(b"\x05" + bytes([len(methods)]) + methods)
            answer = await reader.read(2)
        finally:
            writer.close()
    if answer[:1] != b"\x05":
        raise ValueError("what answers there is no SOCKS5 proxy")
    if answer[1:] not in (b"\x00", b"\x02"):
        raise ValueError("the proxy wants another way to sign in")


def connector(proxy: Proxy, tls: ssl.SSLContext, **options: Any) -> aiohttp.TCPConnector:
    """Give what makes connections through the proxy, which looks names up (`rdns`)."""
    made: aiohttp.TCPConnector = ProxyConnector(
        host=proxy.host,
        port=proxy.port,
        proxy_type=ProxyType.SOCKS5,
        username=proxy.username,
        # SOCKS5 has no user without a password (RFC 1929).
        password=proxy.password or ("" if proxy.username else None),
        rdns=True,
        ssl=tls,
        **options,
    )
    return made


def may_be_proxied(target: URL, *, plain_http: bool) -> bool:
    """Whether the proxy may be asked for `target`: a public name, never an address.

    Where the name really leads is seen by nobody but the proxy. So beside .onion only https is sent
    there: what answers has a certificate for the name, which nothing in a private network has.
    """
    host = (target.raw_host or "").rstrip(".")
    if is_onion(host):
        return True
    if target.scheme != "https" and not plain_http:
        return False
    return "." in host and not host.endswith(_LOCAL_ENDINGS) and not _is_address(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
