"""The one way out: every request that the server makes to anybody goes through here."""

import asyncio
import resource
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from activitypub.onions import is_onion
from fedserver.clock import Clock
from fedserver.errors import Unreachable
from fedserver.outgoing.addresses import AddressRule
from fedserver.outgoing.detours import Detour, Detours
from fedserver.outgoing.names import Lookup, Names, look_up
from fedserver.outgoing.proxy import PROXY_ERRORS, Proxy, connector, may_be_proxied
from fedserver.outgoing.reasons import cause, host_for_message, reason
from fedserver.outgoing.sockets import AddressRefused, GuardedSockets
from fedserver.outgoing.urls import UrlRule, parse

MAX_CONNECTIONS = 200
MAX_CONNECTIONS_PER_HOST = 4
# Above this many open sockets (or half of the process's file descriptors) connections are not
# kept, so that a post to thousands of hosts does not use up the descriptors.
MAX_KEPT_SOCKETS = 4_000
# A new TLS connection costs eleven times a warm request: keep them while a conversation lasts.
KEEP_ALIVE_S = 180.0
MAX_HEADER_BYTES = 8190
MAX_HEADERS = 128
# Of a request's time: after that it is tried another way, where there may be one.
CONNECTING_SHARE = 0.6
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Not carried to another origin: they speak to the host they were meant for only.
_PRIVATE_HEADERS = frozenset({"authorization", "cookie"})

Signer = Callable[[str, str, bytes | None], Awaitable[Mapping[str, str]]]
# The other doors ("https://alt.example") of the server behind a host ("name" or "name:port").
DoorsOf = Callable[[str], Awaitable[Sequence[str]]]


class ForbiddenTarget(Unreachable):
    """The request was refused here: its URL or the address behind it is not allowed."""


class NotPublic(ForbiddenTarget):
    """The name leads to an address that may not be connected to."""


class NotConnected(Unreachable):
    """No connection was made, so the peer has nothing of the request."""


class TooLarge(Unreachable):
    """The answer was larger, after decompression, than the request allowed."""


