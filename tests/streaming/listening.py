"""Clients of streams, as they come: over a WebSocket, and over server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from tests.instances import Instance

WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Event:
    """What a stream said."""

    name: str
    payload: str | None
    stream: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """The payload, which is a string of JSON."""
        assert self.payload is not None
        return orjson.loads(self.payload)


class Socket:
    """A WebSocket to an instance."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self) -> Event:
        """Give the next event; what is no event fails."""
        frame = await self.frame()
        assert set(frame) <= {"stream", "event", "payload"}, frame
        return Event(frame["event"], frame.get("payload"), tuple(frame["stream"]))

    async def frame(self) -> dict[str, Any]:
        """Give the next message whole."""
        async with asyncio.timeout(WAIT_S):
            message = await self.socket.receive()
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return orjson.loads(message.data)

    async def closed(self) -> None:
        """Wait until the server has closed it; events on the way are passed over."""
        async with asyncio.timeout(WAIT_S):
            while not self.socket.closed:
                await self.socket.receive()

    async def ask(self, kind: str, **what: Any) -> None:
        """Send a message, and wait until the server has done what it says."""
        await self.socket.send_str(orjson.dumps({"type": kind, **what}).decode())
        # Messages are obeyed in order, so this answer comes after that was done.
        await self.socket.send_str('{"type": "subscribe", "stream": "no such stream"}')
        while "error" not in await self.frame():
            pass


@asynccontextmanager
async def websocket(
    instance: Instance, token: str | None = None, stream: str | None = None, **query: str
) -> AsyncIterator[Socket]:
    """Open a WebSocket with the token in the header."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    asked = {**query, **({"stream": stream} if stream else {})}
    url = f"{instance.base_url}/api/v1/streaming"
    async with instance.session.ws_connect(url, headers=headers, params=asked) as socket:
        yield Socket(socket)


class Lines:
    """An open answer of server-sent events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response

    async def line(self) -> str:
        """Give the next line."""
        async with asyncio.timeout(WAIT_S):
            line = await self.response.content.readuntil(b"\n")
        return line.decode().rstrip("\n")

    async def next(self) -> Event:
        """Give the next event; comments are passed over."""
        fields: dict[str, str] = {}
        while True:
            line = await self.line()
            if line.startswith(":"):
                continue
            if not line and fields:
                return Event(fields["event"], fields["data"])
            name, _, value = line.partition(": ")
            fields[name] = value


@asynccontextmanager
async def server_sent(
    instance: Instance, path: str, token: str | None = None, **query: str
) -> AsyncIterator[Lines]:
    """Open a stream of server-sent events, and wait until it has begun."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{instance.base_url}/api/v1/streaming/{path}"
    async with instance.session.get(url, headers=headers, params=query) as response:
        assert response.status == 200, await response.text()
        lines = Lines(response)
        assert await lines.line() == ":)"
        yield lines
