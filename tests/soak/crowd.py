"""Peers of four kinds: healthy, never answering, garbage, each kind behind one listener; and dead
ones, whose port nobody listens on. Each has a name of its own, which the server's host map leads
here."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle

import orjson
from aiohttp import web

from tests.conftest import unused_port

HEALTHY, DEAD, SILENT, GARBAGE = 20, 500, 200, 50
_GARBAGE: tuple[Callable[[], bytes], ...] = (
    lambda: os.urandom(4_096),
    lambda: b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\nshort",
    lambda: b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"a" * 1_000_000 + b"\r\n\r\n",
    lambda: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n",
    lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"b" * 3_000_000,
    lambda: b"HTTP/1.1 503 Later\r\nRetry-After: " + b"9" * 6_000 + b"\r\n\r\n",
)


@dataclass(slots=True)
class Crowd:
    """All the peers. `taken`: for each healthy one, when each activity came, by its id."""

    healthy: list[str]
    bad: list[str]
    ports: dict[str, int]
    taken: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    repeated: int = 0
    bad_requests: int = 0

    @property
    def host_map(self) -> dict[str, str]:
        """Where each name leads."""
        return {host: f"127.0.0.1:{self.ports[host]}" for host in (*self.healthy, *self.bad)}

    async def take(self, request: web.Request) -> web.StreamResponse:
        """A healthy peer keeps what it is sent."""
        document = orjson.loads(await request.read())
        at_host = self.taken[request.host]
        if document["id"] in at_host:
            self.repeated += 1
        at_host[document["id"]] = time.monotonic()
        return web.Response(status=202)

    async def say_nothing(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read for ever and never answer."""
        self.bad_requests += 1
        with suppress(ConnectionError):
            while await reader.read(65_536):
                pass
        writer.close()

    async def babble(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what is no answer, each time another."""
        self.bad_requests += 1
        with suppress(ConnectionError):
            await reader.read(65_536)
            writer.write(next(_kinds)())
            await writer.drain()
        writer.close()


_kinds = cycle(_GARBAGE)


@asynccontextmanager
async def start_crowd() -> AsyncIterator[Crowd]:
    """Run all of them."""
    ports = {kind: unused_port() for kind in ("healthy", "dead", "silent", "garbage")}
    names = {
        f"{kind}-{number}.test:{ports[kind]}": ports[kind]
        for kind, count in (
            *(("healthy", HEALTHY), ("dead", DEAD)),
            *(("silent", SILENT), ("garbage", GARBAGE)),
        )
        for number in range(count)
    }
    healthy = [name for name in names if name.startswith("healthy")]
    crowd = Crowd(healthy, [name for name in names if name not in set(healthy)], names)
    app = web.Application()
    app.router.add_post("/inbox", crowd.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    async with AsyncExitStack() as stack:
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", ports["healthy"]).start()
        for kind, answer in (("silent", crowd.say_nothing), ("garbage", crowd.babble)):
            server = await asyncio.start_server(answer, "127.0.0.1", ports[kind], backlog=1_000)
            stack.callback(server.close)
        yield crowd
