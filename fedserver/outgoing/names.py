"""Name look-ups for outgoing requests: own threads, a short cache, one flight per name."""

import asyncio
import functools
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aiohttp.abc import AbstractResolver, ResolveResult

from activitypub.onions import is_onion
from fedserver.clock import Clock
from fedserver.outgoing.addresses import split_address

FOUND_FOR_S = 60.0
# Short, so that a name that begins to work is noticed, and long enough that a burst of
# deliveries to a vanished host costs one look-up.
MISSING_FOR_S = 10.0
MAX_CACHED_NAMES = 4096
# Look-ups wait for far away name servers. They get threads of their own: a slow one must not
# hold up password hashing and file access in the event loop's default executor.
LOOKUP_THREADS = 16

Lookup = Callable[[str], tuple[str, ...]]


def look_up(host: str) -> tuple[str, ...]:
    """Ask the operating system for the addresses of `host`. Blocks. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class _Answer:
    addresses: tuple[str, ...]
    failure: str
    expires_at_s: float


class Names(AbstractResolver):
    """The resolver that the guarded connector asks. The host map goes before any look-up."""

    def __init__(
        self,
        *,
        host_map: Mapping[str, str],
        clock: Clock,
        lookup: Lookup = look_up,
    ) -> None:
        """Take the host map ("host" or "host:port" → "ip:port") and a clock.

        Raises ValueError if a target of the map is not an address.
        """
        self._mapped = {name.lower(): split_address(to) for name, to in host_map.items()}
        self._clock = clock
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="dns")
        self._answers: dict[str, _Answer] = {}
        self._flights: dict[str, asyncio.Future[tuple[str, ...]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`. Raises OSError when it has none, or is an onion service:
        DNS must not even hear of those (RFC 7686)."""
        if is_onion(host):
            raise OSError("an onion service has no address")
        target = self._mapped.get(f"{host}:{port}") or self._mapped.get(host)
        if target is not None:
            return [_result(host, str(target[0]), target[1] or port)]
        return [_result(host, address, port) for address in await self._addresses(host)]

    async def close(self) -> None:
        """Give up the threads. A look-up that is still waiting ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _addresses(self, host: str) -> tuple[str, ...]:
        answer = self._answers.get(host)
        if answer is None or answer.expires_at_s <= self._clock.monotonic():
            # The shield keeps the flight alive for the others when one caller gives up.
            return await asyncio.shield(self._flight(host))
        if answer.failure:
            raise OSError(answer.failure)
        return answer.addresses

    def _flight(self, host: str) -> asyncio.Future[tuple[str, ...]]:
        flight = self._flights.get(host)
        if flight is None:
            loop = asyncio.get_running_loop()
            flight = loop.run_in_executor(self._threads, self._lookup, host)
            self._flights[host] = flight
            flight.add_done_callback(functools.partial(self._landed, host))
        return flight

    def _landed(self, host: str, flight: asyncio.Future[tuple[str, ...]]) -> None:
        del self._flights[host]
        if flight.cancelled():
            return
        failure = flight.exception()
        addresses = () if failure else flight.result()
        lifetime_s = FOUND_FOR_S if addresses else MISSING_FOR_S
        self._answers.pop(host, None)
        self._answers[host] = _Answer(
            addresses, str(failure or ""), self._clock.monotonic() + lifetime_s
        )
        if len(self._answers) > MAX_CACHED_NAMES:
            del self._answers[next(iter(self._answers))]


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
