"""A peer that writes its answers byte by byte, as good servers never would."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fedserver.clock import SystemClock
from fedserver.outgoing import Limits, Outgoing

Answer = bytes | Callable[["Peer", asyncio.StreamWriter], Awaitable[None]]

SHORT = Limits(total_s=0.3, max_bytes=10_000)


def reply(body: bytes = b"ok", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Peer:
    """A server that answers by path and writes down what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.accepted = 0
        self.closed = asyncio.Event()
        self.port = 0

    def url(self, path: str = "/", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.closed.set()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in lines}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append((method, path, headers, body))
        answer = self.answers.get(path, reply())
        if isinstance(answer, bytes):
            writer.write(answer)
        else:
            await answer(self, writer)
        await writer.drain()
        return headers.get("connection") != "close"


@asynccontextmanager
async def peer(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    made = Peer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def outgoing(
    *reachable: str,
    plain_http: bool = True,
    host_map: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
    names: Mapping[str, str] | None = None,
) -> Outgoing:
    def lookup(host: str) -> tuple[str, ...]:
        if host not in (names or {}):
            raise OSError("no such name")
        return ((names or {})[host],)

    return Outgoing(
        user_agent="test/1.0",
        plain_http=plain_http,
        reachable_addresses=frozenset(reachable),
        host_map=host_map or {},
        ca_file=ca_file,
        clock=SystemClock(),
        lookup=lookup,
    )
