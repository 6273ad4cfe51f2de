"""A SOCKS5 proxy on loopback, as Tor is one: it alone knows where names lead."""

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

_CONNECTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
_NO_SUCH_HOST = b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"


class Socks:
    """Leads "host:port" to ports of loopback, and writes down what it was asked for."""

    def __init__(self, names: Mapping[str, int]) -> None:
        self.names = dict(names)
        self.asked: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"socks5://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        target = await _target(reader)
        self.asked.append(target)
        port = self.names.get(target)
        if port is None:
            writer.write(_NO_SUCH_HOST)
            await writer.drain()
            return
        there, to_there = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_CONNECTED)
        await asyncio.gather(_pipe(reader, to_there), _pipe(there, writer))


async def _target(reader: asyncio.StreamReader) -> str:
    _, _, _, kind = await reader.readexactly(4)
    if kind == 3:
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    else:
        raw = await reader.readexactly(4 if kind == 1 else 16)
        host = ".".join(map(str, raw)) if kind == 1 else raw.hex()
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    return f"{host}:{port}"


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def socks_proxy(names: Mapping[str, int]) -> AsyncIterator[Socks]:
    """Run a proxy that knows `names` ("host:port" → port on loopback)."""
    made = Socks(names)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