# Whatever way is tried next, nobody gets the request twice.
_NOT_SENT = (NotConnected, ForbiddenTarget)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one request may cost, redirects, look-up and waiting for a connection included."""

    total_s: float = 10.0
    max_bytes: int = 1_048_576
    max_redirects: int = 3


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Response:
    """An answer with its whole body. `headers` compares names without regard to case."""

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    headers: Mapping[str, str]
    body: bytes | None
    limits: Limits
    signer: Signer | None
    repeatable: bool
    own_service: bool
    deadline: asyncio.Timeout
    begun_s: float


class Outgoing:
    """Makes requests to peers under the rules of the network guard.

    Only https to ports 80 and 443 of public addresses, unless the settings say otherwise;
    the address is checked where the socket is made. Hosts under .onion are asked for at the proxy
    of the settings only; so may be others that do not answer. No cookies, no netrc, no proxies of
    the environment.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        plain_http: bool,
        reachable_addresses: frozenset[str],
        host_map: Mapping[str, str],
        ca_file: Path | None,
        clock: Clock,
        lookup: Lookup = look_up,
        is_blocked: Callable[[str], bool] = lambda _host: False,
        own_services: Iterable[str] = (),
        proxy: Proxy | None = None,
        doors_of: DoorsOf | None = None,
    ) -> None:
        """Take plain settings.

        `reachable_addresses` are exact private addresses ("127.0.0.1", "127.0.0.1:8081");
        `host_map` leads a name ("host" or "host:port") to "ip:port" while TLS and Host keep
        the name (its targets need to be reachable too); `ca_file` is trusted beside the
        system's authorities. Nothing is sent to a host ("name" or "name:port") that
        `is_blocked`. `own_services` are addresses of services that the admin set up, which may be
        anywhere, and are reached only by who says so. `proxy` leads to .onion names; `doors_of` is
        asked where a host cannot be reached. Raises ValueError for a malformed address.
        """
        addresses = AddressRule(reachable_addresses)
        self._urls = UrlRule(
            plain_http=plain_http,
            addresses=addresses,
            mapped=frozenset(name.lower() for name in host_map),
        )
        self._names = Names(host_map=host_map, clock=clock, lookup=lookup)
        self._sockets = GuardedSockets(addresses, max_open=_max_kept_sockets())
        self._own_origins = frozenset(parse(url).origin() for url in own_services)
        self._own_sockets = GuardedSockets(None, max_open=_max_kept_sockets())
        self._proxy = proxy
        self._doors_of = doors_of
        self._detours = Detours(clock)
        self._plain_http = plain_http
        self._addresses = addresses
        self._user_agent = user_agent
        self._is_blocked = is_blocked
        self._ca_file = ca_file
        self._keeping: aiohttp.ClientSession | None = None
        self._closing: aiohttp.ClientSession | None = None
        self._own: aiohttp.ClientSession | None = None
        self._proxied: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the connection pools. Raises OSError if the CA file cannot be read."""
        tls = _tls_context(self._ca_file)
        self._keeping = self._session(self._connector(tls, self._sockets, keep=True))
        self._closing = self._session(self._connector(tls, self._sockets, keep=False))
        self._own = self._session(self._connector(tls, self._own_sockets, keep=True))
        if self._proxy is not None:
            limits = {"limit": MAX_CONNECTIONS, "limit_per_host": MAX_CONNECTIONS_PER_HOST}
            self._proxied = self._session(connector(self._proxy, tls, **limits))

    def _connector(
        self, tls: ssl.SSLContext, sockets: GuardedSockets, *, keep: bool
    ) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            resolver=self._names,
            use_dns_cache=False,
            socket_factory=sockets,
            ssl=tls,
            limit=MAX_CONNECTIONS,
            limit_per_host=MAX_CONNECTIONS_PER_HOST,
            force_close=not keep,
            keepalive_timeout=KEEP_ALIVE_S if keep else None,
        )

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._user_agent},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=True,
            raise_for_status=False,
            timeout=aiohttp.ClientTimeout(total=None),
            max_line_size=MAX_HEADER_BYTES,
            max_field_size=MAX_HEADER_BYTES,
            max_headers=MAX_HEADERS,
        )

    async def close(self) -> None:
        """Close all connections. Requests under way end with Unreachable."""
        for session in (self._keeping, self._closing, self._own, self._proxied):
            if session is not None:
                await session.close()
        self._keeping = self._closing = self._own = self._proxied = None
        await self._names.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        limits: Limits = DEFAULT_LIMITS,
        signer: Signer | None = None,
        follow_redirects: bool = False,
        repeatable: bool = False,
        own_service: bool = False,
    ) -> Response:
        """Make a request and return the answer, whatever its status.

        `signer(method, url, body)` gives more headers for each hop; the URL it gets is the one
        that goes on the wire. Redirects are followed for GET only, each hop checked like the
        first. `repeatable` says that the peer may get the request twice: if it had closed the
        kept-alive connection, the request is made once more. `own_service` says that `url` comes
        from the configuration: it must be one of the services named there, and no redirect is
        followed.

        Raises ForbiddenTarget (URL or address refused), TooLarge, or Unreachable for everything
        that keeps the answer from coming in time.
        """
        target = self._check_own(url) if own_service else self._check(url)
        begun_s = asyncio.get_running_loop().time()
        deadline = asyncio.timeout_at(begun_s + limits.total_s)
        wanted = _Request(
            method,
            headers or {},
            body,
            limits,
            signer,
            repeatable,
            own_service,
            deadline,
            begun_s,
        )
        try:
            async with deadline:
                if follow_redirects and method == "GET" and not own_service:
                    return await self._follow(wanted, target)
                return await self._exchange(wanted, target)
        except TimeoutError as error:
            given_s = (deadline.when() or begun_s) - begun_s
            reason = f"no complete answer within {given_s:g} s"
            raise Unreachable(target.raw_host or "", reason) from error

    async def _follow(self, wanted: _Request, target: URL) -> Response:
        for _ in range(wanted.limits.max_redirects + 1):
            response = await self._exchange(wanted, target)
            location = response.headers.get("Location")
            if response.status not in _REDIRECTS or location is None:
                return response
            following = self._next_hop(target, location)
            if following.origin() != target.origin():
                wanted = _without_private_headers(wanted)
            target = following
        raise Unreachable(
            target.raw_host or "", f"more than {wanted.limits.max_redirects} redirects"
        )

    def _next_hop(self, target: URL, location: str) -> URL:
        host = target.raw_host or ""
        try:
            following = str(target.join(URL(location)))
        except (ValueError, TypeError) as error:
            raise ForbiddenTarget(host, "redirect to a malformed URL") from error
        checked = self._check(following)
        if target.scheme == "https" and checked.scheme != "https":
            raise ForbiddenTarget(host, "redirect from https to http")
        return checked

    def _check(self, url: str) -> URL:
        try:
            target = self._urls.check(url)
        except ValueError as error:
            raise ForbiddenTarget(host_for_message(url), str(error)) from error
        if self._is_blocked(target.raw_authority):
            raise ForbiddenTarget(target.raw_host or "", "the domain is blocked here")
        return target

    def _check_own(self, url: str) -> URL:
        target = parse(url)
        if target.origin() not in self._own_origins:
            raise ForbiddenTarget(target.raw_host or "", "no service of the configuration")
        return target

    async def _exchange(self, wanted: _Request, target: URL) -> Response:
        """Ask the host at its own door and, where that is shut, by what detour there is."""
        if wanted.own_service or is_onion(target.raw_host or ""):
            return await self._at(wanted, target)
        host = target.raw_authority
        detour = self._detours.get(host)
        if detour is not None:
            try:
                return await self._by(detour, wanted, target)
            except _NOT_SENT:
                self._detours.forget(host)
            except (Unreachable, asyncio.CancelledError):  # the latter: the time is up
                self._detours.forget(host)
                raise
        try:
            return await self._at(wanted, target)
        except (NotConnected, NotPublic) as error:
            return await self._otherwise(wanted, target, error)

    async def _otherwise(self, wanted: _Request, target: URL, shut: Unreachable) -> Response:
        host = target.raw_authority
        for detour in await self._possible(target):
            try:
                response = await self._by(detour, wanted, target)
            except _NOT_SENT:
                continue
            self._detours.remember(host, detour)
            return response
        raise shut

    async def _possible(self, target: URL) -> list[Detour]:
        doors = () if self._doors_of is None else await self._doors_of(target.raw_authority)
        proxied = [Detour()] if await self._may_fall_back(target) else []
        return proxied + [Detour(door) for door in doors]

    async def _may_fall_back(self, target: URL) -> bool:
        """The proxy gets no name that leads to a private address, as far as can be known here."""
        if self._proxy is None or not self._proxy.fallback:
            return False
        if not may_be_proxied(target, plain_http=self._plain_http):
            return False
        try:
            found = await self._names.resolve(target.raw_host or "", target.port or 0)
        except OSError:
            return True
        return all(self._addresses.allows(one["host"], one["port"]) for one in found)

    async def _by(self, detour: Detour, wanted: _Request, target: URL) -> Response:
        if not detour.door:
            return await self._at(wanted, target, proxied=True)
        door = self._check(f"{detour.door}{target.raw_path_qs}")
        response = await self._at(wanted, door)
        # Whatever the door, it is the same server: what it says stands under its own address.
        headers: Mapping[str, str] = response.headers
        location = headers.get("Location", "")
        if location.startswith(f"{door.origin()}/"):
            moved = f"{target.origin()}{location.removeprefix(str(door.origin()))}"
            there = CIMultiDict(headers)
            there["Location"] = moved
            headers = there
        return replace(response, url=str(target), headers=headers)

    async def _at(self, wanted: _Request, target: URL, *, proxied: bool = False) -> Response:
        host = target.raw_host or ""
        session = self._session_for(wanted, host, proxied=proxied)
        headers = await self._headers(wanted, target)
        try:
            return await self._send(session, wanted, target, headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            found = cause(error)
            refused = isinstance(found, AddressRefused)
            raise (NotPublic if refused else NotConnected)(host, reason(found)) from error
        except PROXY_ERRORS as error:
            raise NotConnected(host, f"the proxy says: {reason(error)}") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            # Through the proxy it comes without saying that it was while connecting.
            untrusted = isinstance(error.__cause__, ssl.SSLCertVerificationError)
            kind = NotConnected if untrusted else Unreachable
            raise kind(host, reason(cause(error))) from error

    def _session_for(self, wanted: _Request, host: str, *, proxied: bool) -> aiohttp.ClientSession:
        if proxied or is_onion(host):
            if self._proxied is None or self._proxy is None:
                raise ForbiddenTarget(host, "set [network] socks to reach .onion names")
            patience_s = max(wanted.limits.total_s, self._proxy.timeout_s)
            wanted.deadline.reschedule(wanted.begun_s + patience_s)
            return self._proxied
        session = self._closing if self._sockets.crowded() else self._keeping
        if wanted.own_service:
            session = self._own
        if session is None:
            raise RuntimeError("Outgoing has not been started")
        return session

    async def _headers(self, wanted: _Request, target: URL) -> dict[str, str]:
        headers = dict(wanted.headers)
        if wanted.signer is not None:
            headers.update(await wanted.signer(wanted.method, str(target), wanted.body))
        return headers

    async def _send(
        self,
        session: aiohttp.ClientSession,
        wanted: _Request,
        target: URL,
        headers: dict[str, str],
    ) -> Response:
        try:
            return await self._send_once(session, wanted, target, headers)
        except (
            aiohttp.ServerDisconnectedError,
            aiohttp.ClientOSError,
            ConnectionError,
        ) as error:
            if not wanted.repeatable or isinstance(error, aiohttp.ClientConnectorError):
                raise
        return await self._send_once(session, wanted, target, headers)

    async def _send_once(
        self,
        session: aiohttp.ClientSession,
        wanted: _Request,
        target: URL,
        headers: dict[str, str],
    ) -> Response:
        async with session.request(
            wanted.method,
            target,
            headers=headers,
            data=wanted.body,
            allow_redirects=False,
            timeout=self._connecting(wanted, session),
        ) as answer:
            body = await _read(answer, target.raw_host or "", wanted.limits.max_bytes)
            return Response(answer.status, str(target), answer.headers, body)

    def _connecting(
        self, wanted: _Request, session: aiohttp.ClientSession
    ) -> aiohttp.ClientTimeout:
        """Leave time for a detour; the whole has a deadline of its own."""
        if session in (self._proxied, self._own):
            return aiohttp.ClientTimeout(total=None)
        connecting_s = wanted.limits.total_s * CONNECTING_SHARE
        return aiohttp.ClientTimeout(total=None, sock_connect=connecting_s)


async def _read(answer: aiohttp.ClientResponse, host: str, max_bytes: int) -> bytes:
    """Read the decompressed body up to `max_bytes`, or close the connection and raise."""
    if (answer.content_length or 0) > max_bytes and answer.method != "HEAD":
        answer.close()
        raise TooLarge(host, f"answer is larger than {max_bytes} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            answer.close()
            raise TooLarge(host, f"answer is larger than {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _without_private_headers(wanted: _Request) -> _Request:
    kept = {
        name: value
        for name, value in wanted.headers.items()
        if name.lower() not in _PRIVATE_HEADERS
    }
    return replace(wanted, headers=kept)


def _max_kept_sockets() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_KEPT_SOCKETS
    return min(MAX_KEPT_SOCKETS, soft // 2)


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context
